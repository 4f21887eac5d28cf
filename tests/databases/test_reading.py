"""Rows of real databases: tables, queries, filters and windows; what is wrong is said without a value, a login or the driver's words."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from odibi_core.engines.polars import PolarsEngine
from odibi_core.errors import ConfigError, DataError, OdibiError, PermanentServiceError, SchemaMismatchError, TransientServiceError
from odibi_core.ports import Location, Window
from tests.databases.conftest import Database, Server, source


def _read(engine: PolarsEngine, location: Location, **more: Any) -> pl.DataFrame:
    return engine.cache(engine.scan(source(location, **more)).frame, {}).frame.to_native().collect()


def _ids(engine: PolarsEngine, location: Location, **more: Any) -> list[int]:
    return sorted(_read(engine, location, **more)["id"].to_list())


def test_a_table_a_query_and_a_filter(engine: PolarsEngine, database: Database) -> None:
    """A filter holds for the rows of the query; a closing semicolon does no harm."""
    whole = engine.scan(source(database("orders")))
    assert whole.rows == 4
    assert whole.frame.collect_schema().names() == ["id", "t", "f", "at", "us"]
    assert _ids(engine, database("orders"), filter="f > 2 OR id = 1") == [1, 3, 4]
    query = "SELECT id, f * 2 AS twice FROM orders WHERE id > 1 -- the late ones\n ;"
    assert _read(engine, database(""), query=query, filter="twice > 7 OR id = 2").sort("id").rows() == [(2, None), (4, 9.0)]
    assert _ids(engine, database(""), query="WITH late AS (SELECT * FROM orders WHERE id > 2) SELECT id FROM late ORDER BY id DESC") == [
        3,
        4,
    ]


def test_no_rows_have_columns(engine: PolarsEngine, database: Database) -> None:
    """An empty result is a frame like any other."""
    assert _read(engine, database("orders"), filter="id > 99").columns == ["id", "t", "f", "at", "us"]


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Window(column="id", after=2, until=3), [3]),
        (Window(column="id", after=2, until=None), [3, 4]),
        (Window(column="id", after=None, until=3), [1, 2, 3]),
        (Window(column="f", after=1.5, until=3.5), [3]),
        (Window(column="t", after="a", until=None), [3, 4]),  # as bytes: "B" < "a" < "a'x" < "b"
        (Window(column="t", after="B", until="a'x"), [1, 4]),
        (Window(column="at", after=datetime(2026, 3, 1, 10, tzinfo=UTC), until=None), [2, 3]),
        (Window(column="at", after=datetime(2026, 3, 2, 10, 0, 0, 123456, tzinfo=UTC), until=None), [3]),
        (Window(column="at", after=datetime(2026, 3, 2, 10, 0, 0, 123456, tzinfo=UTC), until=None, inclusive=True), [2, 3]),
        (Window(column="at", after=None, until=datetime(2026, 3, 2, 10, 0, 0, 123456, tzinfo=UTC)), [1, 2, 4]),
        (Window(column="us", after=datetime(2026, 3, 1, 10, tzinfo=UTC), until=None, as_time=True, date_format="us"), [2, 3]),
    ],
)
def test_a_window_is_exact(engine: PolarsEngine, database: Database, window: Window, expected: list[int]) -> None:
    """To the microsecond, whatever the database's collation."""
    assert _ids(engine, database("orders"), window=window) == expected
    assert _ids(engine, database(""), query="SELECT * FROM orders", window=window) == expected


def test_the_newest_value_is_looked_for_in_the_rows_that_are_loaded_then(
    engine: PolarsEngine, database: Database, postgres: Server
) -> None:
    """What arrives in between belongs to the next load, and the database is asked once."""
    open_end = Window(column="id", after=1, until=None)
    newest = engine.maximum(engine.scan(source(database("orders"), window=open_end)).frame, open_end)
    assert newest == 4
    if database("orders").uri.startswith("postgresql"):
        postgres.run("INSERT INTO orders VALUES (3, 'late', 0, NULL, '')")
    assert _ids(engine, database("orders"), window=Window(column="id", after=1, until=newest)) == [2, 3, 4]


def test_more_rows_than_a_batch(engine: PolarsEngine, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """They come in files, one after the other, and the scale of decimals may differ between them."""
    monkeypatch.setattr("odibi_core.engines.polars.sql_reader.BATCH_ROWS", 10)
    query = "SELECT i, CASE WHEN i > 20 THEN 1.25 ELSE i::numeric END AS n FROM generate_series(1, 25) AS s(i)"
    found = _read(engine, postgres.location, query=query)
    assert found["i"].to_list() == list(range(1, 26))
    assert found["n"].sum() == Decimal("216.25")


def test_the_types_of_postgres(engine: PolarsEngine, postgres: Server) -> None:
    """As they are, also where every value is missing."""
    postgres.run(
        "DROP TABLE IF EXISTS kinds",
        "CREATE TABLE kinds (b boolean, s smallint, n numeric(9,2), d date, z timestamptz, c time, j jsonb, u uuid, y bytea, v varchar(9))",
        "INSERT INTO kinds VALUES (true, 1, 2.5, '2026-03-29', '2026-03-29 03:30+02', '10:00', '{\"a\": [1]}',"
        " '00000000-0000-0000-0000-000000000001', '\\x01', 'ä'), (NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL)",
    )
    found = _read(engine, postgres.at("public.kinds"))
    assert found.row(0) == (
        True,
        1,
        Decimal("2.50"),
        date(2026, 3, 29),
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        time(10),
        '{"a": [1]}',
        "00000000-0000-0000-0000-000000000001",
        b"\x01",
        "ä",
    )
    assert found.row(1) == (None,) * 10
    nothing = _read(engine, postgres.at("public.kinds"), filter="false")
    assert nothing.schema == found.schema
    assert found.schema["z"] == pl.Datetime("us", "UTC")


@pytest.mark.parametrize(
    ("style", "text", "earlier"),
    [
        ("oracle", "20-APR-26 07:11:01", "19-APR-26 07:11:01"),
        ("us", "04/20/2026 07:11:01", "04/19/2026 07:11:01"),
        ("eu", "20/04/2026 07:11:01", "19/04/2026 07:11:01"),
        ("iso", "2026-04-20T07:11:01", "2026-04-19T07:11:01"),
        ("sql_server", "2026-04-20 07:11:01", "2026-04-19 07:11:01"),
        (None, "2026-04-20 07:11:01", "2026-04-19 07:11:01"),
    ],
)
def test_texts_that_are_times(engine: PolarsEngine, postgres: Server, style: Any, text: str, earlier: str) -> None:
    """Compared as times, by the database first and exactly here."""
    postgres.run(
        "DROP TABLE IF EXISTS texts",
        f"CREATE TABLE texts AS SELECT 1 AS id, '{text}' AS at UNION ALL SELECT 2, '{earlier}' UNION ALL SELECT 3, NULL",
    )
    window = Window(
        column="at", after=datetime(2026, 4, 20, 7, 11, 1, tzinfo=UTC), until=None, inclusive=True, as_time=True, date_format=style
    )
    assert _ids(engine, postgres.at("texts"), window=window) == [1]


@pytest.mark.parametrize(
    ("what", "error", "code"),
    [
        ({"table": "nowhere"}, ConfigError, "sql"),
        ({"query": "SELECT secret FROM orders"}, ConfigError, "sql"),
        ({"query": "SELEC 1"}, ConfigError, "sql"),
        ({"query": "SELECT id, t AS id FROM orders"}, SchemaMismatchError, None),
        ({"table": "orders", "options": {"sep": ";"}}, ConfigError, None),
    ],
)
def test_what_a_database_does_not_understand(
    engine: PolarsEngine, database: Database, what: dict[str, Any], error: type[OdibiError], code: str | None
) -> None:
    """It is the author's to correct, and nothing of the driver's text is shown."""
    given = dict(what)
    with pytest.raises(error) as caught:
        _read(engine, database(given.pop("table", "")), **given)
    assert code is None or caught.value.error_code == code
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"
    assert caught.value.__cause__ is None


def test_a_value_that_the_database_cannot_cast_is_not_shown(engine: PolarsEngine, postgres: Server) -> None:
    """Its own text quotes it."""
    with pytest.raises(DataError, match=r"gave up \(SQLSTATE 22P02\)") as caught:
        _read(engine, postgres.location, query="SELECT CAST(t AS integer) AS i FROM (VALUES ('SECRET')) AS v(t)")
    assert "SECRET" not in str(caught.value)


def test_databases_that_cannot_be_reached(engine: PolarsEngine, postgres: Server, tmp_path: Path) -> None:
    """Missing, refused, or away: who must act differs."""
    cases: list[tuple[Location, type[OdibiError]]] = [
        (postgres.at("t", database="nowhere"), PermanentServiceError),
        (postgres.at("t", user="nobody-here"), PermanentServiceError),
        (postgres.at("t", host=str(tmp_path)), TransientServiceError),
        (Location(connection="db", path="t", uri=f"sqlite://{tmp_path}/none.db"), PermanentServiceError),
        (Location(connection="db", path="t", uri=str(tmp_path)), ConfigError),
    ]
    for location, error in cases:
        with pytest.raises(error) as caught:
            _read(engine, location)
        assert "hunter2" not in f"{caught.value} {caught.value.hint}"


def test_a_driver_that_is_not_installed_is_named(engine: PolarsEngine, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that brings it."""
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(ConfigError) as caught:
        _read(engine, postgres.at("t"))
    assert (caught.value.error_code, caught.value.hint) == ("missing_driver", "Install it: pip install 'odibi-core[postgres]'.")


def test_a_database_is_only_read(engine: PolarsEngine, database: Database) -> None:
    """A query that writes changes nothing."""
    with pytest.raises(OdibiError):
        _read(engine, database(""), query="DELETE FROM orders")
    assert _ids(engine, database("orders")) == [1, 2, 3, 4]
