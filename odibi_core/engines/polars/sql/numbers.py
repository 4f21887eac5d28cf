"""Functions of numbers, and of nulls and conditions."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from odibi_core.engines.polars.sql.casts import cast, double, flag, to_common, whole
from odibi_core.engines.polars.sql.library import FUNCTIONS, Arguments, Builder, function, literal, simple
from odibi_core.engines.polars.sql.operators import (
    among,
    arithmetic,
    comparison,
    constant,
    logic,
    round_number,
)
from odibi_core.engines.polars.sql.typed import BIGINT, BOOLEAN, DOUBLE, Typed, common, decimal, precision_scale, typed


def _arithmetic(name: str, *, safe: bool = False) -> Builder:
    return lambda args: arithmetic(name, args[0], args[1], safe=safe)


def _comparison(name: str) -> Builder:
    return lambda args: comparison(name, args[0], args[1])


for _name in ("divide", "mod", "div"):
    FUNCTIONS[_name] = _arithmetic(_name)
for _name in ("add", "subtract", "multiply", "divide"):
    FUNCTIONS[f"try_{_name}"] = _arithmetic(_name, safe=True)
for _name in ("eq", "ne", "gt", "ge", "lt", "le", "equal_null"):
    FUNCTIONS[_name] = _comparison(_name)

function("and")(lambda args: logic("and", *args))
function("or")(lambda args: logic("or", *args))
function("positive")(lambda args: args[0])
function("not")(lambda args: typed(~flag(args[0]), BOOLEAN))
function("isnull")(lambda args: typed(args[0].expr.is_null(), BOOLEAN))
function("isnotnull")(lambda args: typed(args[0].expr.is_not_null(), BOOLEAN))
function("is_true")(lambda args: typed(flag(args[0]).fill_null(value=False), BOOLEAN))
function("is_false")(lambda args: typed((~flag(args[0])).fill_null(value=False), BOOLEAN))
function("in")(lambda args: among(args[0], list(args[1:])))
function("between")(
    lambda args: logic("and", comparison("ge", args[0], args[1]), comparison("le", args[0], args[2])),
)

for _name in ("exp", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "degrees", "radians", "cbrt", "expm1"):
    _build = {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}.get(_name, _name)
    if _name != "expm1":
        simple(_name, DOUBLE, double, lambda value, method=_build: getattr(value, method)())
simple("expm1", DOUBLE, double, lambda value: value.exp() - 1)
simple("sqrt", DOUBLE, double, lambda value: value.sqrt())
simple("atan2", DOUBLE, double, pl.arctan2)
simple("hypot", DOUBLE, double, lambda a, b: (a * a + b * b).sqrt())
simple("pow", DOUBLE, double, lambda base, exponent: base.pow(exponent))
simple("rint", DOUBLE, double, lambda value: value.round(0, mode="half_to_even"))
simple("isnan", BOOLEAN, double, lambda value: value.is_nan().fill_null(value=False))
simple("ln", DOUBLE, double, lambda value: pl.when(value > 0).then(value.log()))
simple("log10", DOUBLE, double, lambda value: pl.when(value > 0).then(value.log10()))
simple("log2", DOUBLE, double, lambda value: pl.when(value > 0).then(value.log(2)))
simple("log1p", DOUBLE, double, lambda value: pl.when(value > -1).then(value.log1p()))
function("pi")(lambda _: constant(math.pi))
function("e")(lambda _: constant(math.e))


@function("log")
def _log(args: Arguments) -> Typed:
    value = double(args[-1])
    natural = pl.when(value > 0).then(value.log())
    if len(args) == 1:
        return typed(natural, DOUBLE)
    if args[0].literal in ("2", "10"):
        return typed(pl.when(value > 0).then(value.log(2) if args[0].literal == "2" else value.log10()), DOUBLE)
    base = double(args[0])
    return typed(natural / pl.when(base > 0).then(base.log()), DOUBLE)


@function("abs")
def _abs(args: Arguments) -> Typed:
    value = cast(args[0], DOUBLE) if args[0].is_text else args[0]
    return value.but(value.expr.abs())


@function("sign")
def _sign(args: Arguments) -> Typed:
    return typed(double(args[0]).sign(), DOUBLE)


def _edge(args: Arguments, *, up: bool) -> Typed:
    value = cast(args[0], DOUBLE) if args[0].is_text else args[0]
    digits = int(literal(args, 2, "0"))
    if digits:
        scaled = arithmetic("multiply", value, constant(float(10**digits)))
        edge = double(scaled).ceil() if up else double(scaled).floor()
        return typed(edge / 10.0**digits, DOUBLE)
    if value.is_whole:
        return cast(value, BIGINT)
    expr = value.expr.ceil() if up else value.expr.floor()
    if value.is_decimal:
        precision, scale = precision_scale(value)
        target = decimal(precision - scale + 1, 0)
        return Typed(expr=expr.cast(pl.Decimal(38, scale)).cast(target), dtype=target, soft=value.soft)
    return typed(expr.cast(pl.Int64), BIGINT)


function("ceil")(lambda args: _edge(args, up=True))
function("floor")(lambda args: _edge(args, up=False))
function("round")(lambda args: round_number(args[0], int(literal(args, 2, "0"))))
function("bround")(lambda args: round_number(args[0], int(literal(args, 2, "0")), to_even=True))


@function("cut")
def _cut(args: Arguments) -> Typed:
    """Towards zero: DuckDB's TRUNC of a number."""
    value = double(args[0])
    return typed(pl.when(value < 0).then(value.ceil()).otherwise(value.floor()), DOUBLE)


@function("pmod")
def _pmod(args: Arguments) -> Typed:
    rest = arithmetic("mod", *args)
    again = arithmetic("mod", arithmetic("add", rest, args[1]), args[1])
    return Typed(expr=pl.when(rest.expr < 0).then(again.expr).otherwise(rest.expr), dtype=rest.dtype, soft=rest.soft)


def _extreme(args: Arguments, *, largest: bool) -> Typed:
    """NULLs are skipped; NaN is the largest number."""
    shared = common(args)
    values = to_common(args, shared)
    if shared.dtype.is_float() and largest:
        numbers = pl.max_horizontal(values)
        has_nan = pl.any_horizontal([value.is_nan().fill_null(value=False) for value in values])
        return typed(pl.when(has_nan).then(float("nan")).otherwise(numbers), shared.dtype)
    return Typed(expr=pl.max_horizontal(values) if largest else pl.min_horizontal(values), dtype=shared.dtype, soft=shared.soft)


function("greatest")(lambda args: _extreme(args, largest=True))
function("least")(lambda args: _extreme(args, largest=False))


@function("coalesce", "nvl")
def _coalesce(args: Arguments) -> Typed:
    shared = common(args)
    return Typed(expr=pl.coalesce(to_common(args, shared)), dtype=shared.dtype, soft=shared.soft)


@function("nullif")
def _nullif(args: Arguments) -> Typed:
    equal = comparison("eq", args[0], args[1]).expr.fill_null(value=False)
    return args[0].but(pl.when(~equal).then(args[0].expr))


@function("nvl2")
def _nvl2(args: Arguments) -> Typed:
    return choice([(typed(args[0].expr.is_not_null(), BOOLEAN), args[1])], args[2])


@function("if")
def _if(args: Arguments) -> Typed:
    return choice([(args[0], args[1])], args[2])


@function("nanvl")
def _nanvl(args: Arguments) -> Typed:
    value = double(args[0])
    return typed(pl.when(value.is_nan()).then(double(args[1])).otherwise(value), DOUBLE)


@function("zeroifnull")
def _zeroifnull(args: Arguments) -> Typed:
    return _coalesce([args[0], constant(0)])


@function("nullifzero")
def _nullifzero(args: Arguments) -> Typed:
    return _nullif([args[0], constant(0)])


@function("decode")
def _decode(args: Arguments) -> Typed:
    value, rest = args[0], list(args[1:])
    default = rest.pop() if len(rest) % 2 else constant(None)
    return choice([(comparison("equal_null", value, sought), found) for sought, found in zip(rest[::2], rest[1::2], strict=True)], default)


def choice(branches: list[tuple[Typed, Typed]], otherwise: Typed) -> Typed:
    """CASE: the first branch whose condition is true."""
    shared = common([*(value for _, value in branches), otherwise])
    values = to_common([value for _, value in branches], shared)
    made: Any = pl.when(flag(branches[0][0])).then(values[0])  # polars names the chain by its length
    for (condition, _), value in zip(branches[1:], values[1:], strict=True):
        made = made.when(flag(condition)).then(value)
    return Typed(expr=made.otherwise(cast(otherwise, shared.dtype).expr), dtype=shared.dtype, soft=shared.soft)


simple("shiftleft", BIGINT, whole, lambda value, by: value * pl.lit(2, dtype=pl.Int64).pow(by))
simple("shiftright", BIGINT, whole, lambda value, by: value // pl.lit(2, dtype=pl.Int64).pow(by))
simple("bit_and_of", BIGINT, whole, lambda a, b: a & b)
simple("bit_or_of", BIGINT, whole, lambda a, b: a | b)
simple("bit_xor_of", BIGINT, whole, lambda a, b: a ^ b)
simple("bit_not", BIGINT, whole, lambda value: -value - 1)


@function("format_number")
def _format_number(args: Arguments) -> Typed:
    digits = int(literal(args, 2))
    return typed(
        round_number(typed(double(args[0]), DOUBLE), digits, to_even=True).expr.map_elements(
            lambda number: f"{number:,.{digits}f}", return_dtype=pl.String
        ),
        pl.String(),
    )


@function("hex")
def _hex(args: Arguments) -> Typed:
    if args[0].is_text:
        return typed(args[0].expr.cast(pl.Binary).bin.encode("hex").str.to_uppercase(), pl.String())
    return typed(whole(args[0]).map_elements(lambda number: f"{number & (1 << 64) - 1:X}", return_dtype=pl.String), pl.String())
