"""
What a check is: a function and a model of its parameters, registered under the name that YAML uses.

    class PositiveParams(CheckParams):
        column: ColumnName

        @property
        def reads(self) -> tuple[str, ...]:
            return (self.column,)

    @check("positive", PositiveParams)
    def positive(params: PositiveParams, _: CheckContext) -> Expression:
        return (nw.col(params.column) <= 0).fill_null(value=False)

A check of rows gives an expression that is true for the rows that break it, and never NULL. A check of the table gives one figure of the
whole table, as an aggregate, and its parameters judge it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from odibi_core.config.node import ColumnKind
from odibi_core.errors import ConfigError
from odibi_core.frozen import Frozen
from odibi_core.past import PastRun
from odibi_core.ports import CompiledSql, Frame
from odibi_core.registry import Registry

if TYPE_CHECKING:
    import narwhals as nw
    from narwhals.dtypes import DType

    Expression = nw.Expr
    Columns = Mapping[str, DType]
else:
    Expression = Any
    Columns = Mapping[str, Any]

ColumnName = Annotated[str, StringConstraints(min_length=1)]


def _collected(frame: Frame) -> Frame:
    computed: Frame = frame.collect().lazy()
    return computed


def _no_sql(text: str, _: Collection[str]) -> CompiledSql:
    raise ConfigError(f"there is no SQL here for '{text}'", code="internal")


def _no_engine(_: CompiledSql, __: Mapping[str, Frame]) -> Frame:
    raise ConfigError("there is no SQL here", code="internal")


class CheckContext(Frozen):
    """What checks may know and use besides the frame."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))  # the time of the run
    declared: Mapping[str, ColumnKind | None] = field(default_factory=dict)  # the columns that the node declares
    hidden: frozenset[str] = frozenset()  # columns of the frame that no check sees
    compute: Callable[[Frame], Frame] = _collected  # once, so that it can be read many times
    sql: Callable[[CompiledSql, Mapping[str, Frame]], Frame] = _no_engine
    compile: Callable[[str, Collection[str]], CompiledSql] = _no_sql
    past: Callable[[], Sequence[PastRun]] = tuple  # how many rows there were in the runs before, the newest first
    columns: Columns = field(default_factory=dict)  # of the frame that is checked, with their types
    datasets: Mapping[str, Frame] = field(default_factory=dict)  # other frames, by the name that the author gives them
    frame: Any = None  # that is checked
    value: Any = None  # of the check at work: what its `query` gave, or `prepared`, for each row
    value_type: Any = None


class CheckParams(BaseModel):
    """The parameters of a check; an unknown one is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, hide_input_in_errors=True)

    counts: ClassVar[Literal["rows", "table"]] = "rows"
    on_fail: ClassVar[Literal["fail", "warn"]] = "fail"  # where the author says nothing

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that must exist."""
        return ()

    @property
    def query(self) -> str | None:
        """SQL over the columns whose value the check needs of each row. The planner compiles it, so that errors show before the run."""
        return None

    @property
    def tolerated(self) -> float:
        """The share of rows that may break a check of rows."""
        return 0.0

    def prepared(self, frame: Frame, into: str, context: CheckContext) -> Frame | None:
        """The frame with a column that the check needs of each row, if that is made of other frames; None if not."""
        del frame, into, context
        return None

    def judge(self, figure: Any, context: CheckContext) -> tuple[bool, str]:
        """Whether a table with this figure passes, and what was found: numbers and names, never a value of the data."""
        del context
        return not figure, ""


CheckFunction = Callable[[Any, CheckContext], Expression]
VALUE = "__value"
CHECKS: Registry[CheckFunction] = Registry("check")
check = CHECKS.register


def selected(expression: str) -> str:
    """The query that adds a check's value to each row."""
    return f"SELECT *, ({expression}\n) AS {VALUE} FROM df"  # noqa: S608  parsed and checked when the run is planned
