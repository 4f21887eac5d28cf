"""What becomes of rows that do not parse: `archive_options` of a read, or the same keys in its `options`, as Spark has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import JsonValue

from odibi_core.config.section import wrong
from odibi_core.frozen import Frozen

RescueMode = Literal["permissive", "drop", "fail"]
TEXT_FORMATS = frozenset({"csv", "json", "ndjson"})  # whose rows may not parse
CORRUPT_RECORD = "_corrupt_record"  # the column that Spark fills if the schema declares it
RESCUED_DATA = "_rescued_data"  # what most people call the other one

_SPELLINGS = {
    "mode": ("mode",),
    "columnNameOfCorruptRecord": ("columnnameofcorruptrecord", "corrupt_record_column"),
    "badRecordsPath": ("badrecordspath", "bad_records_path"),
    "rescuedDataColumn": ("rescueddatacolumn", "rescued_data_column"),
}
_MEANING = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings}
_DECLARED = re.compile(rf"\b{CORRUPT_RECORD}\b")
_MODES: Mapping[str, RescueMode] = {"permissive": "permissive", "dropmalformed": "drop", "failfast": "fail"}


class RescueConfig(Frozen):
    """
    Where a row goes that does not parse; none of it: the read fails.

    A field that is not of its column's type, a cell too many and a column that the declared schema does not have go into
    `rescued_column`, and the row stays. Without that column such a row is a bad record, as one is that cannot be split into fields at
    all. A bad record goes to `bad_records_path`; without that path `mode` says what becomes of it.
    """

    mode: RescueMode = "permissive"
    corrupt_column: str | None = None  # gets the text of a bad record that stays
    rescued_column: str | None = None  # gets the fields that did not fit, as JSON
    bad_records_path: str | None = None  # inside the read's connection

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that hold texts as they came, whatever is in them."""
        return tuple(name for name in (self.corrupt_column, self.rescued_column) if name is not None)

    @classmethod
    def read(cls, options: Mapping[str, JsonValue], schema_ddl: str | None = None) -> Self | None:
        """
        What the options of a read say; None if they say nothing, or `mode: FAILFAST` alone.

        A declared schema with a column `_corrupt_record` asks for it, as in Spark.

        Raises:
            PydanticCustomError: If a value makes no sense or two keys contradict each other.
        """
        found: dict[str, str] = {}
        for key, value in options.items():
            name = _MEANING.get(key.lower())
            if name is None:
                continue
            if not isinstance(value, str) or not value.strip():
                raise wrong(f"'{key}' must be a text")
            found[name] = value.strip()
        if schema_ddl is not None and _DECLARED.search(schema_ddl):
            found.setdefault("columnNameOfCorruptRecord", CORRUPT_RECORD)
        if not found:
            return None
        mode = _mode(found.get("mode"))
        path = found.get("badRecordsPath")
        if path is not None and mode == "fail":
            raise wrong("'badRecordsPath' and 'mode: FAILFAST' exclude each other", hint="Keep one of them.")
        columns = [found[name] for name in ("columnNameOfCorruptRecord", "rescuedDataColumn") if name in found]
        if len({name.lower() for name in columns}) < len(columns):
            raise wrong("'columnNameOfCorruptRecord' and 'rescuedDataColumn' are the same column", hint="Give each its own name.")
        rescued = found.get("rescuedDataColumn")
        if mode == "fail" and rescued is None:
            return None
        return cls(
            mode=mode,
            corrupt_column=found.get("columnNameOfCorruptRecord"),
            rescued_column=rescued,
            bad_records_path=None if path is None else _inside(path),
        )


def is_rescue_option(key: str) -> bool:
    """Whether a key of a read's options is one of these, and not the reader's."""
    return key.lower() in _MEANING


def _mode(text: str | None) -> RescueMode:
    if text is None or "${" in text:
        return "permissive"
    if text.lower() not in _MODES:
        raise wrong(f"'mode' is '{text}'", hint="Known are PERMISSIVE, DROPMALFORMED and FAILFAST.")
    return _MODES[text.lower()]


def _inside(path: str) -> str:
    """A path from the root of Spark's file system is one inside the connection; another store is a contradiction."""
    if "://" in path or path.lower().startswith("dbfs:"):
        raise wrong("'badRecordsPath' is no path inside the read's connection", hint="Write it like 'bad_records/orders'.")
    inside = path.strip("/")
    if not inside or any(part in (".", "..") for part in inside.split("/")):
        raise wrong("'badRecordsPath' must be a folder inside the read's connection", hint="Write it like 'bad_records/orders'.")
    return inside
