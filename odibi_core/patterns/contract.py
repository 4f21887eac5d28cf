"""What a pattern is: a function of a frame and of the present rows of its target, registered with a model of its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import model_validator

from odibi_core.frozen import Frozen
from odibi_core.ports import Frame, RowEffect
from odibi_core.registry import Registry
from odibi_core.transforms.contract import ColumnName, Params, TransformContext

Role = Literal["target", "quarantine", "snapshot", "source"]
Use = Literal["replace", "append", "read"]


class Place(Frozen):
    """A place that a pattern names in its parameters. The planner resolves it to a connection and a path, the runtime opens it."""

    role: Role
    use: Use
    target: str | None = None  # "connection.path", a path, or a node above
    connection: str | None = None
    path: str | None = None
    format: Literal["delta", "parquet"] | None = None  # None: by the name of the path
    query: str | None = None  # instead of a path, where the connection is a database: in its own SQL
    or_write: bool = False  # when nothing is named, it is where the node's `write:` points
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def named(self) -> bool:
        """Whether the parameters say where."""
        return self.target is not None or self.path is not None


class PatternParams(Params):
    """The parameters of a pattern; an unknown one is an error."""

    needs_input: ClassVar[bool] = True
    gives_table: ClassVar[bool] = True  # its output is what the target holds from now on; False: its input

    def row_effect(self) -> RowEffect:
        return "changed"

    def places(self) -> tuple[Place, ...]:
        """Where the pattern reads and writes besides the node's own `read:` and `write:`."""
        return ()

    def pair_queries(self) -> tuple[str, ...]:
        """The SQL over the tables `source` and `target` that the pattern will ask for; compiled by the planner."""
        return ()


class TargetParams(PatternParams):
    """A target: `target`, or `connection` and `path`."""

    target: ColumnName | None = None
    connection: ColumnName | None = None
    path: ColumnName | None = None

    @model_validator(mode="after")
    def _names_it_once(self) -> TargetParams:
        if self.target is not None and (self.connection is not None or self.path is not None):
            raise ValueError("name it once: 'target', or 'connection' and 'path'")
        if (self.connection is None) != (self.path is None):
            raise ValueError("'connection' and 'path' belong together")
        return self

    @property
    def has_target(self) -> bool:
        """Whether the parameters say where."""
        return self.target is not None or self.path is not None

    def the_target(self, *, use: Use = "replace", or_write: bool = False, properties: Mapping[str, str] | None = None) -> Place:
        """The target as a place."""
        return Place(
            role="target",
            use=use,
            target=self.target,
            connection=self.connection,
            path=self.path,
            or_write=or_write,
            properties=properties or {},
        )


class PatternContext(Frozen):
    """What a pattern may use besides its frame."""

    transforms: TransformContext
    now: datetime  # when the run was planned: a retry writes the same rows
    present: Frame | None = None  # what the target holds; None: it is not there yet, or there is none
    keep: Callable[[Frame], Frame]  # compute once, read many times
    one_row: Callable[[], Frame]  # a frame of one row, to put literals into
    mark: Callable[[str], int | None] = lambda _name: None  # what `Made.marks` said in the target's last commit
    warn: Callable[[str], None] = lambda _text: None
    places: Mapping[str, Frame | None] = field(default_factory=dict)  # the rows of places that are only read, by role


class Made(Frozen):
    """What a pattern makes. The runtime writes `table` and `aside`, each once, before the node's own `write:`."""

    output: Frame  # what the steps behind, the checks and `write:` get
    table: Frame | None = None  # what the target holds from now on; None: it stays as it is
    changed: bool = True  # False: `table` are the present rows
    aside: Frame | None = None  # rows for the quarantine
    marks: Mapping[str, int] = field(default_factory=dict)


Pattern = Callable[[Any, Any, PatternContext], Made]  # the frame is None if the pattern needs no input

PATTERNS: Registry[Pattern] = Registry(
    "pattern",
    {
        f"odibi_core.patterns.{module}": (name,)
        for module, name in {
            "aggregation": "aggregation",
            "date_dimension": "date_dimension",
            "deletes": "detect_deletes",
            "dimension": "dimension",
            "fact": "fact",
            "merge": "merge",
            "scd2": "scd2",
        }.items()
    },
)
pattern = PATTERNS.register


def count(context: PatternContext, frame: Frame) -> int:
    """How many rows a frame has. Computes it: `keep` it before, if it is used again."""
    import narwhals as nw

    return int(context.transforms.compute(frame.select(nw.len()))[0][0])
