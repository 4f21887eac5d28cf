"""Commands: what crosses the queue. They ask, carry ids only, and may arrive twice, late or out of order."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from odibi_core.errors import ConfigError
from odibi_core.model import Record

MAX_MESSAGE_BYTES = 64 * 1024  # far below the 256 KB of Service Bus Standard: ids need no more
RUN_ID = r"^[0-9a-z]{16,40}$"
NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"

RunId = Annotated[str, Field(pattern=RUN_ID)]
Name = Annotated[str, Field(pattern=NAME)]


class FileVersion(Record):
    """One version of one file: the unit that is processed exactly once."""

    connection: str
    path: str  # inside the connection, with forward slashes
    etag: str  # of the store; for a local folder made of size and modification time
    size_bytes: int
    parts: dict[str, JsonValue] = {}  # the named parts of the trigger's pattern


class BlobArrived(Record):
    """A file landed. The same file version is the same cause, however often it is announced."""

    kind: Literal["blob"] = "blob"
    files: tuple[FileVersion, ...]
    announced: tuple[str, ...] = ()  # all file versions of the event, once some of them turn out to belong to other runs

    @property
    def versions(self) -> tuple[str, ...]:
        """The file versions that make it the cause that it is."""
        return self.announced or tuple(f"{file.connection}/{file.path}@{file.etag}" for file in self.files)

    def without_others(self, mine: tuple[FileVersion, ...]) -> Self:
        """The same cause with fewer files: a repeated event must find its run again."""
        return self.model_copy(update={"files": mine, "announced": self.versions})


class TimerTicked(Record):
    """A schedule was due."""

    kind: Literal["timer"] = "timer"
    scheduled_time: datetime  # when it was due, not when it fired

    @property
    def files(self) -> tuple[FileVersion, ...]:
        """None: no file started it."""
        return ()


class DatasetWritten(Record):
    """Another pipeline's node has written. A run writes a node once, so the run's id says which write it was."""

    kind: Literal["dataset"] = "dataset"
    dataset: str  # "pipeline.node"
    run_id: RunId  # of the run that wrote it
    logical_time: datetime  # of that run: what comes of yesterday's data is of yesterday

    @property
    def files(self) -> tuple[FileVersion, ...]:
        """None: no file started it."""
        return ()


class FilesMissing(Record):
    """No file came for as long as a trigger allows (`expect`). One gap is one cause, however often somebody looks."""

    kind: Literal["overdue"] = "overdue"
    connection: str
    path: str  # the trigger's pattern
    since: datetime  # the last arrival, or when somebody first looked
    due: datetime

    @property
    def files(self) -> tuple[FileVersion, ...]:
        """None: that is the matter."""
        return ()


class Requested(Record):
    """Somebody asked: the command line or HTTP."""

    kind: Literal["request"] = "request"
    key: str  # the caller's idempotency key
    files: tuple[FileVersion, ...] = ()  # what was waiting in the landing zone then
    nodes: tuple[str, ...] | None = None  # run only these; None runs all
    resumes: str | None = None  # the run whose finished nodes are taken over
    logical_time: datetime | None = None  # of that run: what is mended tomorrow is still of today

    def without_others(self, mine: tuple[FileVersion, ...]) -> Self:
        """The same request with fewer files."""
        return self.model_copy(update={"files": mine})


Cause = Annotated[BlobArrived | TimerTicked | DatasetWritten | FilesMissing | Requested, Field(discriminator="kind")]


class StartRun(Record):
    """Plan a run of one pipeline and queue its first nodes."""

    kind: Literal["start_run"] = "start_run"
    version: Literal[1] = 1
    project: str
    environment: str = ""
    pipeline: Name
    cause: Cause

    @property
    def run_id(self) -> str:
        """Derived from the cause alone, so that an event delivered twice is one run; projects may share a system store."""
        match self.cause:
            case BlobArrived(versions=versions):
                parts = [*versions]
            case TimerTicked(scheduled_time=time):
                parts = [time.astimezone(UTC).isoformat()]
            case DatasetWritten(dataset=dataset, run_id=run_id):
                parts = [dataset, run_id]
            case FilesMissing(connection=connection, path=path, since=since):
                parts = [connection, path, since.astimezone(UTC).isoformat()]
            case Requested(key=key):
                parts = [key]
        return digest(self.cause.kind, self.project, self.environment, self.pipeline, *parts)


class RunNode(Record):
    """Run one node of one run."""

    kind: Literal["run_node"] = "run_node"
    version: Literal[1] = 1
    run_id: RunId
    node: Name
    attempt: int = Field(default=1, ge=1, le=1000)  # counts the tries that the retry policy allows
    resend: int = Field(default=0, ge=0)  # counts messages for one attempt: after an outage, or by the sweep

    @property
    def message_id(self) -> str:
        """The attempt is in it: duplicate detection must not swallow a wanted retry."""
        return f"{self.run_id}:{digest(self.node)[:12]}:{self.attempt}.{self.resend}"


class FinishRun(Record):
    """Write the reports of a run that has ended."""

    kind: Literal["finish_run"] = "finish_run"
    version: Literal[1] = 1
    run_id: RunId
    resend: int = Field(default=0, ge=0)

    @property
    def message_id(self) -> str:
        return f"{self.run_id}:finish:{self.resend}"


class TakeFiles(Record):
    """Start a run of the files that wait for a pipeline, if there are enough of them or they have waited long enough."""

    kind: Literal["take_files"] = "take_files"
    version: Literal[1] = 1
    project: str
    environment: str = ""
    pipeline: Name
    due: datetime  # when the first of them has waited long enough
    resend: int = Field(default=0, ge=0)

    @property
    def message_id(self) -> str:
        """Files that land within the same second wake their pipeline once."""
        whose = digest(self.project, self.environment, self.pipeline)
        return f"{whose}:{self.due.astimezone(UTC):%Y%m%dT%H%M%S}:{self.resend}"


QueuedCommand = RunNode | FinishRun | TakeFiles
Command = Annotated[QueuedCommand, Field(discriminator="kind")]
_COMMAND: TypeAdapter[QueuedCommand] = TypeAdapter(Command, config={"defer_build": True, "hide_input_in_errors": True})


def parse_command(body: bytes | str) -> QueuedCommand:
    """
    Read a queue message.

    Raises:
        ConfigError: If it is too large, not JSON, of an unknown version or not one of ours. The text never quotes the body.
    """
    size = len(body)
    if size > MAX_MESSAGE_BYTES:
        raise ConfigError(f"message of {size} bytes is over the limit of {MAX_MESSAGE_BYTES}", code="message_too_large")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ConfigError("message is not JSON", code="message_garbage") from error
    if not isinstance(content, dict):
        raise ConfigError("message is not a JSON object", code="message_garbage")
    version = content.get("version")
    if version != 1:
        shown = version if isinstance(version, int) else "missing or not a number"
        raise ConfigError(f"message version is {shown}, known is 1", code="message_version", hint="Deploy the release that sent it.")
    try:
        return _COMMAND.validate_python(content)
    except ValidationError as error:
        fields = sorted({".".join(str(part) for part in problem["loc"]) or "kind" for problem in error.errors(include_input=False)})
        raise ConfigError(f"message is not a known command: wrong {', '.join(fields)}", code="message_garbage") from None


def digest(*parts: str) -> str:
    """32 hex digits that name a sequence of texts; parts cannot run into each other."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()[:32]
