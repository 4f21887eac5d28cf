"""Lists and structs: rows and columns for what is inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from odibi_core.errors import SchemaMismatchError
from odibi_core.outline import Around, Outline
from odibi_core.ports import Frame, RowEffect
from odibi_core.transforms.contract import ColumnName, Params, TransformContext, need_columns, transform

if TYPE_CHECKING:
    import narwhals as nw


class ExplodeListColumnParams(Params):
    """The list, and whether a row with an empty list or NULL stays, with NULL for the element."""

    column: ColumnName
    outer: bool = False

    def row_effect(self) -> RowEffect:
        return "changed"

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, [self.column], at="column")
        return given


class UnpackStructParams(Params):
    """The struct."""

    column: ColumnName

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, [self.column], at="column")
        return given.opened()


class FlattenStructParams(Params):
    """The struct, what its columns are called, how deep it is opened, and whether it goes."""

    column: ColumnName
    prefix: str | None = None  # None: the column's name and the separator
    depth: int = Field(default=1, ge=1)
    separator: str = "_"
    drop_source: bool = True

    def outline(self, given: Outline, around: Around) -> Outline:
        around.need(given, [self.column], at="column")
        return (given.without([self.column]) if self.drop_source else given).opened()


@transform("explode_list_column", ExplodeListColumnParams)
def explode_list_column(frame: Frame, params: ExplodeListColumnParams, _: TransformContext) -> Frame:
    """
    Make a row of each element of a list; the other columns are repeated.

    A row whose list is empty or NULL goes, with `outer` it stays with NULL. An element that is NULL is an element.

    Shape: (rows, columns) → (elements, columns).

    Example: `column: items` gives a row for each item of an order.

    Raises:
        SchemaMismatchError: If the column is missing or no list.
    """
    import narwhals as nw

    need_columns(frame, [params.column], who="explode_list_column")
    dtype, column = frame.collect_schema()[params.column], nw.col(params.column)
    if isinstance(dtype, nw.Array):
        frame = frame.with_columns(column.cast(nw.List(dtype.inner)))
    elif dtype != nw.List:
        raise SchemaMismatchError(
            f"'explode_list_column' needs a list: '{params.column}' is {dtype}", hint="Make a list of JSON text with 'parse_json' before."
        )
    filled = column.list.len() > 0
    if params.outer:
        return frame.with_columns(nw.when(filled).then(column)).explode(params.column)
    return frame.filter(filled).explode(params.column)


@transform("unpack_struct", UnpackStructParams)
def unpack_struct(frame: Frame, params: UnpackStructParams, _: TransformContext) -> Frame:
    """
    Add a column for each field of a struct; the struct stays. A NULL struct has NULL fields.

    Shape: (rows, columns) → (rows, columns and fields).

    Example: `column: address` adds `street` and `city`.

    Raises:
        SchemaMismatchError: If the column is missing or no struct, or a field is called like a column.
    """
    return with_fields(frame, params.column, prefix="", depth=1, separator="_", who="unpack_struct")


@transform("flatten_struct", FlattenStructParams)
def flatten_struct(frame: Frame, params: FlattenStructParams, _: TransformContext) -> Frame:
    """
    Put columns for the fields of a struct, down to a depth, at the end, and take the struct away.

    A field is called `{prefix}{field}`, one inside it `{prefix}{field}{separator}{inner}`. What lies deeper than `depth` stays a struct.

    Shape: (rows, columns) → (rows, columns without the struct, and fields).

    Example: `column: address, depth: 2` gives `address_city_name`.

    Raises:
        SchemaMismatchError: If the column is missing or no struct, or a field is called like a column.
    """
    prefix = f"{params.column}{params.separator}" if params.prefix is None else params.prefix
    return with_fields(
        frame,
        params.column,
        prefix=prefix,
        depth=params.depth,
        separator=params.separator,
        who="flatten_struct",
        drop=params.drop_source,
    )


def with_fields(frame: Frame, column: str, *, prefix: str, depth: int, separator: str, who: str, drop: bool = False) -> Frame:
    """
    The frame with the fields of a struct as columns behind the others.

    Raises:
        SchemaMismatchError: If the column is missing or no struct, or a field is called like a column.
    """
    import narwhals as nw

    columns, dtype = need_columns(frame, [column], who=who), frame.collect_schema()[column]
    if not isinstance(dtype, nw.Struct):
        raise SchemaMismatchError(f"'{who}' needs a struct: '{column}' is {dtype}", hint="Make one of JSON text with 'parse_json' before.")
    fields = fields_of(nw.col(column), dtype, prefix=prefix, depth=depth, separator=separator)
    kept = [name for name in columns if name != column or not drop]
    doubled = [name for name in fields if name in kept]
    if doubled:
        raise SchemaMismatchError(
            f"'{who}' gives several columns the name: {', '.join(doubled)}",
            hint="Use 'flatten_struct' with a 'prefix', or rename a column.",
        )
    return frame.select(*kept, *(field.alias(name) for name, field in fields.items()))


def fields_of(struct: nw.Expr, dtype: nw.Struct, *, prefix: str = "", depth: int | None = None, separator: str) -> dict[str, nw.Expr]:
    """The fields of a struct by their names, those inside of it down to a depth, or all of them."""
    import narwhals as nw

    found: dict[str, nw.Expr] = {}
    for field in dtype.fields:
        inside, name, inner = struct.struct.field(field.name), f"{prefix}{field.name}", field.dtype
        if isinstance(inner, nw.Struct) and (depth is None or depth > 1):
            deeper = None if depth is None else depth - 1
            found |= fields_of(inside, inner, prefix=f"{name}{separator}", depth=deeper, separator=separator)
        else:
            found[name] = inside
    return found
