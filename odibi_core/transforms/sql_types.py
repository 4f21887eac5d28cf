"""The types that a column can be cast to, under every name that SQL dialects and libraries give them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from odibi_core.frozen import Frozen

if TYPE_CHECKING:
    from narwhals.dtypes import DType

Kind = Literal[
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64",
    "decimal", "text", "bool", "date", "timestamp", "list",
]  # fmt: skip

_NAMES: dict[Kind, str] = {
    "int8": "tinyint, byte, int8, int1",
    "int16": "smallint, short, int16, int2",
    "int32": "int, integer, int32, int4",
    "int64": "bigint, long, int64",
    "uint8": "utinyint, uint8",
    "uint16": "usmallint, uint16",
    "uint32": "uinteger, uint32",
    "uint64": "ubigint, uint64",
    "float32": "real, float4, float32",
    "float64": "float, double, double precision, float8, float64",
    "decimal": "decimal, numeric, dec, number",
    "text": "str, string, text, varchar, char, character, nvarchar, nchar, utf8, object",
    "bool": "bool, boolean",
    "date": "date",
    "timestamp": "timestamp, datetime, timestamp_ntz, timestamp_ltz, timestamptz, timestamp without time zone, timestamp with time zone",
}
_KINDS: dict[str, Kind] = {name: kind for kind, names in _NAMES.items() for name in names.split(", ")}
_SHAPE = re.compile(r"\s*([a-z_][a-z0-9_ ]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*", re.IGNORECASE)
_LIST = re.compile(r"\s*(?:(?:array|list)\s*<(.+)>|(.+)\[\])\s*", re.IGNORECASE)
_MOST_DIGITS = 38


class SqlType(Frozen):
    """A type to cast to."""

    kind: Kind
    precision: int = 18  # of a decimal; 18 and 3 are what DuckDB takes for DECIMAL without digits
    scale: int = 3
    inner: SqlType | None = None  # of a list

    def __str__(self) -> str:
        if self.kind == "decimal":
            return f"decimal({self.precision}, {self.scale})"
        return f"array<{self.inner}>" if self.kind == "list" else self.kind

    @property
    def dtype(self) -> DType:
        """It as a type of narwhals."""
        import narwhals as nw

        if self.kind == "decimal":
            return nw.Decimal(self.precision, self.scale)
        if self.kind == "list":
            return nw.List(self.inner.dtype if self.inner is not None else nw.String())
        if self.kind == "timestamp":
            return nw.Datetime("us")
        simple: dict[str, DType] = {
            "int8": nw.Int8(), "int16": nw.Int16(), "int32": nw.Int32(), "int64": nw.Int64(),
            "uint8": nw.UInt8(), "uint16": nw.UInt16(), "uint32": nw.UInt32(), "uint64": nw.UInt64(),
            "float32": nw.Float32(), "float64": nw.Float64(), "text": nw.String(), "bool": nw.Boolean(), "date": nw.Date(),
        }  # fmt: skip
        return simple[self.kind]


def sql_type(text: str) -> SqlType:
    """
    Read the name of a type: `int`, `DECIMAL(10, 2)`, `ARRAY<STRING>`.

    Raises:
        ValueError: If it is none that a column can be cast to.
    """
    of_list = _LIST.fullmatch(text)
    if of_list is not None:
        return SqlType(kind="list", inner=sql_type(of_list[1] or of_list[2]))
    shape = _SHAPE.fullmatch(text)
    kind = _KINDS.get(" ".join(shape[1].lower().split())) if shape is not None else None
    if shape is None or kind is None:
        raise ValueError(
            "is not a type that a column can be cast to: write int, bigint, float, decimal(10, 2), string, bool, date, timestamp"
        )
    if kind != "decimal" or shape[2] is None:
        return SqlType(kind=kind)
    precision, scale = int(shape[2]), int(shape[3] or 0)
    if not 1 <= precision <= _MOST_DIGITS or scale > precision:
        raise ValueError(f"needs 1 to {_MOST_DIGITS} digits, and no more of them behind the point")
    return SqlType(kind=kind, precision=precision, scale=scale)
