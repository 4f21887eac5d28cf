"""Gates and checks that remember, run by run."""

from __future__ import annotations

from pathlib import Path

import pytest

from odibi_core.engines.polars.delta_sink import DeltaSink
from odibi_core.events import NodeResult
from tests.hosts.test_quarantine import Dies, dying
from tests.hosts.test_writing import READ, Runs

WRITE = "write: { connection: lake, format: delta, path: t, mode: overwrite }"
WARNS = "{ type: range, column: i, min: 0, on_fail: warn }"


@pytest.fixture
def gated(tmp_path: Path):
    """Make the runs of a node with a gate."""
    return lambda gate, tests=WARNS, **more: Runs(
        tmp_path, f"{{ name: n, {READ}, validation: {{ tests: [{tests}], gate: {gate} }}, {WRITE} }}", **more
    )


def values(*numbers: int) -> str:
    """A file of numbers."""
    return "\n".join(["i", *map(str, numbers)]) + "\n"


def run(of: Runs, *numbers: int) -> NodeResult:
    """One run over them."""
    of.land(values(*numbers))
    return of.run()


def test_a_shut_gate_writes_nothing(gated) -> None:
    """What was there before stays, and the result says what the gate said."""
    of = gated("{ require_pass_rate: 0.7 }")
    assert run(of, 1, 2, 3, -4).status == "succeeded"
    before = of.version()
    result = run(of, 1, -2, -3, -4)
    assert (result.status, result.error.code, result.gate.pass_rate) == ("failed", "gate_failed", 0.25)
    assert (of.version(), of.table()["i"].to_list()) == (before, [-4, 1, 2, 3])


def test_a_gate_may_warn_and_write_all_rows(gated) -> None:
    """The warning has the reasons."""
    of = gated("{ on_fail: warn_and_write }")
    result = run(of, 1, -2)
    assert (result.status, of.table()["i"].to_list()) == ("succeeded", [-2, 1])
    told = "the gate is shut, and rows were written all the same (warn_and_write): 50% of the rows pass all checks, not 95%"
    assert result.warnings == (told,)


def test_a_gate_may_let_only_valid_rows_pass(gated) -> None:
    """The others are held back, and accounted for; an open gate lets all pass."""
    of = gated("{ require_pass_rate: 0.6, on_fail: write_valid_only }")
    result = run(of, 1, -2, -3, 4)
    assert (result.gate.held_back, result.rows_out, of.table()["i"].to_list()) == (2, 2, [1, 4])
    assert result.account.left_out == {"gated": 2}
    assert run(of, 1, -2, 4).gate.held_back == 0
    assert of.table()["i"].to_list() == [-2, 1, 4]
    rows = of.world.in_process().app.catalog.nodes(pipeline="p")
    assert sorted(rows["rows_gated"].to_list()) == [0, 2]


def test_a_change_is_measured_by_the_last_run_that_succeeded(gated) -> None:
    """The first run passes, a failed run does not count, and the catalog remembers over processes."""
    of = gated("{ require_pass_rate: 0, row_count: { change_threshold: 0.5 } }")
    assert "there is no earlier run" in run(of, 1, 2, 3, 4).warnings[0]
    assert run(of, 1).error.message == "the gate is shut: 1 rows, -75.0% from the last run's 4; at most 50% is allowed"
    assert run(of, 1, 2).status == "succeeded"
    assert run(of, 1).status == "succeeded"


def test_rows_that_a_gate_held_back_count_for_the_next_comparison(gated) -> None:
    """The history is of rows before quarantine and gate."""
    of = gated("{ on_fail: write_valid_only, require_pass_rate: 0.9, row_count: { change_threshold: 0.1 } }")
    run(of, 1, -2, -3, -4)
    assert run(of, 1, 2, 3, 4).gate.passed


def test_a_drop_of_the_volume_fails_the_node(gated) -> None:
    """Measured by what earlier runs handed on."""
    of = gated("{ require_pass_rate: 0 }", tests="{ type: volume_drop, threshold: 0.5 }")
    assert run(of, 1, 2, 3, 4).checks[0].detail == "4 rows, and no rows in the last 7 days to compare with"
    result = run(of, 1)
    assert (result.status, result.error.code) == ("failed", "check_failed")
    assert result.checks[0].detail == "1 rows, 75.0% fewer than the average of 4 in the last 7 days"
    assert of.table()["i"].to_list() == [1, 2, 3, 4]


def test_a_contract_measures_what_was_read(tmp_path: Path) -> None:
    """Not what the node makes of it: three rows of four are filtered each time."""
    contract = "contracts: [{ type: volume_drop, threshold: 0.4 }]"
    of = Runs(tmp_path, f"{{ name: n, {READ}, {contract}, transform: {{ steps: [{{ sql: 'SELECT * FROM df WHERE i > 3' }}] }}, {WRITE} }}")
    assert run(of, 1, 2, 3, 4).status == "succeeded"
    assert run(of, 1, 2, 4).checks[0].detail == "3 rows, 25.0% fewer than the average of 4 in the last 7 days"
    assert run(of, 4).error.code == "check_failed"


def test_rows_in_the_quarantine_count_for_the_next_comparison(gated) -> None:
    """Four rows each time, of which first three and then none are set aside."""
    bad = "{ type: range, column: i, min: 0, on_fail: quarantine }"
    gate = "{ require_pass_rate: 0, row_count: { change_threshold: 0.1 } }, quarantine: { connection: lake, table: bad }"
    of = gated(gate, tests=bad)
    assert run(of, 1, -2, -3, -4).quarantined.rows == 3
    assert run(of, 1, 2, 3, 4).gate.passed


def test_a_file_without_rows_breaks_no_check_of_rows(gated) -> None:
    """Its columns are text, for nothing in it says that they are numbers."""
    of = gated("{ require_pass_rate: 1 }", tests="{ type: range, column: i, min: 0 }")
    of.land("i\n")
    result = of.run()
    assert (result.status, [check.passed for check in result.checks]) == ("succeeded", [True])


def test_a_resumed_run_holds_the_same_rows_back(gated, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process died behind the gate: what the node handed on is computed again, as the gate had let it pass."""
    behind = "      - { name: d, depends_on: [n], write: { connection: lake, format: delta, path: d } }\n"
    of = gated("{ on_fail: write_valid_only }", behind=behind)
    of.land(values(1, -2, 3))
    host = of.world.in_process()
    with monkeypatch.context() as patched:
        patched.setattr(DeltaSink, "write", dying(DeltaSink, "lake/d", after=False))
        with pytest.raises(Dies):
            host.run(host.request("p"))
    assert of.world.in_process().resume("p").status == "succeeded"
    assert of.table("d")["i"].to_list() == [1, 3]
