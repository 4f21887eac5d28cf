"""A gate judges the rows of a node as a whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import narwhals as nw
import polars as pl
import pytest

from odibi_core.checks import CheckContext, check_specs, evaluate, gate_error, judge
from odibi_core.config import GateConfig
from odibi_core.past import PastRun

NOW = datetime(2026, 3, 8, tzinfo=UTC)
# Ten rows: id is NULL twice, of which one is rejected by amount too; amount is below 0 three times.
ROWS = {"id": [None, None, 3, 4, 5, 6, 7, 8, 9, 10], "amount": [-1, 2, -3, -4, 5, 6, 7, 8, 9, 10]}
TESTS = (
    {"type": "not_null", "columns": ["id"], "on_fail": "quarantine"},
    {"type": "range", "name": "positive", "column": "amount", "min": 0, "on_fail": "warn"},
)


def found(*tests, rows=None):
    """What the checks find in the rows."""
    frame = nw.from_native(pl.LazyFrame(ROWS if rows is None else rows, schema={"id": pl.Int64, "amount": pl.Int64}))
    return evaluate(frame, check_specs(tests or TESTS))


def judged(*tests, rows=None, last_rows=None, **gate):
    """What a gate says of them."""
    return judge(GateConfig.model_validate(gate), found(*tests, rows=rows), last_rows=last_rows)


def test_the_pass_rate_is_of_rows_that_pass_all_checks_by_all_rows():
    """Two are rejected, two more break what only warns: six of ten, whatever the severities."""
    result = judged(require_pass_rate=0.6)
    assert (result.passed, result.pass_rate, result.rows, result.passed_rows) == (True, 0.6, 10, 6)
    shut = judged(require_pass_rate=0.61)
    assert shut.reasons == ("60% of the rows pass all checks, not 61%",)


def test_the_default_asks_for_95_percent():
    """A share that only just misses is told with its digits."""
    rows = {"id": [None, *range(2, 10)], "amount": [1] * 9}
    assert judged(rows=rows).reasons == ("88.8889% of the rows pass all checks, not 95%",)
    full = {"id": [None, *range(2, 21)], "amount": [1] * 20}
    assert judged(rows=full).passed


@pytest.mark.parametrize(
    ("threshold", "reasons"),
    [
        ({"test": "positive", "min_pass_rate": 0.8}, ()),  # of the kept rows two break it: 8 of 10
        ({"test": "positive", "min_pass_rate": 0.81}, ("check 'positive' passes 80%, not 81%",)),
        ({"test": "range", "min_pass_rate": 0.9}, ("check 'positive' passes 80%, not 90%",)),
        ({"test": "not_null", "min_pass_rate": 0.99}, ("check 'not_null' passes 80%, not 99%",)),
    ],
)
def test_a_threshold_is_for_one_check_by_its_name_or_for_all_of_a_type(threshold, reasons):
    """Beside the rate of the whole."""
    assert judged(require_pass_rate=0, thresholds=[threshold]).reasons == reasons


def test_a_check_of_the_table_passes_whole_or_not_at_all():
    """It takes no row out of the pass rate."""
    count = {"type": "row_count", "min": 11, "on_fail": "warn"}
    result = judged(count, thresholds=[{"test": "row_count", "min_pass_rate": 0.1}])
    assert (result.pass_rate, result.reasons) == (1.0, ("check 'row_count' passes 0%, not 10%",))


def test_no_rows_pass_but_for_the_bounds():
    """Of no rows nobody can say that they are bad; that there are none may be wrong all the same."""
    none = {"id": [], "amount": []}
    assert judged(rows=none, require_pass_rate=1).passed
    assert judged(rows=none, row_count={"min": 1}).reasons == ("0 rows, expected at least 1",)


@pytest.mark.parametrize(
    ("bounds", "last", "reasons", "notes"),
    [
        ({"min": 10, "max": 10}, None, (), ()),
        ({"min": 11}, None, ("10 rows, expected at least 11",), ()),
        ({"max": 9}, None, ("10 rows, expected at most 9",), ()),
        ({"change_threshold": 0.1}, 9, ("10 rows, +11.1% from the last run's 9; at most 10% is allowed",), ()),
        ({"change_threshold": 0.1}, 20, ("10 rows, -50.0% from the last run's 20; at most 10% is allowed",), ()),
        ({"change_threshold": 0.5}, 20, (), ()),
        ({"change_threshold": 0.1}, None, (), ("the change of the row count was not judged: there is no earlier run",)),
        ({"change_threshold": 0.1}, 0, (), ("the change of the row count was not judged: the last run had no rows",)),
    ],
)
def test_the_number_of_rows_has_bounds_and_a_past(bounds, last, reasons, notes):
    """Rows are those before the quarantine; the first run has nothing to be measured by."""
    result = judged(require_pass_rate=0, row_count=bounds, last_rows=last)
    assert (result.reasons, result.notes) == (reasons, notes)


@pytest.mark.parametrize(("action", "fails"), [("abort", True), ("warn_and_write", False), ("write_valid_only", False)])
def test_only_an_abort_fails_the_node(action, fails):
    """The reasons are in the message."""
    error = gate_error(judged(on_fail=action))
    assert (error is not None) == fails
    if error is not None:
        assert (error.error_code, error.exit_code) == ("gate_failed", 3)
        assert error.message == "the gate is shut: 60% of the rows pass all checks, not 95%"
    assert gate_error(judged(on_fail=action, require_pass_rate=0)) is None


def past(*kept, days_ago=1):
    """Runs of so many rows, one each day before."""
    return tuple(PastRun(at=NOW - timedelta(days=days_ago + number), rows_in=None, rows=99, kept=rows) for number, rows in enumerate(kept))


@pytest.mark.parametrize(
    ("before", "params", "passed", "detail"),
    [
        (past(20, 10, 30), {}, True, "10 rows, 50.0% fewer than the average of 20 in the last 7 days"),
        (past(20, 22, 21), {}, False, "10 rows, 52.4% fewer than the average of 21 in the last 7 days"),
        (past(10, 90), {"lookback_days": 1}, True, "10 rows, 0.0% fewer than the average of 10 in the last 1 days"),
        (past(5), {"threshold": 0}, True, "10 rows, -100.0% fewer than the average of 5 in the last 7 days"),
        (past(90, days_ago=8), {}, True, "10 rows, and no rows in the last 7 days to compare with"),
        (past(0), {}, True, "10 rows, and no rows in the last 7 days to compare with"),
        ((), {}, True, "10 rows, and no rows in the last 7 days to compare with"),
    ],
)
def test_a_drop_of_the_volume_is_measured_by_the_last_days(before, params, passed, detail):
    """Older runs do not count, and a first run passes."""
    specs = check_specs([{"type": "volume_drop", **params}])
    frame = nw.from_native(pl.LazyFrame(ROWS))
    (result,) = evaluate(frame, specs, CheckContext(now=NOW, past=lambda: before)).results
    assert (result.passed, result.detail) == (passed, detail)
