"""Which columns there are, what they are called and which type they have."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from odibi_core.errors import SchemaMismatchError
from odibi_core.ports import Frame
from odibi_core.transforms.contract import ColumnName, ColumnNames, Params, TransformContext, need_columns, quoted, transform

_NEW = "__new"

# Short names of types, as the reference has them; anything else is a SQL type.
_TYPES = {
    "int": "INT", "integer": "INT", "str": "STRING", "string": "STRING", "float": "DOUBLE", "double": "DOUBLE", "bool": "BOOLEAN",
    "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP",
}  # fmt: skip


class ColumnsParams(Params):
    """Some columns."""

    columns: ColumnNames


class RenameColumnsParams(Params):
    """Old name → new name."""

    mapping: dict[ColumnName, ColumnName] = Field(min_length=1)


class DeriveColumnsParams(Params):
    """Column → expression in SQL, for example `total: "quantity * price"`."""

    derivations: dict[ColumnName, Annotated[str, Field(min_length=1)]] = Field(min_length=1)

    def queries(self) -> tuple[str, ...]:
        return tuple(f"SELECT *, ({expression}\n) AS {_NEW} FROM df" for expression in self.derivations.values())  # noqa: S608  parsed and checked


class CastColumnsParams(Params):
    """Column → type: a short name (int, str, float, bool, date, timestamp) or a SQL type such as `DECIMAL(10, 2)`."""

    casts: dict[ColumnName, Annotated[str, Field(min_length=1)]] = Field(min_length=1)

    def queries(self) -> tuple[str, ...]:
        casts = [
            f"CAST({quoted(column)} AS {_TYPES.get(target.lower(), target)}) AS {_NEW}_{number}"
            for number, (column, target) in enumerate(self.casts.items())
        ]
        return (f"SELECT *, {', '.join(casts)} FROM df",)  # noqa: S608  parsed, checked and read-only over `df`


class FillNullsParams(Params):
    """Column → value to put where it is NULL."""

    values: dict[ColumnName, bool | int | float | str] = Field(min_length=1)


@transform("select_columns", ColumnsParams)
def select_columns(frame: Frame, params: ColumnsParams, _: TransformContext) -> Frame:
    """
    Keep these columns, in this order.

    Shape: (rows, columns) → (rows, those named).

    Example: `columns: [id, name]`.

    Raises:
        SchemaMismatchError: If a column is missing.
    """
    need_columns(frame, params.columns, who="select_columns")
    return frame.select(*params.columns)


@transform("drop_columns", ColumnsParams)
def drop_columns(frame: Frame, params: ColumnsParams, _: TransformContext) -> Frame:
    """
    Remove these columns.

    Shape: (rows, columns) → (rows, columns without those named).

    Example: `columns: [password]`.

    Raises:
        SchemaMismatchError: If a column is missing.
    """
    need_columns(frame, params.columns, who="drop_columns")
    return frame.drop(*params.columns)


@transform("rename_columns", RenameColumnsParams)
def rename_columns(frame: Frame, params: RenameColumnsParams, _: TransformContext) -> Frame:
    """
    Give columns new names; their place stays.

    Shape: (rows, columns) → (rows, columns).

    Example: `mapping: {cust_id: customer_id}`.

    Raises:
        SchemaMismatchError: If a column is missing, or two columns would have the same name.
    """
    return renamed(frame, params.mapping, who="rename_columns")


@transform("derive_columns", DeriveColumnsParams)
def derive_columns(frame: Frame, params: DeriveColumnsParams, context: TransformContext) -> Frame:
    """
    Add columns computed by SQL expressions.

    A later expression may use an earlier new column. One that exists already is replaced in its place, after all expressions read it.

    Shape: (rows, columns) → (rows, columns and those derived).

    Example: `derivations: {total: "quantity * price"}`.

    Source: Spark's lateral column alias, where a column of the table goes before an alias of the same name.
    """
    import narwhals as nw

    columns = frame.collect_schema().names()
    replaced: dict[str, str] = {}
    for number, (column, query) in enumerate(zip(params.derivations, params.queries(), strict=True)):
        name = f"{_NEW}_{number}" if column in columns else column
        frame = context.query(frame, query).rename({_NEW: name})
        if column in columns:
            replaced[column] = name
    added = [column for column in params.derivations if column not in columns]
    return frame.select(*(nw.col(replaced.get(column, column)).alias(column) for column in [*columns, *added]))


@transform("cast_columns", CastColumnsParams)
def cast_columns(frame: Frame, params: CastColumnsParams, context: TransformContext) -> Frame:
    """
    Change the type of columns; their place stays. A value that cannot be converted fails the node.

    Shape: (rows, columns) → (rows, columns).

    Example: `casts: {age: int, price: "DECIMAL(10, 2)"}`.

    Raises:
        SchemaMismatchError: If a column is missing.
    """
    import narwhals as nw

    columns = need_columns(frame, params.casts, who="cast_columns")
    cast = {column: f"{_NEW}_{number}" for number, column in enumerate(params.casts)}
    return context.query(frame, params.queries()[0]).select(*(nw.col(cast.get(column, column)).alias(column) for column in columns))


@transform("fill_nulls", FillNullsParams)
def fill_nulls(frame: Frame, params: FillNullsParams, _: TransformContext) -> Frame:
    """
    Put a value where a column is NULL. The value must be of the column's type: text for text, a number for a number.

    Shape: (rows, columns) → (rows, columns).

    Example: `values: {amount: 0, note: "n/a"}`.

    Raises:
        SchemaMismatchError: If a column is missing or the value does not fit its type.
    """
    import narwhals as nw

    need_columns(frame, params.values, who="fill_nulls")
    schema = frame.collect_schema()
    for column, value in params.values.items():
        if not fits(value, schema[column]):
            raise SchemaMismatchError(
                f"'fill_nulls' has {type(value).__name__} for column '{column}' of type {schema[column]}",
                hint="Write a value of the column's type, or cast the column before.",
            )
    return frame.with_columns(*(nw.col(column).fill_null(value) for column, value in params.values.items()))


def renamed(frame: Frame, mapping: dict[str, str], *, who: str) -> Frame:
    """
    The frame with new names.

    Raises:
        SchemaMismatchError: If a column is missing, or two columns would have the same name.
    """
    columns = need_columns(frame, mapping, who=who)
    names = [mapping.get(column, column) for column in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SchemaMismatchError(f"'{who}' gives several columns the name: {', '.join(twice)}", hint="Drop or rename the other one.")
    return frame.rename(mapping)


def fits(value: object, dtype: object) -> bool:
    """Whether a literal can stand in a column of this type."""
    import narwhals as nw
    from narwhals.dtypes import DType

    if not isinstance(dtype, DType):
        return False
    match value:
        case bool():
            return dtype == nw.Boolean
        case int():
            return dtype.is_numeric()
        case float():
            return dtype.is_numeric() and not dtype.is_integer()
        case _:
            return dtype in (nw.String, nw.Categorical, nw.Enum)
