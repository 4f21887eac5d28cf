"""All checks of a node are one query, and what they report holds no value of the data."""

from __future__ import annotations

import narwhals as nw
import polars as pl
import pytest

from odibi_core.checks import FAILED_TESTS, check_specs, evaluate, failed_error
from odibi_core.errors import SchemaMismatchError
from odibi_core.events import CheckResult

TEN = [
    {"type": "not_null", "columns": ["id"], "name": "has_id"},
    {"type": "not_null", "columns": ["id", "email"], "on_fail": "warn"},
    {"type": "unique", "columns": ["id"]},
    {"type": "unique", "columns": ["id", "email"]},
    {"type": "accepted_values", "column": "status", "values": ["open", "done"]},
    {"type": "range", "column": "age", "min": 0},
    {"type": "range", "column": "age", "max": 120, "on_fail": "warn"},
    {"type": "regex_match", "column": "email", "pattern": ".+@"},
    {"type": "row_count", "min": 1},
    {"type": "row_count", "max": 2},
]
PEOPLE = pl.DataFrame(
    {
        "id": [1, 1, None, 3],
        "email": ["a@x.org", None, "secret", "d@x.org"],
        "status": ["open", "lost", None, "done"],
        "age": [17, -3, 130, None],
    }
)


@pytest.fixture
def computed(monkeypatch):
    """How often each source row was computed, and how often anything was collected."""
    counts = {"rows": 0, "collects": 0}
    collect = pl.LazyFrame.collect

    def counting(self, *args, **kwargs):
        counts["collects"] += 1
        return collect(self, *args, **kwargs)

    def seen(batch: pl.DataFrame) -> pl.DataFrame:
        counts["rows"] += batch.height
        return batch

    monkeypatch.setattr(pl.LazyFrame, "collect", counting)
    return counts, nw.from_native(PEOPLE.lazy().map_batches(seen, schema=PEOPLE.schema))


def test_ten_checks_are_one_look_at_the_data(computed):
    """However many checks there are, the data are computed once; what is counted after that are the marks."""
    counts, frame = computed
    found = evaluate(frame, check_specs(TEN))
    assert counts == {"rows": 4, "collects": 2}
    assert (found.rows, found.passed_rows, found.rejected_rows, found.rejected) == (4, 1, 0, None)
    assert [(result.name, result.severity, result.failed_rows, result.passed) for result in found.results] == [
        ("has_id", "fail", 1, False),
        ("not_null", "warn", 2, False),
        ("unique", "fail", 2, False),
        ("unique_2", "fail", 0, True),
        ("accepted_values", "fail", 1, False),
        ("range", "fail", 1, False),
        ("range_2", "warn", 1, False),
        ("regex_match", "fail", 1, False),
        ("row_count", "fail", 0, True),
        ("row_count_2", "fail", 0, False),
    ]
    assert found.results[1] == CheckResult(
        name="not_null",
        kind="not_null",
        columns=("id", "email"),
        severity="warn",
        passed=False,
        failed_rows=2,
        rows=4,
        detail="2 of 4 rows",
    )


PARTED = [
    {"type": "row_count", "max": 2},
    {"type": "not_null", "columns": ["id"], "on_fail": "quarantine", "name": "has_id"},
    {"type": "accepted_values", "column": "status", "values": ["open", "done"], "on_fail": "warn"},
    {"type": "range", "column": "age", "min": 0, "max": 120, "on_fail": "quarantine"},
    {"type": "unique", "columns": ["id"]},
]


def test_rows_for_the_quarantine_go_before_the_other_checks_look():
    """Each rejected row has the names of the checks that it breaks, and only those; what is left is counted by the rest."""
    people = PEOPLE.with_columns(age=pl.Series([17, -3, 130, None]))
    found = evaluate(nw.from_native(people.lazy()), check_specs(PARTED))
    assert (found.rows, found.passed_rows, found.rejected_rows) == (4, 2, 2)
    assert found.rejected.collect().to_native().rows() == [
        (1, None, "lost", -3, "range"),
        (None, "secret", None, 130, "has_id,range"),
    ]
    assert found.rejected.collect_schema().names() == [*PEOPLE.columns, FAILED_TESTS]
    rest = [(1, "a@x.org", "open", 17), (3, "d@x.org", "done", None)]
    assert found.kept.collect().to_native().rows() == rest
    assert found.valid.collect().to_native().rows() == rest
    assert [(result.name, result.passed, result.failed_rows, result.rows) for result in found.results] == [
        ("row_count", True, 0, 2),
        ("has_id", False, 1, 4),
        ("accepted_values", True, 0, 2),
        ("range", False, 2, 4),
        ("unique", True, 0, 2),
    ]


def test_a_row_that_only_warns_is_kept_and_is_not_valid():
    """`kept` is what is written, `valid` what breaks nothing: a gate counts the latter."""
    tests = [
        {"type": "not_null", "columns": ["id"], "on_fail": "quarantine"},
        {"type": "range", "column": "age", "min": 0, "on_fail": "warn"},
    ]
    found = evaluate(nw.from_native(PEOPLE.lazy()), check_specs(tests))
    assert (found.rows, found.passed_rows, found.rejected_rows) == (4, 2, 1)
    assert found.kept.select("age").collect()["age"].to_list() == [17, -3, None]
    assert found.valid.select("age").collect()["age"].to_list() == [17, None]


@pytest.mark.parametrize(("rows", "rejected"), [(PEOPLE.filter(pl.col("id").is_null()), 1), (PEOPLE.clear(), 0)])
def test_all_rows_bad_and_no_rows_at_all(rows, rejected):
    """Nothing is left to write; the columns stay."""
    found = evaluate(nw.from_native(rows.lazy()), check_specs([{"type": "not_null", "columns": ["id"], "on_fail": "quarantine"}]))
    assert (found.rows, found.passed_rows, found.rejected_rows) == (rejected, 0, rejected)
    assert found.kept.collect().to_native().schema == PEOPLE.schema
    assert found.kept.collect().shape == (0, 4)
    assert (found.rejected is None) == (rejected == 0)


def test_a_frame_without_columns_has_no_rows():
    """There is nothing to look at, and no error."""
    (result,) = evaluate(nw.from_native(pl.LazyFrame()), check_specs([{"type": "row_count", "min": 1}])).results
    assert (result.passed, result.detail) == (False, "0 rows, expected at least 1")


def test_a_missing_column_is_an_error_that_names_it_and_what_there_is():
    """A check never passes because its column is missing."""
    with pytest.raises(SchemaMismatchError) as error:
        evaluate(nw.from_native(PEOPLE.lazy()), check_specs([{"type": "not_null", "columns": ["id", "phone", "fax"], "name": "reachable"}]))
    assert str(error.value) == "check 'reachable' reads missing columns: phone, fax. Available: id, email, status, age."


def test_a_node_fails_with_the_first_broken_check_and_the_number_of_others():
    """The error counts and names, and quotes nothing of the data; a warning alone fails nothing."""
    results = evaluate(nw.from_native(PEOPLE.lazy()), check_specs(TEN)).results
    error = failed_error(results)
    assert str(error) == (
        "check 'has_id' found 1 row that breaks it (and 5 more checks failed). "
        "Fix the rows at the source, or set 'on_fail: warn' to let them pass."
    )
    everything = str([result.model_dump() for result in results]) + str(error)
    assert not [value for value in ("secret", "x.org", "lost", "130") if value in everything]
    assert failed_error([result for result in results if result.severity == "warn"]) is None
    assert failed_error(()) is None


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"failed_rows": 12, "rows": 90, "detail": "12 of 90 rows"}, "check 'c' found 12 rows that break it"),
        ({"failed_rows": 0, "rows": 3, "detail": "3 rows, expected at least 5"}, "check 'c' found 3 rows, expected at least 5"),
    ],
)
def test_a_broken_check_is_told_in_one_sentence(result, message):
    """The message stands alone."""
    assert failed_error([CheckResult(name="c", kind="k", passed=False, **result)]).message == message
