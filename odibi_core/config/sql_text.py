"""
Values inside SQL text: as literals, never as SQL.

A placeholder in a SQL text must not be able to change the statement, whatever a file name, an environment variable or a
variable of the project holds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import JsonValue

from odibi_core.errors import ConfigError

Dialect = Literal["spark", "duckdb"]
Quoting = Literal["none", "text", "name", "comment"]
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*){0,3}")
_NUMBER = re.compile(r"-?\d{1,38}(?:\.\d{1,38})?(?:[eE][-+]?\d{1,3})?")
_SQL_KEYS = frozenset(
    {
        "sql",
        "query",
        "filter",
        "first_run_query",
        "pre_sql",
        "post_sql",
        "condition",
        "update_condition",
        "insert_condition",
        "delete_condition",
        "having",
        "expr",
        "source_query",
    }
)
_DATABASES = frozenset({"sql", "sql_server", "azure_sql"})
_MAPPINGS_OF_SQL = frozenset({"derivations", "rules", "measures"})
# What opens a quoted stretch → what closes it. In Spark double quotes are a text; they are treated as the stricter of the two.
_CLOSING = {"'": "'", '"': '"', "`": "`", "--": "\n", "/*": "*/"}
_OPENING = re.compile(r"'|\"|`|--|/\*")


def is_sql(path: Sequence[str | int]) -> bool:
    """Whether the text at this path of the configuration is SQL."""
    keys = [part for part in path if isinstance(part, str)]
    if not keys:
        return False
    last, above = keys[-1], keys[-2] if len(keys) > 1 else ""
    if "options" in keys:
        return above == "options" and last in ("query", "filter")
    if last == "value":
        return above == "cases"
    return last in _SQL_KEYS or above in _MAPPINGS_OF_SQL or (last == "steps" and isinstance(path[-1], int))


def dialect_of(tree: JsonValue, path: Sequence[str | int], dialect: Dialect) -> Dialect:
    """
    How the SQL at a path of a tree quotes: that of a read from a database as standard SQL does, where a backslash is nothing special.

    DuckDB's way is the standard's.
    """
    above: list[JsonValue] = [tree]
    for part in path:
        here = above[-1]
        if isinstance(here, dict) and part in here:
            above.append(here[str(part)])
        elif isinstance(here, list) and isinstance(part, int):
            above.append(here[part])
        else:
            break
    for section in reversed(above[-4:]):  # the read itself, or that of the node around `write.first_run_query`
        read = section.get("read") if isinstance(section, dict) and path[-1] == "first_run_query" else section
        if isinstance(read, dict) and read.get("format") in _DATABASES:
            return "duckdb"
    return dialect


def quoting_at(text: str, position: int, dialect: Dialect) -> Quoting:
    """In which kind of quotes or comment a position of a SQL text lies."""
    here = 0
    while opening := _OPENING.search(text, here, position):
        closing = _CLOSING[opening[0]]
        end = _end_of(text, opening.end(), closing, backslash=dialect == "spark" and closing in "'\"")
        if end is None or end > position:
            return {"'": "text", '"': "name", "`": "name"}.get(opening[0], "comment")  # type: ignore[return-value]  # the four literals
        here = end
    return "none"


def _end_of(text: str, start: int, closing: str, *, backslash: bool) -> int | None:
    position = start
    while position < len(text):
        if backslash and text[position] == "\\":
            position += 2
        elif text.startswith(closing, position):
            return position + len(closing)  # a doubled quote opens the next stretch at once: the same state
        else:
            position += 1
    return None


def as_sql(value: JsonValue, shown: str, quoting: Quoting, dialect: Dialect, *, names_allowed: bool) -> str:
    """
    A value as a part of SQL text that cannot end the literal, name or comment it stands in.

    Outside of quotes a number stays a number; with `names_allowed` a text that is a name (`schema.table`) stays one; every other
    text becomes a literal.

    Raises:
        ConfigError: If the value is a list or mapping, or cannot be made safe where it stands. The value is not shown.
    """
    if isinstance(value, list | dict):
        raise ConfigError(f"'{shown}' is a list or mapping and cannot stand inside SQL")
    if quoting == "none":
        if value is None:
            return "NULL"
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        text = str(value)
        if not isinstance(value, str) or _NUMBER.fullmatch(text) or (names_allowed and _NAME.fullmatch(text)):
            return text
        return f"'{_escaped(text, dialect)}'"
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    if quoting == "text":
        return _escaped(text, dialect)
    if quoting == "name" and re.search(r"[\"'`\\\x00-\x1f]", text):
        raise ConfigError(f"the value of '{shown}' cannot stand inside a quoted name", hint="Use single quotes for a text.")
    if quoting == "comment" and re.search(r"[\r\n]|\*/|/\*", text):
        raise ConfigError(f"the value of '{shown}' cannot stand inside a comment")
    return text


def _escaped(text: str, dialect: Dialect) -> str:
    doubled = text.replace("'", "''")
    return text.replace("\\", "\\\\").replace("'", "\\'") if dialect == "spark" else doubled
