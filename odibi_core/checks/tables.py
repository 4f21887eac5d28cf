"""Checks of the table as a whole."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, assert_never

from pydantic import Field, model_validator

from odibi_core.checks.contract import CheckContext, CheckParams, Expression, check
from odibi_core.config.node import ColumnKind

if TYPE_CHECKING:
    from narwhals.dtypes import DType


class RowCountParams(CheckParams):
    """How many rows there may be, both inclusive."""

    counts: ClassVar[Literal["rows", "table"]] = "table"

    min: int | None = Field(default=None, ge=0)
    max: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _has_a_bound(self) -> RowCountParams:
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        return self

    def judge(self, figure: Any, context: CheckContext) -> tuple[bool, str]:
        del context
        bounds = [f"at least {self.min}" if self.min is not None else "", f"at most {self.max}" if self.max is not None else ""]
        inside = (self.min is None or figure >= self.min) and (self.max is None or figure <= self.max)
        return inside, f"{figure} rows, expected {' and '.join(bound for bound in bounds if bound)}"


@check("row_count", RowCountParams)
def row_count(_: RowCountParams, __: CheckContext) -> Expression:
    """The number of rows is within the bounds, both inclusive."""
    import narwhals as nw

    return nw.len()


class SchemaParams(CheckParams):
    """Whether there may be columns that the node does not declare."""

    counts: ClassVar[Literal["rows", "table"]] = "table"

    strict: bool = True

    def judge(self, figure: Any, context: CheckContext) -> tuple[bool, str]:
        del figure
        declared, found = context.declared, context.columns
        if not declared:
            return True, "the node declares no columns to compare with"
        wrong = [
            ("missing", [name for name in declared if name not in found]),
            ("not declared", [name for name in found if name not in declared] if self.strict else []),
            (
                "of another type",
                [
                    f"{name} ({found[name].__class__.__name__})"
                    for name, kind in declared.items()
                    if name in found and kind and not _is_a(found[name], kind)
                ],
            ),
        ]
        told = [f"{what}: {', '.join(names)}" for what, names in wrong if names]
        return not told, "; ".join(told) or f"{len(declared)} columns as declared"


@check("schema", SchemaParams)
def schema(_: SchemaParams, __: CheckContext) -> Expression:
    """
    The frame has the columns of the node's `columns:`; with `strict` no others.

    A node without `columns:` passes, and the check's result says so. Names count, in any order, with their case. Where a column has a
    `type`, its kind counts, too: an `integer` is one of any size.

    Example: `columns: {id: {type: integer}, name: {}}` on the node, and `strict: false` in the check lets further columns be.
    """
    import narwhals as nw

    return nw.len()


class VolumeDropParams(CheckParams):
    """How much fewer rows there may be than on average in the runs of the last days."""

    counts: ClassVar[Literal["rows", "table"]] = "table"

    threshold: float = Field(default=0.5, ge=0, le=1)
    lookback_days: int = Field(default=7, ge=1)

    def judge(self, figure: Any, context: CheckContext) -> tuple[bool, str]:
        since = context.now - timedelta(days=self.lookback_days)
        counts = [run.kept for run in context.past() if run.at >= since]
        average = sum(counts) / len(counts) if counts else 0.0
        if not average:
            return True, f"{figure} rows, and no rows in the last {self.lookback_days} days to compare with"
        drop = (average - figure) / average
        return (
            drop <= self.threshold,
            f"{figure} rows, {drop:.1%} fewer than the average of {average:g} in the last {self.lookback_days} days",
        )


@check("volume_drop", VolumeDropParams)
def volume_drop(_: VolumeDropParams, __: CheckContext) -> Expression:
    """
    The number of rows has not dropped below the average of the node's runs that succeeded in the last days.

    Rows that the quarantine takes do not count, then as now. Without such a run, as on the first day, it passes.
    """
    import narwhals as nw

    return nw.len()


def _is_a(dtype: DType, kind: ColumnKind) -> bool:
    """Whether a column's type is one of a declared kind."""
    import narwhals as nw

    match kind:
        case "integer":
            return dtype.is_integer()
        case "float":
            return dtype.is_float()
        case "decimal":
            return dtype.is_decimal()
        case "string":
            return dtype in (nw.String, nw.Categorical, nw.Enum)
        case "boolean":
            return dtype == nw.Boolean
        case "date":
            return dtype == nw.Date
        case "timestamp":
            return isinstance(dtype, nw.Datetime)
        case _:
            assert_never(kind)
