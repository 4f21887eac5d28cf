"""An expression with its type: Spark's rules need both."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from odibi_core.errors import ConfigError, SchemaMismatchError
from odibi_core.frozen import Frozen

INT, BIGINT, DOUBLE, TEXT, BOOLEAN, DATE, NULL = pl.Int32(), pl.Int64(), pl.Float64(), pl.String(), pl.Boolean(), pl.Date(), pl.Null()
TIMESTAMP = pl.Datetime("us")
MOST_DIGITS = 38
_DIGITS: dict[type[pl.DataType], int] = {
    pl.Int8: 3,
    pl.Int16: 5,
    pl.Int32: 10,
    pl.Int64: 20,
    pl.UInt8: 3,
    pl.UInt16: 5,
    pl.UInt32: 10,
    pl.UInt64: 20,
}
_WHOLE = (pl.Int8, pl.Int16, pl.Int32, pl.Int64)
_NAMED = {
    "tinyint": pl.Int8(),
    "byte": pl.Int8(),
    "smallint": pl.Int16(),
    "short": pl.Int16(),
    "int": INT,
    "integer": INT,
    "bigint": BIGINT,
    "long": BIGINT,
    "float": pl.Float32(),
    "real": pl.Float32(),
    "double": DOUBLE,
    "string": TEXT,
    "text": TEXT,
    "boolean": BOOLEAN,
    "date": DATE,
    "timestamp": TIMESTAMP,
    "timestamp_ntz": TIMESTAMP,
    "timestampntz": TIMESTAMP,
    "datetime": TIMESTAMP,
    "binary": pl.Binary(),
}


class Typed(Frozen):
    """A column expression and what it gives."""

    expr: pl.Expr
    dtype: pl.DataType
    soft: bool = False  # a decimal that comes from literals like 1.5 only: exact in arithmetic, DOUBLE in a result
    literal: str | None = None  # its text, if it is a constant

    @property
    def is_whole(self) -> bool:
        """Whether it is a whole number."""
        return self.dtype.is_integer()

    @property
    def is_decimal(self) -> bool:
        """Whether it is an exact number with a fraction."""
        return isinstance(self.dtype, pl.Decimal)

    @property
    def is_null(self) -> bool:
        """Whether it is NULL and nothing else."""
        return self.dtype == NULL

    @property
    def is_text(self) -> bool:
        """Whether it is text."""
        return self.dtype == TEXT

    @property
    def is_time(self) -> bool:
        """Whether it is a date or a timestamp."""
        return self.dtype == DATE or isinstance(self.dtype, pl.Datetime)

    def but(self, expr: pl.Expr) -> Typed:
        """Another expression of the same type."""
        return Typed(expr=expr, dtype=self.dtype, soft=self.soft)

    def hard(self) -> Typed:
        """As a result: a soft decimal becomes a double."""
        return Typed(expr=self.expr.cast(pl.Float64), dtype=DOUBLE) if self.soft and self.is_decimal else replace(self, soft=False)


def typed(expr: pl.Expr, dtype: pl.DataType) -> Typed:
    """An expression of a type."""
    return Typed(expr=expr, dtype=dtype)


def precision_scale(value: Typed) -> tuple[int, int]:
    """The digits of a number, as Spark counts them."""
    if isinstance(value.dtype, pl.Decimal):
        return value.dtype.precision, value.dtype.scale
    if value.literal is not None and value.is_whole:
        return len(value.literal.lstrip("-")), 0
    return _DIGITS.get(type(value.dtype), 20), 0


def decimal(precision: int, scale: int) -> pl.Decimal:
    """
    A decimal of at most 38 digits; what is too much is taken from the fraction, down to six digits.

    Source: Spark's `DecimalType.adjustPrecisionScale`.
    """
    if precision > MOST_DIGITS:
        whole = precision - scale
        scale = max(MOST_DIGITS - whole, min(scale, 6))
        precision = MOST_DIGITS
    return pl.Decimal(precision, scale)


def parsed_type(text: str) -> pl.DataType:
    """
    A type as Spark writes it.

    Raises:
        ConfigError: If it is none.
    """
    text = text.strip().lower()
    if text in _NAMED:
        return _NAMED[text]
    if found := re.fullmatch(r"(?:decimal|numeric|dec)(?:\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?", text):
        return pl.Decimal(int(found[1] or 10), int(found[2] or 0))
    if re.fullmatch(r"(?:varchar|char|string)\s*\(\s*\d+\s*\)", text):
        return TEXT
    if found := re.fullmatch(r"(?:array|list)\s*<(.*)>", text, re.DOTALL):
        return pl.List(parsed_type(found[1]))
    if found := re.fullmatch(r"struct\s*<(.*)>", text, re.DOTALL):
        fields = [part.strip().partition(":") if ":" in part else part.strip().partition(" ") for part in _split(found[1])]
        return pl.Struct({name.strip(" `"): parsed_type(kind) for name, _, kind in fields})
    raise ConfigError(
        f"type '{text}' does not exist on Polars", hint="Known: bigint, double, decimal(p, s), string, boolean, date, timestamp."
    )


def _split(text: str) -> list[str]:
    parts, depth = [""], 0
    for sign in text:
        depth += (sign in "<(") - (sign in ">)")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def type_name(dtype: pl.DataType) -> str:
    """A type as Spark calls it."""
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL({dtype.precision}, {dtype.scale})"
    if isinstance(dtype, pl.Datetime):
        return "TIMESTAMP"
    known = next((name for name, other in _NAMED.items() if other == dtype), None)
    return known.upper() if known else str(dtype)


def common(values: Sequence[Typed], *, comparing: bool = False) -> Typed:
    """
    The type that several values share, as a Typed without a meaning of its own.

    Text beside a number becomes text in a result, and the text becomes a number in a comparison.

    Raises:
        SchemaMismatchError: If they share none.
    """
    left = Typed(expr=pl.lit(None), dtype=NULL)
    for value in values:
        left = _shared(left, value, comparing=comparing)
    return left


def _shared(left: Typed, right: Typed, *, comparing: bool) -> Typed:
    a, b = left.dtype, right.dtype
    if a == b or right.is_null:
        return Typed(expr=left.expr, dtype=a, soft=left.soft and (right.soft or right.is_null))
    if left.is_null:
        return right
    if a.is_numeric() and b.is_numeric():
        return _numeric(left, right)
    if left.is_time and right.is_time:
        aware = next((dtype for dtype in (a, b) if isinstance(dtype, pl.Datetime) and dtype.time_zone), None)
        return typed(pl.lit(None), pl.Datetime("us", "UTC") if aware is not None else TIMESTAMP)
    for one, other in ((left, right), (right, left)):
        if one.is_text:
            if not comparing:
                return one
            return typed(pl.lit(None), DOUBLE) if other.dtype.is_numeric() else other
        if one.dtype == BOOLEAN and other.dtype.is_numeric():
            return other
    if isinstance(a, pl.List) and isinstance(b, pl.List):
        return typed(pl.lit(None), pl.List(common([typed(pl.lit(None), _of(a.inner)), typed(pl.lit(None), _of(b.inner))]).dtype))
    if isinstance(a, pl.Struct) and isinstance(b, pl.Struct) and len(a.fields) == len(b.fields):
        return left
    raise SchemaMismatchError(f"{type_name(a)} and {type_name(b)} have no common type in SQL", hint="CAST one of them.")


def _of(dtype: Any) -> pl.DataType:
    """An instance; polars takes and gives the class, too."""
    made: pl.DataType = dtype if isinstance(dtype, pl.DataType) else dtype()
    return made


def inner_type(dtype: pl.DataType) -> pl.DataType:
    """
    The type of a list's elements.

    Raises:
        SchemaMismatchError: If it is no list.
    """
    if isinstance(dtype, pl.List | pl.Array):
        return _of(dtype.inner)
    raise SchemaMismatchError(f"SQL needs a list here, found {type_name(dtype)}")


def _numeric(left: Typed, right: Typed) -> Typed:
    if left.dtype.is_float() or right.dtype.is_float():
        small = all(value.dtype == pl.Float32() or value.is_whole for value in (left, right))
        return typed(pl.lit(None), pl.Float32() if small else DOUBLE)
    if left.is_decimal or right.is_decimal:
        (p1, s1), (p2, s2) = precision_scale(left), precision_scale(right)
        scale = max(s1, s2)
        soft = all(value.soft or not value.is_decimal for value in (left, right))
        return Typed(expr=pl.lit(None), dtype=decimal(max(p1 - s1, p2 - s2) + scale, scale), soft=soft)
    return typed(pl.lit(None), whole_type([left, right]))


def whole_type(values: Sequence[Typed]) -> pl.DataType:
    """The wider of some whole numbers."""
    order = [kind for kind in _WHOLE if any(isinstance(value.dtype, kind) for value in values)]
    unsigned = any(isinstance(value.dtype, pl.UInt8 | pl.UInt16 | pl.UInt32 | pl.UInt64 | pl.Int128) for value in values)
    return BIGINT if unsigned or not order else order[-1]()
