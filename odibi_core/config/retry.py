"""`retry:` of the project or of a node: how often a failure that may pass is tried again."""

from typing import ClassVar, Literal

from pydantic import Field

from odibi_core.config.section import Section


class RetryConfig(Section):
    """Which failures are retried follows from their kind; here stands how often and how fast."""

    lenient: ClassVar[bool] = True

    enabled: bool = True
    max_attempts: int = Field(default=3, ge=1, le=10)  # counts all attempts, the first one too
    backoff: Literal["exponential", "linear", "constant"] = "exponential"

    @property
    def attempts(self) -> int:
        """How many attempts there are in all."""
        return self.max_attempts if self.enabled else 1
