"""`alerts:` of the project: who is told about a run, and when."""

from typing import ClassVar, Literal

from pydantic import ConfigDict, Field, field_validator

from odibi_core.config.addresses import checked_address
from odibi_core.config.section import Section

AlertEvent = Literal["on_start", "on_success", "on_failure", "on_quarantine", "on_gate_block", "on_threshold_breach"]


class AlertMetadata(Section):
    """How often an alert may be sent; further keys are passed to the receiver as they are."""

    model_config = ConfigDict(extra="allow")

    throttle_minutes: int = Field(default=15, ge=0)
    max_per_hour: int = Field(default=10, ge=1)
    channel: str | None = None


class AlertConfig(Section):
    """One receiver."""

    lenient: ClassVar[bool] = True

    type: Literal["webhook", "slack", "teams", "teams_workflow"]
    url: str = Field(repr=False, min_length=1)  # such an address is a secret in itself
    on_events: tuple[AlertEvent, ...] = ("on_failure",)
    metadata: AlertMetadata = Field(default_factory=AlertMetadata)

    @field_validator("url")
    @classmethod
    def _check_the_address(cls, url: str) -> str:
        return checked_address(url)
