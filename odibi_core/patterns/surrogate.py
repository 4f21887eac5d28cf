"""Surrogate keys: whole numbers that stay with their row, and go on after the largest there is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from odibi_core.errors import SchemaMismatchError
from odibi_core.patterns.alignment import stacked
from odibi_core.patterns.audit import LOAD_TIMESTAMP, SOURCE_SYSTEM
from odibi_core.patterns.contract import PatternContext
from odibi_core.transforms.native import Native

UNKNOWN_KEY, UNKNOWN = -1, "Unknown"
LONG_AGO = date(1900, 1, 1)


def largest_key(native: Native, rows: Any, name: str, context: PatternContext) -> int:
    """
    The largest key of some rows, 0 if there is none.

    Raises:
        SchemaMismatchError: If the column holds no whole numbers.
    """
    dtype = rows.collect_schema().get(name)
    if dtype is None or isinstance(dtype, native.pl.Null):
        return 0
    if not dtype.is_integer():
        raise SchemaMismatchError(f"surrogate key '{name}' of the target is {dtype}", hint="A surrogate key is a whole number.")
    found = context.transforms.compute(native.back(rows.select(native.pl.col(name).max())))[0][0]
    return max(int(found), 0) if found is not None else 0


def numbered(native: Native, rows: Any, name: str, order: Sequence[str], after: int) -> Any:
    """The rows in order, with the keys after the given one."""
    pl = native.pl
    bare = rows.drop(name) if name in rows.collect_schema().names() else rows
    ordered = bare.sort(list(order), maintain_order=True).with_row_index(name, offset=0)
    return ordered.with_columns((pl.col(name).cast(pl.Int64) + (after + 1)).alias(name)).select([*bare.collect_schema().names(), name])


def with_unknown_member(
    native: Native, rows: Any, *, surrogate: str, naturals: Sequence[str], given: dict[str, object], context: PatternContext
) -> Any:
    """The rows and, if none has the key 0, one before them for facts whose thing is not known. `given` are values by column."""
    pl = native.pl
    schema = rows.collect_schema()
    values = {name: _unknown(pl, dtype, natural=name in naturals) for name, dtype in schema.items()}
    values |= {surrogate: 0, LOAD_TIMESTAMP: context.now, SOURCE_SYSTEM: UNKNOWN, **given}
    one = context.one_row().to_native()
    row = one.select(_literal(pl, values[name], dtype).alias(name) for name, dtype in schema.items())
    there = rows.filter(pl.col(surrogate) == 0).select(surrogate)
    return stacked(native, [row.join(there, on=surrogate, how="anti"), rows])


def _unknown(pl: Any, dtype: Any, *, natural: bool) -> object:
    if isinstance(dtype, pl.String):
        return str(UNKNOWN_KEY) if natural else UNKNOWN
    if isinstance(dtype, pl.Boolean):
        return False
    if dtype.is_numeric():
        return UNKNOWN_KEY if natural and not dtype.is_unsigned_integer() else 0
    return LONG_AGO if isinstance(dtype, pl.Date | pl.Datetime) else None


def _literal(pl: Any, value: object, dtype: Any) -> Any:
    """A value in a column's type; text that stands for a time is that day's midnight, UTC."""
    if isinstance(dtype, pl.Datetime) and isinstance(value, date):
        moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
        literal = pl.lit(moment.replace(tzinfo=None)).cast(pl.Datetime(dtype.time_unit))
        return literal if dtype.time_zone is None else literal.dt.replace_time_zone("UTC").dt.convert_time_zone(dtype.time_zone)
    if isinstance(dtype, pl.String) and isinstance(value, date):
        value = value.isoformat()
    if value is None or isinstance(dtype, pl.Null):
        return pl.lit(None, dtype=dtype)
    return pl.lit(value).cast(dtype)
