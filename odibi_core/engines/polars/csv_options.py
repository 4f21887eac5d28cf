"""The CSV options of several libraries as one vocabulary: `sep`, `separator` and `delimiter` say the same."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import field
from typing import Any

import polars as pl
from pydantic import JsonValue

from odibi_core.engines.polars.column_types import column_type, column_types, types_of_ddl
from odibi_core.engines.polars.text_times import strptime_of
from odibi_core.errors import ConfigError
from odibi_core.frozen import Frozen

_SPELLINGS = {
    "separator": ("separator", "sep", "delimiter"),
    "has_header": ("has_header", "header"),
    "names": ("names", "new_columns"),
    "columns": ("columns", "usecols"),
    "encoding": ("encoding", "charset"),
    "quote_char": ("quote_char", "quotechar", "quote"),
    "skip_rows": ("skip_rows", "skiprows"),
    "skip_lines": ("skip_lines",),
    "skip_rows_after_header": ("skip_rows_after_header",),
    "null_values": ("null_values", "na_values", "null_value", "nullValue"),
    "types": ("schema_overrides", "schema", "dtypes", "dtype"),
    "infer_schema_length": ("infer_schema_length",),
    "infer_schema": ("infer_schema", "inferSchema"),
    "comment_prefix": ("comment_prefix", "comment"),
    "try_parse_dates": ("try_parse_dates", "parse_dates"),
    "date_format": ("date_format", "dateFormat", "timestampFormat"),
    "truncate_ragged_lines": ("truncate_ragged_lines",),
    "eol_char": ("eol_char", "lineterminator", "lineSep"),
    "n_rows": ("n_rows", "nrows"),
    "decimal": ("decimal",),
    "decimal_comma": ("decimal_comma",),
    "ddl": ("schema_ddl",),
    # what has no effect on the rows
    "ignored": ("low_memory", "rechunk", "memory_map", "engine", "compression", "multiLine", "batch_size", "use_pyarrow", "cache"),
}
_MEANING = {spelling.lower(): name for name, spellings in _SPELLINGS.items() for spelling in spellings}
_DEFAULTS: dict[str, Any] = {"infer_schema_length": 10_000}  # 100 lines, as polars has it, miss the first decimal too often


class CsvOptions(Frozen):
    """What polars gets, and what is ours to do."""

    encoding: str = "utf-8"
    types: Mapping[str, pl.DataType] = field(default_factory=dict)
    polars: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()  # only these, in this order; none: all
    dates: tuple[str, ...] = ()  # columns of texts that are times
    date_format: str | None = None  # how they are written, for strptime

    @property
    def times(self) -> tuple[str, ...]:
        """Columns that are read as texts first and made into times by us."""
        typed = [name for name, kind in self.types.items() if kind.is_temporal()] if self.date_format is not None else []
        return tuple(dict.fromkeys([*self.dates, *typed]))

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
        if name == "ignored":
            continue
        if name in spelled:
            raise ConfigError(f"csv options '{spelled[name]}' and '{key}' say the same", hint="Keep one of them.")
        spelled[name] = key
        found[name] = value
    encoding = str(found.pop("encoding", None) or "utf-8")
    types = found.pop("types", None)
    if types is not None and not isinstance(types, dict):
        column_type(types)
        if column_type(types) != pl.String():
            raise ConfigError("one csv type for all columns can only be text", hint="Name the columns: 'dtypes: {amount: decimal(10,2)}'.")
        found["infer_schema"] = False
    if "has_header" in found:
        found["has_header"] = _truth(found["has_header"])
    ddl = found.pop("ddl", None)
    wanted = {} if ddl is None else types_of_ddl(str(ddl))
    names = list(map(str, found.pop("names", None) or (wanted if found.get("has_header") is False else ())))
    if names:
        found = {"has_header": False, **found, "new_columns": names}
    if "decimal" in found:
        found["decimal_comma"] = found.pop("decimal") == ","
    if found.get("infer_schema_length", 0) is None or found.get("infer_schema_length") == 0:
        found["infer_schema_length"] = None
    return CsvOptions(
        encoding=encoding,
        types=wanted | (column_types(types) if isinstance(types, dict) else {}),
        columns=_columns(found.pop("columns", None)) or tuple(wanted),
        date_format=strptime_of(found.pop("date_format", None)),
        dates=_dates(found),
        polars=found,
    )


def _columns(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ConfigError("csv option 'columns' is no list of names", hint="Write it like 'columns: [id, amount]'.")
    return tuple(value)


def _dates(found: dict[str, Any]) -> tuple[str, ...]:
    """`parse_dates: true` looks at every column, a list names some."""
    value = found.get("try_parse_dates")
    if not isinstance(value, list | str):
        return ()
    del found["try_parse_dates"]
    return (value,) if isinstance(value, str) else tuple(map(str, value))


def _truth(value: object) -> bool:
    """`header: 0` and `header: infer` are pandas for yes, `header: null` is for no."""
    if isinstance(value, str):
        return value.lower() in {"true", "infer", "yes", "0"}
    return value is not None and value is not False
