"""A pipeline that reads a database, from run to run."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.hosts.world import HEAD, World

PROJECT = (
    HEAD.replace("connections:\n", "connections:\n  shop: { type: sqlite, database: shop.db }\n")
    + """\
pipelines:
  - pipeline: p
    nodes:
      - name: new
        read:
          connection: shop
          format: sql
          sql_file: rows.sql
          filter: i <> 3
          incremental: { mode: stateful, column: at, watermark_lag: 1h }
        write: { connection: lake, format: delta, path: new, mode: append }
      - name: whole
        inputs: { orders: { connection: shop, format: sql, table: orders }, more: { connection: shop, format: sql, query: SELECT 9 AS j } }
        transform: { steps: [ 'SELECT i, j FROM orders CROSS JOIN more' ] }
        write: { connection: lake, format: delta, path: whole }
"""
)


def _run(world: World) -> str:
    host = world.in_process()
    final = host.run(host.request("p"))
    assert final is not None
    return final.status


def test_new_rows_of_a_query_are_appended(tmp_path: Path) -> None:
    """The first run takes what there is, rows without a time too; the next one what is new and what came late."""
    (tmp_path / "rows.sql").write_text("SELECT i, at FROM orders WHERE i < 100;")
    database = sqlite3.connect(tmp_path / "shop.db")
    database.execute("CREATE TABLE orders (i INTEGER, at TEXT)")
    database.executemany(
        "INSERT INTO orders VALUES (?, ?)", [(1, "2026-03-01 10:00:00"), (2, None), (3, "2026-03-01 11:00:00"), (100, None)]
    )
    database.commit()
    world = World(tmp_path, PROJECT)
    assert _run(world) == "succeeded"
    assert (world.rows("new"), world.rows("whole"), world.rows("whole", "j")) == ([1, 2], [1, 2, 3, 100], [9] * 4)
    rows = [(4, "2026-03-02T10:00:00"), (5, "2026-03-01 09:30:00"), (6, "2026-03-01 09:00:00"), (7, None)]
    database.executemany("INSERT INTO orders VALUES (?, ?)", rows)
    database.commit()
    database.close()
    assert _run(world) == "succeeded"
    assert world.rows("new") == [1, 1, 2, 4, 5]  # row 1 lies within the lag, row 6 exactly at its edge
