"""Contracts: what the input must be like, before anything is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from odibi_core.events import NodeResult
from tests.hosts.world import HEAD, World

NODE = """\
pipelines:
  - pipeline: p
    nodes:
      - name: n
        read: { connection: landing, format: csv, path: in.csv }
        BODY
        write: { connection: lake, format: delta, path: out }
"""
ROWS = "id,amount,at\n1,10,2026-03-01\n2,-5,2026-02-01\n,20,2026-01-01\n"


def run(folder: Path, body: str, rows: str = ROWS) -> NodeResult:
    """What became of one node."""
    world = World(folder, HEAD + NODE.replace("BODY", body.replace("\n", "\n        ")))
    (folder / "landing").mkdir(exist_ok=True)
    (folder / "landing" / "in.csv").write_text(rows)
    host = world.in_process()
    final = host.run(host.request("p"))
    result: NodeResult = host.app.coordinator.journal.outcome(final.run_id, "n").result
    return result


def test_a_broken_contract_fails_the_node_and_nothing_is_written(tmp_path: Path) -> None:
    """The error names the contract and counts; what was read is told all the same."""
    result = run(tmp_path, "contracts: [ { type: not_null, columns: [id], name: has_id }, { type: row_count, min: 1 } ]")
    assert (result.status, result.error.code, result.error.message) == (
        "failed",
        "check_failed",
        "contract 'has_id' found 1 row that breaks it",
    )
    assert [(one.name, one.of, one.passed) for one in result.checks] == [("has_id", "input", False), ("row_count", "input", True)]
    assert [read.dataset for read in result.reads] == ["landing/in.csv"]
    assert not (tmp_path / "lake" / "out").exists()


def test_a_contract_is_about_the_input_and_a_check_about_the_output(tmp_path: Path) -> None:
    """The rows that the transform leaves out broke the contract, which only warns, and no check."""
    result = run(
        tmp_path,
        "contracts: [ { type: range, column: amount, min: 0, on_fail: warn }, { type: row_count, max: 3 } ]\n"
        "transform: { steps: [ 'SELECT id, amount AS positive FROM df WHERE amount > 0' ] }\n"
        "validation: { tests: [ { type: range, column: positive, min: 0 }, { type: row_count, max: 2 } ] }",
    )
    assert result.status == "succeeded"
    assert [(one.name, one.of, one.severity, one.passed, one.rows) for one in result.checks] == [
        ("range", "input", "warn", False, 3),
        ("row_count", "input", "fail", True, 3),
        ("range", "output", "fail", True, 2),
        ("row_count", "output", "fail", True, 2),
    ]


def test_every_kind_works_as_a_contract(tmp_path: Path) -> None:
    """Also those that ask SQL, the columns of the node and the time of the run."""
    result = run(
        tmp_path,
        "columns: { id: { type: int }, amount: {}, at: {} }\n"
        "contracts: [ { type: schema }, { type: freshness, column: at, max_age: 10000d }, { type: custom_sql, condition: amount > -10 },"
        " { type: distribution, column: id, metric: null_percentage, threshold: '<0.5' }, { type: unique, columns: [at] },"
        " { type: regex_match, column: at, pattern: '2026-' }, { type: accepted_values, column: id, values: [1, 2] } ]",
    )
    assert [one.kind for one in result.checks if not one.passed] == []
    assert result.status == "succeeded"


@pytest.mark.parametrize(
    "steps",
    ["transform: { steps: [ 'SELECT CAST(at AS INT) AS x FROM df' ] }", "transform: { steps: [ 'SELECT nope FROM df' ] }"],
    ids=["when it is computed", "when it is prepared"],
)
def test_a_broken_contract_goes_before_what_the_transform_trips_over(tmp_path: Path, steps: str) -> None:
    """The input was not as promised: that is the reason, and the transform's error only follows from it."""
    broken = run(tmp_path, f"contracts: [ {{ type: not_null, columns: [id] }} ]\n{steps}")
    assert broken.error.message == "contract 'not_null' found 1 row that breaks it"
    assert [(one.name, one.passed) for one in broken.checks] == [("not_null", False)]
    kept = run(tmp_path, f"contracts: [ {{ type: not_null, columns: [amount] }} ]\n{steps}")
    assert kept.status == "failed"
    assert "contract" not in kept.error.message


def test_an_empty_input_keeps_its_contracts_but_for_those_that_count(tmp_path: Path) -> None:
    """Nothing is there that could break a rule for rows."""
    result = run(tmp_path, "contracts: [ { type: not_null, columns: [id] }, { type: row_count, min: 1 } ]", rows="id,amount,at\n")
    assert result.error.message == "contract 'row_count' found 0 rows, expected at least 1"


def test_a_contract_on_a_column_that_is_not_there_says_so(tmp_path: Path) -> None:
    """It is neither kept nor broken."""
    result = run(tmp_path, "contracts: [ { type: not_null, columns: [email] } ]")
    assert (result.error.code, result.error.message) == ("schema_mismatch", "check 'not_null' reads missing columns: email")
