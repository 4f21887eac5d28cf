"""Events: what happened, typed, immutable, written once. Every report is a pure function of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, TypeAdapter

from odibi_core.messages import Cause, FileVersion
from odibi_core.model import Record

NodeStatus = Literal["succeeded", "failed", "skipped"]
RunStatus = Literal["succeeded", "failed", "cancelled"]
Severity = Literal["fail", "warn", "quarantine"]


class ErrorRecord(Record):
    """A failure as people and reports see it. Holds no value of the data and no secret."""

    code: str
    message: str
    hint: str = ""
    retryable: bool = False
    exit_code: int = 70
    retry_after_seconds: float | None = None  # what a busy service asked for


class Column(Record):
    """A column of a dataset: name and type as the engine names it."""

    name: str
    type: str


class Unparsed(Record):
    """Rows that did not parse, and what became of them."""

    rescued: int = 0  # rows with fields in the rescue column; they stay
    kept: int = 0  # bad records that stay as a row of what could be read
    archived: int = 0  # bad records that lie in the archive
    dropped: int = 0  # bad records that are gone, as the read says
    archive: str = ""  # "connection/path" of the archived ones

    @property
    def rows(self) -> int:
        """All of them."""
        return self.rescued + self.kept + self.archived + self.dropped


class DatasetRead(Record):
    """What a node read."""

    dataset: str  # "connection/path", or "pipeline.node" for an upstream frame
    format: str
    rows: int | None = None  # None when knowing it would cost a second pass
    version: int | None = None  # of a Delta table
    files: tuple[FileVersion, ...] = ()
    unparsed: Unparsed | None = None  # rows of a text that did not parse; not among `rows` unless they stay


class ColumnChange(Record):
    """A column whose type is another one than before."""

    name: str
    before: str
    after: str


class SchemaChange(Record):
    """How the columns of a target differ from those that it had."""

    added: tuple[Column, ...] = ()
    removed: tuple[Column, ...] = ()
    retyped: tuple[ColumnChange, ...] = ()

    @classmethod
    def between(cls, before: Sequence[Column], after: Sequence[Column]) -> Self | None:
        """What changed; None if nothing did. The order of columns does not count."""
        had, has = {column.name: column for column in before}, {column.name: column for column in after}
        change = cls(
            added=tuple(column for column in after if column.name not in had),
            removed=tuple(column for column in before if column.name not in has),
            retyped=tuple(
                ColumnChange(name=name, before=had[name].type, after=column.type)
                for name, column in has.items()
                if name in had and had[name].type != column.type
            ),
        )
        return change if change.added or change.removed or change.retyped else None


class DatasetWrite(Record):
    """What a node wrote, or found that it had written before it died."""

    dataset: str
    uri: str  # without credentials
    format: str
    mode: str
    rows: int | None
    version: int | None = None  # of the Delta table after the commit
    created: bool = False  # the table did not exist before
    columns: tuple[Column, ...] = ()
    rescued: int = 0  # rows with a value in the rescue column that did not fit the target's type
    change: SchemaChange | None = None  # of the columns that were there before; None: none, or it is not known
    recovered: bool = False  # an earlier attempt had committed it


class CheckResult(Record):
    """The outcome of one check."""

    name: str
    kind: str
    columns: tuple[str, ...] = ()
    severity: Severity = "fail"
    passed: bool
    failed_rows: int = 0
    rows: int = 0
    detail: str = ""  # numbers and names only
    of: Literal["input", "output"] = "output"  # a contract is about the input of its node


class GateResult(Record):
    """What the gate of a node said."""

    passed: bool
    action: Literal["abort", "warn_and_write", "write_valid_only"]  # what follows if it did not pass
    pass_rate: float  # rows that break no check of rows, by all of them
    rows: int  # before the quarantine
    passed_rows: int
    held_back: int = 0  # rows that were not written for it
    reasons: tuple[str, ...] = ()  # why it did not pass
    notes: tuple[str, ...] = ()  # what could not be judged


class RowAccount(Record):
    """Where the rows of a node are: `rows_in` = `rows_out` and those that were left out."""

    rows_in: int  # of the input that the first step gets
    rows_out: int  # what the node hands on and writes
    left_out: dict[str, int] = {}  # by how: filtered, deduplicated, joined_out, set_aside, quarantined, gated


class Quarantined(Record):
    """Rows that were set aside, and where they are."""

    dataset: str  # "connection/path"
    rows: int  # that break a check with `on_fail: quarantine`
    kept: int  # of them, in the quarantine: fewer with `max_rows` or `sample_fraction`
    write: DatasetWrite | None = None  # None: nothing had to be written


class WatermarkMoved(Record):
    """A high-water mark went from `before` to `after`. Values are JSON text with their type: {"t": "int", "v": 7}."""

    key: str
    column: str
    sequence: int
    before: str | None
    after: str | None
    since: str | None = None  # where the window began: `before`, less a lag


class Sample(Record):
    """A few rows, as text, already masked."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    masked: tuple[str, ...] = ()  # columns shown as [REDACTED]
    note: str = ""  # e.g. "[REDACTED: Sensitive Data]" instead of rows


class FailingRows(Record):
    """Some of the rows that break a check."""

    check: str
    of: Literal["input", "output"] = "output"
    sample: Sample


class FrameAt(Record):
    """Where a later node finds this node's output: a Delta version or a staged Parquet object of the run."""

    kind: Literal["delta", "staged", "memory"]
    path: str = ""  # "connection/path" of the table, or the object's path in the system store
    version: int | None = None


class StepRecord(Record):
    """One step of the transformation, as text for the reader of the story."""

    kind: str  # "sql", "function", "transformer", "operation", "privacy"
    text: str


class NodeResult(Record):
    """Everything one execution of a node has to say."""

    status: NodeStatus
    started_at: datetime
    finished_at: datetime
    seconds: float  # wall clock, from the opening of the target to the commit
    engine: str = "polars"
    reads: tuple[DatasetRead, ...] = ()
    write: DatasetWrite | None = None
    also_wrote: tuple[DatasetWrite, ...] = ()  # targets of its patterns besides `write`, in the order of their commits
    rows_in: int | None = None
    rows_out: int | None = None
    account: RowAccount | None = None  # None: its steps do not tell what becomes of each row
    steps: tuple[StepRecord, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    gate: GateResult | None = None
    quarantined: Quarantined | None = None  # of a node that has a quarantine
    watermark: WatermarkMoved | None = None
    sample: Sample | None = None
    failing: tuple[FailingRows, ...] = ()
    output: FrameAt | None = None
    error: ErrorRecord | None = None
    reason: str = ""  # why it was skipped
    warnings: tuple[str, ...] = ()


class PlannedNodeFacts(Record):
    """The shape of the graph, for reports."""

    name: str
    upstream: tuple[str, ...] = ()
    description: str = ""
    explanation: str = ""  # Markdown, as its author wrote it
    runbook_url: str = ""  # what to do when it fails
    tags: tuple[str, ...] = ()


class RunStarted(Record):
    """A run was planned and its plan is frozen."""

    kind: Literal["run_started"] = "run_started"
    run_id: str
    project: str
    pipeline: str
    environment: str = ""
    cause: Cause
    logical_time: datetime
    at: datetime
    nodes: tuple[PlannedNodeFacts, ...]
    config_fingerprint: str
    versions: dict[str, str] = {}  # odibi_core, polars, deltalake, python


class NodeStarted(Record):
    """A worker took a delivery of a node. Keyed by node, attempt, resend and delivery: it is the claim."""

    kind: Literal["node_started"] = "node_started"
    run_id: str
    node: str
    attempt: int
    resend: int = 0
    delivery: int = 1
    at: datetime
    worker: str = ""


class NodeHandedOff(Record):
    """A node went to another engine's place."""

    kind: Literal["node_handed_off"] = "node_handed_off"
    run_id: str
    node: str
    attempt: int
    to: str
    job: str
    at: datetime


class NodeRetried(Record):
    """An attempt failed in a way that may pass; the next one is scheduled."""

    kind: Literal["node_retried"] = "node_retried"
    run_id: str
    node: str
    attempt: int
    delay_seconds: float
    error: ErrorRecord
    at: datetime


class NodeClosing(Record):
    """A node is about to end without having written: said before anybody looks whether another worker may still write it."""

    kind: Literal["node_closing"] = "node_closing"
    run_id: str
    node: str
    attempt: int
    result: NodeResult
    at: datetime


class NodeFinished(Record):
    """The one outcome of a node: it succeeded or failed for good."""

    kind: Literal["node_finished"] = "node_finished"
    run_id: str
    node: str
    attempt: int
    result: NodeResult
    at: datetime
    taken_from: str = ""  # the run in which it happened, if this run resumes that one


class NodeSkipped(Record):
    """The one outcome of a node that did not run: disabled, not selected, or something above it failed."""

    kind: Literal["node_skipped"] = "node_skipped"
    run_id: str
    node: str
    reason: str
    blocked_by: str | None = None  # the failed or skipped node above it
    at: datetime


class RunFinished(Record):
    """Nothing is left to do."""

    kind: Literal["run_finished"] = "run_finished"
    run_id: str
    status: RunStatus
    at: datetime
    succeeded: int
    failed: int
    skipped: int


RunEvent = Annotated[
    RunStarted | NodeStarted | NodeHandedOff | NodeRetried | NodeClosing | NodeFinished | NodeSkipped | RunFinished,
    Field(discriminator="kind"),
]
Outcome = NodeFinished | NodeSkipped
AnyRunEvent = RunStarted | NodeStarted | NodeHandedOff | NodeRetried | NodeClosing | NodeFinished | NodeSkipped | RunFinished
_EVENT: TypeAdapter[AnyRunEvent] = TypeAdapter(RunEvent, config={"defer_build": True})


def parse_event(data: bytes) -> AnyRunEvent:
    """Read one journal object."""
    return _EVENT.validate_json(data)


def outcome_status(outcome: Outcome) -> NodeStatus:
    """How a node ended."""
    return "skipped" if isinstance(outcome, NodeSkipped) else outcome.result.status


JsonObject = dict[str, JsonValue]
