"""Which type a column has in a Delta table, and which casts lose nothing. No table is touched here."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

from odibi_core.engines.polars.errors import some_names
from odibi_core.errors import SchemaMismatchError

UTC = pl.Datetime("us", "UTC")
MAX_EXACT_FLOAT = 2**53  # integers up to here are exact in a Float64 (IEEE 754 binary64)

# Delta and Parquet on Spark refuse these characters (delta-io/delta: PROTOCOL.md, "Column Mapping", says which need it).
_LEGAL_NAME = re.compile(r"[^ ,;{}()\n\t=]{1,255}")
_RESERVED = frozenset({"_change_type", "_commit_version", "_commit_timestamp"})
_INTEGERS: tuple[pl.DataType, ...] = (pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64())
_STORED: dict[type[pl.DataType], pl.DataType] = {
    pl.UInt8: pl.Int16(),
    pl.UInt16: pl.Int32(),
    pl.UInt32: pl.Int64(),
    pl.UInt64: pl.Int64(),  # a value above the signed range is refused by the cast
    pl.Int128: pl.Decimal(38, 0),
    pl.Null: pl.String(),
    pl.Categorical: pl.String(),
    pl.Enum: pl.String(),
    pl.Duration: pl.Int64(),  # microseconds
    pl.Time: pl.String(),
    pl.Datetime: UTC,
}
_AS_IT_IS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Float32, pl.Float64, pl.Boolean, pl.String, pl.Binary, pl.Date, pl.Decimal)


def stored(dtype: pl.DataType, column: str) -> pl.DataType:
    """
    The type under which a column is stored: signed, UTC, microseconds.

    Raises:
        SchemaMismatchError: If Delta has no such type.
    """
    kind = type(dtype)
    if kind in _STORED:
        return _STORED[kind]
    if isinstance(dtype, pl.List | pl.Array):
        return pl.List(stored(_plain(dtype.inner), column))
    if isinstance(dtype, pl.Struct) and dtype.fields:
        return pl.Struct([pl.Field(field.name, stored(_plain(field.dtype), column)) for field in dtype.fields])
    if kind in _AS_IT_IS or kind.__name__ == "Map":
        return dtype
    raise SchemaMismatchError(f"column '{column}' is {dtype}, which a Delta table cannot hold", hint="Cast it in the node first.")


def stored_expression(column: str, dtype: pl.DataType) -> pl.Expr | None:
    """The cast to the stored type; None if the column is stored as it is."""
    want = stored(dtype, column)
    if want == dtype:
        return None
    # A duration becomes a number of its own unit, so it goes through microseconds.
    return pl.col(column).cast(_microseconds(dtype)).cast(want)


def _microseconds(dtype: pl.DataType) -> pl.DataType:
    if isinstance(dtype, pl.Duration):
        return pl.Duration("us")
    if isinstance(dtype, pl.List | pl.Array):
        return pl.List(_microseconds(_plain(dtype.inner)))
    if isinstance(dtype, pl.Struct):
        return pl.Struct([pl.Field(field.name, _microseconds(_plain(field.dtype))) for field in dtype.fields])
    return dtype


def _plain(dtype: object) -> pl.DataType:
    """An instance, where polars also allows the class."""
    return dtype() if isinstance(dtype, type) else dtype  # type: ignore[return-value]  # polars types both alike


def widens(have: pl.DataType, want: pl.DataType) -> bool:
    """Whether every value of one stored type is exactly a value of the other."""
    if have == want:
        return True
    if have in _INTEGERS and want in _INTEGERS:
        return _INTEGERS.index(have) < _INTEGERS.index(want)
    if isinstance(have, pl.Float32) and isinstance(want, pl.Float64):
        return True
    if isinstance(have, pl.Decimal) and isinstance(want, pl.Decimal):
        return have.scale <= want.scale and have.precision - have.scale <= want.precision - want.scale
    if isinstance(have, pl.List) and isinstance(want, pl.List):
        return widens(_plain(have.inner), _plain(want.inner))
    if isinstance(have, pl.Struct) and isinstance(want, pl.Struct):
        names = [field.name for field in have.fields]
        return names == [field.name for field in want.fields] and all(
            widens(_plain(one.dtype), _plain(other.dtype)) for one, other in zip(have.fields, want.fields, strict=True)
        )
    return False


def fits_by_value(series: pl.Series, want: pl.DataType, declared: pl.DataType) -> bool:
    """Whether a cast loses nothing for the values that are there: no values, whole numbers, or a wall clock kept as one."""
    if series.null_count() == len(series):
        return True
    if series.dtype in _INTEGERS and isinstance(want, pl.Float64):
        low, high = series.min(), series.max()
        return isinstance(low, int) and isinstance(high, int) and max(-low, high) <= MAX_EXACT_FLOAT
    if series.dtype in _INTEGERS and isinstance(want, pl.Decimal):
        return series.cast(want, strict=False).null_count() == series.null_count()
    naive = isinstance(declared, pl.Datetime) and declared.time_zone is None
    return naive and isinstance(want, pl.Datetime) and want.time_zone is None


def check_names(names: Iterable[str]) -> None:
    """
    Refuse names that a Delta table cannot have.

    Raises:
        SchemaMismatchError: If a name is illegal or reserved, or two differ in case only.
    """
    seen: dict[str, str] = {}
    for name in names:
        if not _LEGAL_NAME.fullmatch(name) or name.lower() in _RESERVED:
            raise SchemaMismatchError(
                f"column name {name!r} is not allowed in a Delta table",
                hint="Rename it: up to 255 characters, without spaces or any of , ; { } ( ) = and not '_change_type'.",
            )
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise SchemaMismatchError(f"columns '{other}' and '{name}' differ in case only", hint="Rename or drop one of them.")
    if not seen:
        raise SchemaMismatchError("the node's result has no columns")


def missing_and_extra(have: Iterable[str], want: Iterable[str]) -> str:
    """What differs between two lists of columns, for a message; empty if nothing does."""
    there, expected = list(have), list(want)
    missing = [name for name in expected if name not in there]
    extra = [name for name in there if name not in expected]
    parts = [f"missing {some_names(missing)}"] if missing else []
    return ", ".join(parts + ([f"not expected {some_names(extra)}"] if extra else []))
