"""The SQL that each kind of database is asked, word by word."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from odibi_core.engines.databases.connecting import DIALECTS
from odibi_core.engines.databases.result_types import ResultColumn
from odibi_core.engines.polars.sql_reader import text_for
from odibi_core.errors import ConfigError
from odibi_core.ports import Location, Source, Window

AT = datetime(2026, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)
COLUMNS = [
    ResultColumn(name="id", kind="int"),
    ResultColumn(name="price", kind="decimal", scale=2),
    ResultColumn(name="Changed At", kind="timestamp"),
    ResultColumn(name="made", kind="timestamp"),
    ResultColumn(name="seen", kind="timestamptz"),
    ResultColumn(name="day", kind="date"),
    ResultColumn(name="note", kind="text"),
]
ORACLE_MONTHS = " ".join(
    f"WHEN '{name}' THEN '{number}'"
    for name, number in {
        "JAN": "01", "FEB": "02", "MAR": "03", "APR": "04", "MAY": "05", "JUN": "06",
        "JUL": "07", "AUG": "08", "SEP": "09", "OCT": "10", "NOV": "11", "DEC": "12",
    }.items()
)  # fmt: skip
ORACLE_DAY = f"'20' + SUBSTRING([note], 8, 2) + '-' + CASE UPPER(SUBSTRING([note], 4, 3)) {ORACLE_MONTHS} END + '-' + LEFT([note], 2)"
ROWS = "SELECT * FROM [dbo].[orders]"
CUT = "CONVERT(datetime2(3), '2026-03-01T12:30:00.123', 126)"
LATE = CUT.replace("123", "127")


def _text(scheme: str, *, table: str = "dbo.orders", **more: Any) -> str:
    source = Source(location=Location(connection="db", path=table, uri=f"{scheme}://h/d"), format="sql", **more)
    return text_for(source, DIALECTS[scheme], COLUMNS)


def _over(column: str, after: Any = AT, until: Any = None, **more: Any) -> Window:
    return Window(column=column, after=after, until=until, **more)


STYLES = {"us": 101, "eu": 103, "iso": 126, "sql_server": 120}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ROWS),
        ({"table": "[my schema].[a.b]"}, "SELECT * FROM [my schema].[a.b]"),
        ({"table": "a]b"}, "SELECT * FROM [a]]b]"),
        ({"table": "o; DROP TABLE x --"}, "SELECT * FROM [o; DROP TABLE x --]"),
        ({"filter": "id > 1 OR 1 = 1"}, f"{ROWS} WHERE (id > 1 OR 1 = 1)"),
        ({"query": "SELECT TOP 3 * FROM o ORDER BY id; "}, "SELECT TOP 3 * FROM o ORDER BY id"),
        (
            {"query": "SELECT * FROM o", "filter": "id > 1", "window": _over("id", 7, 9)},
            "SELECT * FROM (\nSELECT * FROM o\n) AS src WHERE (id > 1) AND ([id] >= 7 AND [id] <= 9)",
        ),
        ({"window": _over("Changed At")}, f"{ROWS} WHERE ([Changed At] >= {CUT})"),
        (
            {"window": _over("Changed At", until=AT, fallback_column="made")},
            f"{ROWS} WHERE (COALESCE([Changed At], [made]) >= {CUT} AND COALESCE([Changed At], [made]) <= {LATE})",
        ),
        ({"window": _over("price", "9.10")}, f"{ROWS} WHERE ([price] >= 9.10)"),
        ({"window": _over("price", "9 OR 1=1")}, ROWS),
        ({"window": _over("note", "O'Brien")}, f"{ROWS} WHERE ([note] COLLATE Latin1_General_BIN2 >= N'O''Brien')"),
        *(
            ({"window": _over("note", as_time=True, date_format=name)}, f"{ROWS} WHERE (TRY_CONVERT(datetime2, [note], {style}) >= {CUT})")
            for name, style in STYLES.items()
        ),
        (
            {"window": _over("note", as_time=True, date_format="oracle_sqlserver")},
            f"{ROWS} WHERE (TRY_CONVERT(datetime2, {ORACLE_DAY} + ' ' + SUBSTRING([note], 11, 8), 120) >= {CUT})",
        ),
        ({"window": _over("note", as_time=True)}, f"{ROWS} WHERE ([note] >= N'2026-02-28')"),
        ({"window": _over("id", None, 9)}, ROWS),  # a first load reads everything
        ({"query": "WITH a AS (SELECT 1 AS id) SELECT id FROM a", "window": _over("id", 1)}, "WITH a AS (SELECT 1 AS id) SELECT id FROM a"),
        ({"query": "SELECT * FROM o ORDER BY id", "window": _over("id", 1)}, "SELECT * FROM o ORDER BY id"),
    ],
)
def test_sql_server(given: dict[str, Any], expected: str) -> None:
    """Names in brackets, times in a form that no language setting changes, literals that nothing ends."""
    assert _text("sqlserver", **given) == expected


@pytest.mark.parametrize(
    ("column", "after", "more", "condition"),
    [
        ("made", AT, {}, "\"made\" >= TIMESTAMP '2026-03-01 12:30:00.123'"),
        ("seen", AT, {}, "\"seen\" >= TIMESTAMPTZ '2026-03-01 12:30:00.123+00'"),
        ("seen", AT, {"fallback_column": "day"}, 'COALESCE("seen", "day") >= TIMESTAMP \'2026-03-01 12:30:00.123\''),
        ("note", "a\\'b", {}, "\"note\" COLLATE \"C\" >= 'a\\''b'"),
        (
            "note",
            AT,
            {"as_time": True, "date_format": "oracle"},
            "TO_TIMESTAMP(\"note\", 'DD-MON-YY HH24:MI:SS') >= TIMESTAMPTZ '2026-03-01 12:30:00.123+00'",
        ),
    ],
)
def test_postgres(column: str, after: Any, more: dict[str, Any], condition: str) -> None:
    """Names in quotes, which keeps their case."""
    assert (
        _text("postgresql", table='public.my"t', window=_over(column, after, **more))
        == f'SELECT * FROM "public"."my""t" WHERE ({condition})'
    )


def test_a_condition_that_sql_server_cannot_take_is_said() -> None:
    """A derived table there has neither WITH nor a bare ORDER BY."""
    for query in ("WITH a AS (SELECT 1 AS id) SELECT id FROM a", "SELECT * FROM o ORDER BY id"):
        with pytest.raises(ConfigError, match="cannot have a 'filter'"):
            _text("sqlserver", query=query, filter="id > 1")
