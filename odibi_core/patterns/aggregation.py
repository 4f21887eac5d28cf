"""`aggregation`: measures by group, all anew or added to those of earlier runs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from odibi_core.errors import DataError
from odibi_core.outline import Around, Outline
from odibi_core.patterns.alignment import aligned, stacked
from odibi_core.patterns.audit import Audit, audit_columns, with_audit, with_audit_columns
from odibi_core.patterns.contract import Made, PatternContext, Place, TargetParams, count, pattern
from odibi_core.ports import Frame
from odibi_core.transforms.contract import ColumnName, ColumnNames, need_columns, quoted
from odibi_core.transforms.native import Native, native_of

AGGREGATED = "odibi/aggregated"  # the application id under which a target remembers up to which time it was added to
_NEW = "__new_"


class Measure(BaseModel):
    """An output column and its aggregate in SQL."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: ColumnName
    expr: ColumnName


class Incremental(BaseModel):
    """How new groups meet those that are there, and the column that tells new rows from those that were added before."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    timestamp_column: ColumnName
    merge_strategy: Literal["replace", "sum", "min", "max"] = "replace"


class AggregationParams(TargetParams):
    """The group columns, the measures, a condition on groups, and how the result meets the target."""

    grain: ColumnNames
    measures: tuple[Measure, ...] = Field(min_length=1)
    having: str | None = None
    incremental: Incremental | None = None
    audit: Audit | None = None

    @model_validator(mode="after")
    def _has_each_column_once(self) -> AggregationParams:
        names = [*self.grain, *(measure.name for measure in self.measures)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"several columns have the name: {', '.join(twice)}")
        return self

    def queries(self) -> tuple[str, ...]:
        grain = ", ".join(quoted(name) for name in self.grain)
        measures = ", ".join(f"({measure.expr}\n) AS {quoted(measure.name)}" for measure in self.measures)
        having = f" HAVING ({self.having}\n)" if self.having else ""
        return (f"SELECT {grain}, {measures} FROM df GROUP BY {grain}{having}",)  # noqa: S608  parsed, checked and read-only over `df`

    def places(self) -> tuple[Place, ...]:
        return (self.the_target(or_write=True),) if self.incremental is not None or self.has_target else ()

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.grain, at="grain")
        if self.incremental is not None:
            around.need(given, [self.incremental.timestamp_column], at="incremental")
        groups = around.query(self.queries()[0], {"df": given.assuming(self.grain)})
        named = [groups.column(name).called(name) for name in (*self.grain, *(measure.name for measure in self.measures))]
        rows = Outline(columns=tuple(named))
        return with_audit_columns(rows if self.incremental is None else rows.opened(), self.audit)


@pattern("aggregation", AggregationParams)
def aggregation(frame: Frame, params: AggregationParams, context: PatternContext) -> Made:
    """
    Make one row of each group.

    NULL is a group like any other. With `incremental` the groups meet those of the target, and groups that are not mentioned stay:
    `replace` takes the new measures, `min` and `max` the smaller or larger, `sum` adds, with NULL as 0. So that no row is added twice,
    `sum` takes only rows whose `timestamp_column` is later than the latest that was added before; the target remembers that time.

    Shape: (rows, columns) → (groups, grain, measures and audit columns).

    Example: `grain: [day], measures: [{name: total, expr: "SUM(amount)"}]`.

    Raises:
        SchemaMismatchError: If a column is missing here or in the target, or a type differs from the target's.
        DataError: If `timestamp_column` holds no times or whole numbers.
    """
    incremental = params.incremental
    need_columns(frame, [*params.grain, *([incremental.timestamp_column] if incremental else [])], who="aggregation")
    marks: dict[str, int] = {}
    if incremental is not None and incremental.merge_strategy == "sum":
        frame, marks = _not_added_before(context.keep(frame), incremental.timestamp_column, context)
    groups = context.transforms.query(frame, params.queries()[0])
    native = native_of(groups, who="aggregation")
    rows, extra = native.lazy, audit_columns(params.audit)
    if incremental is not None and context.present is not None:
        present = context.keep(context.present).to_native()
        names = [measure.name for measure in params.measures]
        need_columns(native.back(present), [*params.grain, *names], who="the target of aggregation")
        there = present.drop(name for name in present.collect_schema().names() if name in extra)
        rows = aligned(native.pl, rows, there.collect_schema(), who="aggregation")
        rows = _met(native, there, rows, params, incremental.merge_strategy)
    made = native.back(with_audit(native.pl, rows, params.audit, context.now))
    return Made(output=made, table=made if params.places() else None, marks=marks)


def _met(native: Native, present: Any, new: Any, params: AggregationParams, strategy: str) -> Any:
    pl, grain, measures = native.pl, list(params.grain), [measure.name for measure in params.measures]
    if strategy == "replace":
        return stacked(native, [present.join(new.select(grain), on=grain, how="anti", nulls_equal=True), new])
    renamed = new.select(*grain, *(pl.col(name).alias(_NEW + name) for name in measures))
    joined = present.join(renamed, on=grain, how="full", coalesce=True, nulls_equal=True, maintain_order="left_right")
    schema = present.collect_schema()
    return joined.select(
        _combined(pl, name, strategy).cast(schema[name]).alias(name) if name in measures and not isinstance(schema[name], pl.Null)
        else _combined(pl, name, strategy).alias(name) if name in measures
        else pl.col(name)
        for name in schema
    )  # fmt: skip


def _combined(pl: Any, name: str, strategy: str) -> Any:
    there, new = pl.col(name), pl.col(_NEW + name)
    match strategy:
        case "sum":
            return there.fill_null(0) + new.fill_null(0)
        case "min":
            return pl.min_horizontal(there, new)
        case _:
            return pl.max_horizontal(there, new)


def _not_added_before(frame: Frame, column: str, context: PatternContext) -> tuple[Frame, dict[str, int]]:
    """The rows later than the target's mark, and the mark from now on."""
    native = native_of(frame, who="aggregation")
    pl, dtype = native.pl, native.lazy.collect_schema()[column]
    moment = _as_number(pl, pl.col(column), dtype, column)
    mark = context.mark(AGGREGATED)
    if mark is not None:
        late = native.lazy.filter(~(moment > mark).fill_null(value=False))
        passed_over = count(context, native.back(late))
        if passed_over:
            context.warn(f"{passed_over} rows are not later in '{column}' than what was added before; they were not added again")
        frame = native.back(native.lazy.filter(moment > mark))
    found = context.transforms.compute(native.back(native.lazy.select(moment.max())))[0][0]
    newest = max((value for value in (found, mark) if value is not None), default=None)
    return frame, {} if newest is None else {AGGREGATED: int(newest)}


def _as_number(pl: Any, column: Any, dtype: Any, name: str) -> Any:
    """A time as microseconds, UTC; a whole number as it is."""
    if dtype.is_integer():
        return column.cast(pl.Int64)
    if isinstance(dtype, pl.String):
        column = column.str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
        return column.dt.epoch("us")
    if isinstance(dtype, pl.Date | pl.Datetime):
        return column.cast(pl.Datetime("us")).dt.epoch("us") if isinstance(dtype, pl.Date) else column.dt.epoch("us")
    raise DataError(f"'{name}' is {dtype}, which tells no time", code="no_time", hint="Name a date, a timestamp or a whole number.")
