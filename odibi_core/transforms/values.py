"""Values of columns: filled, replaced, looked up and brought together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from odibi_core.errors import SchemaMismatchError
from odibi_core.outline import Around, Outline
from odibi_core.ports import Frame
from odibi_core.transforms.contract import ColumnName, ColumnNames, Params, TransformContext, transform
from odibi_core.transforms.conversions import is_temporal, is_text, texts_of
from odibi_core.transforms.frames import find_column, find_columns
from odibi_core.transforms.literals import Value, as_type, literal

if TYPE_CHECKING:
    import narwhals as nw
    from narwhals.dtypes import DType


class FillNullsParams(Params):
    """Column → value to put where it is NULL."""

    values: dict[ColumnName, Value] = Field(description="column → the value in place of NULL")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.values, at="values")
        return given


class CoalesceColumnsParams(Params):
    """The columns in the order in which they are asked."""

    columns: ColumnNames = Field(description="the columns, the preferred one first")
    output_col: ColumnName = Field(description="the column that gets the first value that is not NULL")
    drop_source: bool = Field(default=False, description="whether `columns` go")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.columns, at="columns")
        first = given.made(self.output_col, of=self.columns, how="value")
        if not self.drop_source:
            return given.with_columns(first)
        return given.without(self.columns).without(_exactly(given, self.output_col)).with_columns(first)


class ReplaceValuesParams(Params):
    """Old value → new value, in some columns."""

    columns: ColumnNames = Field(description="the columns to look into")
    mapping: dict[str, Value | None] = Field(description="old value → new value; null makes it NULL")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, self.columns, at="columns")
        return given


class DictBasedMappingParams(Params):
    """What each value of a column stands for."""

    column: ColumnName = Field(description="the column with the values to look up")
    mapping: dict[str, Value | None] = Field(description="value → what it becomes")
    default: Value | None = Field(default=None, description="what a value becomes that is not in the mapping, NULL among them")
    output_column: ColumnName | None = Field(default=None, description="the column that gets the result; `column` itself if none is named")

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, [self.column], at="column")
        found = given.column(self.column)
        return given.with_columns(given.made(self.output_column or found.name, of=[self.column]))


@transform("fill_nulls", FillNullsParams)
def fill_nulls(frame: Frame, params: FillNullsParams, _: TransformContext) -> Frame:
    """
    Put a value where a column is NULL. The type of the column stays.

    The value must be of that type: text for text, a number for a number; a date is written as text, `"2024-01-31"`.

    Shape: (rows, columns) → (rows, columns).

    Example: `values: {amount: 0, note: "n/a"}`.

    Raises:
        SchemaMismatchError: If a column is missing or the value does not fit its type.
    """
    return filled(frame, params.values, who="fill_nulls")


@transform("coalesce_columns", CoalesceColumnsParams)
def coalesce_columns(frame: Frame, params: CoalesceColumnsParams, _: TransformContext) -> Frame:
    """
    Take the first value that is not NULL among several columns.

    Numbers of different types become the wider one; if one of the columns is text, all values become text.

    Shape: (rows, columns) → (rows, columns and `output_col`, without the sources if they are dropped).

    Example: `columns: [mobile, home], output_col: phone`.

    Raises:
        SchemaMismatchError: If a column is missing, or their types have nothing in common.
    """
    import narwhals as nw

    columns = find_columns(frame, params.columns, who="coalesce_columns")
    first = nw.coalesce(*_of_one_type(frame, columns, who="coalesce_columns")).alias(params.output_col)
    if not params.drop_source:
        return frame.with_columns(first)
    kept = [column for column in frame.collect_schema().names() if column not in (*columns, params.output_col)]
    return frame.select(*kept, first)


@transform("replace_values", ReplaceValuesParams)
def replace_values(frame: Frame, params: ReplaceValuesParams, _: TransformContext) -> Frame:
    """
    Put other values in place of some. The type of the columns stays; other values and NULL stay, too.

    Each value is replaced once: `{a: b, b: c}` makes `a` into `b`.

    Shape: (rows, columns) → (rows, columns).

    Example: `columns: [status], mapping: {"N/A": null, "open": "OPEN"}`.

    Raises:
        SchemaMismatchError: If a column is missing or a new value does not fit its type.
    """
    import narwhals as nw

    who = "replace_values"
    schema = frame.collect_schema()
    changed: list[nw.Expr] = []
    for column in find_columns(frame, params.columns, who=who):
        dtype = schema[column]
        text = dtype in (nw.Categorical, nw.Enum)
        value = nw.col(column).cast(nw.String) if text else nw.col(column)
        known = _known(params.mapping, dtype)
        new = {key: None if to is None else literal(to, dtype, column=column, who=who) for key, to in known.items()}
        if new:
            changed.append(_looked_up(value, new, value, nw.String() if text else dtype).cast(dtype).alias(column))
    return frame.with_columns(*changed) if changed else frame


@transform("dict_based_mapping", DictBasedMappingParams)
def dict_based_mapping(frame: Frame, params: DictBasedMappingParams, _: TransformContext) -> Frame:
    """
    Look the values of a column up in a mapping.

    Keys are read in the type of the column: `"1"` is the number 1 in a column of numbers. What is not in the mapping, and NULL,
    becomes `default`. The result has the type of the mapping's values; they are text if they are of several kinds.

    Shape: (rows, columns) → (rows, columns and `output_column`).

    Example: `column: code, mapping: {"1": "active", "0": "inactive"}, default: unknown, output_column: status`.

    Raises:
        SchemaMismatchError: If the column is missing.
    """
    import narwhals as nw

    column = find_column(frame, params.column, who="dict_based_mapping")
    source = frame.collect_schema()[column]
    dtype, written = _one_type([*params.mapping.values(), params.default])
    default = nw.lit(written(params.default), dtype=dtype)
    new = {key: written(to) for key, to in _known(params.mapping, source).items()}
    value = nw.col(column).cast(nw.String) if source in (nw.Categorical, nw.Enum) else nw.col(column)
    result = _looked_up(value, new, default, dtype) if new else default
    return frame.with_columns(result.alias(params.output_column or column))


def _exactly(given: Outline, name: str) -> list[str]:
    return [column.name for column in given.columns if column.name == name]


def filled(frame: Frame, values: Mapping[str, Value], *, who: str) -> Frame:
    """
    The frame with values in place of NULL.

    Raises:
        SchemaMismatchError: If a column is missing or the value does not fit its type.
    """
    import narwhals as nw

    schema = frame.collect_schema()
    found = zip(find_columns(frame, values, who=who), values.values(), strict=True)
    columns = [
        nw.col(column).fill_null(literal(value, schema[column], column=column, who=who)).cast(schema[column]) for column, value in found
    ]
    return frame.with_columns(*columns) if columns else frame


def _of_one_type(frame: Frame, columns: tuple[str, ...], *, who: str) -> list[nw.Expr]:
    """Columns that may stand in one: equal types, numbers, dates and timestamps, or all of them as text."""
    import narwhals as nw

    schema = frame.collect_schema()
    dtypes = [schema[column] for column in columns if schema[column] != nw.Unknown]
    zones = {getattr(dtype, "time_zone", None) for dtype in dtypes if dtype != nw.Date}
    alike = all(dtype == dtypes[0] for dtype in dtypes)
    if alike or all(dtype.is_numeric() for dtype in dtypes) or (all(is_temporal(dtype) for dtype in dtypes) and len(zones) == 1):
        return [nw.col(column) for column in columns]
    if any(is_text(dtype) for dtype in dtypes):
        return texts_of(frame, columns, who=who)
    kinds = ", ".join(f"'{column}' is {schema[column]}" for column in columns)
    raise SchemaMismatchError(f"'{who}' needs columns of one type: {kinds}", hint="Cast them before.")


def _known(mapping: Mapping[str, Value | None], dtype: DType) -> dict[Any, Value | None]:
    """The mapping by keys of a column's type, without those that no value of that type can be."""
    known: dict[Any, Value | None] = {}
    for key, to in mapping.items():
        try:
            known.setdefault(as_type(key, dtype), to)
        except ValueError:
            continue
    return known


def _looked_up(value: nw.Expr, mapping: Mapping[Any, Any], otherwise: nw.Expr, dtype: DType) -> nw.Expr:
    import narwhals as nw

    if all(isinstance(key, str | int) for key in mapping):
        return value.replace_strict(list(mapping), list(mapping.values()), default=otherwise, return_dtype=dtype)
    for key, to in reversed(list(mapping.items())):  # a hash of decimals, doubles and times is not to be had
        otherwise = nw.when(value == nw.lit(key)).then(nw.lit(to, dtype=dtype)).otherwise(otherwise)
    return otherwise


def _one_type(values: list[Value | None]) -> tuple[DType, Callable[[Value | None], Value | None]]:
    """A type that all values have, and how each is written in it."""
    import narwhals as nw

    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return nw.Boolean(), lambda value: value
    if kinds == {int}:
        return nw.Int64(), lambda value: value
    if kinds in ({float}, {int, float}):
        return nw.Float64(), lambda value: None if value is None else float(value)
    return nw.String(), lambda value: None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
