"""The SQL that we write ourselves for a database: names, tables, and the condition of an incremental load."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from odibi_core.errors import ConfigError
from odibi_core.frozen import Frozen
from odibi_core.ports import DateFormat, Scalar, Window

DialectName = Literal["postgres", "sql_server", "sqlite"]
Family = Literal["number", "instant", "time", "date", "text", "unknown"]  # what a column holds; an instant has a zone

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


class Dialect(Frozen):
    """How one kind of database writes things."""

    name: DialectName

    def quoted(self, name: str) -> str:
        """
        A name that cannot be anything else.

        Raises:
            ConfigError: If it holds a control character.
        """
        if not name or any(ord(character) < 32 for character in name):
            raise ConfigError("a name in the database is empty or holds a control character")
        return f"[{name.replace(']', ']]')}]" if self.name == "sql_server" else '"' + name.replace('"', '""') + '"'

    def table(self, name: str) -> str:
        """A table with or without its schema, as the author wrote it: `dbo.orders`, `[my table]`, `"a"."b"`."""
        return ".".join(self.quoted(part) for part in _parts(name))

    def text(self, value: str) -> str:
        """A text as a literal."""
        doubled = value.replace("'", "''").replace("\x00", "")
        return f"N'{doubled}'" if self.name == "sql_server" else f"'{doubled}'"

    def rows(self, *, table: str, query: str | None, conditions: tuple[str, ...] = ()) -> str:
        """Every column of a table or of a query that meets all conditions."""
        source = self.table(table) if query is None else f"(\n{_bare(query)}\n) AS src"
        where = " AND ".join(f"({condition})" for condition in conditions)
        return f"SELECT * FROM {source} WHERE {where}" if where else f"SELECT * FROM {source}"  # noqa: S608  quoted, or the author's own

    def window(self, window: Window, families: Mapping[str, Family]) -> str | None:
        """
        A condition that every row of a window meets, and few others: what is exact is judged where the rows are read.

        So times are cut to what each type can compare, and nothing is asked of a column that does not sort as we do.
        """
        if window.after is None:
            return None
        names = [window.column] if window.fallback_column in (None, window.column) else [window.column, str(window.fallback_column)]
        kinds = {families.get(name.lower(), "unknown") for name in names}
        if len(kinds) != 1 and not kinds <= {"instant", "time", "date"}:
            return None
        kind = "date" if "date" in kinds and len(kinds) > 1 else next(iter(kinds))
        value = ", ".join(self._value(name, kind, window) for name in names)
        value = value if len(names) == 1 else f"COALESCE({value})"
        after, until = self._bound(window.after, kind, window, upper=False), self._bound(window.until, kind, window, upper=True)
        found = [f"{value} >= {after}"] if after is not None else []
        found += [f"{value} <= {until}"] if until is not None else []
        return " AND ".join(found) or None

    def _value(self, name: str, kind: Family, window: Window) -> str:
        column = self.quoted(name)
        if kind != "text":
            return column
        if not _as_time(window):
            collation = {"postgres": '"C"', "sql_server": "Latin1_General_BIN2", "sqlite": "BINARY"}[self.name]
            return f"{column} COLLATE {collation}"
        if self.name == "postgres" and window.date_format in _POSTGRES:
            return f"TO_TIMESTAMP({column}, '{_POSTGRES[window.date_format]}')"
        if self.name == "sql_server" and window.date_format in _STYLES:
            return f"TRY_CONVERT(datetime2, {column}, {_STYLES[window.date_format]})"
        if self.name == "sql_server" and window.date_format in ("oracle", "oracle_sqlserver"):
            return _oracle_text(column)
        return column

    def _bound(self, bound: Scalar, kind: Family, window: Window, *, upper: bool) -> str | None:
        if bound is None:
            return None
        match bound:
            case int() | float():
                return repr(bound) if kind == "number" and math.isfinite(bound) else None
            case str() if kind == "number":
                return bound if bound.lstrip("-").replace(".", "", 1).isdigit() else None
            case str() if kind == "text" and not _as_time(window):
                return self.text(bound)
            case datetime():
                return self._moment(bound.astimezone(UTC), kind, window, upper=upper)
        return None

    def _moment(self, moment: datetime, kind: Family, window: Window, *, upper: bool) -> str | None:
        # One step to the safe side: a type may keep less than microseconds.
        edge = moment + timedelta(milliseconds=4) if upper else moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        clock = f"{edge:%Y-%m-%d %H:%M:%S}.{edge.microsecond // 1000:03d}"
        if kind == "text" and window.date_format is not None and self.name == "postgres":
            return f"TIMESTAMPTZ '{clock}+00'" if window.date_format in _POSTGRES else None
        if kind == "text" and window.date_format not in (None, "iso", "sql_server") and self.name == "sqlite":
            return None
        if kind == "text" and (window.date_format is None or self.name == "sqlite"):
            return None if upper else self.text(f"{edge - timedelta(days=1):%Y-%m-%d}")  # a zone may follow the text
        if kind in ("number", "unknown"):
            return None
        if self.name == "sqlite":
            return None if upper else self.text(f"{edge - timedelta(days=1):%Y-%m-%d}")
        if self.name == "sql_server":
            return f"CONVERT(datetime2(3), '{clock.replace(' ', 'T')}', 126)"
        return f"TIMESTAMPTZ '{clock}+00'" if kind == "instant" else f"TIMESTAMP '{clock}'"


_POSTGRES: Mapping[DateFormat | None, str] = {
    "oracle": "DD-MON-YY HH24:MI:SS",
    "oracle_sqlserver": "DD-MON-YY HH24:MI:SS",
    "sql_server": "YYYY-MM-DD HH24:MI:SS",
    "us": "MM/DD/YYYY HH24:MI:SS",
    "eu": "DD/MM/YYYY HH24:MI:SS",
    "iso": 'YYYY-MM-DD"T"HH24:MI:SS',
}
# Styles of CONVERT: learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql
_STYLES: Mapping[DateFormat | None, int] = {"us": 101, "eu": 103, "iso": 126, "sql_server": 120}


def _oracle_text(column: str) -> str:
    """`20-APR-24 07:11:01.0` in T-SQL, which has no style for it."""
    months = " ".join(f"WHEN '{name}' THEN '{number:02d}'" for number, name in enumerate(_MONTHS, 1))
    day = f"'20' + SUBSTRING({column}, 8, 2) + '-' + CASE UPPER(SUBSTRING({column}, 4, 3)) {months} END + '-' + LEFT({column}, 2)"
    return f"TRY_CONVERT(datetime2, {day} + ' ' + SUBSTRING({column}, 11, 8), 120)"


def _as_time(window: Window) -> bool:
    return window.as_time or isinstance(window.after, datetime)


def _bare(query: str) -> str:
    return query.strip().rstrip(";").rstrip()


def _parts(name: str) -> list[str]:
    parts, rest = [], name.strip()
    while rest:
        closing = {"[": "]", '"': '"', "`": "`"}.get(rest[0])
        end = rest.find(closing, 1) if closing else -1
        if closing and end > 0:
            parts.append(rest[1:end])
            rest = rest[end + 1 :].removeprefix(".")
        else:
            part, _, rest = rest.partition(".")
            parts.append(part)
    return parts or [""]
