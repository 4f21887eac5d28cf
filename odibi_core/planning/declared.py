"""The columns that a `read:` itself declares, if no others can come."""

from __future__ import annotations

import re

from pydantic import JsonValue

from odibi_core.config import ReadConfig

_COMMA = re.compile(r",(?![^(]*\))(?=(?:[^']*'[^']*')*[^']*\Z)")  # between two columns: outside of brackets and quotes
_COLUMN = re.compile(r"\s*(?:`([^`]+)`|\"([^\"]+)\"|(\w+))\s*:?\s+\w")
_CHOOSES = ("columns", "usecols")
_OF_EXCEL = ("_source_file", "_source_sheet")


def declared_columns(read: ReadConfig) -> tuple[str, ...] | None:
    """Their names, in order; None if the source may have others."""
    names = _declared(read)
    if names is None:
        return None
    marks = _OF_EXCEL if read.format == "excel" and read.options.get("add_source_file") else ()
    rescued = read.rescue.columns if read.rescue is not None else ()
    return tuple(dict.fromkeys((*names, *marks, *rescued)))


def _declared(read: ReadConfig) -> tuple[str, ...] | None:
    ddl = None if read.schema_ddl is None else columns_of_ddl(read.schema_ddl)
    match read.format:
        case "csv":
            return _chosen(read.options) or ddl
        case "json" | "ndjson" | "api":
            return ddl
        case "excel":
            return ddl or _chosen(read.options)
        case _:
            return None


def columns_of_ddl(text: str) -> tuple[str, ...] | None:
    """The names in `id BIGINT, amount DECIMAL(10,2)`; None if it is not understood: the reader says why."""
    found = [_COLUMN.match(part) for part in _COMMA.split(text.strip().removesuffix(","))]
    names = [column[1] or column[2] or column[3] for column in found if column is not None]
    return tuple(names) if len(names) == len(found) and "${" not in text else None


def _chosen(options: dict[str, JsonValue]) -> tuple[str, ...] | None:
    """A list of names among the reader's options."""
    given = next((value for key, value in options.items() if key.lower() in _CHOOSES), None)
    names = [name for name in given if isinstance(name, str) and "${" not in name] if isinstance(given, list) else []
    return tuple(names) if names and names == given else None
