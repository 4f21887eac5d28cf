"""`read:` of a node, and each of its `inputs:`."""

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator

from odibi_core.config.incremental import IncrementalConfig
from odibi_core.config.section import Section, Text, wrong

Format = Literal["csv", "parquet", "delta", "json", "sql", "api", "excel", "avro", "cloudFiles", "sql_server", "azure_sql", "simulation"]


class TimeTravelConfig(Section):
    """An older state of a Delta table: by version or by time."""

    lenient: ClassVar[bool] = True

    as_of_version: int | None = Field(default=None, ge=0)
    as_of_timestamp: str | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.as_of_version is None) == (self.as_of_timestamp is None):
            raise wrong("exactly one of 'as_of_version' and 'as_of_timestamp' is needed")
        return self


class ReadConfig(Section):
    """Where a frame comes from. `options` are the reader's; neutral spellings are understood beside native ones."""

    connection: Text | None = None  # None only for `simulation`
    format: Format
    table: Text | None = None
    path: Text | None = None
    query: Text | None = None
    sql_file: Text | None = None
    filter: Text | None = None  # WHERE text
    incremental: IncrementalConfig | None = None
    time_travel: TimeTravelConfig | None = None
    streaming: bool = False
    schema_ddl: str | None = None
    archive_options: dict[str, JsonValue] = {}
    options: dict[str, JsonValue] = {}

    @classmethod
    def respelled(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Lift `options.query` and `options.filter`, an older spelling, to where they belong."""
        options = data.get("options")
        if not isinstance(options, dict):
            return data
        for key in ("query", "filter"):
            text = options.get(key)
            if isinstance(text, str) and data.get(key) in (None, text):
                data = {**data, key: text, "options": {name: value for name, value in data["options"].items() if name != key}}
            elif isinstance(text, str):
                raise wrong(f"'{key}' and 'options.{key}' differ", hint="Keep one of them.")
        return data

    @model_validator(mode="after")
    def _names_one_source(self) -> Self:
        if self.format == "simulation":
            return self
        if self.connection is None:
            raise wrong("'connection' is missing", hint="Name one of the project's connections.")
        if self.table is not None and self.path is not None:
            raise wrong("'table' and 'path' exclude each other", hint="Keep 'table' for a database or catalog, 'path' for files.")
        if self.query is not None and self.sql_file is not None:
            raise wrong("'query' and 'sql_file' exclude each other")
        if self.format != "api" and not (self.table or self.path or self.query or self.sql_file):
            raise wrong("no source is named", hint="Add one of 'path', 'table', 'query', 'sql_file'.")
        return self
