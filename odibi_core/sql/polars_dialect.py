"""
Write a checked query as Polars SQL with Spark's meaning.

Polars runs nearly all of it with other defaults: https://docs.pola.rs/api/python/stable/reference/sql/ says what there is,
https://spark.apache.org/docs/latest/api/sql/ what it must mean. Only what `portable` accepts gets here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.generator import Generator

# One unit in the last place of a double. Polars rounds halves to even; a value moved by this much is no longer exactly half,
# and one whose decimal form ends in 5 but is stored just below (1.005) gets over the edge, as in Spark, which rounds the decimal form.
_ULP = "1.0000000000000002"
_DECIMAL_GUARD_DIGITS = 10
_TIMESTAMP = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}(\+00:00)?$"


def date_part(part: str) -> Callable[[PolarsGenerator, exp.Expr], str]:
    """A part of a date or timestamp, as INT: Polars' parts are INT8, which overflow in arithmetic."""
    return lambda self, node: f"CAST(EXTRACT({part} FROM {self.as_date(node.this)}) AS INT)"


def time_part(part: str) -> Callable[[PolarsGenerator, exp.Expr], str]:
    """A part of a timestamp, as INT."""
    return lambda self, node: f"CAST(EXTRACT({part} FROM {self.sql(node, 'this')}) AS INT)"


def call(name: str) -> Callable[[PolarsGenerator, exp.Expr], str]:
    """A function of two arguments under its Polars name."""
    return lambda self, node: self.func(name, node.this, node.args.get("expression"))


class PolarsGenerator(Generator):
    """Spark's meaning in Polars' words."""

    TYPE_MAPPING: ClassVar = {
        **Generator.TYPE_MAPPING,
        exp.DType.TEXT: "VARCHAR",
        exp.DType.TIMESTAMPTZ: "TIMESTAMP",
        exp.DType.TIMESTAMPNTZ: "TIMESTAMP",
        exp.DType.FLOAT: "REAL",
    }
    TRANSFORMS: ClassVar = {
        **Generator.TRANSFORMS,
        exp.Ceil: lambda self, node: f"CAST(CEIL({self.sql(node, 'this')}) AS BIGINT)",
        exp.Concat: lambda self, node: self.joined(node),
        exp.Contains: lambda self, node: self.found(node.this, node.expression, "> 0"),
        exp.CountIf: lambda self, node: f"COUNT(CASE WHEN {self.sql(node, 'this')} THEN 1 END)",
        exp.DateTrunc: lambda self, node: f"CAST(DATE_TRUNC('{node.text('unit').lower()}', {self.as_date(node.this)}) AS DATE)",
        exp.Day: date_part("DAY"),
        exp.DayOfMonth: date_part("DAY"),
        exp.DayOfWeek: lambda self, node: f"CAST(EXTRACT(ISODOW FROM {self.as_date(node.this)}) % 7 + 1 AS INT)",
        exp.DayOfYear: date_part("DOY"),
        exp.EndsWith: call("ENDS_WITH"),
        exp.Floor: lambda self, node: f"CAST(FLOOR({self.sql(node, 'this')}) AS BIGINT)",
        exp.Hour: time_part("HOUR"),
        exp.Length: lambda self, node: f"CAST(LENGTH({self.sql(node, 'this')}) AS INT)",
        exp.Ln: lambda self, node: self.logarithm(node.this, None),
        exp.Log: lambda self, node: self.logarithm(node.expression, node.this),
        exp.Minute: time_part("MINUTE"),
        exp.Month: date_part("MONTH"),
        exp.Pow: lambda self, node: f"POWER(CAST({self.sql(node, 'this')} AS DOUBLE), {self.sql(node, 'expression')})",
        exp.Quarter: date_part("QUARTER"),
        exp.RegexpLike: call("REGEXP_LIKE"),
        exp.Second: time_part("SECOND"),
        exp.StartsWith: call("STARTS_WITH"),
        exp.StrPosition: lambda self, node: self.found(node.this, node.args["substr"], ""),
        exp.TimestampTrunc: lambda self, node: f"DATE_TRUNC('{node.text('unit').lower()}', {self.sql(node, 'this')})",
        exp.TsOrDsToDate: lambda self, node: self.as_date(node),
        exp.WeekOfYear: date_part("WEEK"),
        exp.Year: date_part("YEAR"),
    }

    def ordered_sql(self, expression: exp.Ordered) -> str:
        """Never the default of the engine: Polars puts NULL last for ASC and first for DESC, Spark the other way round."""
        direction = "DESC" if expression.args.get("desc") else "ASC"
        return f"{self.sql(expression, 'this')} {direction} NULLS {'FIRST' if expression.args.get('nulls_first') else 'LAST'}"

    def sum_sql(self, expression: exp.Sum) -> str:
        """Polars sums 32 bit integers in 32 bits and wraps around; the factor makes them 64 bits and leaves other types alone."""
        value, distinct = expression.this, ""
        if isinstance(value, exp.Distinct):
            value, distinct = value.expressions[0], "DISTINCT "
        return f"SUM({distinct}({self.sql(value)}) * CAST(1 AS BIGINT))"

    def round_sql(self, expression: exp.Round) -> str:
        """Half away from zero."""
        digits = self.sql(expression, "decimals") or "0"
        return f"ROUND(({self.sql(expression, 'this')}) * {_ULP}, {digits})"

    def trycast_sql(self, expression: exp.TryCast) -> str:
        """Spark's parser makes every CAST a TryCast; only TRY_CAST is marked as safe."""
        return self.cast_sql(expression, safe_prefix="TRY_" if expression.args.get("safe") else None)

    def cast_sql(self, expression: exp.Cast, safe_prefix: str | None = None) -> str:
        """A decimal is reached through one with more digits, to round half away from zero."""
        function = f"{safe_prefix or ''}CAST"
        value, target = self.sql(expression, "this"), expression.to
        if target.is_type(exp.DType.DECIMAL):
            scale = int(target.expressions[1].name) if len(target.expressions) > 1 else 0
            precise = f"{function}({value} AS DECIMAL(38, {scale + _DECIMAL_GUARD_DIGITS}))"
            value = f"{precise} * {_ULP}"
        elif target.is_type(exp.DType.TEXT, exp.DType.VARCHAR) and not isinstance(expression.this, exp.Literal):
            return self.text_of(f"{function}({value} AS VARCHAR)")
        return f"{function}({value} AS {self.sql(target)})"

    def div_sql(self, expression: exp.Div) -> str:
        """A double, and NULL for x / 0. Polars divides decimals to six more digits, Spark to many more."""
        return f"CAST({self.sql(expression, 'this')} AS DOUBLE) / {self.divisor(expression.expression)}"

    def mod_sql(self, expression: exp.Mod) -> str:
        """x % 0 is NULL."""
        return f"{self.sql(expression, 'this')} % {self.divisor(expression.expression)}"

    def intdiv_sql(self, expression: exp.IntDiv) -> str:
        """Towards zero, as BIGINT."""
        return f"CAST(({self.sql(expression, 'this')}) // {self.divisor(expression.expression)} AS BIGINT)"

    def is_sql(self, expression: exp.Is) -> str:
        """IS TRUE is never NULL; in Polars it is, for NULL."""
        if isinstance(expression.expression, exp.Boolean):
            value = self.sql(expression, "this")
            return f"COALESCE({value if expression.expression.this else f'NOT ({value})'}, FALSE)"
        return super().is_sql(expression)

    def trim_sql(self, expression: exp.Trim) -> str:
        """Spaces only, where Polars takes every white space."""
        side = expression.args.get("position") or "BOTH"
        characters = self.sql(expression, "expression") or "' '"
        return f"TRIM({side} {characters} FROM {self.sql(expression, 'this')})"

    def substring_sql(self, expression: exp.Substring) -> str:
        """Position 0 is position 1."""
        start = "1" if expression.args["start"].name == "0" else expression.args["start"]
        return self.func("SUBSTRING", expression.this, start, expression.args.get("length"))

    def extract_sql(self, expression: exp.Extract) -> str:
        """As INT, see `date_part`."""
        return f"CAST(EXTRACT({expression.name.upper()} FROM {self.sql(expression, 'expression')}) AS INT)"

    def datediff_sql(self, expression: exp.DateDiff) -> str:
        """Calendar days from the second date to the first."""
        return f"(CAST({self.as_date(expression.this)} AS INT) - CAST({self.as_date(expression.expression)} AS INT))"

    def tsordsadd_sql(self, expression: exp.TsOrDsAdd) -> str:
        """Days added to a date."""
        return f"({self.as_date(expression.this)} + CAST({self.sql(expression, 'expression')} AS INT))"

    def interval_sql(self, expression: exp.Interval) -> str:
        """In the form of PostgreSQL."""
        return f"INTERVAL '{expression.name} {expression.text('unit').lower()}'"

    def joined(self, expression: exp.Concat) -> str:
        """NULL if a part is NULL; DuckDB leaves such a part out, as Polars' CONCAT does."""
        parts = [self.sql(part) for part in expression.expressions]
        return self.func("CONCAT", *parts) if expression.args.get("coalesce") else f"({' || '.join(parts)})"

    def concatws_sql(self, expression: exp.ConcatWs) -> str:
        """NULLs are left out, on Polars too."""
        return self.func("CONCAT_WS", *expression.expressions)

    def text_of(self, written: str) -> str:
        """A value as text. Polars writes a timestamp with all six digits of its fraction and its offset, Spark without trailing zeros."""
        short = f"RTRIM(RTRIM(SUBSTRING({written}, 1, 26), '0'), '.')"
        return f"CASE WHEN REGEXP_LIKE({written}, '{_TIMESTAMP}') THEN {short} ELSE {written} END"

    def as_date(self, value: exp.Expr) -> str:
        """A date; text and timestamps are converted."""
        while isinstance(value, exp.TsOrDsToDate):
            value = value.this
        return f"CAST({self.sql(value)} AS DATE)"

    def logarithm(self, value: exp.Expr, base: exp.Expr | None) -> str:
        """NULL outside its domain, where Polars gives NaN or -inf."""
        number = self.sql(value)
        written = self.sql(base) if base else ""
        taken = f"LOG{written}({number})" if written in ("2", "10") else f"LN({number})" + (f" / LN({written})" if written else "")
        return f"CASE WHEN {number} > 0 THEN {taken} END"

    def divisor(self, value: exp.Expr) -> str:
        """Something to divide by: NULL where it is zero."""
        written = self.sql(value)
        return written if isinstance(value, exp.Literal) and float(value.name) != 0 else f"NULLIF({written}, 0)"

    def found(self, text: exp.Expr, part: Any, test: str) -> str:
        """Where a text is in another, from 1, or 0. Polars' STRPOS gives 0 for NULL and an unsigned number."""
        inside, sought = self.sql(text), self.sql(part)
        return f"CASE WHEN {inside} IS NOT NULL AND {sought} IS NOT NULL THEN CAST(STRPOS({inside}, {sought}) AS INT) {test} END"


class Polars(Dialect):
    """Polars' SQLContext, as a target only."""

    Generator = PolarsGenerator
