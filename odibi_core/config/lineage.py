"""`lineage:` of the project: where OpenLineage events go."""

from typing import ClassVar

from pydantic import Field

from odibi_core.config.section import Section


class LineageConfig(Section):
    """An OpenLineage receiver. Without a `url` the environment variable OPENLINEAGE_URL is used."""

    lenient: ClassVar[bool] = True

    url: str | None = Field(default=None, repr=False)  # may carry credentials
    namespace: str = "odibi"
    api_key: str | None = Field(default=None, repr=False)
