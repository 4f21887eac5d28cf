"""What the columns of a query hold, asked of the database before a row is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from odibi_core.engines.databases.dialect import Dialect, Family
from odibi_core.frozen import Frozen

Kind = Literal["bool", "int", "float", "decimal", "text", "date", "timestamp", "timestamptz", "time", "bytes", "json", "any"]

# pg_type.dat of PostgreSQL: these numbers never change.
_POSTGRES: Mapping[int, Kind] = {
    16: "bool",
    17: "bytes",
    18: "text",
    19: "text",
    20: "int",
    21: "int",
    23: "int",
    25: "text",
    26: "int",
    114: "json",
    700: "float",
    701: "float",
    1042: "text",
    1043: "text",
    1082: "date",
    1083: "time",
    1114: "timestamp",
    1184: "timestamptz",
    1700: "decimal",
    2950: "text",
    3802: "json",
}
_SQL_SERVER: Mapping[str, Kind] = {
    "bit": "bool",
    "tinyint": "int",
    "smallint": "int",
    "int": "int",
    "bigint": "int",
    "real": "float",
    "float": "float",
    "decimal": "decimal",
    "numeric": "decimal",
    "money": "decimal",
    "smallmoney": "decimal",
    "date": "date",
    "datetime": "timestamp",
    "datetime2": "timestamp",
    "smalldatetime": "timestamp",
    "datetimeoffset": "timestamptz",
    "time": "time",
    "binary": "bytes",
    "varbinary": "bytes",
    "image": "bytes",
    "rowversion": "bytes",
    "timestamp": "bytes",
    "uniqueidentifier": "text",
    **dict.fromkeys(("char", "varchar", "nchar", "nvarchar", "text", "ntext", "xml", "sysname"), "text"),
}
_FAMILIES: Mapping[Kind, Family] = {
    "int": "number",
    "float": "number",
    "decimal": "number",
    "text": "text",
    "date": "date",
    "timestamp": "time",
    "timestamptz": "instant",
}


class ResultColumn(Frozen):
    """One column of a query's result."""

    name: str
    kind: Kind
    scale: int | None = None  # of a decimal; None: as its values have it

    @property
    def family(self) -> Family:
        """What it can be compared with."""
        return _FAMILIES.get(self.kind, "unknown")


def described(dialect: Dialect, connection: Any, query: str) -> list[ResultColumn]:
    """The columns of a query; SQLite knows names only, each value there has its own type."""
    cursor = connection.cursor()
    if dialect.name == "sql_server":
        columns = f"sys.dm_exec_describe_first_result_set({dialect.text(query)}, NULL, 0)"
        asking = f"SELECT name, system_type_name FROM {columns} ORDER BY column_ordinal"  # noqa: S608  one quoted literal
        cursor.execute(asking)
        return list(_of_sql_server(cursor.fetchall()))
    if dialect.name == "sqlite":
        cursor.execute(query)  # no row is computed before it is fetched
        return [ResultColumn(name=column[0], kind="any") for column in cursor.description]
    cursor.execute(f"SELECT * FROM (\n{query}\n) AS src WHERE 1 = 0")  # noqa: S608  the author's own query
    return [
        ResultColumn(name=column.name, kind=_POSTGRES.get(column.type_code, "any"), scale=column.scale) for column in cursor.description
    ]


def _of_sql_server(rows: Iterable[tuple[str | None, str | None]]) -> Iterable[ResultColumn]:
    for number, (name, kind) in enumerate(rows, 1):
        found = re.match(r"(\w+)(?:\((\d+)(?:,(\d+))?\))?", kind or "")
        base = found[1] if found else ""
        scale = int(found[3]) if found and found[3] else 4 if "money" in base else None
        yield ResultColumn(name=name or f"column_{number}", kind=_SQL_SERVER.get(base, "any"), scale=scale)
