"""Deletions that nobody announces: against what we hold, and against the source. Expected rows are written by hand."""

from __future__ import annotations

import polars as pl
import pytest

from odibi_core.errors import ConfigError, DataError
from odibi_core.patterns import PATTERNS
from tests.patterns.running import applied, rows_of

N = None
SNAPSHOT = {"mode": "snapshot_diff", "keys": ["id"], "connection": "lake", "path": "t"}
COMPARE = {"mode": "sql_compare", "keys": ["id"], "source_connection": "erp", "source_table": "t"}
HELD = pl.DataFrame({"id": [1, 2, 3, None], "v": ["a", "b", "c", "d"], "old": [1, 2, 3, 4]})


def snapshot(source: pl.DataFrame, held: pl.DataFrame | None = HELD, **params: object):
    return applied("detect_deletes", {**SNAPSHOT, **params}, source, places={"snapshot": held})


def compared(held: pl.DataFrame, source: pl.DataFrame, **params: object):
    return applied("detect_deletes", {**COMPARE, **params}, held, places={"source": source})


def test_what_the_snapshot_lacks_is_added_and_flagged() -> None:
    """In the very run in which it is missing, with the columns of the source. NULL is a key like any other."""
    found = snapshot(pl.DataFrame({"id": [1, 3, 9, None], "v": ["A", "c", "z", "d"], "new": [1, 2, 3, 4]}))
    assert found.output.columns == ["id", "v", "new", "_is_deleted"]
    assert rows_of(found.output) == [(N, "d", 4, False), (1, "A", 1, False), (2, "b", N, True), (3, "c", 2, False), (9, "z", 3, False)]
    assert found.made.table is None
    assert found.warnings == []


def test_what_was_flagged_before_stays_flagged_and_counts_no_more() -> None:
    """Or a table would break its threshold by growing old."""
    held = pl.DataFrame({"id": [1, 2, 3, 4], "v": ["a"] * 4, "_is_deleted": [None, True, True, True]})
    found = snapshot(pl.DataFrame({"id": [1], "v": ["a"]}), held, on_threshold_breach="error")
    assert rows_of(found.output) == [(1, "a", False), (2, "a", True), (3, "a", True), (4, "a", True)]


def test_a_key_that_comes_back_is_alive() -> None:
    held = pl.DataFrame({"id": [1, 2], "v": ["a", "b"], "_is_deleted": [False, True]})
    assert rows_of(snapshot(pl.DataFrame({"id": [1, 2], "v": ["a", "b"]}), held).output) == [(1, "a", False), (2, "b", False)]


def test_the_first_run_has_nothing_to_compare_with() -> None:
    """It flags nothing, or fails if that is asked for."""
    source = HELD.select("id", "v").head(1)
    assert rows_of(snapshot(source, None).output) == [(1, "a", False)]
    with pytest.raises(DataError, match="nothing to compare with"):
        snapshot(source, None, on_first_run="error")


def test_rows_may_be_left_out_instead() -> None:
    """`soft_delete_col: null`: a snapshot is as it is, and what we hold loses what the source lacks."""
    source = pl.DataFrame({"id": [1, 2], "v": ["a", "b"]})
    assert rows_of(snapshot(source, soft_delete_col=None, max_delete_percent=None).output) == [(1, "a"), (2, "b")]
    assert rows_of(compared(HELD.head(3), source.head(2), soft_delete_col=None).output, "id") == [(1,), (2,)]


def test_the_newest_of_several_snapshots_counts() -> None:
    held = pl.DataFrame({"id": [1, 2, 1, 3], "v": ["a"] * 4, "day": [1, 1, 2, 2]})
    found = snapshot(pl.DataFrame({"id": [1], "v": ["a"], "day": [3]}), held, snapshot_column="day")
    assert rows_of(found.output) == [(1, "a", 3, False), (3, "a", 2, True)]


def test_what_the_source_lacks_is_flagged_in_what_we_hold() -> None:
    found = compared(HELD, pl.DataFrame({"id": [1, None, 1, 2]}))
    assert rows_of(found.output, "id", "_is_deleted") == [(N, False), (1, False), (2, False), (3, True)]
    assert found.output.columns == ["id", "v", "old", "_is_deleted"]


@pytest.mark.parametrize(("action", "flagged"), [("warn", True), ("skip", False)])
def test_too_many_deletions(action: str, flagged: bool) -> None:
    """Three of four rows: a warning and done, or a warning and not done, or an error."""
    source = pl.DataFrame({"id": [1]})
    found = compared(HELD, source, on_threshold_breach=action)
    assert rows_of(found.output, "id", "_is_deleted") == [(N, flagged), (1, False), (2, flagged), (3, flagged)]
    told = "detect_deletes: 3 of 4 rows are gone (75.0 %, at most 50 % are expected)"
    assert found.warnings == [told if flagged else f"{told}; nothing was deleted"]
    with pytest.raises(DataError, match="3 of 4 rows are gone"):
        compared(HELD, source, on_threshold_breach="error")


def test_a_threshold_is_reached_and_not_broken() -> None:
    """Half of the rows at 50 %; and without a threshold all may go, also when the source is empty."""
    source = pl.DataFrame({"id": [1, 2], "v": ["a", "b"]})
    assert snapshot(source, on_threshold_breach="error").warnings == []
    assert snapshot(source.clear(), max_delete_percent=None).output["_is_deleted"].to_list() == [True] * 4
    with pytest.raises(DataError, match="4 of 4 rows are gone"):
        snapshot(source.clear(), on_threshold_breach="error")


def test_mode_none_does_nothing() -> None:
    assert rows_of(applied("detect_deletes", {}, HELD).output) == rows_of(HELD)


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"mode": "snapshot_diff"}, "'keys' is needed for mode: snapshot_diff"),
        ({"mode": "sql_compare", "keys": ["id"]}, "'source_connection' is needed"),
        ({"mode": "sql_compare", "keys": ["id"], "source_connection": "erp"}, "'source_table' or 'source_query' is needed"),
        ({"mode": "diff"}, "'none', 'snapshot_diff' or 'sql_compare'"),
        ({**SNAPSHOT, "max_delete_percent": 101}, "'max_delete_percent'"),
        ({**SNAPSHOT, "threshold": 5}, "has no parameter 'threshold'"),
    ],
)
def test_wrong_params_are_named(params: dict, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        PATTERNS.bind("detect_deletes", params)
