"""Tables that stay open: what is taken out again is as if it were opened just now, whatever others did meanwhile."""

from __future__ import annotations

import random
import shutil

import polars as pl
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from odibi_core.engines.polars import PolarsEngine
from odibi_core.engines.polars.open_tables import OLDEST_SECONDS, OpenTables
from odibi_core.errors import PermanentServiceError
from odibi_core.ports import WriteConflictError
from tests.engines.conftest import Lake, Memory, frame, rows


@pytest.fixture
def tables() -> OpenTables:
    return OpenTables(keep=True)


@pytest.fixture
def uri(lake) -> str:
    return str(lake.root / "t")


def batch(number: int) -> pl.DataFrame:
    return pl.DataFrame({"id": [number], "v": [f"v{number}"]})


def found(uri: str, *, checkpoints: int = 4) -> None:
    write_deltalake(uri, batch(0), configuration={"delta.checkpointInterval": str(checkpoints)})


def commit(uri: str, number: int, **more: object) -> None:
    properties = CommitProperties(app_transactions=[Transaction(f"run{number}", 1)])
    write_deltalake(uri, more.pop("rows", batch(number)), mode=more.pop("mode", "append"), commit_properties=properties, **more)


def warmed(tables: OpenTables, lake: Lake) -> DeltaTable:
    """A handle that was given back: the first opening notes a version, the second one is kept."""
    for _ in range(2):
        opened = tables.take(lake.location("t"))
        assert opened is not None
        tables.give_back(opened)
    return opened.table


def state(table: DeltaTable, runs: int) -> dict[str, object]:
    return {
        "version": table.version(),
        "files": sorted(table.file_uris()),
        "schema": table.schema().to_json(),
        "metadata": (table.metadata().id, table.metadata().configuration),
        "protocol": str(table.protocol()),
        "transactions": [table.transaction_version(f"run{number}") for number in range(runs)],
        "rows": pl.scan_delta(table).sort("id").collect().to_dicts(),
    }


@pytest.mark.parametrize("seed", range(6))
def test_a_handle_that_was_kept_is_as_one_that_is_opened_now(tables, lake, uri, seed):
    """Appends, overwrites, new columns, properties, compaction and checkpoints of others; the two never differ."""
    chosen = random.Random(seed)
    found(uri)
    kept = warmed(tables, lake)
    reused = 0
    for number in range(1, 30):
        match chosen.choice(["append", "append", "append", "overwrite", "column", "compact", "property", "checkpoint"]):
            case "append":
                commit(uri, number, schema_mode="merge")
            case "overwrite":
                commit(uri, number, mode="overwrite", schema_mode="overwrite")
            case "column":
                commit(uri, number, rows=batch(number).with_columns(pl.lit(number).alias(f"c{number}")), schema_mode="merge")
            case "compact":
                DeltaTable(uri).optimize.compact()
            case "property":
                DeltaTable(uri).alter.set_table_properties({"delta.logRetentionDuration": f"interval {number} days"})
            case "checkpoint":
                DeltaTable(uri).create_checkpoint()
        if chosen.random() < 0.5:
            opened = tables.take(lake.location("t"))
            reused += opened.table is kept
            assert state(opened.table, number + 1) == state(DeltaTable(uri), number + 1)
            tables.give_back(opened)
    assert reused > 5


def test_a_kept_handle_commits_over_what_others_did_and_not_over_what_it_did_not_see(tables, lake, uri):
    """A commit between the taking out and the own commit is a conflict, as for a handle that was just opened."""
    found(uri)
    kept = warmed(tables, lake)
    commit(uri, 1)
    opened = tables.take(lake.location("t"))
    assert opened.table is kept
    alone = CommitProperties(app_transactions=[Transaction("mine", 1)], max_commit_retries=0)
    commit(uri, 2)
    with pytest.raises(Exception, match="commit"):
        write_deltalake(opened.table, batch(3), mode="append", commit_properties=alone)


def test_a_deleted_table_is_not_there_however_long_it_was_open(tables, lake, uri):
    found(uri)
    warmed(tables, lake)
    shutil.rmtree(uri)
    assert tables.take(lake.location("t")) is None


@pytest.mark.parametrize("commits", [0, 3, 12])
def test_a_table_that_was_made_anew_is_the_new_one(tables, lake, uri, commits):
    """With fewer versions than the kept handle knows, as many, or more."""
    found(uri)
    for number in range(1, 4):
        commit(uri, number)
    kept = warmed(tables, lake)
    shutil.rmtree(uri)
    found(uri)
    for number in range(100, 100 + commits):
        commit(uri, number)
    opened = tables.take(lake.location("t"))
    assert opened.table is not kept
    assert sorted(pl.scan_delta(opened.table).collect()["id"]) == [0, *range(100, 100 + commits)]


def test_log_entries_that_were_cleaned_away_are_not_missed(tables, lake, uri):
    """All entries up to a checkpoint are gone, the one that the kept handle was on among them."""
    found(uri, checkpoints=100)
    warmed(tables, lake)
    for number in range(1, 6):
        commit(uri, number)
    DeltaTable(uri).create_checkpoint()
    commit(uri, 6)
    for version in range(6):
        (lake.root / "t" / "_delta_log" / f"{version:020}.json").unlink()
    opened = tables.take(lake.location("t"))
    assert opened is not None
    assert sorted(pl.scan_delta(opened.table).collect()["id"]) == list(range(7))
    assert opened.table.version() == 6


def test_a_handle_is_with_one_at_a_time(tables, lake, uri):
    found(uri)
    kept = warmed(tables, lake)
    first, second = tables.take(lake.location("t")), tables.take(lake.location("t"))
    assert first.table is kept
    assert second.table is not kept


def test_the_version_that_was_asked_for_is_the_one_that_comes(tables, lake, uri):
    """The newest one may be at hand; an older one is opened."""
    found(uri)
    commit(uri, 1)
    kept = warmed(tables, lake)
    newest = tables.take(lake.location("t"), version=1)
    assert newest.table is kept
    tables.give_back(newest)
    commit(uri, 2)
    assert tables.take(lake.location("t"), version=1).table.version() == 1
    assert tables.take(lake.location("t"), version=2).table.version() == 2
    assert tables.take(lake.location("t"), version=0).table.version() == 0


def test_a_table_is_opened_anew_now_and_then(lake, uri):
    now = [0.0]
    tables = OpenTables(keep=True, clock=lambda: now[0])
    found(uri)
    kept = warmed(tables, lake)
    now[0] = OLDEST_SECONDS + 1
    assert tables.take(lake.location("t")).table is not kept


def test_an_engine_that_keeps_tables_sees_what_others_wrote_and_misses_what_they_deleted(lake, uri):
    """The whole engine: open, write, release; others commit in between, and in the end somebody removes the table."""

    lake.engine = PolarsEngine(guard=Memory(), keep_tables=True)
    for number in range(5):
        lake.write(batch(number))
        lake.engine.release()
        commit(uri, 10 + number)
    assert sorted(rows(lake.engine.scan(lake.source("t")).frame)["id"]) == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]
    lake.engine.release()
    shutil.rmtree(uri)
    with pytest.raises(PermanentServiceError, match="it was there before"):
        lake.write(batch(9))


def test_a_handle_whose_commit_was_refused_is_not_kept(lake, uri):
    """The next one to open the table gets the commit that was in the way."""
    lake.engine = PolarsEngine(keep_tables=True)
    for number in range(3):
        lake.write(batch(number), mode="upsert", keys=("id",))
        lake.engine.release()
    sink = lake.engine.open(lake.target("t", mode="upsert", keys=("id",), transaction="late/node"))
    commit(uri, 7)
    with pytest.raises(WriteConflictError):
        sink.write(frame(batch(8)), {})
    lake.engine.release()
    lake.write(batch(8), mode="upsert", keys=("id",))
    assert sorted(lake.read()["id"]) == [0, 1, 2, 7, 8]
