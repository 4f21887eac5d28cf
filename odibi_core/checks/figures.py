"""Checks of one figure of a column: how old it is, how it is distributed."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Literal

from pydantic import Field

from odibi_core.checks.contract import CheckContext, CheckParams, ColumnName, Expression, check
from odibi_core.config.section import Duration

_THRESHOLD = re.compile(r"\s*(>=|<=|==|!=|>|<|=)\s*([-+]?\d+(?:\.\d+)?)\s*")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}


class FreshnessParams(CheckParams):
    """A column of times, and how old its newest may be."""

    counts: ClassVar[Literal["rows", "table"]] = "table"

    column: ColumnName = "updated_at"
    max_age: Duration

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def query(self) -> str:
        name = self.column.replace("`", "``")
        return f"TRY_CAST(`{name}` AS TIMESTAMP)"

    def judge(self, figure: datetime | None, context: CheckContext) -> tuple[bool, str]:
        if figure is None:
            return False, f"no time in '{self.column}', so nothing says how old the rows are"
        newest = figure if figure.tzinfo is not None else figure.replace(tzinfo=UTC)
        age = max(context.now - newest, timedelta(0))
        return age <= self.max_age, f"the newest row is {_span(age)} old, {_span(self.max_age)} allowed"


class DistributionParams(CheckParams):
    """A column, a figure of it, and what the figure is compared with."""

    counts: ClassVar[Literal["rows", "table"]] = "table"
    on_fail: ClassVar[Literal["fail", "warn"]] = "warn"

    column: ColumnName
    metric: Literal["mean", "min", "max", "null_percentage"]
    threshold: str = Field(pattern=f"^{_THRESHOLD.pattern}$")

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.column,)

    def judge(self, figure: Any, context: CheckContext) -> tuple[bool, str]:
        del context
        found = _THRESHOLD.fullmatch(self.threshold)
        if found is None:
            raise AssertionError
        wanted = f"{self.metric} of '{self.column}' {found[1]} {found[2]}"
        if figure is None and self.metric == "null_percentage":
            figure = 0.0
        if figure is None or (isinstance(figure, float) and math.isnan(figure)):
            return False, f"expected {wanted}, and there is no such figure"
        bound = float(found[2]) if isinstance(figure, float) else Decimal(found[2])
        passed = _COMPARISONS[found[1]](figure, bound)
        share = f", found {figure:.4g}" if self.metric == "null_percentage" else ""  # the others may be a value of the data
        return passed, f"expected {wanted}{share}"


@check("freshness", FreshnessParams)
def freshness(params: FreshnessParams, context: CheckContext) -> Expression:
    """
    The newest value of the column is not older than `max_age` at the time of the run.

    It holds timestamps, dates, which stand for their midnight, or texts in ISO 8601; what has no time zone is UTC. NULL and texts that are
    no time are left out. Where no time is left, as in an empty table, the check is broken: nothing shows that the data are fresh.

    The time of the run is when it was due or planned, so that a retry gives the same answer. A later time in the column is fresh.

    Example: `column: updated_at`, `max_age: 24h`.
    """
    import narwhals as nw

    kind = context.columns[params.column]
    if not (isinstance(kind, nw.Datetime) or kind in (nw.Date, nw.String, nw.Categorical, nw.Enum, nw.Unknown)):
        raise TypeError(f"{kind} is no time")
    newest: nw.Expr = context.value.max()
    return newest


@check("distribution", DistributionParams)
def distribution(params: DistributionParams, context: CheckContext) -> Expression:
    """
    A figure of the column compares with a number as `threshold` says: `>100`, `<= 0.2`.

    `mean`, `min` and `max` are of the values that are there, in a column of numbers; where there is none, or the mean is NaN, the check is
    broken. NaN is no `min` and no `max`. `null_percentage` is a share, from 0 to 1, and 0 in an empty table.

    Example: `column: email`, `metric: null_percentage`, `threshold: "<0.05"`: less than one row in twenty has no email.
    """
    import narwhals as nw

    column, kind = nw.col(params.column), context.columns[params.column]
    if params.metric == "null_percentage":
        return column.is_null().cast(nw.Float64).mean()
    if not kind.is_numeric() and kind != nw.Unknown:
        raise TypeError(f"{kind} is no number")
    if kind == nw.Unknown:
        column = column.cast(nw.Float64)  # NULL in every row
    if params.metric == "mean":
        return column.mean()
    numbers = nw.when(~column.is_nan()).then(column) if kind.is_float() else column
    return numbers.min() if params.metric == "min" else numbers.max()


def _span(time: timedelta) -> str:
    """A span as people say it, in its two largest units."""
    minutes = int(time.total_seconds() // 60)
    parts = [(minutes // 1440, "d"), (minutes % 1440 // 60, "h"), (minutes % 60, "min")]
    said = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(said[:2]) or f"{int(time.total_seconds())} s"
