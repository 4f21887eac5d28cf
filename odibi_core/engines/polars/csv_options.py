"""The CSV options of several libraries as one vocabulary: `sep`, `separator` and `delimiter` say the same."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from pydantic import JsonValue

from odibi_core.errors import ConfigError

_SPELLINGS = {
    "separator": ("separator", "sep", "delimiter"),
    "has_header": ("has_header", "header"),
    "encoding": ("encoding", "charset"),
    "quote_char": ("quote_char", "quotechar", "quote"),
    "skip_rows": ("skip_rows", "skiprows"),
    "skip_rows_after_header": ("skip_rows_after_header",),
    "null_values": ("null_values", "na_values", "null_value", "nullValue"),
    "types": ("schema_overrides", "schema", "dtypes", "dtype"),
    "infer_schema_length": ("infer_schema_length",),
    "infer_schema": ("infer_schema", "inferSchema"),
    "comment_prefix": ("comment_prefix", "comment"),
    "try_parse_dates": ("try_parse_dates", "parse_dates"),
    "truncate_ragged_lines": ("truncate_ragged_lines",),
    "eol_char": ("eol_char", "lineterminator", "lineSep"),
    "n_rows": ("n_rows", "nrows"),
    "decimal": ("decimal",),
    "decimal_comma": ("decimal_comma",),
}
_MEANING = {spelling.lower(): name for name, spellings in _SPELLINGS.items() for spelling in spellings}
_DEFAULTS: dict[str, Any] = {"infer_schema_length": 10_000}  # 100 lines, as polars has it, miss the first decimal too often
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
    **dict.fromkeys(("string", "str", "utf8", "varchar", "text", "object"), pl.String()),
    **dict.fromkeys(("boolean", "bool"), pl.Boolean()),
    **dict.fromkeys(("date",), pl.Date()),
    **dict.fromkeys(("datetime", "timestamp", "datetime64[ns]", "datetime64[us]"), pl.Datetime("us")),
}
_DECIMAL = re.compile(r"decimal\((\d{1,2}),\s*(\d{1,2})\)")


@dataclass(frozen=True, kw_only=True)
class CsvOptions:
    """What polars gets, and what is ours to do."""

    encoding: str = "utf-8"
    types: Mapping[str, pl.DataType] = field(default_factory=dict)
    polars: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_header(self) -> bool:
        """Whether the first line names the columns."""
        return bool(self.polars.get("has_header", True))


def csv_options(options: Mapping[str, JsonValue]) -> CsvOptions:
    """
    Read the options of a CSV source.

    Raises:
        ConfigError: If an option or a type is unknown, or two spellings of one option are given.
    """
    found: dict[str, Any] = dict(_DEFAULTS)
    spelled: dict[str, str] = {}
    for key, value in options.items():
        name = _MEANING.get(key.lower())
        if name is None:
            known = sorted(spelling for spellings in _SPELLINGS.values() for spelling in spellings)
            near = difflib.get_close_matches(key, known, n=1)
            raise ConfigError(
                f"csv option '{key}' is not known", hint=f"Did you mean '{near[0]}'?" if near else f"Known are: {', '.join(known)}."
            )
        if name in spelled:
            raise ConfigError(f"csv options '{spelled[name]}' and '{key}' say the same", hint="Keep one of them.")
        spelled[name] = key
        found[name] = value
    encoding = str(found.pop("encoding", None) or "utf-8")
    types = {column: column_type(kind) for column, kind in (found.pop("types", None) or {}).items()}
    if "has_header" in found:
        found["has_header"] = _truth(found["has_header"])
    if "decimal" in found:
        found["decimal_comma"] = found.pop("decimal") == ","
    return CsvOptions(encoding=encoding, types=types, polars=found)


def _truth(value: object) -> bool:
    """`header: 0` and `header: infer` are pandas for yes, `header: null` is for no."""
    if isinstance(value, str):
        return value.lower() in {"true", "infer", "yes", "0"}
    return value is not None and value is not False


def column_type(name: object) -> pl.DataType:
    """
    A column type by its name in SQL, pandas or Polars.

    Raises:
        ConfigError: If it is unknown.
    """
    text = str(name).strip().lower()
    if found := _DECIMAL.fullmatch(text):
        return pl.Decimal(int(found[1]), int(found[2]))
    if text not in _TYPES:
        raise ConfigError(f"column type '{name}' is not known", hint=f"Known are: {', '.join(sorted(_TYPES))}, decimal(p,s).")
    return _TYPES[text]
