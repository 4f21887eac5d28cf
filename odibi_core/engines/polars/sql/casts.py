"""CAST with Spark's meaning. What cannot be cast fails; with TRY_CAST it is NULL."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import polars as pl

from odibi_core.engines.polars.sql.typed import BOOLEAN, DATE, TEXT, TIMESTAMP, Typed, type_name, typed
from odibi_core.errors import ConfigError, SchemaMismatchError

if TYPE_CHECKING:
    from collections.abc import Sequence

# One unit in the last place of a double: a value whose decimal form ends in 5 but is stored just below (1.005) gets over the edge, as in
# Spark, which rounds the decimal form. Only where so small a step cannot matter otherwise.
_ULP = 1.0000000000000002
_EXACT = float(2**40)
_TRUE, _FALSE = ["t", "true", "y", "yes", "1"], ["f", "false", "n", "no", "0"]
_DAY = r"^\s*([+-]?\d{4,7}-\d{1,2}-\d{1,2})(?:[T ].*)?\s*$"
_ZONE = r"(Z|[+-]\d{2}:?\d{2}|UTC)\s*$"
_GUARD = 10  # digits beyond the scale, to round half up


def rounded(expr: pl.Expr, digits: int) -> pl.Expr:
    """A double rounded half away from zero by its decimal form."""
    factor = 10.0**digits
    if digits < 0:
        return (expr / 10.0**-digits).round(0, mode="half_away_from_zero") * 10.0**-digits
    return (
        pl.when((expr * factor).abs() < _EXACT)
        .then((expr * _ULP).round(digits, mode="half_away_from_zero"))
        .otherwise(expr.round(digits, mode="half_away_from_zero"))
    )


def cast(value: Typed, target: pl.DataType, *, safe: bool = False, rounding: bool = False) -> Typed:
    """
    A value as another type.

    Raises:
        SchemaMismatchError: If there is no such cast.
    """
    if value.dtype == target:
        return Typed(expr=value.expr, dtype=target, literal=value.literal)
    if value.is_null:
        return typed(pl.lit(None, dtype=target), target)
    if target == TEXT:
        return _to_text(value)
    if target == BOOLEAN:
        return _to_boolean(value, safe=safe)
    if target == DATE:
        return _to_date(value, safe=safe)
    if isinstance(target, pl.Datetime):
        return _to_timestamp(value, target, safe=safe)
    if target.is_numeric():
        return _to_number(value, target, safe=safe, rounding=rounding)
    return typed(value.expr.cast(target, strict=not safe), target)


def to_common(values: Sequence[Typed], target: Typed) -> list[pl.Expr]:
    """The values as one type."""
    return [cast(value, target.dtype).expr for value in values]


def text(value: Typed) -> pl.Expr:
    """A value as text."""
    return cast(value, TEXT).expr


def double(value: Typed) -> pl.Expr:
    """A value as a double."""
    return cast(value, pl.Float64()).expr


def whole(value: Typed) -> pl.Expr:
    """A value as a whole number."""
    return cast(value, pl.Int64()).expr


def day(value: Typed) -> pl.Expr:
    """A value as a date."""
    return cast(value, DATE).expr


def moment(value: Typed) -> pl.Expr:
    """A value as a timestamp."""
    return cast(value, TIMESTAMP).expr


def flag(value: Typed) -> pl.Expr:
    """A value as true, false or NULL."""
    return cast(value, BOOLEAN).expr


def _no_cast(value: Typed, target: pl.DataType) -> SchemaMismatchError:
    return SchemaMismatchError(f"SQL cannot cast {type_name(value.dtype)} to {type_name(target)}")


def _to_text(value: Typed) -> Typed:
    expr, dtype = value.expr, value.dtype
    if dtype.is_float():
        return typed(expr.map_batches(_java_numbers, return_dtype=pl.String, is_elementwise=True), TEXT)
    if isinstance(dtype, pl.Datetime):
        naive = _naive(expr, dtype)
        return typed(naive.dt.strftime("%Y-%m-%d %H:%M:%S%.6f").str.strip_chars_end("0").str.strip_chars_end("."), TEXT)
    if isinstance(dtype, pl.List | pl.Struct | pl.Array):
        raise _no_cast(value, TEXT)
    if value.soft:
        return typed(expr.cast(pl.String), TEXT)
    return typed(expr.cast(pl.String), TEXT)


def _java_numbers(series: pl.Series) -> pl.Series:
    """Doubles as Java writes them: 1.0E10, 1.0E-5, Infinity."""
    written = series.cast(pl.String)
    size = series.abs()
    odd = ((size >= 1e7) | (size < 1e-3) & (size > 0) | series.is_nan()).fill_null(value=False)
    if not odd.any():
        return written
    places = odd.arg_true()
    return written.scatter(places, [_java_number(number) for number in series.gather(places).to_list()])


def _java_number(number: float) -> str:
    if number != number:  # noqa: PLR0124  NaN is the one number that differs from itself
        return "NaN"
    if number in (float("inf"), float("-inf")):
        return "Infinity" if number > 0 else "-Infinity"
    digits, exponent = _significant(number)
    sign = "-" if number < 0 else ""
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def _significant(number: float) -> tuple[str, int]:
    mantissa, _, exponent = f"{abs(number):.17e}".partition("e")
    shortest = repr(abs(number))
    digits = shortest.partition("e")[0].replace(".", "").strip("0") or mantissa[0]
    return digits, int(exponent)


def _to_boolean(value: Typed, *, safe: bool) -> Typed:
    if value.dtype.is_numeric():
        return typed(value.expr != 0, BOOLEAN)
    if value.is_text:
        word = value.expr.str.strip_chars().str.to_lowercase()
        known = pl.when(word.is_in(_TRUE)).then(statement=True).when(word.is_in(_FALSE)).then(statement=False)
        if safe:
            return typed(known.otherwise(None), BOOLEAN)
        wrong = pl.when(~word.is_in([*_TRUE, *_FALSE])).then(value.expr)  # only these are cast, and fail
        return typed(known.otherwise(wrong.cast(pl.Int8, strict=True).cast(pl.Boolean)), BOOLEAN)
    raise _no_cast(value, BOOLEAN)


def _to_date(value: Typed, *, safe: bool) -> Typed:
    if isinstance(value.dtype, pl.Datetime):
        return typed(_naive(value.expr, value.dtype).cast(pl.Date), DATE)
    if not value.is_text:
        raise _no_cast(value, DATE)
    if value.literal is not None:
        return typed(pl.lit(_constant(value.literal, DATE, safe=safe), dtype=pl.Date), DATE)
    found = value.expr.str.extract(_DAY, 1)
    if safe:
        return typed(found.str.to_date("%Y-%m-%d", strict=False), DATE)
    return typed(pl.coalesce(found, value.expr).str.to_date("%Y-%m-%d", strict=True), DATE)


def _to_timestamp(value: Typed, target: pl.Datetime, *, safe: bool) -> Typed:
    if isinstance(value.dtype, pl.Datetime):
        naive = _naive(value.expr, value.dtype)
    elif value.dtype == DATE:
        naive = value.expr.cast(pl.Datetime("us"))
    elif value.is_whole:
        naive = pl.from_epoch(value.expr.cast(pl.Int64), time_unit="s").cast(pl.Datetime("us"))
    elif value.dtype.is_float():
        naive = (value.expr * 1_000_000).round(0).cast(pl.Int64).cast(pl.Datetime("us"))
    elif value.is_text and value.literal is not None:
        naive = pl.lit(_constant(value.literal, TIMESTAMP, safe=safe), dtype=pl.Datetime("us"))
    elif value.is_text:
        naive = _read_timestamp(value.expr, safe=safe)
    else:
        raise _no_cast(value, target)
    return typed(naive.dt.replace_time_zone(target.time_zone) if target.time_zone else naive, target)


def _read_timestamp(expr: pl.Expr, *, safe: bool) -> pl.Expr:
    # Nearly all times are written like this: only the rest is looked at closely, which takes ten times as long.
    plain = expr.str.replace("T", " ", literal=True).str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")
    return pl.coalesce(plain, _read_any_timestamp(pl.when(plain.is_null()).then(expr), safe=safe))


def _read_any_timestamp(expr: pl.Expr, *, safe: bool) -> pl.Expr:
    stripped = expr.str.strip_chars().str.replace("T", " ", literal=True)
    bare = stripped.str.replace(r"\s*" + _ZONE, "")
    zoned = stripped.str.replace(r"\s*(?:Z|UTC)$", "+00:00").str.to_datetime("%Y-%m-%d %H:%M:%S%.f%#z", strict=False, time_unit="us")
    parsed = pl.coalesce(
        pl.when(stripped.str.contains(_ZONE)).then(zoned.dt.convert_time_zone("UTC").dt.replace_time_zone(None)),
        pl.when(~stripped.str.contains(_ZONE) | bare.is_null()).then(
            pl.coalesce(
                bare.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us"),
                bare.str.to_datetime("%Y-%m-%d %H:%M", strict=False, time_unit="us"),
                bare.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")),
            )
        ),
    )
    if safe:
        return parsed
    wrong = pl.when(parsed.is_null()).then(expr).str.to_datetime("%Y-%m-%d %H:%M:%S", strict=True, time_unit="us")
    return parsed.fill_null(wrong)


def _constant(text: str, target: pl.DataType, *, safe: bool) -> date | datetime | None:
    """A literal date or timestamp, read once."""
    as_text = pl.Series([text.strip()])
    frame = as_text.to_frame("text")
    reader = typed(pl.col("text"), TEXT)
    made = cast(reader, target, safe=True).expr
    found: date | datetime | None = frame.select(made).item()
    if found is None and not safe:
        raise ConfigError(f"a text in SQL is not a {type_name(target)}", hint="Write it as '2024-01-31' or '2024-01-31 13:05:00'.")
    return found


def _to_number(value: Typed, target: pl.DataType, *, safe: bool, rounding: bool) -> Typed:
    expr, dtype = value.expr, value.dtype
    if dtype == DATE or isinstance(dtype, pl.List | pl.Struct):
        raise _no_cast(value, target)
    if isinstance(dtype, pl.Datetime):
        expr = _naive(expr, dtype).dt.epoch("us") / 1_000_000
        expr = expr.floor() if target.is_integer() else expr
        return typed(expr.cast(target, strict=not safe), target)
    if value.is_text:
        expr = expr.str.strip_chars()
    if isinstance(target, pl.Decimal):
        return typed(_to_decimal(expr, value, target, safe=safe), target)
    if target.is_integer() and (dtype.is_float() or value.is_decimal):
        if rounding:
            expr = expr.round(0, mode="half_away_from_zero" if value.is_decimal else "half_to_even")
        elif value.is_decimal:
            expr = expr.cast(pl.Decimal(38, _scale(dtype)))
            expr = pl.when(expr < 0).then(expr.ceil()).otherwise(expr.floor())
    return typed(expr.cast(target, strict=not safe), target)


def _scale(dtype: pl.DataType) -> int:
    return dtype.scale if isinstance(dtype, pl.Decimal) else 0


def _to_decimal(expr: pl.Expr, value: Typed, target: pl.Decimal, *, safe: bool) -> pl.Expr:
    if value.dtype.is_float():
        expr = rounded(expr, target.scale)
    elif value.is_text:
        wide = pl.Decimal(38, min(target.scale + _GUARD, 38))
        expr = expr.cast(wide, strict=not safe).round(target.scale, mode="half_away_from_zero")
    elif _scale(value.dtype) > target.scale:
        expr = expr.cast(pl.Decimal(38, _scale(value.dtype))).round(target.scale, mode="half_away_from_zero")
    elif value.dtype == BOOLEAN:
        expr = expr.cast(pl.Int8)
    return expr.cast(target, strict=not safe)


def _naive(expr: pl.Expr, dtype: pl.Datetime) -> pl.Expr:
    """A timestamp in UTC without its zone, in microseconds."""
    if dtype.time_zone:
        expr = expr.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return expr if dtype.time_unit == "us" else expr.cast(pl.Datetime("us"))
