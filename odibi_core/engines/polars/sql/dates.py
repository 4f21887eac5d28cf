"""Functions of dates and timestamps."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from odibi_core.engines.polars.sql.casts import cast, day, double, moment, text, whole
from odibi_core.engines.polars.sql.intervals import shifted
from odibi_core.engines.polars.sql.library import Arguments, function, literal, simple
from odibi_core.engines.polars.sql.typed import BIGINT, DATE, DOUBLE, INT, TEXT, TIMESTAMP, Typed, typed
from odibi_core.sql import date_patterns
from odibi_core.sql.date_patterns import TRUNC_UNITS

_DEFAULT = "yyyy-MM-dd HH:mm:ss"
_US = {"DAY": 86_400_000_000, "HOUR": 3_600_000_000, "MINUTE": 60_000_000, "SECOND": 1_000_000, "MILLISECOND": 1000, "MICROSECOND": 1,
       "WEEK": 7 * 86_400_000_000}  # fmt: skip
_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
_EVERY = {"year": "1y", "quarter": "1q", "month": "1mo", "week": "1w", "day": "1d", "hour": "1h", "minute": "1m", "second": "1s",
          "millisecond": "1ms", "microsecond": "1us"}  # fmt: skip
_WEEKDAYS = {name: number for number, names in enumerate(
    (("MO", "MON", "MONDAY"), ("TU", "TUE", "TUESDAY"), ("WE", "WED", "WEDNESDAY"), ("TH", "THU", "THURSDAY"), ("FR", "FRI", "FRIDAY"),
     ("SA", "SAT", "SATURDAY"), ("SU", "SUN", "SUNDAY")), 1) for name in names}  # fmt: skip


def _int(name: str, read: Callable[[Typed], pl.Expr], part: Callable[[pl.Expr], pl.Expr]) -> None:
    simple(name, INT, read, lambda value: part(value).cast(pl.Int32))


_int("year", day, lambda value: value.dt.year())
_int("quarter", day, lambda value: value.dt.quarter())
_int("month", day, lambda value: value.dt.month())
_int("day", day, lambda value: value.dt.day())
_int("dayofyear", day, lambda value: value.dt.ordinal_day())
_int("weekofyear", day, lambda value: value.dt.week())
_int("yearofweek", day, lambda value: value.dt.iso_year())
_int("dayofweek", day, lambda value: value.dt.weekday().cast(pl.Int32) % 7 + 1)
_int("dayofweek_iso", day, lambda value: value.dt.weekday())
_int("weekday", day, lambda value: value.dt.weekday().cast(pl.Int32) - 1)
_int("hour", moment, lambda value: value.dt.hour())
_int("minute", moment, lambda value: value.dt.minute())
_int("second", moment, lambda value: value.dt.second())
_int("unix_date", day, lambda value: value.cast(pl.Int32))
simple("millisecond", INT, moment, lambda value: value.dt.millisecond().cast(pl.Int32))
simple("microsecond", INT, moment, lambda value: value.dt.microsecond().cast(pl.Int32))
simple("date_from_unix_date", DATE, whole, lambda value: value.cast(pl.Int32).cast(pl.Date))
simple("timestamp_micros", TIMESTAMP, whole, lambda value: value.cast(pl.Datetime("us")))
simple("timestamp_millis", TIMESTAMP, whole, lambda value: (value * 1000).cast(pl.Datetime("us")))
simple("timestamp_seconds", TIMESTAMP, double, lambda value: (value * 1_000_000).round(0).cast(pl.Int64).cast(pl.Datetime("us")))
simple("unix_micros", BIGINT, moment, lambda value: value.cast(pl.Int64))
simple("unix_millis", BIGINT, moment, lambda value: value.cast(pl.Int64) // 1000)
simple("unix_seconds", BIGINT, moment, lambda value: value.cast(pl.Int64) // 1_000_000)
simple("monthname", TEXT, day, lambda value: value.dt.strftime("%b"))
simple("dayname", TEXT, day, lambda value: value.dt.strftime("%a"))
simple("monthname_long", TEXT, day, lambda value: value.dt.strftime("%B"))
simple("dayname_long", TEXT, day, lambda value: value.dt.strftime("%A"))
simple("last_day", DATE, day, lambda value: value.dt.month_end())


@function("second_fraction")
def _second_fraction(args: Arguments) -> Typed:
    within = (moment(args[0]).cast(pl.Int64) % 60_000_000).cast(pl.Decimal(38, 6))
    return typed((within / pl.lit(1_000_000).cast(pl.Decimal(38, 6))).cast(pl.Decimal(8, 6)), pl.Decimal(8, 6))


def _plus_days(args: Arguments, sign: int) -> Typed:
    days = whole(args[1]).cast(pl.Int32) * sign
    return typed((day(args[0]).cast(pl.Int32) + days).cast(pl.Date), DATE)


function("date_add")(lambda args: _plus_days(args, 1))
function("date_sub")(lambda args: _plus_days(args, -1))


@function("datediff")
def _datediff(args: Arguments) -> Typed:
    return typed(day(args[0]).cast(pl.Int32) - day(args[1]).cast(pl.Int32), INT)


@function("add_months")
def _add_months(args: Arguments) -> Typed:
    zero = pl.lit(0, dtype=pl.Int64)
    return shifted(typed(day(args[0]), DATE), whole(args[1]), zero, None)


@function("unit_add")
def _unit_add(args: Arguments) -> Typed:
    unit, amount, zero = literal(args, 1), whole(args[1]), pl.lit(0, dtype=pl.Int64)
    value = typed(moment(args[2]), TIMESTAMP)
    if unit in _MONTHS:
        return shifted(value, amount * _MONTHS[unit], zero, zero)
    return shifted(value, zero, zero, amount * _US[unit])


def _months(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """Whole months from one timestamp to another."""
    count = (end.dt.year() - start.dt.year()).cast(pl.Int64) * 12 + end.dt.month().cast(pl.Int64) - start.dt.month().cast(pl.Int64)
    within = [value.dt.day().cast(pl.Int64) * 86_400_000_000 + value.cast(pl.Int64) % 86_400_000_000 for value in (start, end)]
    missing = pl.when((count > 0) & (within[1] < within[0])).then(1).when((count < 0) & (within[1] > within[0])).then(-1)
    return count - missing.otherwise(0)


@function("unit_diff")
def _unit_diff(args: Arguments) -> Typed:
    """Whole units from the first to the second."""
    unit, start, end = literal(args, 1), moment(args[1]), moment(args[2])
    if unit in _MONTHS:
        months, size = _months(start, end), _MONTHS[unit]
    else:
        months, size = end.cast(pl.Int64) - start.cast(pl.Int64), _US[unit]
    count = months.abs() // size
    return typed(pl.when(months < 0).then(-count).otherwise(count).cast(pl.Int64), BIGINT)


@function("unit_boundaries")
def _unit_boundaries(args: Arguments) -> Typed:
    """How often a new unit begins between the two: DuckDB's date_diff."""
    unit = literal(args, 1).upper()
    start, end = moment(args[1]), moment(args[2])
    if unit in _MONTHS:
        size = _MONTHS[unit]
        counts = [(value.dt.year().cast(pl.Int64) * 12 + value.dt.month().cast(pl.Int64) - 1) // size for value in (start, end)]
    else:
        every = _EVERY[unit.lower()]
        counts = [value.dt.truncate(every).cast(pl.Int64) // _US[unit] for value in (start, end)]
    return typed(counts[1] - counts[0], BIGINT)


@function("months_between")
def _months_between(args: Arguments) -> Typed:
    """
    Months with a fraction of 31 days; whole if both are the same day of the month, or the last of it.

    Source: Spark's `DateTimeUtils.monthsBetween`.
    """
    end, start = moment(args[0]), moment(args[1])
    count = (end.dt.year() - start.dt.year()).cast(pl.Int64) * 12 + end.dt.month().cast(pl.Int64) - start.dt.month().cast(pl.Int64)
    day_end, day_start = end.dt.day().cast(pl.Int64), start.dt.day().cast(pl.Int64)
    last = (end.cast(pl.Date) == end.cast(pl.Date).dt.month_end()) & (start.cast(pl.Date) == start.cast(pl.Date).dt.month_end())
    seconds = [value.cast(pl.Int64) % 86_400_000_000 // 1_000_000 for value in (end, start)]
    fraction = ((day_end - day_start) * 86_400 + seconds[0] - seconds[1]) / (31 * 86_400)
    value = pl.when((day_end == day_start) | last).then(count.cast(pl.Float64)).otherwise(count + fraction)
    if literal(args, 3, "true") == "true":
        value = value.round(8, mode="half_away_from_zero")
    return typed(value, DOUBLE)


@function("trunc")
def _trunc(args: Arguments) -> Typed:
    unit = TRUNC_UNITS[literal(args, 2).upper()]
    return typed(day(args[0]).dt.truncate(_EVERY[unit]), DATE)


@function("date_trunc")
def _date_trunc(args: Arguments) -> Typed:
    unit = literal(args, 1).upper()
    every = _EVERY[TRUNC_UNITS[unit] if unit in TRUNC_UNITS else TRUNC_UNITS[unit.removesuffix("S")]]
    if isinstance(args[1].dtype, pl.Datetime):
        return args[1].but(args[1].expr.dt.truncate(every))
    return typed(moment(args[1]).dt.truncate(every), TIMESTAMP)


def _written(value: pl.Expr, pattern: str) -> pl.Expr:
    parts = [value.dt.strftime(part) if part else pl.lit("") for part in date_patterns.parts_of(date_patterns.for_writing(pattern))]
    if len(parts) == 1:
        return parts[0]
    quarter = value.dt.quarter().cast(pl.String)
    woven = [piece for part in parts for piece in (part, quarter)][:-1]
    return pl.concat_str(woven, ignore_nulls=False)


@function("date_format")
def _date_format(args: Arguments) -> Typed:
    value = day(args[0]) if args[0].dtype == DATE else moment(args[0])
    return typed(_written(moment(typed(value, DATE)) if args[0].dtype == DATE else value, literal(args, 2)), TEXT)


@function("strftime")
def _strftime(args: Arguments) -> Typed:
    return typed(moment(args[0]).dt.strftime(literal(args, 2)), TEXT)


@function("strptime")
def _strptime(args: Arguments) -> Typed:
    return typed(_parsed(text(args[0]), literal(args, 2), shape=None, safe=False), TIMESTAMP)


def _parsed(value: pl.Expr, pattern: str, *, shape: str | None, safe: bool) -> pl.Expr:
    """Text as a timestamp by a strftime pattern; parts that are missing are the first."""
    fitting = value if shape is None else pl.when(value.str.contains(shape)).then(value)
    read = pattern
    for part, first in (("%d", "01"), ("%m", "01")):
        if part not in read and "%j" not in read and not (part == "%m" and ("%b" in read or "%B" in read)):
            fitting, read = fitting + f" {first}", f"{read} {part}"
    if "%H" not in read and "%I" not in read:
        fitting, read = fitting + " 00:00:00", f"{read} %H:%M:%S"
    elif "%M" not in read:
        fitting, read = fitting + " 00", f"{read} %M"
    parsed = fitting.str.to_datetime(read, strict=False, time_unit="us")
    if "%z" in read or "%:z" in read or "%#z" in read:
        parsed = parsed.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if safe:
        return parsed
    wrong = pl.when(parsed.is_null()).then(pl.lit("?") + value).str.to_datetime("%Y-%m-%d %H:%M:%S", strict=True, time_unit="us")
    return parsed.fill_null(wrong)


def _read(args: Arguments, *, safe: bool) -> pl.Expr:
    """The first argument as a timestamp, by the pattern in the second if there is one."""
    if len(args) < 2 or not args[0].is_text:
        return cast(args[0], TIMESTAMP, safe=safe).expr
    pattern = literal(args, 2)
    return _parsed(text(args[0]), date_patterns.for_reading(pattern), shape=date_patterns.shape(pattern), safe=safe)


@function("to_date")
def _to_date(args: Arguments) -> Typed:
    if len(args) == 1 or not args[0].is_text:
        return cast(args[0], DATE)
    return typed(_read(args, safe=False).cast(pl.Date), DATE)


@function("try_to_date")
def _try_to_date(args: Arguments) -> Typed:
    if len(args) == 1 or not args[0].is_text:
        return cast(args[0], DATE, safe=True)
    return typed(_read(args, safe=True).cast(pl.Date), DATE)


function("to_timestamp")(lambda args: typed(_read(args, safe=False), TIMESTAMP))
function("try_to_timestamp")(lambda args: typed(_read(args, safe=True), TIMESTAMP))


@function("unix_timestamp")
def _unix_timestamp(args: Arguments) -> Typed:
    return typed(_read(args, safe=False).cast(pl.Int64) // 1_000_000, BIGINT)


@function("from_unixtime")
def _from_unixtime(args: Arguments) -> Typed:
    value = (whole(args[0]) * 1_000_000).cast(pl.Datetime("us"))
    return typed(_written(value, literal(args, 2, _DEFAULT)), TEXT)


@function("next_day")
def _next_day(args: Arguments) -> Typed:
    wanted = _WEEKDAYS.get(literal(args, 2).upper())
    if wanted is None:
        return typed(pl.lit(None, dtype=pl.Date), DATE)
    value = day(args[0])
    ahead = (wanted - value.dt.weekday().cast(pl.Int32) - 1) % 7 + 1
    return typed((value.cast(pl.Int32) + ahead).cast(pl.Date), DATE)


@function("make_date")
def _make_date(args: Arguments) -> Typed:
    return typed(pl.date(*(whole(arg) for arg in args)), DATE)


@function("make_timestamp")
def _make_timestamp(args: Arguments) -> Typed:
    year, month, days, hour, minute = (whole(arg) for arg in args[:5])
    start = pl.datetime(year, month, days, hour, minute)
    micros = (double(args[5]) * 1_000_000).round(0).cast(pl.Int64)
    return typed((start.cast(pl.Int64) + micros).cast(pl.Datetime("us")), TIMESTAMP)


def _zoned(value: pl.Expr, source: str, target: str) -> pl.Expr:
    moved = value.dt.replace_time_zone(source, ambiguous="earliest", non_existent="null").dt.convert_time_zone(target)
    return moved.dt.replace_time_zone(None)


@function("from_utc_timestamp")
def _from_utc(args: Arguments) -> Typed:
    return typed(_zoned(moment(args[0]), "UTC", literal(args, 2)), TIMESTAMP)


@function("to_utc_timestamp")
def _to_utc(args: Arguments) -> Typed:
    return typed(_zoned(moment(args[0]), literal(args, 2), "UTC"), TIMESTAMP)


@function("convert_timezone")
def _convert(args: Arguments) -> Typed:
    source, target = (literal(args, 1), literal(args, 2)) if len(args) == 3 else ("UTC", literal(args, 1))
    return typed(_zoned(moment(args[-1]), source, target), TIMESTAMP)
