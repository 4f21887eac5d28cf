"""The rows of one incremental load, as a filter that is pushed down into the scan, and the largest value to load up to."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import polars as pl

from odibi_core.engines.polars.errors import some_names
from odibi_core.errors import SchemaMismatchError
from odibi_core.ports import Scalar, Window


def within_window(frame: pl.LazyFrame, window: Window) -> pl.LazyFrame:
    """
    The rows with after < column <= until; where the column is null, the fallback column decides. A row with neither is left out.

    Raises:
        SchemaMismatchError: If a column is missing, or is of a type that the bounds cannot be compared with.
    """
    if window.after is None and window.until is None:
        return frame
    value, dtype = _mark(frame, window.column, window.fallback_column)
    if isinstance(dtype, pl.String) and isinstance(window.until if window.after is None else window.after, datetime):
        dtype = pl.Datetime("us", "UTC")
        value = value.str.to_datetime(time_unit="us", time_zone="UTC")  # strict: a text that is no time fails, it is not left out
    conditions = []
    if window.after is not None:
        conditions.append(value > _bound(window.after, dtype, window.column))
    if window.until is not None:
        conditions.append(value <= _bound(window.until, dtype, window.column))
    return frame.filter(*conditions)


def largest(frame: pl.LazyFrame, column: str, fallback: str | None) -> pl.LazyFrame:
    """One cell: the largest non-null value of the column, or of the fallback where it is null."""
    value, _ = _mark(frame, column, fallback)
    return frame.select(value.max().alias("largest"))


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


def _mark(frame: pl.LazyFrame, column: str, fallback: str | None) -> tuple[pl.Expr, pl.DataType]:
    schema = frame.collect_schema()
    names = [column] if fallback is None else [column, fallback]
    missing = [name for name in names if name not in schema]
    if missing:
        raise SchemaMismatchError(f"incremental column {some_names(missing)} is missing", hint=f"There is: {some_names(schema.names())}.")
    dtype = schema[column]
    if not (dtype.is_numeric() or dtype.is_temporal() or dtype == pl.String()) or isinstance(dtype, pl.Duration | pl.Time):
        raise _unordered(column, str(dtype))
    if fallback is not None and schema[fallback] != dtype:
        raise SchemaMismatchError(
            f"incremental column '{column}' is {dtype} and its fallback '{fallback}' is {schema[fallback]}", hint="Cast one of them."
        )
    value = pl.col(column) if fallback is None else pl.coalesce(pl.col(column), pl.col(fallback))
    if isinstance(dtype, pl.Datetime) and dtype.time_unit == "ns":
        # Marks have microseconds: compared in nanoseconds, the newest row would lie behind its own mark.
        value, dtype = value.dt.cast_time_unit("us"), pl.Datetime("us", dtype.time_zone)
    return value, dtype


def _unordered(column: str, dtype: str) -> SchemaMismatchError:
    return SchemaMismatchError(
        f"incremental column '{column}' is {dtype}, which cannot be a mark", hint="Use a number, a date, a time or a text."
    )


def _bound(bound: int | float | str | datetime, dtype: pl.DataType, column: str) -> pl.Expr:
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
