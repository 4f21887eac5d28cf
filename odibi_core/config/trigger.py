"""`triggers:` of a pipeline: what starts it."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator

from odibi_core.config.blob_pattern import BlobPattern
from odibi_core.config.section import Duration, Section, Text, wrong
from odibi_core.errors import ConfigError

TRIGGER_VALUES = ("path", "name", "url", "scheduled_time")


class BatchConfig(Section):
    """How many arrivals make one run: the first bound that is reached ends the batch."""

    max_files: int | None = Field(default=None, ge=1, le=5000)  # None: 500
    max_wait: Duration | None = None  # None: a minute; no file waits for ever


class BlobSource(Section):
    """Which files of a connection start the pipeline."""

    connection: Text
    path: Text  # a pattern, see BlobPattern
    on_rewrite: Literal["process", "ignore", "fail"] = "process"  # when a file of the same path arrives again
    batch: BatchConfig | None = None  # None: every file is a run
    expect: Duration | None = None  # a file must come at least this often

    @field_validator("path")
    @classmethod
    def _is_a_pattern(cls, path: str) -> str:
        try:
            BlobPattern.parse(path)
        except ConfigError as error:
            raise wrong(error.message, hint=error.hint) from error
        return path

    @property
    def pattern(self) -> BlobPattern:
        """The path as a pattern that matches blobs."""
        return BlobPattern.parse(self.path)


class BlobTrigger(Section):
    """Run when a file arrives."""

    blob: BlobSource


def _six_fields(value: Any) -> Any:
    """
    Check a schedule and write it with six fields, seconds first; five fields get 0 seconds.

    Source: NCRONTAB expressions of Azure Functions,
    https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions
    """
    if not isinstance(value, str):
        return value
    fields = value.split()
    if len(fields) == 5:
        fields = ["0", *fields]
    if len(fields) != 6:
        raise wrong(f"a schedule has six fields, seconds first; found {len(fields)}", hint='Write it like "0 */15 * * * *".')
    from cronsim import CronSim, CronSimError

    text = " ".join(fields)
    try:
        due = next(CronSim(text, datetime(2024, 1, 1, tzinfo=UTC)), None)
    except CronSimError as error:
        raise wrong("the schedule cannot be read", hint="Its fields are second, minute, hour, day, month, weekday.") from error
    if due is None:
        raise wrong("the schedule is never due")
    return text


class ScheduleTrigger(Section):
    """Run at the times of an NCRONTAB schedule, in UTC."""

    schedule: Annotated[str, BeforeValidator(_six_fields)]  # always six fields


class DatasetTrigger(Section):
    """Run when another pipeline's node has written."""

    dataset: str = Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*\.[a-zA-Z_][a-zA-Z0-9_]*$")  # "pipeline.node"

    @property
    def pipeline(self) -> str:
        """The pipeline that writes."""
        return self.dataset.partition(".")[0]

    @property
    def node(self) -> str:
        """The node that writes."""
        return self.dataset.partition(".")[2]


_KINDS: dict[str, type[Section]] = {"blob": BlobTrigger, "schedule": ScheduleTrigger, "dataset": DatasetTrigger}


def _kind(value: Any) -> str | None:
    for key, model in _KINDS.items():
        if isinstance(value, model) or (isinstance(value, dict) and key in value):
            return f"a {key}"
    return None


TriggerConfig = Annotated[
    Annotated[BlobTrigger, Tag("a blob")] | Annotated[ScheduleTrigger, Tag("a schedule")] | Annotated[DatasetTrigger, Tag("a dataset")],
    Discriminator(
        _kind,
        custom_error_type="section",
        custom_error_message="{message}",
        custom_error_context={"message": "a trigger has one of 'blob', 'schedule', 'dataset'"},
    ),
]
