"""DuckDB's functions in Spark's words, where they differ in name, in the order of their arguments or in meaning."""

from __future__ import annotations

import re
from collections.abc import Callable

from odibi_core.sql.tree import Aggregate, Call, Cast, Expression, Value

_Arguments = tuple[Expression, ...]
_Rewrite = Callable[[_Arguments], Expression]

# The same function under another name.
RENAMED = {
    "strpos": "instr", "len": "length", "prefix": "startswith", "suffix": "endswith", "starts_with": "startswith", "ends_with": "endswith",
    "arg_max": "max_by", "arg_min": "min_by", "list": "array_agg_nulls", "array_agg": "array_agg_nulls",
    "group_concat": "string_agg", "any_value": "first_non_null", "arbitrary": "first", "quantile_cont": "percentile_cont",
    "quantile_disc": "percentile_disc", "quantile": "percentile_disc", "list_value": "array", "list_contains": "array_contains",
    "list_has": "array_contains", "list_distinct": "array_distinct", "list_transform": "transform", "list_apply": "transform",
    "array_transform": "transform", "list_filter": "filter", "array_filter": "filter", "list_max": "array_max", "list_min": "array_min",
    "array_length": "size", "list_append": "array_append", "list_concat": "concat_lists",
    "fmod": "mod", "trunc": "cut", "unnest": "explode", "today": "current_date", "get_current_timestamp": "current_timestamp",
    "isoyear": "yearofweek", "isodow": "dayofweek_iso", "from_base64": "unbase64", "to_base64": "base64", "xor": "bit_xor_of",
    "json_extract_string": "get_json_object",
}  # fmt: skip


def _value(text: str, kind: str = "number") -> Value:
    return Value(type="text" if kind == "text" else "number", text=text)


def _call(name: str, *args: Expression) -> Call:
    return Call(name=name, args=args)


def span(amount: Expression, unit: str) -> Expression:
    """A span of time. A date plus it is a timestamp, even if it is whole days."""
    calendar = _call("interval", amount, _value(unit, "text"))
    return _call("add", calendar, _call("interval", _value("0"), _value("MICROSECOND", "text")))


def _unit(arg: Expression) -> Expression:
    return Value(type="text", text=arg.text.upper().rstrip("S")) if isinstance(arg, Value) else arg


def _regexp_replace(args: _Arguments) -> Expression:
    r"""The first match, or all with 'g'; a group is \1 here and $1 in Spark."""
    flags = args[3].text if len(args) > 3 and isinstance(args[3], Value) else ""
    new = args[2]
    if isinstance(new, Value):
        new = _value(re.sub(r"\\(\d)", r"$\1", new.text.replace("$", "\\$")), "text")
    return _call("regexp_replace" if "g" in flags else "regexp_replace_first", *args[:2], new)


def _regexp_extract(args: _Arguments) -> Expression:
    return _call("regexp_extract", *args, *([_value("0")] if len(args) < 3 else []))


# DuckDB's own meaning, with the fewest and most arguments.
REWRITTEN: dict[str, tuple[int, int, _Rewrite]] = {
    "log": (1, 2, lambda args: _call("log10" if len(args) == 1 else "log", *args)),
    "dayofweek": (1, 1, lambda args: _call("subtract", _call("dayofweek", *args), _value("1"))),
    "weekday": (1, 1, lambda args: _call("subtract", _call("dayofweek", *args), _value("1"))),
    "date_diff": (3, 3, lambda args: _call("unit_boundaries", _unit(args[0]), args[1], args[2])),
    "datediff": (3, 3, lambda args: _call("unit_boundaries", _unit(args[0]), args[1], args[2])),
    "date_sub": (3, 3, lambda args: _call("unit_diff", _unit(args[0]), args[1], args[2])),
    "datesub": (3, 3, lambda args: _call("unit_diff", _unit(args[0]), args[1], args[2])),
    "date_add": (2, 2, lambda args: _call("add", *args)),
    "regexp_replace": (3, 4, _regexp_replace),
    "regexp_extract": (2, 3, _regexp_extract),
    "regexp_matches": (2, 2, lambda args: _call("regexp_like", *args)),
    "regexp_full_match": (2, 2, lambda args: _call("regexp_full", *args)),
    "string_split": (2, 2, lambda args: _call("split_text", *args)),
    "str_split": (2, 2, lambda args: _call("split_text", *args)),
    "strftime": (2, 2, lambda args: _call("strftime", *args)),
    "strptime": (2, 2, lambda args: _call("strptime", *args)),
    "epoch": (1, 1, lambda args: _call("unix_seconds", *args)),
    "epoch_ms": (1, 1, lambda args: _call("unix_millis", *args)),
    "to_timestamp": (1, 1, lambda args: _call("timestamp_seconds", *args)),
    "make_timestamp": (6, 6, lambda args: _call("make_timestamp", *args)),
    "monthname": (1, 1, lambda args: _call("monthname_long", *args)),
    "dayname": (1, 1, lambda args: _call("dayname_long", *args)),
    "concat": (1, 255, lambda args: _call("concat_ws", _value("", "text"), *args)),
    "sha256": (1, 1, lambda args: _call("sha2", args[0], _value("256"))),
    "list_extract": (2, 2, lambda args: _call("element_at", *args)),
    "array_extract": (2, 2, lambda args: _call("element_at", *args)),
    "list_element": (2, 2, lambda args: _call("element_at", *args)),
    "to_days": (1, 1, lambda args: span(args[0], "DAY")),
    "to_months": (1, 1, lambda args: span(args[0], "MONTH")),
    "to_years": (1, 1, lambda args: span(args[0], "YEAR")),
    "to_hours": (1, 1, lambda args: span(args[0], "HOUR")),
    "to_minutes": (1, 1, lambda args: span(args[0], "MINUTE")),
    "to_seconds": (1, 1, lambda args: span(args[0], "SECOND")),
    "sum": (1, 1, lambda args: Aggregate(name="sum", args=args)),
    "date": (1, 1, lambda args: Cast(value=args[0], to="DATE")),
}
