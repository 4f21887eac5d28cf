"""What becomes of each row of a node is told, in the result, in the catalog and in the story; and a node whose rows do not add up fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from odibi_core.events import NodeResult, RowAccount
from odibi_core.transforms.rows import DeduplicateParams
from tests.hosts.world import HEAD, World

ROWS = "id,amount\n1,5\n1,5\n2,-1\n3,7\n4,0\n"
STEPS = {
    "filtered": "{ function: filter_rows, params: { condition: 'amount > 0' } }",
    "deduplicated": "{ function: deduplicate, params: { keys: [id] } }",
    "counted": "{ sql: 'SELECT id, COUNT(*) AS n FROM df GROUP BY id' }",
    "typed": "{ sql: 'SELECT id, CAST(amount AS DOUBLE) AS amount FROM df' }",
}


def run(folder: Path, *steps: str) -> tuple[World, str, NodeResult]:
    """One run of one node over five rows."""
    (folder / "landing").mkdir()
    (folder / "landing" / "in.csv").write_text(ROWS)
    node = (
        "{ name: n, read: { connection: landing, format: csv, path: in.csv }, "
        f"transform: {{ steps: [{', '.join(STEPS[step] for step in steps)}] }}, write: {{ connection: lake, format: delta, path: t }} }}"
    )
    world = World(folder, f"{HEAD}pipelines:\n  - pipeline: p\n    nodes:\n      - {node}\n")
    host = world.in_process()
    final = host.run(host.request("p"))
    return world, final.run_id, host.app.coordinator.journal.outcome(final.run_id, "n").result


def test_a_filter_and_duplicates_are_told_apart(tmp_path: Path) -> None:
    """Five rows: two are not above 0, one is there twice."""
    world, run_id, result = run(tmp_path, "typed", "filtered", "deduplicated")
    assert result.account == RowAccount(rows_in=5, rows_out=2, left_out={"filtered": 2, "deduplicated": 1})
    (row,) = world.in_process().app.catalog.nodes(run_id).rows(named=True)
    told = {name: row[f"rows_{name}"] for name in ("in", "out", "filtered", "deduplicated", "joined_out")}
    assert told == {"in": 5, "out": 2, "filtered": 2, "deduplicated": 1, "joined_out": 0}
    (page,) = tmp_path.rglob("*.html")
    assert "2 filtered, 1 deduplicated" in page.read_text()


def test_groups_are_not_accounted_for(tmp_path: Path) -> None:
    """Nobody claims to know, and the catalog says null."""
    world, run_id, result = run(tmp_path, "filtered", "counted")
    assert (result.status, result.account) == ("succeeded", None)
    (row,) = world.in_process().app.catalog.nodes(run_id).rows(named=True)
    assert row["rows_filtered"] is None


def test_a_node_whose_rows_do_not_add_up_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transform that loses a row and says that it keeps them all."""
    monkeypatch.setattr(DeduplicateParams, "row_effect", lambda _self: "same")
    _, _, result = run(tmp_path, "deduplicated")
    assert (result.status, result.error.code, result.error.exit_code) == ("failed", "rows_unexplained", 3)
    assert not (tmp_path / "lake" / "t").exists()
