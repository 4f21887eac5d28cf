"""What each write mode does, and that doing it again does nothing."""

from __future__ import annotations

import json

import polars as pl
import pytest

from odibi_core.errors import ConfigError, DataError
from odibi_core.events import Column

OLD = pl.DataFrame({"id": [1, 2], "v": ["old", "old"]})
NEW = pl.DataFrame({"id": [2, 3], "v": ["new", "new"]})

AFTER = {
    "overwrite": [(2, "new"), (3, "new")],
    "append": [(1, "old"), (2, "new"), (2, "old"), (3, "new")],
    "upsert": [(1, "old"), (2, "new"), (3, "new")],
    "merge": [(1, "old"), (2, "new"), (3, "new")],
    "append_once": [(1, "old"), (2, "old"), (3, "new")],
    "ignore": [(1, "old"), (2, "old")],
}
KEYED = {"upsert", "merge", "append_once"}


def _keys(mode):
    return {"keys": ("id",)} if mode in KEYED else {}


@pytest.mark.parametrize("mode", AFTER)
def test_each_mode_on_a_table_with_rows(lake, mode):
    """What is in the table after a second batch in each mode."""
    lake.write(OLD)
    receipt = lake.write(NEW, mode=mode, **_keys(mode))
    assert sorted(lake.read().rows()) == AFTER[mode]
    assert (receipt.version, receipt.created, receipt.recovered) == (2, False, False)
    assert receipt.rows == {"append_once": 1, "ignore": 0}.get(mode, 2)
    assert receipt.columns == (Column(name="id", type="Int64"), Column(name="v", type="String"))
    assert receipt.facts == {"rows_in": "2"}


@pytest.mark.parametrize("mode", [*AFTER, "error"])
def test_each_mode_on_a_missing_table_writes_the_batch(lake, mode):
    """A first write is the batch itself, in a table that was created empty before it."""
    receipt = lake.write(NEW, mode=mode, **_keys(mode))
    assert lake.read().equals(NEW)
    assert (receipt.version, receipt.created, receipt.rows) == (1, True, 2)


@pytest.mark.parametrize("mode", [*AFTER, "error"])
@pytest.mark.parametrize("exists", [False, True])
def test_a_replay_writes_nothing(lake, mode, exists):
    """The same transaction a second time: the receipt of the first commit, no new version."""
    if exists and mode != "error":
        lake.write(OLD)
    first = lake.write(NEW, mode=mode, transaction="r/n", **_keys(mode))
    rows, version = lake.read(), lake.table().version()
    lake.write(OLD, mode="append", transaction="another/n")  # the commit need not be the last one
    again = lake.write(NEW, mode=mode, transaction="r/n", **_keys(mode))
    assert lake.table().version() == version + 1
    assert len(lake.read()) == len(rows) + 2
    assert again.recovered
    assert (again.rows, again.version, again.created, again.facts) == (first.rows, first.version, first.created, first.facts)


@pytest.mark.parametrize("mode", ["overwrite", "append", "upsert", "append_once", "ignore"])
def test_an_empty_batch_is_a_commit_too(lake, mode):
    """No rows, but the transaction: a replay finds it."""
    lake.write(OLD)
    lake.write(NEW.clear(), mode=mode, transaction="empty/n", **_keys(mode))
    assert len(lake.read()) == (0 if mode == "overwrite" else 2)
    assert lake.table().transaction_version("empty/n") == 1
    assert lake.write(NEW, mode=mode, transaction="empty/n", **_keys(mode)).recovered


def test_append_once_of_known_keys_only_is_recorded(lake):
    """delta-rs makes no commit for a merge that changes nothing; this mode does."""
    lake.write(OLD)
    assert lake.write(OLD, mode="append_once", keys=("id",), transaction="known/n").rows == 0
    assert lake.table().transaction_version("known/n") == 1


def test_error_refuses_a_table_with_rows_and_takes_an_empty_one(lake):
    """The mode for tables that are written once."""
    lake.write(OLD.clear())
    lake.write(OLD, mode="error")
    with pytest.raises(DataError) as caught:
        lake.write(NEW, mode="error")
    assert caught.value.error_code == "table_not_empty"
    assert lake.read().equals(OLD)


def test_append_once_takes_every_row_of_a_new_key(lake):
    """A missing value is a key like another one: it comes once, not with each run."""
    lake.write(OLD)
    batch = pl.DataFrame({"id": [7, 7, None, 2], "v": ["a", "b", "c", "d"]}, schema=OLD.schema)
    assert [lake.write(batch, mode="append_once", keys=("id",)).rows for _ in range(2)] == [3, 0]
    assert lake.read().sort("v").rows() == [(7, "a"), (7, "b"), (None, "c"), (1, "old"), (2, "old")]
    with pytest.raises(ConfigError):
        lake.write(OLD, mode="append_once")


@pytest.mark.parametrize("mode", ["merge", "upsert"])
def test_keys_must_name_one_row_each(lake, mode):
    """Duplicated and null keys are refused with counts, not with the keys."""
    lake.write(OLD)
    with pytest.raises(DataError) as caught:
        lake.write(pl.DataFrame({"id": [777, 777, 5], "v": ["a", "b", "c"]}), mode=mode, keys=("id",))
    assert caught.value.error_code == "duplicate_keys"
    assert "1 of 3 rows" in caught.value.message
    assert "777" not in str(caught.value)
    with pytest.raises(DataError) as caught:
        lake.write(pl.DataFrame({"id": [None, 5], "v": ["a", "b"]}, schema=OLD.schema), mode=mode, keys=("id",))
    assert caught.value.error_code == "null_keys"
    with pytest.raises(ConfigError):
        lake.write(OLD, mode=mode)
    assert lake.table().version() == 1


@pytest.mark.parametrize("mode", ["upsert", "merge"])
@pytest.mark.parametrize("start", ["missing", "empty", "emptied"])
def test_a_merge_into_no_rows_is_an_append(lake, mode, start):
    """Nothing can match, so nothing is compared; from the first rows on it is."""
    if start == "empty":
        lake.write(OLD.clear())
    elif start == "emptied":
        lake.write(OLD)
        lake.table().delete()
    lake.write(NEW, mode=mode, keys=("id",))
    lake.write(pl.DataFrame({"id": [3, 4], "v": ["newer", "newer"]}), mode=mode, keys=("id",))
    assert [entry["operation"] for entry in lake.table().history(2)] == ["MERGE", "WRITE"]
    assert lake.read().rows() == [(2, "new"), (3, "newer"), (4, "newer")]


def test_a_merge_into_no_rows_grows_the_table(lake):
    """Columns that only the batch has, and columns that only the table has."""
    lake.write(OLD.clear())
    lake.write(pl.DataFrame({"id": [1], "w": [2.5]}), mode="upsert", keys=("id",), merge_schema=True)
    assert lake.read().rows(named=True) == [{"id": 1, "v": None, "w": 2.5}]


def test_upsert_by_two_keys_and_names_that_need_quotes(lake):
    """Column names are quoted for the merge's predicate."""
    old = pl.DataFrame({"select": [1, 1], "Key-2": ["a", "b"], "v.x": [1, 2]})
    lake.write(old)
    lake.write(old.with_columns(pl.col("v.x") * 10).tail(1), mode="upsert", keys=("select", "Key-2"))
    assert lake.read().sort("Key-2")["v.x"].to_list() == [1, 20]


def test_an_upsert_without_a_column_keeps_its_values(lake):
    """With merge_schema a batch may lack columns: matched rows keep them, new rows have null (Delta docs, schema evolution in MERGE)."""
    lake.write(OLD)
    lake.write(pl.DataFrame({"id": [2, 3], "n": [20, 30]}), mode="upsert", keys=("id",), merge_schema=True)
    assert lake.read().rows() == [(1, "old", None), (2, "old", 20), (3, None, 30)]


def test_the_commit_says_what_it_was(lake):
    """The log links a version to its run, and holds numbers only."""
    lake.write(NEW, mode="upsert", keys=("id",), transaction="r7/n")
    entry = lake.table().history(1)[0]
    assert entry["odibi_transaction"] == "r7/n"
    told = json.loads(entry["odibi"])
    assert (told["rows"], told["created"], told["facts"]) == (2, True, {"rows_in": "2"})
    assert lake.table().transaction_version("r7/n") == 1
    assert lake.table().transaction_version("odibi/table") == 1


def test_a_commit_that_is_not_in_the_history_has_an_unknown_number_of_rows(lake, lazily):
    """Spark, say, wrote it: the transaction is there and nothing else is known."""
    from deltalake import CommitProperties, Transaction, write_deltalake

    lake.write(OLD)
    write_deltalake(lake.table(), OLD, mode="append", commit_properties=CommitProperties(app_transactions=[Transaction("s/n", 1)]))
    receipt = lake.engine.open(lake.target(transaction="s/n")).committed()
    assert receipt is not None
    assert (receipt.rows, receipt.version, receipt.recovered) == (None, None, True)
