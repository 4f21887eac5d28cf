"""The rows of one incremental load, as a filter that is pushed down into the scan, and the largest value to load up to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Literal

import polars as pl

from odibi_core.engines.polars.errors import some_names
from odibi_core.engines.polars.text_times import time_of_text
from odibi_core.errors import SchemaMismatchError
from odibi_core.ports import Scalar, Window

_INSTANT = pl.Datetime("us", "UTC")
_Family = Literal["number", "time", "text", "none"]


def within_window(frame: pl.LazyFrame, window: Window) -> pl.LazyFrame:
    """
    The rows with after < column <= until; where the column is null, the fallback column decides.

    A row with neither is taken by a window that has no lower bound, the first load, and by no other.

    Raises:
        SchemaMismatchError: If a column is missing, or is of a type that the bounds cannot be compared with.
    """
    if window.after is None and window.until is None:
        return frame
    value, dtype = _mark(frame, window)
    if isinstance(dtype, pl.Null):
        return frame if window.after is None else frame.filter(pl.lit(value=False))
    conditions = []
    if window.after is not None:
        after = _bound(window.after, dtype, window)
        conditions.append(value >= after if window.inclusive else value > after)
    if window.until is not None:
        inside = value <= _bound(window.until, dtype, window)
        conditions.append(inside if window.after is not None else inside | value.is_null() | _is_nan(value, dtype))
    return frame.filter(*conditions)


def largest(frame: pl.LazyFrame, window: Window) -> pl.LazyFrame:
    """One cell: the largest value of the window's column, or of the fallback where it is null. NaN is no value."""
    value, dtype = _mark(frame, window)
    return frame.select(value.filter(~_is_nan(value, dtype)).max().alias("largest"))


def as_scalar(found: object, column: str) -> Scalar:
    """A value in a form that can be stored and compared again: aware UTC times, decimals as text."""
    match found:
        case datetime():
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        case date():
            return datetime.combine(found, time(), UTC)
        case Decimal():
            return str(found)
        case None | int() | float() | str():
            return found
        case _:
            raise _unordered(column, type(found).__name__)


def _is_nan(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    return value.is_nan().fill_null(value=False) if dtype.is_float() else pl.lit(value=False)


def _mark(frame: pl.LazyFrame, window: Window) -> tuple[pl.Expr, pl.DataType]:
    schema = frame.collect_schema()
    names = [window.column] if window.fallback_column in (None, window.column) else [window.column, str(window.fallback_column)]
    missing = [name for name in names if name not in schema]
    if missing:
        raise SchemaMismatchError(f"incremental column {some_names(missing)} is missing", hint=f"There is: {some_names(schema.names())}.")
    families = {name: _family(name, schema[name]) for name in names}
    names = [name for name in names if families[name] != "none"]
    if not names:
        return pl.lit(None), pl.Null()
    kinds = {families[name] for name in names}
    if len(kinds) > 1 and kinds != {"time", "text"}:
        raise SchemaMismatchError(
            f"incremental column '{names[0]}' is {schema[names[0]]} and its fallback '{names[1]}' is {schema[names[1]]}",
            hint="Cast one of them.",
        )
    if "text" in kinds and (len(kinds) > 1 or _wants_times(window)):
        return pl.coalesce(*(_instant(name, schema[name], window) for name in names)), _INSTANT
    if window.as_time and kinds == {"number"}:
        raise SchemaMismatchError(
            f"incremental column '{names[0]}' is {schema[names[0]]}, and a span of time needs a date or a time",
            hint="Use 'mode: stateful' without 'watermark_lag', or name another column.",
        )
    if kinds == {"time"} and len({schema[name] for name in names}) > 1:
        return pl.coalesce(*(_instant(name, schema[name], window) for name in names)), _INSTANT
    value = pl.col(names[0]) if len(names) == 1 else pl.coalesce(*(pl.col(name) for name in names))
    return _in_microseconds(value, _common(frame, names, schema))


def _wants_times(window: Window) -> bool:
    return window.as_time or isinstance(window.until if window.after is None else window.after, datetime)


def _family(name: str, dtype: pl.DataType) -> _Family:
    if isinstance(dtype, pl.Null):
        return "none"
    if dtype.is_numeric():
        return "number"
    if isinstance(dtype, pl.Date | pl.Datetime):
        return "time"
    if isinstance(dtype, pl.String):
        return "text"
    raise _unordered(name, str(dtype))


def _common(frame: pl.LazyFrame, names: Sequence[str], schema: pl.Schema) -> pl.DataType:
    if len({schema[name] for name in names}) == 1:
        return schema[names[0]]
    return frame.select(pl.coalesce(*(pl.col(name) for name in names)).alias("value")).collect_schema()["value"]


def _instant(name: str, dtype: pl.DataType, window: Window) -> pl.Expr:
    """A column of dates, times or texts as instants; what has no zone is of UTC."""
    if isinstance(dtype, pl.String):
        return time_of_text(pl.col(name), window.date_format)
    value = pl.col(name).cast(pl.Datetime("us", dtype.time_zone if isinstance(dtype, pl.Datetime) else None))
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        return value.dt.convert_time_zone("UTC")
    return value.dt.replace_time_zone("UTC")


def _in_microseconds(value: pl.Expr, dtype: pl.DataType) -> tuple[pl.Expr, pl.DataType]:
    if isinstance(dtype, pl.Datetime) and dtype.time_unit == "ns":
        # Marks have microseconds: compared in nanoseconds, the newest row would lie behind its own mark.
        return value.dt.cast_time_unit("us"), pl.Datetime("us", dtype.time_zone)
    return value, dtype


def _unordered(column: str, dtype: str) -> SchemaMismatchError:
    return SchemaMismatchError(
        f"incremental column '{column}' is {dtype}, which cannot be a mark", hint="Use a number, a date, a time or a text."
    )


def _bound(bound: int | float | str | datetime, dtype: pl.DataType, window: Window) -> pl.Expr:
    column = window.column
    if isinstance(dtype, pl.Datetime | pl.Date):
        moment = _moment(bound)
        if moment is not None:
            naive = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
            if isinstance(dtype, pl.Date):
                return pl.lit(naive.date()) if naive.time() == time() else pl.lit(naive)
            literal = pl.lit(naive, dtype=pl.Datetime("us"))
            return literal.dt.replace_time_zone("UTC").dt.convert_time_zone(dtype.time_zone) if dtype.time_zone else literal
    elif isinstance(dtype, pl.String):
        if isinstance(bound, str):
            return pl.lit(bound)
    elif isinstance(bound, int | float):
        return pl.lit(bound)
    elif isinstance(bound, str):
        return _number(bound, dtype, column)
    raise SchemaMismatchError(
        f"incremental column '{column}' is {dtype} and its mark is a {type(bound).__name__}", hint="Reset the watermark."
    )


def _moment(bound: int | float | str | datetime) -> datetime | None:
    if isinstance(bound, datetime):
        return bound
    try:
        return datetime.fromisoformat(bound) if isinstance(bound, str) else None
    except ValueError:
        return None


def _number(bound: str, dtype: pl.DataType, column: str) -> pl.Expr:
    try:
        number = Decimal(bound)
    except ArithmeticError:
        raise SchemaMismatchError(f"incremental column '{column}' is {dtype} and its mark is a text", hint="Reset the watermark.") from None
    return pl.lit(number) if isinstance(dtype, pl.Decimal) else pl.lit(float(number))
