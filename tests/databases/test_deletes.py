"""`detect_deletes` compares what we hold with what a real database still has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from odibi_core.engines.polars import PolarsEngine
from odibi_core.ports import Source
from tests.databases.conftest import Server
from tests.hosts.world import HEAD, World

NODE = """\
pipelines:
  - pipeline: p
    nodes:
      - name: n
        read: {{ connection: landing, format: csv, path: held.csv }}
        transform:
          steps:
            - operation: detect_deletes
              params: {{ mode: sql_compare, keys: [i], source_connection: erp, {source} }}
        write: {{ connection: lake, format: delta, path: t }}
"""


@pytest.fixture(params=["sqlite", "postgres"])
def erp(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Callable[..., None]]:
    """The connection to a database, and what runs statements in it."""
    if request.param == "sqlite":
        import sqlite3

        def run(*statements: str) -> None:
            with sqlite3.connect(tmp_path / "erp.db") as connection:
                for statement in statements:
                    connection.execute(statement)
            connection.close()

        return "{ type: sqlite, database: erp.db }", run
    server: Server = request.getfixturevalue("postgres")
    login = "auth: { mode: sql_login, username: postgres, password: hunter2 }"
    return f"{{ type: postgres, host: '{server.folder}', database: postgres, sslmode: disable, {login} }}", server.run


def result(tmp_path: Path, connection: str, source: str) -> list[tuple[object, ...]]:
    """What the node writes of three rows that we hold."""
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "held.csv").write_text("i,v\n1,a\n2,b\n3,c\n")
    world = World(tmp_path, HEAD.replace("connections:\n", f"connections:\n  erp: {connection}\n") + NODE.format(source=source))
    host = world.in_process()
    final = host.run(host.request("p"))
    assert final is not None
    assert final.status == "succeeded"
    location = host.app.connections.locate("lake", "t")
    rows: list[tuple[object, ...]] = PolarsEngine().scan(Source(location=location, format="delta")).frame.collect().rows()
    return sorted(rows)


@pytest.mark.parametrize("source", ["source_query: SELECT i FROM gone_there WHERE alive = 1", "source_table: left_there"])
def test_rows_that_the_database_has_no_more_are_flagged(tmp_path: Path, erp: tuple[str, Callable[..., None]], source: str) -> None:
    """By a query in its own SQL, or by a table."""
    connection, run = erp
    run(
        "DROP TABLE IF EXISTS gone_there",
        "DROP TABLE IF EXISTS left_there",
        "CREATE TABLE gone_there (i INTEGER, alive INTEGER)",
        "INSERT INTO gone_there VALUES (1, 1), (2, 0), (3, 1), (4, 1)",
        "CREATE TABLE left_there (i INTEGER)",
        "INSERT INTO left_there VALUES (1), (3)",
    )
    assert result(tmp_path, connection, source) == [(1, "a", False), (2, "b", True), (3, "c", False)]


def test_a_plan_does_not_hold_the_query(tmp_path: Path, erp: tuple[str, Callable[..., None]]) -> None:
    """A value of the environment in it is put in where the node runs."""
    connection, run = erp
    run(
        "DROP TABLE IF EXISTS shops",
        "CREATE TABLE shops (i INTEGER, shop TEXT)",
        "INSERT INTO shops VALUES (1, 'north'), (2, 'south'), (3, 'north')",
    )
    (tmp_path / ".env").write_text("SHOP=north\n")
    source = "source_query: \"SELECT i FROM shops WHERE shop = '${SHOP}'\""
    assert result(tmp_path, connection, source) == [(1, "a", False), (2, "b", True), (3, "c", False)]
    plans = [file.read_text() for file in (tmp_path / "lake").rglob("plan.json")]
    assert plans
    assert not any("north" in plan for plan in plans)
