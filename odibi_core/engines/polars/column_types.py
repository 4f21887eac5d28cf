"""Column types by the names that SQL, pandas, Spark and Polars have for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import polars as pl

from odibi_core.errors import ConfigError

_TYPES: dict[str, pl.DataType] = {
    **dict.fromkeys(("int8", "byte", "tinyint"), pl.Int8()),
    **dict.fromkeys(("int16", "short", "smallint"), pl.Int16()),
    **dict.fromkeys(("int32", "int", "integer"), pl.Int32()),
    **dict.fromkeys(("int64", "long", "bigint"), pl.Int64()),
    **dict.fromkeys(("uint8",), pl.UInt8()),
    **dict.fromkeys(("uint16",), pl.UInt16()),
    **dict.fromkeys(("uint32",), pl.UInt32()),
    **dict.fromkeys(("uint64",), pl.UInt64()),
    **dict.fromkeys(("float32", "float", "real"), pl.Float32()),
    **dict.fromkeys(("float64", "double"), pl.Float64()),
    **dict.fromkeys(("string", "str", "utf8", "varchar", "char", "text", "object"), pl.String()),
    **dict.fromkeys(("boolean", "bool"), pl.Boolean()),
    **dict.fromkeys(("date",), pl.Date()),
    **dict.fromkeys(("datetime", "timestamp", "timestamp_ntz", "datetime64[ns]", "datetime64[us]"), pl.Datetime("us")),
}
_DECIMAL = re.compile(r"(?:decimal|numeric)(?:\((\d{1,2})(?:,\s*(\d{1,2}))?\))?")
_SIZED = re.compile(r"(varchar|char)\(\d+\)")
_COMMA = re.compile(r",(?![^(]*\))(?=(?:[^']*'[^']*')*[^']*\Z)")  # between two columns: outside of brackets and quotes
_COLUMN = re.compile(
    r"\s*(?:`([^`]+)`|\"([^\"]+)\"|(\w+))\s*:?\s+(\w+(?:\([^)]*\))?)(?:\s+NOT\s+NULL)?(?:\s+COMMENT\s+'[^']*')?\s*", re.IGNORECASE
)


_WIDE = {"int": pl.Int64(), "float": pl.Float64()}  # in Python and pandas


def column_type(name: object, *, ddl: bool = False) -> pl.DataType:
    """
    A column type by its name in SQL, pandas or Polars. INT and FLOAT have 32 bits in a `ddl`, as in Spark, and 64 elsewhere.

    Raises:
        ConfigError: If it is unknown.
    """
    text = str(name).strip().lower()
    if found := _DECIMAL.fullmatch(text):
        return pl.Decimal(int(found[1] or 10), int(found[2] or 0))
    text = _SIZED.sub(r"\1", text)
    if not ddl and text in _WIDE:
        return _WIDE[text]
    if text not in _TYPES:
        raise ConfigError(f"column type '{name}' is not known", hint=f"Known are: {', '.join(sorted(_TYPES))}, decimal(p,s).")
    return _TYPES[text]


def column_types(types: Mapping[str, object]) -> dict[str, pl.DataType]:
    """The types of several columns."""
    return {name: column_type(kind) for name, kind in types.items()}


def types_of_ddl(text: str) -> dict[str, pl.DataType]:
    """
    The columns of a `schema_ddl`: `id BIGINT NOT NULL, amount DECIMAL(10,2)`.

    Raises:
        ConfigError: If it cannot be read, or names a type of nested values.
    """
    found: dict[str, pl.DataType] = {}
    for part in _COMMA.split(text.strip().removesuffix(",")):
        column = _COLUMN.fullmatch(part)
        if column is None:
            raise ConfigError("'schema_ddl' is not understood", hint="Write it like 'id BIGINT, amount DECIMAL(10,2), note STRING'.")
        name = column[1] or column[2] or column[3]
        if name in found:
            raise ConfigError(f"'schema_ddl' names column '{name}' twice")
        found[name] = column_type(column[4], ddl=True)
    return found


def ddl_without(text: str, names: Iterable[str]) -> str:
    """A `schema_ddl` without some of its columns."""
    left_out = set(names)
    parts = _COMMA.split(text.strip().removesuffix(","))
    return ",".join(part for part in parts if not left_out & set(types_of_ddl(part)))
