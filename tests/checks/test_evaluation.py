"""All checks of a node are one query, and what they report holds no value of the data."""

from __future__ import annotations

import narwhals as nw
import polars as pl
import pytest

from odibi_core.checks import check_specs, evaluate, failed_error
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


def test_ten_checks_are_one_query_over_the_data(computed):
    """However many checks there are, the data are computed once and collected once."""
    counts, frame = computed
    results = evaluate(frame, check_specs(TEN))
    assert counts == {"rows": 4, "collects": 1}
    assert [(result.name, result.severity, result.failed_rows, result.passed) for result in results] == [
        ("has_id", "fail", 1, False),
        ("not_null", "warn", 2, False),
        ("unique", "fail", 2, False),
        ("unique", "fail", 0, True),
        ("accepted_values", "fail", 1, False),
        ("range", "fail", 1, False),
        ("range", "warn", 1, False),
        ("regex_match", "fail", 1, False),
        ("row_count", "fail", 0, True),
        ("row_count", "fail", 0, False),
    ]
    assert results[1] == CheckResult(
        name="not_null",
        kind="not_null",
        columns=("id", "email"),
        severity="warn",
        passed=False,
        failed_rows=2,
        rows=4,
        detail="2 of 4 rows",
    )


def test_no_checks_are_no_query(computed):
    """A node without checks pays nothing."""
    counts, frame = computed
    assert evaluate(frame, ()) == ()
    assert counts == {"rows": 0, "collects": 0}


def test_a_missing_column_is_an_error_that_names_it_and_what_there_is():
    """A check never passes because its column is missing."""
    with pytest.raises(SchemaMismatchError) as error:
        evaluate(nw.from_native(PEOPLE.lazy()), check_specs([{"type": "not_null", "columns": ["id", "phone", "fax"], "name": "reachable"}]))
    assert str(error.value) == "check 'reachable' reads missing columns: phone, fax. Available: id, email, status, age."


def test_a_node_fails_with_the_first_broken_check_and_the_number_of_others():
    """The error counts and names, and quotes nothing of the data; a warning alone fails nothing."""
    results = evaluate(nw.from_native(PEOPLE.lazy()), check_specs(TEN))
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
