"""`read:` of a node, and each of its `inputs:`."""

from datetime import UTC, date, datetime
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from odibi_core.config.incremental import IncrementalConfig
from odibi_core.config.rescue import TEXT_FORMATS, RescueConfig, is_rescue_option
from odibi_core.config.section import Section, Text, wrong
from odibi_core.errors import ConfigError

Format = Literal[
    "csv",
    "parquet",
    "delta",
    "json",
    "ndjson",
    "sql",
    "api",
    "excel",
    "avro",
    "cloudFiles",
    "sql_server",
    "azure_sql",
    "simulation",
]


class TimeTravelConfig(Section):
    """An older state of a Delta table: by version or by time."""

    lenient: ClassVar[bool] = True

    as_of_version: int | None = Field(default=None, ge=0)
    as_of_timestamp: str | None = None  # ISO 8601; without a zone it is UTC

    @field_validator("as_of_timestamp", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        """A date or time that YAML has understood itself."""
        return value.isoformat() if isinstance(value, date) else value

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.as_of_version is None) == (self.as_of_timestamp is None):
            raise wrong("exactly one of 'as_of_version' and 'as_of_timestamp' is needed")
        if self.as_of_timestamp is not None and "${" not in self.as_of_timestamp:
            try:
                datetime.fromisoformat(self.as_of_timestamp.strip())
            except ValueError:
                raise wrong("'as_of_timestamp' is no time", hint="Write it like '2026-03-01T12:00:00Z'.") from None
        return self

    @property
    def as_of(self) -> datetime | None:
        """The moment, aware."""
        if self.as_of_timestamp is None:
            return None
        moment = datetime.fromisoformat(self.as_of_timestamp.strip())
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


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
    archive_options: dict[str, JsonValue] = {}  # what becomes of rows that do not parse: mode, badRecordsPath, rescuedDataColumn, …
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

    @model_validator(mode="after")
    def _rescues_elsewhere(self) -> Self:
        """A record that is set aside may not come back as a file to be read."""
        rescue = self.rescue
        if rescue is not None and rescue.bad_records_path is not None and self.path is not None and "${" not in self.path:
            archived = f"{rescue.bad_records_path}/run/bad_records/rows.json"
            if _takes(self.path, archived):
                raise wrong("'badRecordsPath' lies where the read looks for its files", hint="Name a folder outside of its 'path'.")
        return self

    @property
    def rescue(self) -> RescueConfig | None:
        """What becomes of rows that do not parse; None: they fail the read. `archive_options` wins over `options`."""
        options = {**self.options, **self.archive_options}
        return RescueConfig.read(options, self.schema_ddl) if self.format in TEXT_FORMATS else None

    @property
    def reader_options(self) -> dict[str, JsonValue]:
        """`options`, of a text with `archive_options`, without what `rescue` says."""
        if self.format not in TEXT_FORMATS:
            return dict(self.options)
        return {key: value for key, value in {**self.options, **self.archive_options}.items() if not is_rescue_option(key)}


def _takes(path: str, file: str) -> bool:
    """Whether a read of a path takes a file in: a pattern that matches it, or a folder that has it."""
    if any(mark in path for mark in "*?{"):
        from odibi_core.config.blob_pattern import BlobPattern

        try:
            return BlobPattern.parse(path).matches(file) is not None
        except ConfigError:
            return False  # what is wrong with the pattern is said where it is used
    inside = file.removeprefix(f"{path.strip('/')}/")
    return inside != file and not any(part.startswith(("_", ".")) for part in inside.split("/"))
