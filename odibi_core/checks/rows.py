"""Checks of single rows: each expression is true for the rows that break it, and never NULL."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator, model_validator

from odibi_core.checks.contract import CheckContext, CheckParams, ColumnName, Expression, check

if TYPE_CHECKING:
    from narwhals.dtypes import DType

MOST_SIGNS = 5000  # of a pattern
Scalar = bool | int | float | str


class ColumnsParams(CheckParams):
    """Some columns."""

    columns: tuple[ColumnName, ...] = Field(min_length=1)

    @property
    def reads(self) -> tuple[str, ...]:
        return self.columns


class AcceptedValuesParams(CheckParams):
    """A column and what it may hold."""

    column: ColumnName
    values: tuple[Scalar | None, ...] = Field(min_length=1)

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.column,)


class RangeParams(CheckParams):
    """A column and its bounds, both inclusive. Dates and timestamps are written as ISO text."""

    column: ColumnName
    min: int | float | str | None = None
    max: int | float | str | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.column,)

    @model_validator(mode="after")
    def _has_a_bound(self) -> RangeParams:
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        return self


class RegexParams(CheckParams):
    """A column and the pattern that its text must begin with."""

    column: ColumnName
    pattern: str

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.column,)

    @field_validator("pattern")
    @classmethod
    def _runs_on_every_engine(cls, pattern: str) -> str:
        if re.search(r"\(\?<?[=!]|\\[1-9]|\(\?P=|(?<!\\)[*+?}]\+", pattern):
            raise ValueError("has look-around, a back reference or a possessive repetition, which Polars has not")
        trouble = _trouble(pattern)
        if trouble:
            raise ValueError(trouble)
        return pattern


@check("not_null", ColumnsParams)
def not_null(params: ColumnsParams, _: CheckContext) -> Expression:
    """Every column has a value. A row with NULL in several of them counts once."""
    import narwhals as nw

    return nw.any_horizontal(*(nw.col(column).is_null() for column in params.columns), ignore_nulls=False)


@check("unique", ColumnsParams)
def unique(params: ColumnsParams, _: CheckContext) -> Expression:
    """No two rows share the values of these columns. Every member of a duplicate group breaks it; NULL equals NULL."""
    import narwhals as nw

    return nw.len().over(*params.columns) > 1


@check("accepted_values", AcceptedValuesParams)
def accepted_values(params: AcceptedValuesParams, context: CheckContext) -> Expression:
    """The column holds one of the values, or NULL."""
    import narwhals as nw

    dtype = context.columns[params.column]
    if dtype == nw.Unknown:
        return _no_value(params.column)
    allowed = [_as_type(value, dtype) for value in params.values if value is not None and _can_hold(value, dtype)]
    return (~nw.col(params.column).is_in(allowed)).fill_null(value=False)


@check("range", RangeParams)
def in_range(params: RangeParams, context: CheckContext) -> Expression:
    """The column is within the bounds, both inclusive, or NULL. NaN is above every bound."""
    import narwhals as nw

    column, dtype = nw.col(params.column), context.columns[params.column]
    if dtype == nw.Unknown:
        return _no_value(params.column)
    outside = [column < _as_type(params.min, dtype)] if params.min is not None else []
    if params.max is not None:
        outside.append(column > _as_type(params.max, dtype))
    return nw.any_horizontal(*outside, ignore_nulls=True).fill_null(value=False)


@check("regex_match", RegexParams)
def regex_match(params: RegexParams, context: CheckContext) -> Expression:
    """
    The column's text begins with the pattern (anchored at the start, not at the end), or is NULL.

    Patterns are those of Rust's regex, whose time is linear in the text: without look-around and back references. One that does not
    compile, or only into more than 10 MB, is refused when the run is planned.

    Example: `pattern: "[^@]+@[^@]+\\.[a-z]+$"`.

    Source: https://docs.rs/regex/latest/regex/#syntax.
    """
    import narwhals as nw

    if context.columns[params.column].is_nested():
        raise TypeError("lists and structs are no text")
    text = nw.col(params.column).cast(nw.String)
    return (~text.str.contains(f"^(?:{params.pattern})")).fill_null(value=False)


def _no_value(column: str) -> Expression:
    """A column whose type is not known has NULL in every row, which breaks nothing."""
    import narwhals as nw

    return ~nw.col(column).is_null()


def _trouble(pattern: str) -> str:
    """Why the engine cannot compile a pattern, or would need too much memory for it; empty if it can."""
    import narwhals as nw
    from narwhals.exceptions import NarwhalsError

    if len(pattern) > MOST_SIGNS:
        return f"is longer than {MOST_SIGNS} characters"
    try:
        nw.from_dict({"x": [""]}, backend="polars").select(nw.col("x").str.contains(f"^(?:{pattern})"))
    except NarwhalsError as error:
        if "size limit" in str(error):
            return "is too large: its repetitions multiply"
        found = re.search(r"^error: (.+)$", str(error), re.MULTILINE)
        return f"is not a regular expression: {found[1] if found else 'it does not compile'}"
    return ""


def _as_type(value: Any, dtype: DType) -> Any:
    """A value from YAML, as something to compare a column of this type with. Raises TypeError or ValueError if it cannot be."""
    import narwhals as nw

    match value:
        case bool() if dtype == nw.Boolean:
            return value
        case int() | float() if not isinstance(value, bool) and dtype.is_decimal():
            return Decimal(str(value))
        case int() | float() if not isinstance(value, bool) and dtype.is_numeric():
            return int(value) if isinstance(value, float) and dtype.is_integer() and value.is_integer() else value
        case str() if dtype in (nw.String, nw.Categorical, nw.Enum):
            return value
        case str() if dtype == nw.Date:
            return date.fromisoformat(value)
        case str() if isinstance(dtype, nw.Datetime):
            moment = datetime.fromisoformat(value)
            if dtype.time_zone is None:
                return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
            from zoneinfo import ZoneInfo

            return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(dtype.time_zone))
        case _:
            raise TypeError(f"cannot compare {type(value).__name__} with {dtype}")


def _can_hold(value: Any, dtype: DType) -> bool:
    if isinstance(value, int | float) and dtype.is_unsigned_integer() and value < 0:
        return False
    return not (isinstance(value, float) and dtype.is_integer() and not value.is_integer())
