"""Values that the author wrote, as values of a column's type."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from odibi_core.errors import SchemaMismatchError

if TYPE_CHECKING:
    from narwhals.dtypes import DType

Value = bool | int | float | str


def literal(value: Value, dtype: DType, *, column: str, who: str) -> Any:
    """
    The value in the column's type: text for a date is an ISO date, for a number its digits.

    Raises:
        SchemaMismatchError: If it is none of that type.
    """
    try:
        return as_type(value, dtype)
    except ValueError:
        raise SchemaMismatchError(
            f"'{who}' has {type(value).__name__} for column '{column}' of type {dtype}",
            hint="Write a value of the column's type, or cast the column before.",
        ) from None


def as_type(value: Value, dtype: DType) -> object:
    """
    The value as one of a type.

    Raises:
        ValueError: If it is none.
    """
    if isinstance(value, str):
        return _of_text(value, dtype)
    if fits(value, dtype):
        return Decimal(str(value)) if dtype.is_decimal() else value
    if isinstance(value, float) and value.is_integer() and dtype.is_integer():
        return int(value)
    raise ValueError("another type")


def fits(value: object, dtype: object) -> bool:
    """Whether a literal is, as it is written, one of a type."""
    import narwhals as nw
    from narwhals.dtypes import DType

    if not isinstance(dtype, DType):
        return False
    match value:
        case bool():
            return dtype == nw.Boolean
        case int():
            return dtype.is_numeric()
        case float():
            return dtype.is_numeric() and not dtype.is_integer()
        case _:
            return dtype in (nw.String, nw.Categorical, nw.Enum)


def _of_text(text: str, dtype: DType) -> object:
    import narwhals as nw

    if fits(text, dtype):
        return text
    if dtype == nw.Boolean and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if dtype == nw.Date:
        return date.fromisoformat(text)
    if isinstance(dtype, nw.Datetime):
        return _instant(datetime.fromisoformat(text), dtype.time_zone)
    if dtype.is_integer():
        return int(text)
    if dtype.is_float():
        return float(text)
    if dtype.is_decimal():
        try:
            return Decimal(text)
        except InvalidOperation:
            raise ValueError("no number") from None
    raise ValueError("another type")


def _instant(time: datetime, zone: str | None) -> datetime:
    """A time for a column of a zone, by whose clock it is told if it names none; for a column without, one of UTC."""
    if zone is not None:
        return time.replace(tzinfo=ZoneInfo(zone)) if time.tzinfo is None else time.astimezone(ZoneInfo(zone))
    return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)
