"""What each check calls broken, and what it says of NULL."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import narwhals as nw
import polars as pl
import pytest

from odibi_core.checks import CHECKS, check_specs, evaluate
from odibi_core.errors import SchemaMismatchError

FRAME = nw.from_native(
    pl.LazyFrame(
        {
            "id": [1, 2, 2, None, None],
            "part": ["a", "a", "a", "b", "b"],
            "text": ["ab", "b", None, "xab", ""],
            "number": [0.0, 10.0, None, 10.5, float("nan")],
            "day": [date(2024, 1, 1), date(2024, 1, 2), None, date(2024, 1, 3), date(2023, 12, 31)],
            "at": [datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in range(5)],
            "flag": [True, False, None, True, True],
        }
    )
)

BROKEN = [
    ("NULL breaks not_null", {"type": "not_null", "columns": ["id"]}, 2),
    ("a row with several NULLs counts once", {"type": "not_null", "columns": ["id", "text", "number"]}, 3),
    ("a column without NULL passes not_null", {"type": "not_null", "columns": ["part"]}, 0),
    ("every member of a duplicate group breaks unique, NULL equals NULL", {"type": "unique", "columns": ["id"]}, 4),
    ("several columns are unique together", {"type": "unique", "columns": ["id", "text"]}, 0),
    (
        "a value that is not listed breaks accepted_values, NULL passes",
        {"type": "accepted_values", "column": "text", "values": ["ab", "b"]},
        2,
    ),
    ("numbers may be listed as whole or not", {"type": "accepted_values", "column": "id", "values": [1, 2.0, 7.5]}, 0),
    ("truth values may be listed", {"type": "accepted_values", "column": "flag", "values": [True]}, 1),
    ("NULL in the list changes nothing", {"type": "accepted_values", "column": "text", "values": [None, "ab", "b", "xab", ""]}, 0),
    ("a range includes its bounds, NULL passes, NaN does not", {"type": "range", "column": "number", "min": 0, "max": 10}, 2),
    ("a range may be open above", {"type": "range", "column": "number", "min": 0.5}, 1),
    ("a range of dates", {"type": "range", "column": "day", "min": "2024-01-01", "max": "2024-01-02"}, 2),
    ("a range of instants", {"type": "range", "column": "at", "max": "2024-01-01T02:00:00"}, 2),
    ("an offset counts", {"type": "range", "column": "at", "max": "2024-01-01T02:00:00+01:00"}, 3),
    ("a range of texts", {"type": "range", "column": "text", "max": "b"}, 1),
    ("a pattern is anchored at the start only, NULL passes", {"type": "regex_match", "column": "text", "pattern": "a|b"}, 2),
    ("an end is anchored if it is written", {"type": "regex_match", "column": "text", "pattern": "b$"}, 3),
    ("a pattern may name classes of letters", {"type": "regex_match", "column": "text", "pattern": "\\p{L}*$"}, 0),
    ("a plus may be meant as such", {"type": "regex_match", "column": "text", "pattern": "\\++|"}, 0),
    ("a pattern sees numbers as text", {"type": "regex_match", "column": "id", "pattern": "[12]"}, 0),
]


@pytest.mark.parametrize(("test", "broken"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_check_counts_the_rows_that_break_it(test, broken):
    """The count is of rows, and NULL breaks `not_null` and nothing else."""
    (result,) = evaluate(FRAME, check_specs([test])).results
    assert (result.failed_rows, result.rows, result.passed) == (broken, 5, broken == 0)


@pytest.mark.parametrize(
    ("bounds", "passed", "detail"),
    [
        ({"min": 5}, True, "5 rows, expected at least 5"),
        ({"min": 6}, False, "5 rows, expected at least 6"),
        ({"max": 4}, False, "5 rows, expected at most 4"),
        ({"min": 1, "max": 5}, True, "5 rows, expected at least 1 and at most 5"),
    ],
)
def test_a_row_count_judges_the_table(bounds, passed, detail):
    """It says how many rows there are and how many were expected; no single row breaks it."""
    (result,) = evaluate(FRAME, check_specs([{"type": "row_count", **bounds}])).results
    assert (result.passed, result.failed_rows, result.detail) == (passed, 0, detail)


def test_a_pattern_that_is_slow_elsewhere_is_fast_here():
    """Nested repetitions cost time that grows with the text, not with its power."""
    text = pl.LazyFrame({"t": ["a" * 100_000 + "!"]})
    (result,) = evaluate(nw.from_native(text), check_specs([{"type": "regex_match", "column": "t", "pattern": "(a+)+$"}])).results
    assert result.failed_rows == 1


ODD = pl.LazyFrame(
    {
        "exact": [Decimal("0.10"), Decimal("0.30"), None],
        "kind": pl.Series(["a", "b", None], dtype=pl.Categorical),
        "parts": [[1], [1], None],
        "whole": [{"x": 1}, {"x": None}, {"x": 1}],
        "nothing": [None, None, None],
        "large": pl.Series([0, 2**63, None], dtype=pl.UInt64),
    }
)


@pytest.mark.parametrize(
    ("test", "broken"),
    [
        ({"type": "accepted_values", "column": "exact", "values": [0.1, 3]}, 1),
        ({"type": "range", "column": "exact", "min": 0.1, "max": 0.3}, 0),
        ({"type": "range", "column": "exact", "max": 0.29}, 1),
        ({"type": "accepted_values", "column": "kind", "values": ["a", "z"]}, 1),
        ({"type": "range", "column": "kind", "max": "a"}, 1),
        ({"type": "regex_match", "column": "kind", "pattern": "b"}, 1),
        ({"type": "unique", "columns": ["parts"]}, 2),
        ({"type": "unique", "columns": ["whole"]}, 2),
        ({"type": "not_null", "columns": ["whole", "parts"]}, 1),
        ({"type": "not_null", "columns": ["nothing"]}, 3),
        ({"type": "accepted_values", "column": "nothing", "values": ["a"]}, 0),
        ({"type": "range", "column": "nothing", "min": 1}, 0),
        ({"type": "regex_match", "column": "nothing", "pattern": "a"}, 0),
        ({"type": "range", "column": "large", "min": -1, "max": 2**63}, 0),
        ({"type": "accepted_values", "column": "large", "values": [-1, 2**63]}, 1),
    ],
)
def test_odd_types_are_compared_as_what_they_are(test, broken):
    """Decimals exactly, categories as texts, a column of NULLs as such, lists and structs whole."""
    (result,) = evaluate(nw.from_native(ODD), check_specs([test])).results
    assert result.failed_rows == broken


@pytest.mark.parametrize(
    "test", [{"type": "range", "min": 1}, {"type": "accepted_values", "values": [1]}, {"type": "regex_match", "pattern": "1"}]
)
def test_a_list_or_struct_is_no_value(test):
    """It is an error before a row is read."""
    for column in ("parts", "whole"):
        with pytest.raises(SchemaMismatchError, match="does not fit the type of its column"):
            evaluate(nw.from_native(ODD), check_specs([{**test, "column": column}]))


def test_an_empty_table_breaks_only_its_row_count():
    """Without rows there is nothing to find, except that there are none."""
    tests = [case[1] for case in BROKEN] + [{"type": "row_count", "min": 1}]
    results = evaluate(nw.from_native(FRAME.to_native().clear()), check_specs(tests)).results
    assert [result.kind for result in results if not result.passed] == ["row_count"]


@pytest.mark.parametrize(
    "test",
    [
        {"type": "accepted_values", "column": "id", "values": ["1"]},
        {"type": "accepted_values", "column": "text", "values": [1]},
        {"type": "accepted_values", "column": "id", "values": [True]},
        {"type": "range", "column": "text", "min": 1},
        {"type": "range", "column": "id", "max": "ten"},
        {"type": "range", "column": "day", "min": "yesterday"},
        {"type": "range", "column": "day", "min": 20240101},
    ],
)
def test_a_value_of_another_type_is_an_error_not_a_verdict(test):
    """A check that cannot be compared with its column says so, with the name and the type of the column."""
    with pytest.raises(SchemaMismatchError) as error:
        evaluate(FRAME, check_specs([test]))
    assert f"check '{test['type']}' does not fit the type of its column: '{test['column']}' is" in error.value.message


def test_every_check_has_a_case():
    """A check that is added is tested here, or where the whole table is."""
    by_rows = {entry.name for entry in CHECKS if entry.params.counts == "rows"}
    assert by_rows == {case[1]["type"] for case in BROKEN} | {"custom_sql", "relationship"}
