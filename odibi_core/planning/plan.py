"""The frozen plan: everything a run needs, compiled once, stored with the run, without any secret."""

from datetime import datetime
from typing import Literal

from pydantic import Field, JsonValue

from odibi_core.events import ErrorRecord, PlannedNodeFacts
from odibi_core.messages import Cause, FileVersion
from odibi_core.model import Record
from odibi_core.planning.compiling import Dialect
from odibi_core.ports import CompiledSql, EngineName


class RetryPolicy(Record):
    """How often and how patiently a node is tried. Attempts count the first one too."""

    max_attempts: int = 3
    backoff: Literal["exponential", "linear", "constant"] = "exponential"
    base_seconds: float = 1.0
    cap_seconds: float = 300.0


class StoredInput(Record):
    """What a node outside this run wrote, and where."""

    dataset: str  # "pipeline.node"
    connection: str
    path: str
    format: str


class PlannedTarget(Record):
    """A place that a pattern of a node names, resolved."""

    role: Literal["target", "quarantine", "snapshot", "source"]
    use: Literal["replace", "append", "read"]
    connection: str = ""
    path: str | None = None  # None: as `path` in the pattern's own params says
    format: str = "delta"
    node: str = ""  # instead of a place: the output of this node above
    is_write: bool = False  # it is where the node's `write:` points: one target, not two
    is_output: bool = False  # what it holds after the commit is the node's output
    properties: dict[str, str] = {}


class PlannedNode(Record):
    """One node, ready to run."""

    name: str
    upstream: tuple[str, ...] = ()  # must have succeeded before
    frames: tuple[str, ...] = ()  # those of them whose output this node reads as a frame
    engine: EngineName = "polars"
    config: dict[str, JsonValue]  # the node's YAML, with ${VAR} as written
    sql: dict[str, CompiledSql] = {}  # by the place of the text: "transform.0", "read.query"
    targets: dict[str, PlannedTarget] = {}  # of its patterns, by "place.role": "transformer.target", "transform.0.quarantine"
    stored: dict[str, StoredInput] = {}  # by alias: outputs of nodes that are not part of this run, as they wrote them last
    dimensions: dict[str, StoredInput | None] = {}  # tables that its foreign keys point into; None: where a pattern in this run writes
    files: tuple[FileVersion, ...] | None = None  # the arrived files that it reads
    personal: tuple[str, ...] = ()  # columns flagged `pii` here, or that take over the values of such columns above
    masked: tuple[str, ...] = ()  # other columns that reports do not show: made of personal or sensitive ones. "*": all of them
    keep_frame: bool = False  # a later node reads this one's output as a frame
    retry: RetryPolicy = Field(default_factory=RetryPolicy)  # a default made here would build its schema on import
    on_error: Literal["fail_fast", "fail_later", "ignore"] = "fail_later"
    skip: str = ""  # why it does not run: disabled, not selected

    @property
    def writes(self) -> bool:
        """Whether it has a target, so that it must be closed to other workers before it ends without a write."""
        validation = self.config.get("validation")
        aside = isinstance(validation, dict) and validation.get("quarantine") is not None
        return "write" in self.config or bool(self.targets) or aside


class Refusal(Record):
    """Why a run does nothing, and the node that is to say so."""

    node: str
    error: ErrorRecord


class Limit(Record):
    """How many runs that share a key may be under way at once."""

    key: str
    most: int


class FailureSamples(Record):
    """How many of the rows that break checks a node shows."""

    per_check: int = 100
    in_all: int = 500
    checks: int = 5


class Plan(Record):
    """A run before it runs."""

    version: Literal[1] = 1
    run_id: str
    project: str
    pipeline: str
    environment: str = ""
    cause: Cause
    logical_time: datetime  # aware, UTC: what ${date:…} means in this run
    planned_at: datetime
    nodes: tuple[PlannedNode, ...]  # in run order: upstream before downstream
    facts: tuple[PlannedNodeFacts, ...]
    refused: Refusal | None = None  # a run that only tells why it does nothing
    followers: dict[str, tuple[str, ...]] = {}  # by node: the pipelines that run when it was written (`dataset:` triggers)
    limit: Limit | None = None
    sql_dialect: Dialect = "spark"
    connections: dict[str, JsonValue]  # as written
    story: dict[str, JsonValue] | None = None  # as written
    max_sample_rows: int = 10
    failure_samples: FailureSamples = Field(default_factory=FailureSamples)
    table_properties: dict[str, str] = {}  # of Delta tables that are founded, where a node says nothing else
    fingerprint: str  # of the configuration that it was compiled from
    code: str = ""  # of the authors' Python files; empty if there are none. They are not frozen: decision 0011

    def node(self, name: str) -> PlannedNode:
        """
        Raises:
            KeyError: If the plan has no such node.
        """
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def downstream(self, name: str) -> tuple[PlannedNode, ...]:
        """The nodes right behind one."""
        return tuple(node for node in self.nodes if name in node.upstream)
