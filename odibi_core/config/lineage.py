"""`lineage:` of the project: where OpenLineage events go."""

from typing import ClassVar

from pydantic import Field, field_validator

from odibi_core.config.addresses import checked_address
from odibi_core.config.section import Section


class LineageConfig(Section):
    """An OpenLineage receiver. Without a `url` the environment variable OPENLINEAGE_URL is used."""

    lenient: ClassVar[bool] = True

    url: str | None = Field(default=None, repr=False)  # may carry credentials
    namespace: str = "odibi"
    api_key: str | None = Field(default=None, repr=False)

    @field_validator("url")
    @classmethod
    def _check_the_address(cls, url: str | None) -> str | None:
        return url if url is None else checked_address(url)
