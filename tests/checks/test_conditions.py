"""A check in SQL: false breaks it, NULL does not, and a share may be tolerated."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from odibi_core.errors import ConfigError, DataError, SchemaMismatchError
from tests.checks.builders import NOW, evaluated, result

ORDERS = {
    "i d": [1, 2, 3, 4],
    "amount": [5.0, -1.0, None, float("nan")],
    "began": ["2024-01-02", "2024-01-03", "2024-01-04", None],
    "ended": ["2024-01-03", "2024-01-02", None, "2024-01-05"],
}


@pytest.mark.parametrize(
    ("condition", "broken"),
    [
        ("amount > 0", 1),
        ("amount IS NOT NULL AND amount > 0", 2),
        ("ended >= began", 1),
        ("CAST(ended AS DATE) >= CAST(began AS DATE) OR ended IS NULL", 1),
        ("`i d` IN (1, 2)", 2),
        ("NULL", 0),
        ("`i d` > (SELECT AVG(`i d`) FROM df)", 2),
        ("COUNT(*) OVER (PARTITION BY amount IS NULL) = 1", 3),
        ("amount > 0 -- a comment", 1),
        ("FALSE", 4),
    ],
)
def test_a_row_breaks_a_condition_that_is_false_for_it(condition, broken):
    """NULL is not false, as with CHECK in SQL; NaN is above every number."""
    found = result(ORDERS, {"type": "custom_sql", "condition": condition})
    assert (found.failed_rows, found.rows, found.passed) == (broken, 4, broken == 0)


@pytest.mark.parametrize(
    ("threshold", "passed"), [(0, False), (0.24, False), (0.25, True), (1, True)], ids=["none", "too few", "exactly", "all"]
)
def test_a_share_of_the_rows_may_break_it(threshold, passed):
    """One of four rows is a share of 0.25, which is not more than 0.25."""
    found = result(ORDERS, {"type": "custom_sql", "condition": "amount > 0", "threshold": threshold})
    assert (found.failed_rows, found.passed, found.detail) == (1, passed, "1 of 4 rows")


@pytest.mark.parametrize("share", [0.29, 0.07, 0.57])
def test_a_share_is_compared_as_it_is_written(share):
    """29 rows of 100 are 0.29, whatever floating point makes of 0.29 × 100."""
    rows = {"x": list(range(100))}
    test = {"type": "custom_sql", "condition": f"x >= {round(share * 100)}", "threshold": share}
    assert result(rows, test).passed
    assert not result(rows, {**test, "condition": f"x >= {round(share * 100) + 1}"}).passed


def test_the_quarantine_gets_every_row_that_breaks_it_whatever_the_share():
    """`threshold` decides about the check, not about the rows."""
    test = {"type": "custom_sql", "name": "positive", "condition": "amount > 0", "threshold": 0.5, "on_fail": "quarantine"}
    found = evaluated(ORDERS, test)
    assert (found.results[0].passed, found.rejected_rows, found.passed_rows) == (True, 1, 3)
    assert found.rejected.collect().to_native()["__failed_tests"].to_list() == ["positive"]
    assert found.kept.collect().to_native().columns == list(ORDERS)


def test_no_rows_break_nothing():
    """A share of nothing is not divided by zero."""
    found = result(pl.LazyFrame(ORDERS).clear(), {"type": "custom_sql", "condition": "amount > 0"})
    assert (found.passed, found.detail) == (True, "0 of 0 rows")


def test_the_time_in_a_condition_is_that_of_the_run():
    """A retry gives the same answer."""
    times = {"at": [NOW - timedelta(minutes=1), NOW + timedelta(minutes=1)]}
    assert result(times, {"type": "custom_sql", "condition": "at <= CURRENT_TIMESTAMP"}).failed_rows == 1


def test_a_condition_that_is_none_is_an_error():
    """A number is not taken for true or false."""
    with pytest.raises(SchemaMismatchError, match="the condition of a 'custom_sql' check gives Float64, not true or false"):
        result(ORDERS, {"type": "custom_sql", "condition": "amount"})


def test_an_unknown_column_is_named():
    """With what there is."""
    with pytest.raises((ConfigError, DataError), match="unknown column 'price'"):
        result(ORDERS, {"type": "custom_sql", "condition": "price > 0"})


def test_a_value_that_cannot_be_cast_is_told_without_the_value():
    """What a condition trips over is no part of the message."""
    with pytest.raises(DataError) as error:
        result({"x": ["1", "secret"]}, {"type": "custom_sql", "condition": "CAST(x AS INT) > 0"})
    assert "secret" not in f"{error.value}{error.value.__cause__}"
