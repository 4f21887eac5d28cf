"""Checks of the table as a whole: one figure each, judged with the time of the run and the node's columns."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from odibi_core.checks import CHECKS
from odibi_core.errors import ConfigError, SchemaMismatchError
from tests.checks.builders import evaluated, result

naive = datetime.fromisoformat

NAN = float("nan")


@pytest.mark.parametrize(
    ("times", "passed", "detail"),
    [
        ([naive("2024-05-09T12:00"), naive("2020-01-01"), None], True, "the newest row is 1 d old, 1 d allowed"),
        ([naive("2024-05-09T11:59")], False, "the newest row is 1 d 1 min old, 1 d allowed"),
        ([datetime(2024, 5, 9, 11, 59, tzinfo=UTC)], False, "the newest row is 1 d 1 min old, 1 d allowed"),
        ([datetime(2024, 5, 9, 13, 59, tzinfo=ZoneInfo("Europe/Berlin"))], False, "the newest row is 1 d 1 min old, 1 d allowed"),
        ([date(2024, 5, 10)], True, "the newest row is 12 h old, 1 d allowed"),
        ([date(2024, 5, 9)], False, "the newest row is 1 d 12 h old, 1 d allowed"),
        (["2024-05-10T11:59:30Z", "2024-05-01"], True, "the newest row is 30 s old, 1 d allowed"),
        (["2024-05-10 00:30:00+02:00", None, "soon"], True, "the newest row is 13 h 30 min old, 1 d allowed"),
        (["2024-05-09"], False, "the newest row is 1 d 12 h old, 1 d allowed"),
        ([naive("2024-06-01")], True, "the newest row is 0 s old, 1 d allowed"),
    ],
)
def test_the_newest_row_may_be_so_old(times, passed, detail):
    """Naive is UTC, a date is its midnight, text is ISO 8601; the future is fresh."""
    found = result({"updated_at": times}, {"type": "freshness", "max_age": "24h"})
    assert (found.passed, found.failed_rows, found.detail) == (passed, 0, detail)


@pytest.mark.parametrize(
    "rows", [pl.LazyFrame(schema={"t": pl.Datetime}), {"t": pl.Series([None, None], dtype=pl.Date)}, {"t": ["yesterday", None]}]
)
def test_without_a_time_nothing_is_fresh(rows):
    """No rows, no value and no time: nothing shows that the data are fresh."""
    found = result(rows, {"type": "freshness", "column": "t", "max_age": "7d"})
    assert (found.passed, found.detail) == (False, "no time in 't', so nothing says how old the rows are")


def test_a_number_is_no_time():
    """Seconds since an epoch are not guessed."""
    with pytest.raises(SchemaMismatchError, match="check 'freshness' does not fit the type of its column: 't' is Int64"):
        result({"t": [1]}, {"type": "freshness", "column": "t", "max_age": "7d"})


PRICES = {
    "price": [10.0, 20.0, None, 30.0],
    "exact": [Decimal("0.10"), Decimal("0.20"), None, None],
    "whole": [2**53 + 1, 2**53 + 1, 2**53 + 1, 2**53 + 1],
    "odd": [1.0, NAN, None, 3.0],
}


@pytest.mark.parametrize(
    ("column", "metric", "threshold", "passed"),
    [
        ("price", "mean", "> 19.9", True),
        ("price", "mean", ">20", False),
        ("price", "mean", "=20", True),
        ("price", "min", ">= 10", True),
        ("price", "min", "!=10", False),
        ("price", "max", "< 30", False),
        ("price", "max", " <= +30.0 ", True),
        ("price", "null_percentage", "<=0.25", True),
        ("price", "null_percentage", "<0.25", False),
        ("exact", "min", "==0.1", True),
        ("exact", "max", ">0.2", False),
        ("exact", "mean", ">0.14", True),
        ("exact", "null_percentage", "= 0.5", True),
        ("whole", "max", "> 9007199254740992", True),
        ("whole", "max", "= 9007199254740992", False),
        ("odd", "max", "= 3", True),
        ("odd", "min", "= 1", True),
        ("odd", "mean", "> 0", False),
        ("odd", "mean", "< 0", False),
        ("odd", "null_percentage", "= 0.25", True),
    ],
)
def test_a_figure_is_compared_with_a_number(column, metric, threshold, passed):
    """Whole and decimal numbers are compared exactly; a mean that is NaN compares with nothing."""
    found = result(PRICES, {"type": "distribution", "column": column, "metric": metric, "threshold": threshold})
    assert (found.passed, found.severity) == (passed, "warn")


def test_what_is_told_of_a_figure_is_no_value_of_the_data():
    """A minimum is a value of the data; a share of nulls is none."""
    test = {"type": "distribution", "column": "price", "threshold": ">100"}
    assert result(PRICES, {**test, "metric": "min"}).detail == "expected min of 'price' > 100"
    assert result(PRICES, {**test, "metric": "null_percentage"}).detail == "expected null_percentage of 'price' > 100, found 0.25"


@pytest.mark.parametrize(("metric", "passed"), [("mean", False), ("min", False), ("max", False), ("null_percentage", True)])
def test_an_empty_table_has_no_figure_but_its_share_of_nulls(metric, passed):
    """What is not there is neither large nor small."""
    empty = pl.LazyFrame(schema={"x": pl.Int64})
    found = result(empty, {"type": "distribution", "column": "x", "metric": metric, "threshold": "<1"})
    assert found.passed == passed


@pytest.mark.parametrize("values", [["a"], [True], [date(2024, 1, 1)], [[1]]])
def test_only_numbers_have_a_mean(values):
    """Nothing is made a number of."""
    with pytest.raises(SchemaMismatchError, match="check 'distribution' does not fit the type of its column: 'x' is"):
        result({"x": values}, {"type": "distribution", "column": "x", "metric": "max", "threshold": ">0"})
    assert result({"x": values}, {"type": "distribution", "column": "x", "metric": "null_percentage", "threshold": "=0"}).passed


TYPES = {"id": [1], "price": [Decimal("1.0")], "name": ["x"], "at": [naive("2024-01-01")]}
SOME = {"id": None, "price": None, "name": None}


@pytest.mark.parametrize(
    ("declared", "strict", "detail"),
    [
        ({**SOME, "at": None}, True, ""),
        ({"at": None, "name": None, "price": None, "id": None}, True, ""),
        (SOME, False, ""),
        (SOME, True, "not declared: at"),
        ({**SOME, "AT": None}, True, "missing: AT; not declared: at"),
        ({**SOME, "size": None, "kind": None}, False, "missing: size, kind"),
        ({"id": "integer", "price": "decimal", "name": "string", "at": "timestamp"}, True, ""),
        (
            {"id": "string", "price": "float", "at": "date"},
            False,
            "of another type: id (Int64), price (Decimal), at (Datetime)",
        ),
    ],
)
def test_a_schema_is_the_columns_of_the_node(declared, strict, detail):
    """Names in any order and, where they are given, kinds of types."""
    found = result(TYPES, {"type": "schema", "strict": strict}, declared=declared)
    assert (found.passed, found.detail) == (not detail, detail or f"{len(declared)} columns as declared")


def test_a_node_that_declares_no_columns_has_nothing_to_compare_with():
    """The check passes, and says why."""
    found = result(TYPES, {"type": "schema"}, declared={})
    assert (found.passed, found.detail) == (True, "the node declares no columns to compare with")


def test_columns_of_the_table_alone_are_no_part_of_the_schema():
    """Where a row came from is written beside it, and no check sees it."""
    declared = dict.fromkeys(["id", "price", "name"])
    assert result(TYPES, {"type": "schema"}, declared=declared, hidden=frozenset({"at"})).passed


@pytest.mark.parametrize("threshold", ["100", "~5", ">x", "> 1 and 2", "", ">1e3"])
def test_a_threshold_that_is_no_comparison_is_refused(threshold):
    """When the run is planned."""
    with pytest.raises(ConfigError, match="threshold"):
        result(PRICES, {"type": "distribution", "column": "price", "metric": "mean", "threshold": threshold})


def test_the_other_checks_see_what_the_quarantine_leaves():
    """Also those of the whole table."""
    bad = {"type": "not_null", "columns": ["price"], "on_fail": "quarantine"}
    found = evaluated(
        PRICES,
        bad,
        {"type": "distribution", "column": "price", "metric": "null_percentage", "threshold": "=0"},
        {"type": "row_count", "max": 3},
    )
    assert [one.passed for one in found.results] == [False, True, True]


def test_every_check_of_the_table_is_tested():
    """One that is added is tested here."""
    assert {entry.name for entry in CHECKS if entry.params.counts == "table"} == {
        "row_count",
        "freshness",
        "distribution",
        "schema",
        "volume_drop",
        "reconcile",
    }
