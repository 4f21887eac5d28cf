"""Merging by keys: three strategies, conditions, audit columns. Expected rows are written by hand."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from odibi_core.errors import ConfigError, DataError, SchemaMismatchError
from odibi_core.patterns import PATTERNS
from tests.patterns.running import NOW, TableOf, applied, rows_of

N = None
LATER = NOW + timedelta(days=1)
PRESENT = pl.DataFrame({"id": [1, 2, None], "v": ["a", "b", "c"], "n": [10, 20, 30]})
SOURCE = pl.DataFrame({"id": [2, None, 4], "v": ["B", "C", "D"], "n": [21, 29, 40]})


def merged(source: pl.DataFrame = SOURCE, present: pl.DataFrame | None = PRESENT, **params: object) -> list[tuple[object, ...]]:
    return rows_of(applied("merge", {"target": "lake.t", "keys": ["id"], **params}, source, present=present).table)


def test_upsert_updates_matches_and_adds_the_rest() -> None:
    """NULL is a key like any other; the source goes on as it is."""
    assert merged() == [(N, "C", 29), (1, "a", 10), (2, "B", 21), (4, "D", 40)]
    assert rows_of(applied("merge", {"target": "lake.t", "keys": "id"}, SOURCE, present=PRESENT).output) == rows_of(SOURCE)


def test_the_same_again_changes_nothing() -> None:
    once = applied("merge", {"target": "lake.t", "keys": ["id"]}, SOURCE, present=PRESENT).table
    assert merged(present=once) == rows_of(once)


def test_append_only_adds_new_keys() -> None:
    """Once each: the first row of a key."""
    assert merged(strategy="append_only") == [(N, "c", 30), (1, "a", 10), (2, "b", 20), (4, "D", 40)]
    double = pl.DataFrame({"id": [5, 5], "v": ["x", "y"], "n": [1, 2]})
    assert merged(double, strategy="append_only") == [(N, "c", 30), (1, "a", 10), (2, "b", 20), (5, "x", 1)]


def test_delete_match_deletes_matches() -> None:
    """The source may hold nothing but keys; where there is no target there is nothing to delete from."""
    assert merged(SOURCE.select("id"), strategy="delete_match") == [(1, "a", 10)]
    made = applied("merge", {"target": "lake.t", "keys": ["id"], "strategy": "delete_match"}, SOURCE).made
    assert made.table is None


def test_columns_come_and_go() -> None:
    """What the source lacks keeps its value, what the target lacks is NULL for the others."""
    source = pl.DataFrame({"id": [1, 4], "v": ["A", "D"], "more": [True, False]})
    assert merged(source) == [(N, "c", 30, N), (1, "A", 10, True), (2, "b", 20, N), (4, "D", N, False)]


def test_conditions_are_asked_of_source_and_target() -> None:
    """Delete first, then update; a condition that is NULL is not true."""
    assert merged(update_condition="source.n > target.n") == [(N, "c", 30), (1, "a", 10), (2, "B", 21), (4, "D", 40)]
    assert merged(insert_condition="source.v != 'D'") == [(N, "C", 29), (1, "a", 10), (2, "B", 21)]
    assert merged(delete_condition="source.n < target.n") == [(1, "a", 10), (2, "B", 21), (4, "D", 40)]
    assert merged(strategy="delete_match", delete_condition="target.n > 25") == [(1, "a", 10), (2, "b", 20)]
    nothing = pl.DataFrame({"id": [1], "v": ["A"], "n": [None]}, schema_overrides={"n": pl.Int64})
    assert merged(nothing, update_condition="source.n > target.n") == rows_of(PRESENT)


def test_a_full_sync_deletes_updates_and_inserts() -> None:
    """The recipe of the reference's guide: rows flagged in the source go, others come or change."""
    present = pl.DataFrame({"id": [1, 2, 3], "hash": ["a", "b", "c"], "is_deleted": [False] * 3})
    source = pl.DataFrame({"id": [1, 2, 3, 4, 5], "hash": ["a", "B", "c", "d", "e"], "is_deleted": [False, False, True, False, True]})
    conditions = {
        "delete_condition": "source.is_deleted = true",
        "update_condition": "source.hash != target.hash",
        "insert_condition": "source.is_deleted = false",
    }
    assert merged(source, present, **conditions) == [(1, "a", False), (2, "B", False), (4, "d", False)]


def test_a_first_load_takes_what_the_insert_condition_lets_in() -> None:
    assert merged(present=None, insert_condition="source.n > 25") == [(N, "C", 29), (4, "D", 40)]


def test_audit_columns_say_when() -> None:
    """Created once, updated with every match; a target of before they were asked for has no creation time."""
    params = {"target": "lake.t", "keys": ["id"], "audit_cols": {"created_col": "made", "updated_col": "touched"}}
    source = pl.DataFrame({"id": [1, 2], "v": ["a", "b"]})
    first = applied("merge", params, source).table
    assert rows_of(first, "id", "made", "touched") == [(1, NOW, NOW), (2, NOW, NOW)]
    again = applied("merge", params, pl.DataFrame({"id": [2, 3], "v": ["B", "c"]}), present=first, now=LATER).table
    assert rows_of(again, "id", "v", "made", "touched") == [(1, "a", NOW, NOW), (2, "B", NOW, LATER), (3, "c", LATER, LATER)]
    older = applied("merge", params, pl.DataFrame({"id": [2, 3], "v": ["B", "c"]}), present=source).table
    assert rows_of(older, "id", "made", "touched") == [(1, N, N), (2, N, NOW), (3, NOW, NOW)]


def test_two_rows_of_one_key_cannot_be_upserted() -> None:
    """It would be chance which one stays."""
    with pytest.raises(DataError, match="1 of 3 rows repeat a key of id"):
        merged(pl.DataFrame({"id": [1, 2, 1], "v": ["x", "y", "z"], "n": [1, 2, 3]}))


def test_a_value_that_would_change_is_refused() -> None:
    with pytest.raises(SchemaMismatchError, match="'n' is Float64 and the target has Int64"):
        merged(pl.DataFrame({"id": [1], "v": ["x"], "n": [1.5]}))


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"keys": ["id"]}, "'target' is needed, or 'connection' and 'path'"),
        ({"target": "lake.t"}, "needs parameter 'keys'"),
        ({"target": "lake.t", "keys": []}, "'keys'"),
        (
            {"target": "lake.t", "keys": ["id"], "strategy": "replace"},
            "'strategy' of pattern 'merge': expected 'upsert', 'append_only' or 'delete_match'",
        ),
        ({"target": "lake.t", "keys": ["id"], "audit_cols": {}}, "name 'created_col' or 'updated_col'"),
        ({"target": "lake.t", "keys": ["id"], "strategy": "delete_match", "audit_cols": {"created_col": "c"}}, "has no meaning"),
        ({"target": "lake.t", "keys": ["id"], "merge_keys": ["id"]}, "has no parameter 'merge_keys'"),
    ],
)
def test_wrong_params_are_named(params: dict, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        PATTERNS.bind("merge", params)


@pytest.mark.parametrize("form", ["delta", "parquet"])
def test_a_real_table_is_merged_into(tmp_path: Path, form: str) -> None:
    table = TableOf(tmp_path, "merge", {"keys": ["id"], "audit_cols": {"created_col": "made"}}, format=form)
    table.run(pl.DataFrame({"id": [1, 2], "v": ["a", "b"]}))
    rows = table.run(pl.DataFrame({"id": [2, 3], "v": ["B", "c"]}))
    days = [NOW + timedelta(days=number) for number in (1, 2)]
    assert rows_of(rows) == [(1, "a", days[0]), (2, "B", days[0]), (3, "c", days[1])]
