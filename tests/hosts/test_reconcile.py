"""A node's rows against those that it was made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from odibi_core.errors import ConfigError
from odibi_core.events import NodeResult
from tests.hosts.world import HEAD, World

PROJECT = """\
pipelines:
  - pipeline: p
    nodes:
      - name: raw
        read: { connection: landing, format: csv, path: in.csv }
        write: { connection: lake, format: delta, path: raw }
      - name: clean
        depends_on: [raw]
        transform: { steps: [ 'SELECT * FROM df WHERE amount IS NOT NULL' ] }
        validation: { tests: [ { TEST } ] }
        write: { connection: lake, format: delta, path: clean }
"""


def run(folder: Path, test: str, rows: str) -> NodeResult:
    """What became of the second node."""
    world = World(folder, HEAD + PROJECT.replace("TEST", test))
    (folder / "landing").mkdir()
    (folder / "landing" / "in.csv").write_text(rows)
    host = world.in_process()
    final = host.run(host.request("p"))
    result: NodeResult = host.app.coordinator.journal.outcome(final.run_id, "clean").result
    return result


@pytest.mark.parametrize("source", ["raw", "df"])
def test_rows_that_got_lost_fail_the_node(tmp_path: Path, source: str) -> None:
    """The node above is the source, by its name or as what the first step gets."""
    result = run(tmp_path, f"type: reconcile, source: {source}, by: [day], sums: [amount]", "day,amount\n1,5\n1,\n2,7\n")
    assert result.status == "failed"
    assert result.error.message == f"check 'reconcile' found 1 of 2 partitions differ from '{source}': rows in 1"


def test_rows_that_are_all_there_are_written(tmp_path: Path) -> None:
    """In numbers, sums and values."""
    result = run(tmp_path, "type: reconcile, source: raw, by: [day], sums: [amount], hash: [day, amount]", "day,amount\n1,5\n2,7\n")
    assert (result.status, [one.detail for one in result.checks]) == ("succeeded", ["as in 'raw'"])


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("type: reconcile, source: row", "'row' is not an input of this node"),
        ("type: reconcile, source: raw, on_fail: quarantine", "there are no rows to set aside"),
        ("type: reconcile, source: raw, tolerance: 2", "at most 1"),
    ],
)
def test_what_cannot_be_reconciled_is_refused_before_the_run(tmp_path: Path, test: str, message: str) -> None:
    """With the key that is wrong."""
    with pytest.raises(ConfigError) as caught:
        run(tmp_path, test, "day,amount\n1,5\n")
    assert message in "\n".join([str(caught.value), *map(str, caught.value.problems)])
