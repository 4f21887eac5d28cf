"""Arithmetic and comparison: Spark's types, NULL for a division by zero, and an error where a whole number does not fit."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from odibi_core.engines.polars.sql.casts import cast, double, flag, rounded, to_common, whole
from odibi_core.engines.polars.sql.typed import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    INT,
    NULL,
    Typed,
    common,
    decimal,
    precision_scale,
    typed,
    whole_type,
)
from odibi_core.errors import SchemaMismatchError

_ADDITIVE = ("add", "subtract")


def constant(value: int | float | str | bool | None) -> Typed:
    """A constant that the product itself needs."""
    if isinstance(value, bool):
        return typed(pl.lit(value), BOOLEAN)
    if isinstance(value, int):
        return Typed(expr=pl.lit(value, dtype=pl.Int32), dtype=INT, literal=str(value))
    if isinstance(value, float):
        return typed(pl.lit(value), DOUBLE)
    if value is None:
        return typed(pl.lit(None), NULL)
    return Typed(expr=pl.lit(value), dtype=pl.String(), literal=value)


def arithmetic(name: str, left: Typed, right: Typed, *, safe: bool = False) -> Typed:
    """
    `+ - * / %` and DIV of numbers; text is read as a number.

    Raises:
        SchemaMismatchError: If one side is no number.
    """
    left, right = (cast(side, DOUBLE, safe=safe) if side.is_text else side for side in (left, right))
    for side in (left, right):
        if not (side.dtype.is_numeric() or side.is_null):
            raise SchemaMismatchError(f"SQL cannot compute with {side.dtype}", hint="CAST it to a number.")
    if left.is_null and right.is_null:
        return typed(pl.lit(None, dtype=pl.Float64), DOUBLE)
    if left.is_null:
        left = typed(pl.lit(None, dtype=right.dtype), right.dtype)
    if right.is_null:
        right = typed(pl.lit(None, dtype=left.dtype), left.dtype)
    if name == "div":
        return typed(_truncated(left, right).cast(pl.Int64), BIGINT)
    if left.dtype.is_float() or right.dtype.is_float():
        single = name != "divide" and common([left, right]).dtype == pl.Float32()
        return _of_doubles(name, left, right, pl.Float32() if single else DOUBLE)
    if left.is_decimal or right.is_decimal:
        return _of_decimals(name, left, right)
    if name == "divide":
        return _of_doubles(name, left, right, DOUBLE)
    return _of_whole(name, left, right, safe=safe)


def _of_doubles(name: str, left: Typed, right: Typed, target: pl.DataType) -> Typed:
    a, b = cast(left, target).expr, cast(right, target).expr
    match name:
        case "add":
            return typed(a + b, target)
        case "subtract":
            return typed(a - b, target)
        case "multiply":
            return typed(a * b, target)
        case "divide":
            return typed(a / _divisor(b, right), target)
        case _:
            return typed(_remainder(a, _divisor(b, right)), target)


def _divisor(expr: pl.Expr, value: Typed) -> pl.Expr:
    """NULL where it is zero."""
    if value.literal is not None and float(value.literal) != 0:
        return expr
    return pl.when(expr != 0).then(expr)


def _remainder(a: pl.Expr, b: pl.Expr) -> pl.Expr:
    """With the sign of the dividend, where Polars gives that of the divisor."""
    rest = a % b
    return pl.when((rest != 0) & ((a < 0) != (b < 0))).then(rest - b).otherwise(rest)


def _truncated(left: Typed, right: Typed) -> pl.Expr:
    """Division towards zero."""
    if left.is_whole and right.is_whole:
        a, b = whole(left), _divisor(whole(right), right)
        quotient = a // b
        return pl.when((a % b != 0) & ((a < 0) != (b < 0))).then(quotient + 1).otherwise(quotient)
    ratio = double(left) / _divisor(double(right), right)
    return pl.when(ratio < 0).then(ratio.ceil()).otherwise(ratio.floor())


def _of_whole(name: str, left: Typed, right: Typed, *, safe: bool) -> Typed:
    """In the next wider type, and back: a number that does not fit is an error and never a wrong one."""
    target = whole_type([left, right])
    wide = pl.Int128() if target == BIGINT else BIGINT
    a, b = left.expr.cast(wide), right.expr.cast(wide)
    if name == "mod":
        a, b = left.expr.cast(target), right.expr.cast(target)
        return typed(_remainder(a, _divisor(b, right)), target)
    made = a + b if name == "add" else a - b if name == "subtract" else a * b
    return typed(made.cast(target, strict=not safe), target)


def _of_decimals(name: str, left: Typed, right: Typed) -> Typed:
    """
    Exact, with Spark's digits.

    Source: Spark's `DecimalPrecision`.
    """
    (p1, s1), (p2, s2) = precision_scale(left), precision_scale(right)
    soft = all(side.soft or not side.is_decimal for side in (left, right))
    if name in _ADDITIVE:
        scale = max(s1, s2)
        target = decimal(max(p1 - s1, p2 - s2) + scale + 1, scale)
    elif name == "multiply":
        target = decimal(p1 + p2 + 1, s1 + s2)
    elif name == "divide":
        scale = max(6, s1 + p2 + 1)
        target = decimal(p1 - s1 + s2 + scale, scale)
    else:
        scale = max(s1, s2)
        target = decimal(min(p1 - s1, p2 - s2) + scale, scale)
    working = pl.Decimal(38, max(target.scale, s1, s2))
    a, b = cast(left, working).expr, cast(right, working).expr
    if name == "add":
        made = a + b
    elif name == "subtract":
        made = a - b
    elif name == "multiply":
        exact = pl.Decimal(38, min(38, s1 + s2))
        made = cast(left, exact).expr * cast(right, exact).expr
        made = made.round(target.scale, mode="half_away_from_zero") if exact.scale > target.scale else made
    elif name == "divide":
        made = a / _divisor(b, right)
    else:
        made = _remainder(a, _divisor(b, right))
    return Typed(expr=made.cast(target), dtype=target, soft=soft)


_COMPARE: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "equal_null": lambda a, b: a.eq_missing(b),
}


def comparison(name: str, left: Typed, right: Typed) -> Typed:
    """= <> < > and <=>, of values with a common type."""
    if left.is_null and right.is_null:
        return constant(value=True) if name == "equal_null" else typed(pl.lit(None, dtype=pl.Boolean), BOOLEAN)
    a, b = to_common([left, right], common([left, right], comparing=True))
    return typed(_COMPARE[name](a, b), BOOLEAN)


def among(value: Typed, listed: list[Typed]) -> Typed:
    """IN a list: NULL if nothing matches and something is NULL."""
    present = [item for item in listed if not item.is_null]
    has_null = len(present) < len(listed)
    target = common([value, *present], comparing=True)
    mine = cast(value, target.dtype).expr
    if all(item.literal is not None for item in present) and present and not target.is_decimal:
        constants = pl.select([cast(item, target.dtype).expr.alias(str(place)) for place, item in enumerate(present)]).row(0)
        found = mine.is_in(pl.Series(list(constants), dtype=target.dtype).implode())
    else:
        found = pl.lit(value=False)
        for item in present:
            found = found | (mine == cast(item, target.dtype).expr)
    if has_null:
        found = pl.when(found).then(statement=True)
    return typed(found, BOOLEAN)


def negative(value: Typed) -> Typed:
    """-x."""
    if value.is_decimal or value.dtype.is_float():
        return value.but(-value.expr)
    return arithmetic("subtract", constant(0), value)


def logic(name: str, left: Typed, right: Typed) -> Typed:
    """AND and OR of three values."""
    a, b = flag(left), flag(right)
    return typed(a & b if name == "and" else a | b, BOOLEAN)


def round_number(value: Typed, digits: int, *, to_even: bool = False) -> Typed:
    """ROUND and BROUND. Whole numbers stay whole, decimals stay exact."""
    if value.is_text:
        value = cast(value, DOUBLE)
    if value.is_null:
        return typed(pl.lit(None, dtype=pl.Float64), DOUBLE)
    if value.is_whole:
        if digits >= 0:
            return value
        step = 10**-digits
        half = (whole(value).abs() + step // 2) // step * step
        return typed((half * value.expr.sign().cast(pl.Int64)).cast(value.dtype), value.dtype)
    mode = "half_to_even" if to_even else "half_away_from_zero"
    if value.is_decimal:
        precision, scale = precision_scale(value)
        kept = max(0, min(digits, scale))
        target = decimal(max(1, precision - scale + kept + 1), kept)
        if digits < 0:
            step = 10**-digits
            expr = (value.expr.cast(pl.Decimal(38, scale)) / pl.lit(step).cast(pl.Decimal(38, scale))).round(0, mode=mode)  # type: ignore[arg-type]  # one of the two modes
            expr = expr.cast(pl.Int64) * step
        else:
            expr = value.expr.cast(pl.Decimal(38, scale)).round(kept, mode=mode)  # type: ignore[arg-type]  # one of the two modes
        return Typed(expr=expr.cast(target), dtype=target, soft=value.soft)
    expr = double(value)
    return typed(expr.round(max(digits, 0), mode="half_to_even") if to_even else rounded(expr, digits), DOUBLE)
