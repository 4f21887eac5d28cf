"""Parts of a table that are replaced, merges with conditions, and what is done to a table after its rows are in."""

from __future__ import annotations

import polars as pl
import pytest
from deltalake import DeltaTable

from odibi_core.engines.polars import delta_upkeep
from odibi_core.engines.polars.delta_upkeep import AUTO_COMPACT, MANY_FILES
from odibi_core.errors import ConfigError, DataError
from odibi_core.ports import MergeRules, Upkeep, WriteConflictError

DAYS = pl.DataFrame({"day": ["mo", "mo", "tu"], "n": [1, 2, 3]})


# ── replace where ──


def test_an_overwrite_may_replace_some_rows_only(lake):
    """One partition gets new rows, the others stay; no new rows empty it."""
    lake.write(DAYS, mode="overwrite", partition_by=("day",))
    lake.write(pl.DataFrame({"day": ["mo"], "n": [9]}), mode="overwrite", replace_where="day = 'mo'")
    assert lake.read().sort("n").rows() == [("tu", 3), ("mo", 9)]
    lake.write(DAYS.clear(), mode="overwrite", replace_where="day = 'tu'")
    assert lake.read().rows() == [("mo", 9)]


def test_it_founds_a_missing_table(lake):
    """As a first load."""
    assert lake.write(DAYS.head(2), mode="overwrite", replace_where="day = 'mo'").created
    assert lake.read().rows() == [("mo", 1), ("mo", 2)]


def test_rows_outside_are_refused_without_being_told(lake):
    """delta-rs prints them."""
    lake.write(DAYS, mode="overwrite")
    with pytest.raises(DataError) as caught:
        lake.write(pl.DataFrame({"day": ["secret"], "n": [9]}), mode="overwrite", replace_where="day = 'mo'")
    assert "secret" not in f"{caught.value}"
    assert lake.read().equals(DAYS)


def test_a_replay_of_a_part_writes_nothing(lake, lazily):
    """And of two that replace the same part one is refused."""
    more = {"mode": "overwrite", "replace_where": "day = 'mo'"}
    lake.write(DAYS, mode="overwrite")
    first = lake.write(DAYS.head(1), **more, transaction="r1/n")
    assert lake.write(DAYS.head(2), **more, transaction="r1/n").version == first.version
    sinks = [lake.engine.open(lake.target(**more, transaction=f"r{run}/n")) for run in (2, 3)]
    sinks[0].write(lazily(DAYS.head(2)), {})
    with pytest.raises(WriteConflictError):
        sinks[1].write(lazily(DAYS.head(2)), {})


# ── merges with rules ──

THERE = pl.DataFrame({"id": [1, 2, 3], "n": [10, 20, 30], "made": ["old", "old", "old"]})
COMES = pl.DataFrame({"id": [2, 3, 4, 5], "n": [21, 0, 40, -1], "made": ["new", "new", "new", "new"]})


@pytest.mark.parametrize(
    ("rules", "rows"),
    [
        (MergeRules(), [(1, 10, "old"), (2, 21, "new"), (3, 0, "new"), (4, 40, "new"), (5, -1, "new")]),
        (MergeRules(update="source.n > target.n"), [(1, 10, "old"), (2, 21, "new"), (3, 30, "old"), (4, 40, "new"), (5, -1, "new")]),
        (MergeRules(insert="source.n > 0"), [(1, 10, "old"), (2, 21, "new"), (3, 0, "new"), (4, 40, "new")]),
        (MergeRules(delete="source.n = 0"), [(1, 10, "old"), (2, 21, "new"), (4, 40, "new"), (5, -1, "new")]),
        (MergeRules(inserted_only=("made",)), [(1, 10, "old"), (2, 21, "old"), (3, 0, "old"), (4, 40, "new"), (5, -1, "new")]),
    ],
)
def test_a_merge_by_rules(lake, rules, rows):
    """Conditions see both sides as `source` and `target`."""
    lake.write(THERE)
    lake.write(COMES, mode="merge", keys=("id",), merge=rules)
    assert lake.read().rows() == rows


def test_a_rule_for_new_rows_counts_on_a_first_load(lake):
    """There is nothing to meet, and not everything goes in."""
    lake.write(COMES, mode="merge", keys=("id",), merge=MergeRules(insert="source.n > 0"))
    assert lake.read()["id"].to_list() == [2, 4]


# ── upkeep ──


def test_small_files_become_one(lake, lazily):
    """After the commit, by a commit of its own; the rows are the same."""
    for _ in range(3):
        lake.write(DAYS)
    sink = lake.engine.open(lake.target(transaction="r/n", upkeep=Upkeep(compact=True, vacuum_hours=168)))
    receipt = sink.write(lazily(DAYS), {})
    assert sink.maintain() == ""
    assert len(lake.table().file_uris()) == 1
    assert lake.table().version() > receipt.version
    assert lake.read().height == 12


def test_files_are_ordered_by_columns(lake, lazily):
    """By the Z-order of several."""
    sink = lake.engine.open(lake.target(transaction="r/n", upkeep=Upkeep(zorder_by=("n", "day"))))
    sink.write(lazily(DAYS), {})
    assert sink.maintain() == ""
    assert lake.table().history(1)[0]["operation"] == "OPTIMIZE"
    assert lake.read().sort("n").equals(DAYS)


def test_old_files_go_and_young_ones_stay(lake, lazily):
    """A week is the least, whatever is asked: others may read the version before."""
    lake.write(DAYS)
    lake.write(DAYS, mode="overwrite", upkeep=Upkeep(compact=True, vacuum_hours=1))
    sink = lake.engine.open(lake.target(transaction="r/n", mode="overwrite", upkeep=Upkeep(compact=True, vacuum_hours=1)))
    sink.write(lazily(DAYS), {})
    assert sink.maintain() == ""
    assert len(list((lake.root / "t").glob("*.parquet"))) == 3
    assert DeltaTable(str(lake.root / "t"), version=1).version() == 1


@pytest.mark.parametrize("upkeep", [Upkeep(compact=True), Upkeep(zorder_by=("n",))])
def test_of_two_who_rewrite_a_table_at_once_one_does(lake, lazily, upkeep):
    """delta-rs alone lets both commit, and every row is there twice."""
    for _ in range(3):
        lake.write(DAYS)
    first = lake.engine.open(lake.target(transaction="r1/n", upkeep=upkeep))
    second = lake.engine.open(lake.target(transaction="r2/n", upkeep=upkeep))
    first.write(lazily(DAYS), {})
    second.write(lazily(DAYS), {})
    told = {first.maintain(), second.maintain()}
    assert told == {"", "table 'lake/t' was not kept up, somebody else works on it; the next write does it"}
    assert lake.read().height == 15


@pytest.mark.parametrize("upkeep", [Upkeep(compact=True), Upkeep(zorder_by=("n",))])
def test_a_rewrite_that_begins_while_another_one_works_ends_it(lake, lazily, upkeep, monkeypatch):
    """The second one says that it rewrites after the first one did, and before the first one has committed."""
    for _ in range(3):
        lake.write(DAYS)
    first = lake.engine.open(lake.target(transaction="r1/n", upkeep=upkeep))
    first.write(lazily(DAYS), {})
    said = delta_upkeep._refuse_others

    def interrupted(table):
        monkeypatch.setattr(delta_upkeep, "_refuse_others", said)
        said(table)
        second = lake.engine.open(lake.target(transaction="r2/n", upkeep=upkeep))
        second.write(lazily(DAYS), {})
        assert second.maintain() == ""

    monkeypatch.setattr(delta_upkeep, "_refuse_others", interrupted)
    assert first.maintain() == "table 'lake/t' was not kept up, somebody else works on it; the next write does it"
    assert lake.read().height == 15


def test_many_small_files_become_few_by_themselves(lake):
    """Whatever the mode; not more often than needed, and not if the table says no."""
    for number in range(MANY_FILES + 3):
        lake.write(DAYS, path="small", transaction=f"r{number}/n")
        keep(lake, "small", f"r{number}/n")
        lake.write(DAYS, path="as_it_is", transaction=f"r{number}/n", properties={AUTO_COMPACT: "false"})
        keep(lake, "as_it_is", f"r{number}/n")
    assert len(lake.table("small").file_uris()) == 4
    assert [entry["operation"] for entry in lake.table("small").history()].count("OPTIMIZE") == 1
    assert len(lake.table("as_it_is").file_uris()) == MANY_FILES + 3
    assert lake.read("small").height == lake.read("as_it_is").height == 3 * (MANY_FILES + 3)


def test_small_files_of_many_parts_are_left(lake):
    """Files of two parts are never one; rewriting would change nothing, every time."""
    rows = pl.DataFrame({"part": [f"p{number}" for number in range(MANY_FILES)], "n": range(MANY_FILES)})
    for number in range(2):
        lake.write(rows, partition_by=("part",), transaction=f"r{number}/n")
        keep(lake, "t", f"r{number}/n")
    assert len(lake.table().file_uris()) == 2 * MANY_FILES


def keep(lake, path, transaction):
    """What the runtime does after a commit."""
    sink = lake.engine.open(lake.target(path, transaction=transaction))
    assert sink.maintain() == ""


@pytest.mark.parametrize("upkeep", [Upkeep(compact=True), Upkeep(zorder_by=("n",))])
def test_whoever_else_works_on_the_table_goes_first(lake, lazily, upkeep):
    """Their commit stands, the rows are in, and nothing fails."""
    for _ in range(3):
        lake.write(DAYS)
    sink = lake.engine.open(lake.target(transaction="r/n", upkeep=upkeep))
    sink.write(lazily(DAYS), {})
    lake.write(DAYS, mode="overwrite")
    assert sink.maintain() == "table 'lake/t' was not kept up, somebody else works on it; the next write does it"
    assert lake.read().equals(DAYS)


def test_what_cannot_be_ordered_is_told_and_fails_nothing(lake, lazily):
    """The column is not there."""
    sink = lake.engine.open(lake.target(transaction="r/n", upkeep=Upkeep(zorder_by=("gone",))))
    sink.write(lazily(DAYS), {})
    assert sink.maintain().startswith("table 'lake/t' was not kept up: ")
    assert lake.read().equals(DAYS)


def test_no_upkeep_is_no_commit(lake, lazily):
    """Nor is one that finds nothing to do."""
    sink = lake.engine.open(lake.target(transaction="r/n", upkeep=Upkeep(compact=True)))
    version = sink.write(lazily(DAYS), {}).version
    assert sink.maintain() == ""
    assert lake.table().version() == version


def test_properties_reach_a_table_that_is_there(lake, lazily):
    """By one commit behind the rows; a second write makes none."""
    lake.write(DAYS)
    versions = []
    for run in (1, 2):
        sink = lake.engine.open(lake.target(transaction=f"x{run}/n", properties={"delta.logRetentionDuration": "interval 60 days"}))
        sink.write(lazily(DAYS), {})
        assert sink.maintain() == ""
        versions.append(lake.table().version())
    assert lake.table().metadata().configuration["delta.logRetentionDuration"] == "interval 60 days"
    assert versions == [3, 4]
    with pytest.raises(ConfigError, match=r"'delta\.enableDeletionVectors' cannot be 'true'"):
        lake.engine.open(lake.target(properties={"delta.enableDeletionVectors": "true"}))
