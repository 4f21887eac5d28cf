"""Spans of calendar and clock, and what they do to dates."""

from __future__ import annotations

import polars as pl

from odibi_core.engines.polars.sql.casts import moment, whole
from odibi_core.engines.polars.sql.library import Arguments, function, literal
from odibi_core.engines.polars.sql.operators import arithmetic
from odibi_core.engines.polars.sql.operators import negative as negative_number
from odibi_core.engines.polars.sql.typed import BIGINT, DATE, TIMESTAMP, Typed, typed
from odibi_core.errors import SchemaMismatchError

CALENDAR = pl.Struct({"months": pl.Int64, "days": pl.Int64})  # a date plus it is a date
CLOCK = pl.Struct({"months": pl.Int64, "days": pl.Int64, "us": pl.Int64})
_UNITS = {
    "YEAR": ("months", 12),
    "QUARTER": ("months", 3),
    "MONTH": ("months", 1),
    "WEEK": ("days", 7),
    "DAY": ("days", 1),
    "HOUR": ("us", 3_600_000_000),
    "MINUTE": ("us", 60_000_000),
    "SECOND": ("us", 1_000_000),
    "MILLISECOND": ("us", 1_000),
    "MICROSECOND": ("us", 1),
}


def is_interval(value: Typed) -> bool:
    """Whether it is a span."""
    return value.dtype in (CALENDAR, CLOCK)


@function("interval")
def interval(args: Arguments) -> Typed:
    """A number of units."""
    kind, factor = _UNITS[literal(args, 2).upper()]
    if kind == "us" and not args[0].is_whole:
        amount = (args[0].expr.cast(pl.Float64) * factor).round(0).cast(pl.Int64)
    else:
        amount = whole(args[0]) * factor
    parts = {name: amount if name == kind else pl.lit(0, dtype=pl.Int64) for name in ("months", "days", "us")}
    return _made(parts["months"], parts["days"], parts["us"] if kind == "us" else None)


def _made(months: pl.Expr, days: pl.Expr, us: pl.Expr | None) -> Typed:
    fields = [months.alias("months"), days.alias("days"), *([us.alias("us")] if us is not None else [])]
    return typed(pl.struct(fields), CALENDAR if us is None else CLOCK)


def _parts(value: Typed) -> tuple[pl.Expr, pl.Expr, pl.Expr | None]:
    field = value.expr.struct.field
    return field("months"), field("days"), field("us") if value.dtype == CLOCK else None


def shifted(value: Typed, months: pl.Expr, days: pl.Expr, us: pl.Expr | None) -> Typed:
    """A date or timestamp later by so much; the day of the month is cut to what the month has."""
    if value.dtype == DATE and us is None:
        moved = value.expr.dt.offset_by(months.cast(pl.String) + "mo")
        return typed((moved.cast(pl.Int32) + days.cast(pl.Int32)).cast(pl.Date), DATE)
    moved = moment(value).dt.offset_by(months.cast(pl.String) + "mo")
    micros = moved.cast(pl.Int64) + days * 86_400_000_000 + (us if us is not None else 0)
    made = micros.cast(pl.Datetime("us"))
    if isinstance(value.dtype, pl.Datetime) and value.dtype.time_zone:
        return typed(made.dt.replace_time_zone("UTC"), pl.Datetime("us", "UTC"))
    return typed(made, TIMESTAMP)


def _both(name: str, left: Typed, right: Typed) -> Typed:
    sign = 1 if name == "add" else -1
    (m1, d1, u1), (m2, d2, u2) = _parts(left), _parts(right)
    if u1 is None and u2 is None:
        return _made(m1 + m2 * sign, d1 + d2 * sign, None)
    zero = pl.lit(0, dtype=pl.Int64)
    return _made(m1 + m2 * sign, d1 + d2 * sign, (u1 if u1 is not None else zero) + (u2 if u2 is not None else zero) * sign)


def _moved(value: Typed, span: Typed, *, back: bool) -> Typed:
    if value.is_text:
        value = typed(moment(value), TIMESTAMP)
    sign = -1 if back else 1
    months, days, us = _parts(span)
    return shifted(value, months * sign, days * sign, us * sign if us is not None else None)


def _days(value: Typed, number: Typed, *, back: bool) -> Typed:
    days = whole(number) * (-1 if back else 1)
    return typed((value.expr.cast(pl.Int32) + days.cast(pl.Int32)).cast(pl.Date), DATE)


@function("add")
def add(args: Arguments) -> Typed:
    """Numbers, dates and spans."""
    left, right = args
    if is_interval(left) and is_interval(right):
        return _both("add", left, right)
    for one, other in ((left, right), (right, left)):
        if is_interval(other):
            return _moved(one, other, back=False)
        if one.dtype == DATE and other.is_whole:
            return _days(one, other, back=False)
    return arithmetic("add", left, right)


@function("subtract")
def subtract(args: Arguments) -> Typed:
    """Numbers, dates and spans."""
    left, right = args
    if is_interval(left) and is_interval(right):
        return _both("subtract", left, right)
    if is_interval(right):
        return _moved(left, right, back=True)
    if left.dtype == DATE and right.is_whole:
        return _days(left, right, back=True)
    if left.is_time and right.is_time:
        raise SchemaMismatchError(
            "SQL cannot give the difference of two dates as a column", hint="Write DATEDIFF(later, earlier), or TIMESTAMPDIFF(unit, …)."
        )
    return arithmetic("subtract", left, right)


@function("duckdb_subtract")
def duckdb_subtract(args: Arguments) -> Typed:
    """As `subtract`; two dates differ by days."""
    left, right = args
    if left.dtype == DATE and right.dtype == DATE:
        return typed((left.expr.cast(pl.Int32) - right.expr.cast(pl.Int32)).cast(pl.Int64), BIGINT)
    return subtract(args)


@function("multiply")
def multiply(args: Arguments) -> Typed:
    """Numbers, and a span by a number."""
    for one, other in ((args[0], args[1]), (args[1], args[0])):
        if is_interval(one):
            months, days, us = _parts(one)
            factor = whole(other)
            return _made(months * factor, days * factor, us * factor if us is not None else None)
    return arithmetic("multiply", *args)


@function("negative")
def negative(args: Arguments) -> Typed:
    """-x."""
    if is_interval(args[0]):
        months, days, us = _parts(args[0])
        return _made(-months, -days, -us if us is not None else None)
    return negative_number(args[0])
