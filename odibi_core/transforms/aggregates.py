"""One row for many, rows into columns, and columns into rows."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasChoices, Field, model_validator

from odibi_core.errors import SchemaMismatchError
from odibi_core.outline import Around, How, Outline
from odibi_core.ports import Frame, RowEffect
from odibi_core.transforms.contract import ColumnName, ColumnNames, Params, TransformContext, need_columns, operation, transform
from odibi_core.transforms.native import Native, native_of

Function = Literal["sum", "avg", "min", "max", "count", "first"]
Label = bool | int | float | str

_VALUE, _ALL = "__value", "__all"


class AggregateParams(Params):
    """The columns to group by, and column → function (sum, avg, min, max, count, first)."""

    group_by: ColumnNames
    aggregations: dict[ColumnName, Function] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_free(self) -> AggregateParams:
        both = sorted(set(self.group_by) & set(self.aggregations))
        if both:
            raise ValueError(f"grouped by and aggregated at once: {', '.join(both)}")
        return self

    def row_effect(self) -> RowEffect:
        return "changed"

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.group_by, at="group_by")
        around.need(given, self.aggregations, at="aggregations")
        groups = [given.column(name).called(name) for name in self.group_by]
        values = [given.made(name, of=[name], how=_how(function)) for name, function in self.aggregations.items()]
        return Outline(columns=(*groups, *values))


class PivotParams(Params):
    """The columns to group by, whose values become columns, what is put into them and how; `values` fixes the columns."""

    group_by: ColumnNames
    pivot_col: ColumnName
    agg_col: ColumnName
    agg_func: Function = "sum"
    values: tuple[Label, ...] | None = Field(default=None, min_length=1)

    def row_effect(self) -> RowEffect:
        return "changed"

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.group_by, at="group_by")
        around.need(given, [self.pivot_col], at="pivot_col")
        around.need(given, [self.agg_col], at="agg_col")
        groups = Outline(columns=tuple(given.column(name).called(name) for name in self.group_by))
        if self.values is None:
            return groups.opened()
        return groups.with_columns(*(given.made(_label(value), of=[self.agg_col], how=_how(self.agg_func)) for value in self.values))


class PivotOperationParams(Params):
    """The columns to group by, whose values become columns, what is put into them and how."""

    group_by: ColumnNames | tuple[()] = ()
    pivot_column: ColumnName = Field(validation_alias=AliasChoices("pivot_column", "pivot_col"))
    value_column: ColumnName = Field(validation_alias=AliasChoices("value_column", "agg_col"))
    agg_func: Function | Literal["mean"] = "first"

    def row_effect(self) -> RowEffect:
        return "changed"

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.group_by, at="group_by")
        around.need(given, [self.pivot_column], at="pivot_column")
        around.need(given, [self.value_column], at="value_column")
        return Outline(columns=tuple(given.column(name).called(name) for name in self.group_by)).opened()


class UnpivotParams(Params):
    """The columns that stay, those that become rows, and the names of the two new columns."""

    id_cols: ColumnNames | tuple[()] = Field(validation_alias=AliasChoices("id_cols", "id_vars"))
    value_vars: ColumnNames
    var_name: ColumnName = "variable"
    value_name: ColumnName = "value"

    @model_validator(mode="after")
    def _names_are_free(self) -> UnpivotParams:
        names = [*self.id_cols, self.var_name, self.value_name]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"several columns would have the name: {', '.join(twice)}")
        return self

    def row_effect(self) -> RowEffect:
        return "changed"

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.id_cols, at="id_cols")
        around.need(given, self.value_vars, at="value_vars")
        stay = [given.column(name).called(name) for name in self.id_cols]
        return Outline(columns=(*stay, given.made(self.var_name), given.made(self.value_name, of=self.value_vars, how="value")))


@transform("aggregate", AggregateParams)
def aggregate(frame: Frame, params: AggregateParams, _: TransformContext) -> Frame:
    """
    Make one row of all rows with the same values in `group_by`.

    An aggregated column keeps its name. NULL is a group like any other; functions pass over NULL, except `first`, which takes the first
    row as read. The sum of nothing but NULL is NULL, its count 0. Groups come in the order of their first rows.

    Shape: (rows, columns) → (groups, group columns and those aggregated).

    Example: `group_by: [country], aggregations: {amount: sum, order_id: count}`.

    Raises:
        SchemaMismatchError: If a column is missing, or a sum or average is asked of something that is no number.
    """
    need_columns(frame, [*params.group_by, *params.aggregations], who="aggregate")
    native = native_of(frame, who="aggregate")
    aggregated = [_aggregated(native, frame, column, function, who="aggregate") for column, function in params.aggregations.items()]
    return native.back(native.lazy.group_by(list(params.group_by), maintain_order=True).agg(aggregated))


@transform("pivot", PivotParams)
def pivot(frame: Frame, params: PivotParams, context: TransformContext) -> Frame:
    """
    Turn the values of a column into columns of their own.

    Without `values` there is a column for each value, in their order, named like it; that takes one pass over the data before. With them
    there are exactly these. A group without such a value has NULL; NULL makes no column. Rows are in the order of `group_by`.

    Shape: (rows, columns) → (groups, group columns and one for each value).

    Example: `group_by: [product], pivot_col: month, agg_col: sales` gives a row for each product and a column for each month.

    Raises:
        SchemaMismatchError: If a column is missing, a sum is asked of something that is no number, or two columns would have the same name.
    """
    return _pivoted(frame, params, context)


@operation("pivot", PivotOperationParams)
def pivot_operation(frame: Frame, params: PivotOperationParams, context: TransformContext) -> Frame:
    """
    Turn the values of a column into columns of their own, as the transform `pivot` does.

    Without `group_by` everything becomes one row.

    Shape: (rows, columns) → (groups, group columns and one for each value).

    Example: `group_by: [product], pivot_column: month, value_column: sales`.

    Raises:
        SchemaMismatchError: If a column is missing, or two columns would have the same name.
    """
    same = PivotParams.model_construct(
        group_by=params.group_by,
        pivot_col=params.pivot_column,
        agg_col=params.value_column,
        agg_func="avg" if params.agg_func == "mean" else params.agg_func,
    )
    return _pivoted(frame, same, context)


@transform("unpivot", UnpivotParams)
@operation("unpivot", UnpivotParams)
def unpivot(frame: Frame, params: UnpivotParams, _: TransformContext) -> Frame:
    """
    Turn columns into rows: one for each of `value_vars`, with its name and its value.

    The rows of the first column come first, then those of the second. Types that differ become the type that holds all.

    Shape: (rows, columns) → (rows · value_vars, id_cols and two).

    Example: `id_cols: [product], value_vars: [jan, feb], var_name: month, value_name: sales`.

    Raises:
        SchemaMismatchError: If a column is missing.
    """
    need_columns(frame, [*params.id_cols, *params.value_vars], who="unpivot")
    native = native_of(frame, who="unpivot")
    name, stay = native.pl.lit, list(params.id_cols)
    wide = native.lazy.select(*dict.fromkeys([*stay, *params.value_vars]))  # computed once, and nothing of the other columns is read for it
    # Polars' own `unpivot` goes row by row; this is the order that people know.
    columns = [
        wide.select(*stay, name(column).alias(params.var_name), native.pl.col(column).alias(params.value_name))
        for column in params.value_vars
    ]
    return native.back(native.pl.concat(columns, how="vertical_relaxed"))


def _how(function: Function | Literal["mean"]) -> How:
    return "value" if function in ("min", "max", "first") else "counted" if function == "count" else "computed"


def _pivoted(frame: Frame, params: PivotParams, context: TransformContext) -> Frame:
    """Aggregate each pair of group and value, so that a pair without rows is NULL, and then gather the pairs of each group."""
    group_by, pivot_col = params.group_by, params.pivot_col
    need_columns(frame, [*group_by, pivot_col, params.agg_col], who="pivot")
    labels = _labels(frame, context, pivot_col) if params.values is None else [_label(value) for value in params.values]
    _refuse_doubled([*group_by, *labels])
    aggregated = _aggregated(native_of(frame, who="pivot"), frame, params.agg_col, params.agg_func, who="pivot", skip_null=True)
    native = native_of(frame, who="pivot")
    pl, groups = native.pl, list(group_by) or [_ALL]
    lazy = native.lazy if group_by else native.lazy.with_columns(pl.lit(1).alias(_ALL))
    pairs = lazy.group_by([*groups, pl.col(pivot_col).alias(_VALUE + "_of")], maintain_order=True).agg(aggregated.alias(_VALUE))
    of, text = pl.col(_VALUE + "_of"), pl.col(_VALUE + "_label")
    gathered = [pl.col(_VALUE).filter(text == label).first().alias(label) for label in labels]
    wide = pairs.with_columns(of.cast(pl.String).alias(_VALUE + "_label")).group_by(groups, maintain_order=True).agg(gathered)
    ordered = wide.sort(groups, nulls_last=True, maintain_order=True)
    return native.back(ordered if group_by else ordered.drop(_ALL))


def _labels(frame: Frame, context: TransformContext, column: str) -> list[str]:
    """The distinct values of a column as names, in the values' own order."""
    native = native_of(frame, who="pivot")
    value, label = native.pl.col(column), native.pl.col(column).cast(native.pl.String).alias(_VALUE)
    distinct = native.lazy.filter(value.is_not_null()).select(value, label).unique().sort(column).select(_VALUE)
    return [str(row[0]) for row in context.compute(native.back(distinct))]


def _label(value: Label) -> str:
    """A value as Polars writes it when it becomes text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _aggregated(native: Native, frame: Frame, column: str, function: Function, *, who: str, skip_null: bool = False) -> Any:
    import narwhals as nw

    dtype, value = frame.collect_schema()[column], native.pl.col(column)
    if function in ("sum", "avg") and not (dtype.is_numeric() or dtype in (nw.Boolean, nw.Duration, nw.Unknown)):
        raise SchemaMismatchError(f"'{who}' needs numbers for {function}: '{column}' is {dtype}", hint="Cast it to a number before.")
    if function in ("sum", "avg") and (dtype.is_integer() or dtype == nw.Boolean):
        value = value.cast(native.pl.Int64)  # a sum of 32-bit integers would be one of 32 bits
    match function:
        case "sum":
            return native.pl.when(value.count() > 0).then(value.sum()).alias(column)
        case "avg":
            return value.mean().alias(column)
        case "min":
            return value.min().alias(column)
        case "max":
            return value.max().alias(column)
        case "count":
            return value.count().cast(native.pl.Int64).alias(column)
        case "first":
            return (value.drop_nulls() if skip_null else value).first().alias(column)


def _refuse_doubled(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SchemaMismatchError(f"'pivot' gives several columns the name: {', '.join(twice)}", hint="Rename the group columns before.")
