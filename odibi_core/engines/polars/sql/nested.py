"""Functions of lists and structs."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from odibi_core.engines.polars.sql.casts import cast, text, to_common, whole
from odibi_core.engines.polars.sql.library import Arguments, function, literal
from odibi_core.engines.polars.sql.typed import BIGINT, BOOLEAN, INT, TEXT, Typed, common, inner_type, type_name, typed
from odibi_core.errors import SchemaMismatchError


@function("array")
def _array(args: Arguments) -> Typed:
    shared = common(args)
    if not args:
        return typed(pl.lit([], dtype=pl.List(pl.String)), pl.List(pl.String()))
    hard = Typed(expr=shared.expr, dtype=shared.dtype, soft=shared.soft).hard().dtype
    return typed(pl.concat_list([cast(Typed(expr=arg.expr, dtype=arg.dtype), hard).expr for arg in args]), pl.List(hard))


def _list(value: Typed) -> pl.Expr:
    inner_type(value.dtype)
    return value.expr


@function("size")
def _size(args: Arguments) -> Typed:
    return typed(_list(args[0]).list.len().cast(pl.Int32), INT)


@function("array_contains")
def _contains(args: Arguments) -> Typed:
    item = cast(args[1], inner_type(args[0].dtype)).expr
    found = _list(args[0]).list.contains(item, nulls_equal=False)
    has_null = _list(args[0]).list.eval(pl.element().is_null()).list.any()
    return typed(pl.when(found).then(statement=True).when(item.is_null() | has_null).then(None).otherwise(found), BOOLEAN)


def _at(value: Typed, index: pl.Expr) -> Typed:
    return typed(_list(value).list.get(index, null_on_oob=True), inner_type(value.dtype))


@function("item")
def _item(args: Arguments) -> Typed:
    """From 0."""
    return _at(args[0], whole(args[1]))


@function("element_at")
def _element_at(args: Arguments) -> Typed:
    """From 1, or backwards from -1."""
    place = whole(args[1])
    return _at(args[0], pl.when(place > 0).then(place - 1).otherwise(place))


@function("field")
def _field(args: Arguments) -> Typed:
    name = literal(args, 2)
    if not isinstance(args[0].dtype, pl.Struct):
        raise SchemaMismatchError(f"SQL reads the field '{name}' of {type_name(args[0].dtype)}, which is no struct")
    for field in args[0].dtype.fields:
        if field.name.lower() == name.lower():
            dtype = field.dtype if isinstance(field.dtype, pl.DataType) else field.dtype()
            return typed(args[0].expr.struct.field(field.name), dtype)
    known = ", ".join(field.name for field in args[0].dtype.fields)
    raise SchemaMismatchError(f"SQL reads the unknown field '{name}'", hint=f"Known: {known}.")


@function("named_struct")
def _named_struct(args: Arguments) -> Typed:
    names = [literal(args, place + 1) for place in range(0, len(args), 2)]
    values = [value.hard() for value in args[1::2]]
    dtype = pl.Struct({name: value.dtype for name, value in zip(names, values, strict=True)})
    return typed(pl.struct([value.expr.alias(name) for name, value in zip(names, values, strict=True)]), dtype)


@function("sort_array")
def _sort_array(args: Arguments) -> Typed:
    ascending = literal(args, 2, "true") == "true"
    return args[0].but(_list(args[0]).list.sort(descending=not ascending, nulls_last=not ascending))


def _same(name: str, change: Callable[[pl.Expr], pl.Expr]) -> None:
    function(name)(lambda args: args[0].but(change(_list(args[0]))))


_same("array_sort", lambda value: value.list.sort(nulls_last=True))
_same("array_distinct", lambda value: value.list.unique(maintain_order=True))
_same("array_compact", lambda value: value.list.drop_nulls())
function("array_max")(lambda args: typed(_list(args[0]).list.max(), inner_type(args[0].dtype)))
function("array_min")(lambda args: typed(_list(args[0]).list.min(), inner_type(args[0].dtype)))


@function("array_join")
def _array_join(args: Arguments) -> Typed:
    inner = typed(pl.element(), inner_type(args[0].dtype))
    texts = _list(args[0]).list.eval(text(inner))
    if len(args) > 2:
        texts = texts.list.eval(pl.element().fill_null(literal(args, 3)))
    return typed(texts.list.join(literal(args, 2), ignore_nulls=True), TEXT)


@function("array_position")
def _array_position(args: Arguments) -> Typed:
    item = cast(args[1], inner_type(args[0].dtype)).expr
    pair = pl.struct(_list(args[0]).alias("l"), item.alias("i"))
    return typed(
        pair.map_elements(
            lambda row: None if row["l"] is None or row["i"] is None else list(row["l"]).index(row["i"]) + 1 if row["i"] in row["l"] else 0,
            return_dtype=pl.Int64,
        ),
        BIGINT,
    )


@function("array_remove")
def _array_remove(args: Arguments) -> Typed:
    item = cast(args[1], inner_type(args[0].dtype)).expr
    if args[1].literal is None:
        raise SchemaMismatchError("ARRAY_REMOVE needs a literal to remove in SQL", hint="Use FILTER(x, y -> y <> …).")
    return args[0].but(_list(args[0]).list.eval(pl.element().filter(pl.element().ne_missing(item))))


@function("slice")
def _slice(args: Arguments) -> Typed:
    start = whole(args[1])
    return args[0].but(_list(args[0]).list.slice(pl.when(start > 0).then(start - 1).otherwise(start), whole(args[2])))


@function("flatten")
def _flatten(args: Arguments) -> Typed:
    inner = inner_type(args[0].dtype)
    return typed(_list(args[0]).list.eval(pl.element().explode()), inner)


@function("array_append")
def _append(args: Arguments) -> Typed:
    item = cast(args[1], inner_type(args[0].dtype)).expr
    return args[0].but(pl.concat_list([_list(args[0]), item]))


@function("array_prepend")
def _prepend(args: Arguments) -> Typed:
    item = cast(args[1], inner_type(args[0].dtype)).expr
    return args[0].but(pl.concat_list([item, _list(args[0])]))


def _sets(name: str, combine: Callable[[pl.Expr, pl.Expr], pl.Expr]) -> None:
    def build(args: Arguments) -> Typed:
        shared = common(args)
        return typed(combine(*to_common(args, shared)), shared.dtype)

    function(name)(build)


_sets("array_union", lambda a, b: a.list.set_union(b))
_sets("array_intersect", lambda a, b: a.list.set_intersection(b))
_sets("array_except", lambda a, b: a.list.set_difference(b))


@function("arrays_overlap")
def _overlap(args: Arguments) -> Typed:
    a, b = to_common(args, common(args))
    return typed(a.list.drop_nulls().list.set_intersection(b.list.drop_nulls()).list.len() > 0, BOOLEAN)


@function("sequence")
def _sequence(args: Arguments) -> Typed:
    if not all(arg.is_whole for arg in args):
        raise SchemaMismatchError("SEQUENCE takes whole numbers on Polars", hint="Use the pattern 'date_dimension' for dates.")
    start, end = whole(args[0]), whole(args[1])
    step = int(literal(args, 3, "1"))
    last = end + 1 if step > 0 else end - 1
    return typed(pl.int_ranges(start, last, step, dtype=pl.Int64), pl.List(BIGINT))
