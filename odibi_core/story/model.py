"""The Data Story as values: what the JSON twin holds, and all that a page may show."""

from datetime import datetime
from typing import Literal

from odibi_core.events import (
    CheckResult,
    Column,
    DatasetRead,
    DatasetWrite,
    ErrorRecord,
    FailingRows,
    GateResult,
    NodeStatus,
    Quarantined,
    RowAccount,
    RunStatus,
    Sample,
    StepRecord,
)
from odibi_core.model import Record

SCHEMA_ID: Literal["odibi.story/1"] = "odibi.story/1"
Tone = Literal["good", "warn", "bad", "idle"]  # how a thing ended, as a colour and a word
AttemptOutcome = Literal["succeeded", "failed", "retried", "handed_off", "lost", "running"]


class CauseStory(Record):
    """Why the run happened."""

    kind: Literal["blob", "timer", "dataset", "overdue", "request"]
    text: str  # a sentence without its full stop
    resumes: str | None = None  # the run whose finished nodes were taken over


class RunStory(Record):
    """Which run this is, and how long it took."""

    run_id: str
    project: str
    pipeline: str
    environment: str = ""
    status: RunStatus | Literal["running"]
    cause: CauseStory
    logical_time: datetime
    started_at: datetime
    finished_at: datetime | None
    seconds: float | None  # wall clock, from the frozen plan to the last outcome


class Verdict(Record):
    """The run in one line, and what to do about it."""

    tone: Tone
    title: str  # the badge
    sentence: str
    next_action: str = ""
    command: str = ""


class Totals(Record):
    """The run in numbers. None: it was not counted."""

    rows_in: int | None  # read from outside the pipeline
    rows_written: int | None  # into all targets
    rows_quarantined: int | None  # set aside by checks; None: no node has a quarantine
    tables: int  # distinct targets
    files: int
    file_bytes: int
    nodes: int
    succeeded: int
    failed: int
    skipped: int
    attempts: int
    retries: int
    checks: int
    checks_passed: int
    checks_warned: int
    checks_quarantined: int  # that set rows aside
    checks_failed: int
    warnings: int


class Attempt(Record):
    """One try of a node by one worker."""

    number: int
    delivery: int = 1
    worker: str = ""
    started_at: datetime
    ended_at: datetime | None
    outcome: AttemptOutcome
    error: ErrorRecord | None = None
    delay_seconds: float | None = None  # the pause before the next attempt


class Handoff(Record):
    """The node went to another engine's place."""

    to: str
    job: str
    at: datetime


class WatermarkStory(Record):
    """A high-water mark that moved."""

    node: str
    column: str
    before: str | None
    after: str | None


class FileStory(Record):
    """One file version of this run."""

    path: str  # "connection/path"
    etag: str
    size_bytes: int
    nodes: tuple[str, ...]  # who read it


class NodeStory(Record):
    """Everything about one node of this run."""

    name: str
    description: str = ""
    explanation: str = ""
    runbook_url: str = ""
    tags: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    status: NodeStatus | Literal["running", "not_started"]
    tone: Tone
    sentence: str  # what it did
    engine: str = ""
    ready_at: datetime | None = None  # when the last node above it had ended
    started_at: datetime | None = None
    finished_at: datetime | None = None
    seconds: float | None = None  # of the last attempt, from the opening of the target to the commit
    rows_in: int | None = None
    rows_out: int | None = None
    account: RowAccount | None = None
    reads: tuple[DatasetRead, ...] = ()
    write: DatasetWrite | None = None
    columns: tuple[Column, ...] = ()
    steps: tuple[StepRecord, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    failing: tuple[FailingRows, ...] = ()  # some rows that break checks
    gate: GateResult | None = None
    quarantined: Quarantined | None = None
    watermark: WatermarkStory | None = None
    sample: Sample | None = None
    error: ErrorRecord | None = None
    reason: str = ""  # why it was skipped
    blocked_by: str | None = None
    warnings: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    handoffs: tuple[Handoff, ...] = ()


class DeltaVersion(Record):
    """A table at one of its versions."""

    dataset: str
    version: int


class Provenance(Record):
    """What is needed to know the run again."""

    config_fingerprint: str
    versions: dict[str, str] = {}
    tables_read: tuple[DeltaVersion, ...] = ()
    tables_written: tuple[DeltaVersion, ...] = ()


class MaskedSample(Record):
    """What the sample of a node does not show."""

    node: str
    columns: tuple[str, ...] = ()
    note: str = ""  # stands instead of all rows


class Privacy(Record):
    """What was hidden."""

    masked: tuple[MaskedSample, ...] = ()
    redactions: int = 0  # marks in all texts of this story


class Story(Record):
    """One run, told. A pure function of its events; the page and the note are views of it."""

    schema_id: Literal["odibi.story/1"] = SCHEMA_ID
    run: RunStory
    verdict: Verdict
    totals: Totals
    nodes: tuple[NodeStory, ...] = ()  # in run order: upstream before downstream
    files: tuple[FileStory, ...] = ()  # every file version that was announced or read
    watermarks: tuple[WatermarkStory, ...] = ()
    provenance: Provenance
    privacy: Privacy
