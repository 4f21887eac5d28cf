"""What delta-rs and polars do today and the sink relies on. An upgrade that changes one of these must fail here, loudly."""

from __future__ import annotations

import json
import time
from pathlib import Path

import polars as pl
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError

ROWS = pl.DataFrame({"id": [1]})


@pytest.fixture
def table(tmp_path):
    uri = str(tmp_path / "t")
    write_deltalake(uri, ROWS)
    return uri


def _under(application, version=1, **more):
    return CommitProperties(app_transactions=[Transaction(application, version, int(time.time() * 1000))], **more)


def test_a_transaction_is_recorded_and_not_enforced(table):
    """The same one twice doubles the rows, and a lower version moves it backwards."""
    for version in (5, 5, 3):
        write_deltalake(DeltaTable(table), ROWS, mode="append", commit_properties=_under("a", version))
    assert DeltaTable(table).transaction_version("a") == 3
    assert pl.read_delta(table).height == 4


@pytest.mark.parametrize("retries", [None, 0, 1, 100])
@pytest.mark.parametrize("mode", ["append", "overwrite"])
@pytest.mark.parametrize("empty", [False, True])
def test_an_older_handle_with_a_shared_transaction_is_refused(table, retries, mode, empty):
    """Whatever the number of retries: this is what makes look-up and commit one step."""
    if empty:
        DeltaTable(table).delete()
    first, second = DeltaTable(table), DeltaTable(table)
    write_deltalake(first, ROWS, mode="append", commit_properties=_under("a"))
    with pytest.raises(CommitFailedError):
        write_deltalake(second, ROWS, mode=mode, commit_properties=_under("a", max_commit_retries=retries))


@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_without_retries_any_commit_in_between_refuses(table, mode):
    """And with them an append or overwrite of an older handle is accepted: so who must be alone has none."""
    stale, accepted = DeltaTable(table), DeltaTable(table)
    write_deltalake(DeltaTable(table), ROWS, mode="append")
    with pytest.raises(CommitFailedError):
        write_deltalake(stale, ROWS, mode=mode, commit_properties=_under("b", max_commit_retries=0))
    write_deltalake(accepted, ROWS, mode=mode, commit_properties=_under("c"))


def test_both_of_two_first_writers_win(tmp_path, monkeypatch):
    """delta-rs rebases the loser of version 0 without looking: why tables are founded empty, by put-if-absent."""
    from odibi_core.engines.polars import delta_table

    assert "put_if_absent" in vars(delta_table)
    uri = str(tmp_path / "new")
    DeltaTable.create(uri, pl_schema(), mode="ignore")
    first, second = DeltaTable(uri, version=0), DeltaTable(uri, version=0)
    write_deltalake(first, ROWS, mode="overwrite")
    write_deltalake(second, ROWS, mode="overwrite")  # on an empty table nothing conflicts
    assert pl.read_delta(uri).height == 2


def pl_schema():
    from deltalake import Schema

    return Schema.from_arrow(ROWS.schema)


def test_a_handle_on_version_0_sees_later_commits_as_conflicts(table):
    """The loser of a founding race holds such a handle."""
    write_deltalake(DeltaTable(table), ROWS, mode="append", commit_properties=_under("a"))
    with pytest.raises(CommitFailedError):
        write_deltalake(DeltaTable(table, version=0), ROWS, mode="append", commit_properties=_under("a"))


@pytest.mark.parametrize(
    ("column", "batch", "becomes"),
    [
        (pl.Series([1]), pl.Series([1.7]), 1),
        (pl.Series([1]), pl.Series(["7"]), 7),
        (pl.Series([1]), pl.Series([True]), 1),
        (pl.Series([True]), pl.Series([2]), True),
    ],
)
def test_an_append_casts_silently(tmp_path, column, batch, becomes):
    """Why the schema guard exists."""
    uri = str(tmp_path / "t")
    write_deltalake(uri, pl.DataFrame({"x": column}))
    write_deltalake(uri, pl.DataFrame({"x": batch}), mode="append")
    assert becomes in pl.read_delta(uri)["x"].to_list()
    assert pl.read_delta(uri)["x"].dtype == column.dtype


def test_a_merge_that_changes_nothing_makes_no_commit(table):
    """So no transaction would be recorded; an empty append records one."""
    handle = DeltaTable(table)
    merge = handle.merge(ROWS, "t.id = s.id", source_alias="s", target_alias="t", commit_properties=_under("a"))
    merge.when_not_matched_insert_all().execute()
    assert DeltaTable(table).transaction_version("a") is None
    write_deltalake(DeltaTable(table), ROWS.clear(), mode="append", commit_properties=_under("a"))
    assert DeltaTable(table).transaction_version("a") == 1


def test_transactions_are_dated_in_milliseconds(tmp_path):
    """In seconds they read as 1970 and expire at once where a retention is set."""
    uri = str(tmp_path / "t")
    write_deltalake(uri, ROWS, configuration={"delta.setTransactionRetentionDuration": "interval 30 days"})
    now = int(time.time())
    for application, at in (("seconds", now), ("milliseconds", now * 1000)):
        properties = CommitProperties(app_transactions=[Transaction(application, 1, at)])
        write_deltalake(DeltaTable(uri), ROWS, mode="append", commit_properties=properties)
    assert DeltaTable(uri).transaction_version("seconds") is None
    assert DeltaTable(uri).transaction_version("milliseconds") == 1


def test_custom_metadata_and_transactions_survive_a_checkpoint(lake):
    """Every tenth commit writes one, by the property of the tables we create."""
    lake.write(ROWS, transaction="first/n")
    for _ in range(12):
        lake.write(ROWS)
    assert list((lake.root / "t" / "_delta_log").glob("*.checkpoint.parquet"))
    receipt = lake.engine.open(lake.target(transaction="first/n")).committed()
    assert (receipt.rows, receipt.version) == (1, 1)


def test_an_append_survives_a_compaction_in_between(lake, lazily):
    """Maintenance and appends do not disturb one another; an overwrite computed before it is computed again."""
    for _ in range(3):
        lake.write(ROWS)
    sink = lake.engine.open(lake.target(transaction="late/n"))
    lake.table().optimize.compact()
    sink.write(lazily(ROWS), {})
    assert lake.read().height == 4


def test_a_plain_table_is_founded_as_delta_rs_would(lake, tmp_path):
    """Its first log entry is written without delta-rs: the same protocol, the same metadata, for every type that is stored."""
    rows = ROWS.with_columns(
        *(pl.lit(1, dtype).alias(str(dtype)) for dtype in (pl.Int8(), pl.Int16(), pl.Int32(), pl.Float32(), pl.Float64())),
        pl.lit(True).alias("Boolean"),
        pl.lit("a").alias("String"),
        pl.lit(b"a").alias("Binary"),
        pl.lit("2026-07-01").str.to_date().alias("Date"),
        pl.lit("2026-07-01 12:00").str.to_datetime("%Y-%m-%d %H:%M", time_zone="UTC", time_unit="us").alias("Datetime"),
        pl.lit(1).cast(pl.Decimal(12, 2)).alias("Decimal"),
        pl.struct(x=pl.concat_list(pl.lit(1))).alias("Struct"),
    )
    lake.write(rows, partition_by=("Boolean",))
    ours = lake.table(version=0)
    theirs = DeltaTable.create(
        str(tmp_path / "theirs"), ours.schema(), partition_by=["Boolean"], configuration=dict(ours.metadata().configuration)
    )

    def written(table):
        text = (Path(table.table_uri.removeprefix("file://")) / "_delta_log" / "00000000000000000000.json").read_text("utf-8")
        actions = [action for line in text.splitlines() if "commitInfo" not in (action := json.loads(line))]
        for action in actions:
            for changes in ("id", "createdTime"):
                action.get("metaData", {}).pop(changes, None)
        return actions

    assert written(ours) == written(theirs)
    assert ours.history()[-1]["operation"] == "CREATE TABLE"


def test_the_first_log_entry_is_ours_and_names_no_temporary_folder(lake):
    """It is made in a temporary folder, and says where the table is."""
    lake.write(ROWS.with_columns(v=pl.lit(1)), properties={"delta.appendOnly": "true"}, partition_by=("id",))
    text = (lake.root / "t" / "_delta_log" / "00000000000000000000.json").read_text("utf-8")
    actions = [json.loads(line) for line in text.splitlines()]
    [metadata] = [action["metaData"] for action in actions if "metaData" in action]
    assert metadata["configuration"]["delta.setTransactionRetentionDuration"] == "interval 30 days"
    assert metadata["configuration"]["delta.appendOnly"] == "true"
    assert metadata["partitionColumns"] == ["id"]
    assert actions[0]["commitInfo"]["operationParameters"]["location"] == str(lake.root / "t")
    assert "odibi-" not in text
