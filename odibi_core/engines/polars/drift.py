"""Columns that are of another type than the target's: refused, taken over into a wider type, or rescued value by value."""

from __future__ import annotations

import polars as pl

from odibi_core.engines.polars.delta_types import fits_by_value, stored, stored_expression, widens
from odibi_core.engines.polars.text_times import time_of_text
from odibi_core.errors import SchemaMismatchError
from odibi_core.events import Column
from odibi_core.ports import Target

_TEXTS = frozenset({"csv"})  # formats in which every plain value is a text


def conformed(rows: pl.DataFrame, present: pl.LazyFrame, target: Target) -> tuple[pl.DataFrame, int]:
    """
    Values that are not of the present rows' types, treated as the target's `on_changed` says, and how many rows were rescued.

    What is taken over into a wider type has that type afterwards: the target must get it, too.

    Raises:
        SchemaMismatchError: Names the columns, if it says `fail`, or if no type holds the values of both.
    """
    there = present.collect_schema()
    empty = {name: want for name, want in there.items() if name in rows.columns and isinstance(rows.schema[name], pl.Null)}
    rows = rows.with_columns(pl.col(name).cast(want) for name, want in empty.items()) if empty else rows
    wrong = {name: want for name, want in there.items() if name in rows.columns and not fits(rows[name], want, target)}
    match target.on_changed:
        case None:
            return rows, 0
        case "rescue":
            column = target.rescue_column
            return _rescued(rows, {name: want for name, want in wrong.items() if name != column}, column, keep=column in there)
        case "evolve":
            wider = {name: _wider(rows[name], want, present, target) for name, want in wrong.items()}
            stuck = {name: wrong[name] for name, dtype in wider.items() if dtype is None}
            _refuse(rows, stuck, "no type holds the values of both", "Cast the columns in the node, or set 'on_changed_columns: rescue'.")
            return rows.with_columns(pl.col(name).cast(dtype) for name, dtype in wider.items() if dtype is not None), 0
        case "fail":
            _refuse(rows, wrong, "", "Cast the columns in the node, or set 'schema_policy.on_changed_columns' to 'evolve' or 'rescue'.")
            return rows, 0


def _wider(series: pl.Series, want: pl.DataType, present: pl.LazyFrame, target: Target) -> pl.DataType | None:
    have = stored(series.dtype, series.name) if target.format == "delta" else series.dtype
    both = common_type(have, want)
    if both is None and have.is_float() and want == pl.Int64():
        there = present.select(series.name).collect().to_series()
        return pl.Float64() if fits_by_value(there, pl.Float64(), want) else None
    return both


def fits(series: pl.Series, want: pl.DataType, target: Target) -> bool:
    """Whether values can go under a type as they are."""
    if series.dtype == want or isinstance(series.dtype, pl.Null):
        return True
    if target.format in _TEXTS and want == pl.String():
        return not series.dtype.is_nested()
    if target.format != "delta":
        return widens(series.dtype, want) or fits_by_value(series, want, series.dtype)
    have = stored(series.dtype, series.name)
    if have == want or widens(have, want):
        return True
    return fits_by_value(series if have == series.dtype else _as_stored(series), want, series.dtype)


def _as_stored(series: pl.Series) -> pl.Series:
    """The values as a Delta table holds them."""
    cast = stored_expression(series.name, series.dtype)
    return series if cast is None else series.to_frame().select(cast).to_series()


def common_type(have: pl.DataType, want: pl.DataType) -> pl.DataType | None:
    """The narrowest type that holds every value of two exactly; None if there is none. A struct has the fields of both."""
    if widens(have, want):
        return want
    if widens(want, have):
        return have
    if isinstance(have, pl.List) and isinstance(want, pl.List):
        inner = common_type(_plain(have.inner), _plain(want.inner))
        return None if inner is None else pl.List(inner)
    if isinstance(have, pl.Decimal) and isinstance(want, pl.Decimal):
        scale = max(have.scale, want.scale)
        precision = max(have.precision - have.scale, want.precision - want.scale) + scale
        return pl.Decimal(precision, scale) if precision <= _MAX_DIGITS else None
    if isinstance(have, pl.Decimal) != isinstance(want, pl.Decimal):
        number, whole = (have, want) if isinstance(have, pl.Decimal) else (want, have)
        digits = _DIGITS.get(type(whole))
        return common_type(number, pl.Decimal(digits, 0)) if digits is not None else None
    if {type(have), type(want)} <= {*_SMALL, pl.Float32, pl.Float64}:
        return pl.Float64()
    if isinstance(have, pl.Struct) and isinstance(want, pl.Struct):
        return _both(have, want)
    return None


def wider_types(rows: pl.DataFrame, table: pl.Schema) -> dict[str, pl.DataType]:
    """Columns that have a wider type in the rows than in their table, and a value that says so."""
    wider = {name: rows.schema[name] for name, dtype in table.items() if name in rows.columns and _is_wider(rows.schema[name], dtype)}
    return {name: dtype for name, dtype in wider.items() if rows[name].null_count() < rows.height}


def _is_wider(dtype: pl.DataType, than: pl.DataType) -> bool:
    return dtype != than and (common_type(dtype, than) == dtype or (dtype == pl.Float64() and than == pl.Int64()))


def columns_before(present: pl.Schema, after: pl.Schema, target: Target) -> tuple[Column, ...]:
    """The columns that a file had. Those of a text have no type of their own: only their names are compared."""
    typed = target.format == "parquet"
    return tuple(Column(name=name, type=str(dtype if typed else after.get(name, dtype))) for name, dtype in present.items())


_MAX_DIGITS = 38  # of a decimal, in Delta and Spark
_DIGITS: dict[type[pl.DataType], int] = {pl.Int8: 3, pl.Int16: 5, pl.Int32: 10, pl.Int64: 19}
_SMALL = (pl.Int8, pl.Int16, pl.Int32)  # exact in a Float64


def _both(have: pl.Struct, want: pl.Struct) -> pl.DataType | None:
    """The fields of the target in its order, then the new ones."""
    new = {field.name: _plain(field.dtype) for field in have.fields}
    there = {field.name: _plain(field.dtype) for field in want.fields}
    types = {name: common_type(new.get(name, dtype), dtype) for name, dtype in there.items()}
    types |= {name: dtype for name, dtype in new.items() if name not in there}
    return None if None in types.values() else pl.Struct([pl.Field(name, dtype) for name, dtype in types.items() if dtype is not None])


def _plain(dtype: object) -> pl.DataType:
    return dtype() if isinstance(dtype, type) else dtype  # type: ignore[return-value]  # polars types both alike


def _refuse(rows: pl.DataFrame, wrong: dict[str, pl.DataType], why: str, hint: str) -> None:
    if wrong:
        told = "; ".join(f"'{name}' is {rows.schema[name]} and was {want}" for name, want in list(wrong.items())[:10])
        raise SchemaMismatchError(f"columns changed their type: {told}{f', and {why}' if why else ''}", hint=hint, columns=tuple(wrong))


def _rescued(rows: pl.DataFrame, wrong: dict[str, pl.DataType], column: str, *, keep: bool) -> tuple[pl.DataFrame, int]:
    """What is exactly a value of the target's type becomes one; the others are in one JSON object per row."""
    casts = {name: _exact(rows[name], want) for name, want in wrong.items()}
    lost = {name: rows[name].is_not_null() & cast.is_null() for name, cast in casts.items()}
    fitting = rows.with_columns(cast.alias(name) for name, cast in casts.items())
    if not keep and column not in rows.columns and not any(mask.any() for mask in lost.values()):
        return fitting, 0
    inside = [pl.col(column).str.slice(1).str.head(-1)] if column in rows.columns else []
    inside += [pl.when(mask).then(pl.struct(pl.col(name)).struct.json_encode().str.slice(1).str.head(-1)) for name, mask in lost.items()]
    joined = pl.concat_str(inside or [pl.lit(None, dtype=pl.String)], separator=",", ignore_nulls=True)
    whole = rows.select(pl.when(joined != "").then(pl.concat_str(pl.lit("{"), joined, pl.lit("}"))).alias(column)).to_series()
    whole = whole if len(whole) == rows.height else pl.Series(column, [None] * rows.height, dtype=pl.String)
    count = int(pl.select(pl.any_horizontal(*lost.values()).sum()).item()) if lost else 0
    return fitting.with_columns(whole), count


def _exact(series: pl.Series, want: pl.DataType) -> pl.Series:
    """The values as another type; null where that would be another value."""
    if series.dtype == pl.String() and (want.is_temporal() or want == pl.Boolean()):
        return _of_text(series, want)
    nothing = pl.Series(series.name, [None] * len(series), dtype=want)
    try:
        cast = series.cast(want, strict=False)
        back = cast.cast(series.dtype, strict=False)
    except pl.exceptions.PolarsError:
        return nothing
    if cast.dtype != want:  # a struct under a plain type stays one, with other fields
        return nothing
    if series.dtype == pl.String() and want.is_float():
        return cast
    if series.dtype == pl.String() and isinstance(want, pl.Decimal):
        same = cast.cast(pl.Float64) == series.cast(pl.Float64, strict=False)
        return pl.select(pl.when(same).then(cast)).to_series()
    return pl.select(pl.when(back.eq_missing(series)).then(cast)).to_series()


def _of_text(series: pl.Series, want: pl.DataType) -> pl.Series:
    text = pl.col(series.name)
    if want == pl.Boolean():
        value = text.str.to_lowercase().replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean())
    elif isinstance(want, pl.Date):
        value = text.str.to_date("%Y-%m-%d", strict=False)
    elif isinstance(want, pl.Datetime):
        value = time_of_text(text, None, strict=False)
        value = (value if want.time_zone is not None else value.dt.replace_time_zone(None)).cast(want)
    else:
        value = pl.lit(None, dtype=want)
    return series.to_frame().select(value.alias(series.name)).to_series()
