"""Aggregates, anew and added to. Expected rows are written by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from odibi_core.errors import ConfigError, DataError, SchemaMismatchError
from odibi_core.patterns import PATTERNS
from tests.patterns.running import NOW, TableOf, applied, rows_of

N = None
MEASURES = [{"name": "total", "expr": "SUM(amount)"}, {"name": "orders", "expr": "COUNT(*)"}]
PLAIN = {"grain": ["shop"], "measures": MEASURES}
SALES = pl.DataFrame(
    {"shop": ["a", "b", "a", None], "amount": [1, 2, 3, 4], "at": ["2024-01-01", "2024-01-02", "2024-01-02", "2024-01-03"]}
)


def incremental(strategy: str, **more: object) -> dict[str, object]:
    return {**PLAIN, "target": "lake.t", "incremental": {"timestamp_column": "at", "merge_strategy": strategy}, **more}


def test_groups_and_their_measures() -> None:
    """NULL is a group like any other; nothing is written but by `write:`."""
    made = applied("aggregation", PLAIN, SALES)
    assert rows_of(made.output) == [(N, 4, 1), ("a", 4, 2), ("b", 2, 1)]
    assert made.made.table is None


def test_having_chooses_groups() -> None:
    made = applied("aggregation", {**PLAIN, "having": "COUNT(*) > 1"}, SALES)
    assert rows_of(made.output) == [("a", 4, 2)]


def test_measures_are_any_aggregate_in_sql() -> None:
    wanted = [
        {"name": "shops", "expr": "COUNT(DISTINCT shop)"},
        {"name": "mean", "expr": "AVG(amount)"},
        {"name": "share", "expr": "SUM(amount) / COUNT(*)"},
        {"name": "big", "expr": "SUM(CASE WHEN amount > 2 THEN 1 ELSE 0 END)"},
    ]
    made = applied("aggregation", {"grain": ["at"], "measures": wanted}, SALES)
    assert rows_of(made.output) == [("2024-01-01", 1, 1.0, 1.0, 0), ("2024-01-02", 2, 2.5, 2.5, 1), ("2024-01-03", 0, 4.0, 4.0, 1)]


def test_audit_columns() -> None:
    made = applied("aggregation", {**PLAIN, "audit": {"source_system": "pos"}}, SALES.head(1))
    assert made.output.rows() == [("a", 1, 1, NOW, "pos")]


PRESENT = pl.DataFrame({"shop": ["a", "c"], "total": [10, None], "orders": [5, 7]}, schema_overrides={"total": pl.Int64})


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("replace", [(N, 4, 1), ("a", 4, 2), ("b", 2, 1), ("c", N, 7)]),
        ("sum", [(N, 4, 1), ("a", 14, 7), ("b", 2, 1), ("c", 0, 7)]),
        ("min", [(N, 4, 1), ("a", 4, 2), ("b", 2, 1), ("c", N, 7)]),
        ("max", [(N, 4, 1), ("a", 10, 5), ("b", 2, 1), ("c", N, 7)]),
    ],
)
def test_new_groups_meet_those_that_are_there(strategy: str, expected: list) -> None:
    """Groups that are not mentioned stay; a sum takes NULL for 0."""
    made = applied("aggregation", incremental(strategy), SALES, present=PRESENT)
    assert rows_of(made.table) == expected


def test_a_sum_adds_each_row_once() -> None:
    """Rows that are not later than what was added before are passed over, and it is said how many."""
    first = applied("aggregation", incremental("sum"), SALES)
    assert first.made.marks == {"odibi/aggregated": int(datetime(2024, 1, 3, tzinfo=UTC).timestamp() * 1_000_000)}
    more = pl.concat([SALES, pl.DataFrame({"shop": ["a"], "amount": [100], "at": ["2024-01-04"]})])
    second = applied("aggregation", incremental("sum"), more, present=first.table, marks=dict(first.made.marks))
    assert rows_of(second.table) == [(N, 4, 1), ("a", 104, 3), ("b", 2, 1)]
    assert second.warnings == ["4 rows are not later in 'at' than what was added before; they were not added again"]


@pytest.mark.parametrize(("dtype", "times"), [(pl.Int64, [1, 2, 3, 4]), (pl.Datetime("us", "UTC"), [1, 2, 3, 4]), (pl.Date, [1, 2, 3, 4])])
@pytest.mark.parametrize("form", ["delta", "parquet"])
def test_the_target_remembers_up_to_where_it_was_added_to(tmp_path: Path, form: str, dtype: pl.DataType, times: list[int]) -> None:
    """In the commit itself, so that rows and mark cannot come apart; whatever the type of time."""
    params = {key: value for key, value in incremental("sum").items() if key != "target"}
    table = TableOf(tmp_path, "aggregation", params, format=form)
    sales = SALES.with_columns(at=pl.Series(times).cast(dtype))
    expected = [(N, 4, 1), ("a", 4, 2), ("b", 2, 1)]
    assert rows_of(table.run(sales)) == expected
    assert rows_of(table.run(sales)) == expected


def test_the_measures_must_fit_the_target() -> None:
    """A sum that became a fraction would be cut off."""
    with pytest.raises(SchemaMismatchError, match="'total' is Float64 and the target has Int64"):
        applied("aggregation", incremental("sum"), SALES.with_columns(pl.col("amount") + 0.5), present=PRESENT)


def test_a_column_that_tells_no_time_is_refused() -> None:
    with pytest.raises(DataError, match="'at' is Boolean, which tells no time"):
        applied("aggregation", incremental("sum"), SALES.with_columns(at=pl.lit(value=True)))


def test_a_missing_column_is_told() -> None:
    with pytest.raises(SchemaMismatchError, match="'aggregation' needs missing columns: at"):
        applied("aggregation", incremental("replace"), SALES.drop("at"))


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"measures": MEASURES}, "needs parameter 'grain'"),
        ({"grain": ["a"], "measures": []}, "'measures'"),
        ({"grain": ["a"], "measures": [{"name": "x"}]}, "needs parameter 'measures.0.expr'"),
        ({**PLAIN, "incremental": {"merge_strategy": "sum"}}, "needs parameter 'incremental.timestamp_column'"),
        ({**PLAIN, "incremental": {"timestamp_column": "t", "merge_strategy": "avg"}}, "'replace', 'sum', 'min' or 'max'"),
        ({"grain": ["a"], "measures": [{"name": "a", "expr": "COUNT(*)"}]}, "several columns have the name: a"),
        ({**PLAIN, "time_rollup": "daily"}, "has no parameter 'time_rollup'"),
    ],
)
def test_wrong_params_are_named(params: dict, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        PATTERNS.bind("aggregation", params)
