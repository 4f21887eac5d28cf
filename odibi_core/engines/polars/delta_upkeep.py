"""Upkeep of a table after a commit: small files become large ones, old ones are removed. Whoever else works on the table goes first."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import polars as pl
from deltalake import CommitProperties, DeltaTable

from odibi_core.engines.polars.delta_table import table_schema
from odibi_core.ports import Expiry, Upkeep

SAFE_RETENTION_HOURS = 168  # a file that is newer may be read, or be about to be committed (delta-rs#3645)

MANY_FILES = 16  # small ones, of one partition: whoever reads them asks the store at least twice for each
SMALL_BYTES, ENOUGH_BYTES = 4 * 1024**2, 16 * 1024**2  # what is small, and what small files become at most
_TARGET_BYTES = 100 * 1024**2  # what delta-rs makes of them if nothing else is said
AUTO_COMPACT = "delta.autoOptimize.autoCompact"  # Databricks' property; "false" leaves small files as they are


def merge_small_files(table: DeltaTable) -> None:
    """
    Rewrite small files as few larger ones where there are many, on the very handle that committed. The rows stay as they are.

    Without it a table that gets a few rows with every run costs its readers a little more every time, for ever.
    """
    if table.metadata().configuration.get(AUTO_COMPACT, "").lower() != "false" and _small_files(table, below=SMALL_BYTES) >= MANY_FILES:
        _refuse_others(table)
        table.optimize.compact(target_size=ENOUGH_BYTES, commit_properties=CommitProperties(max_commit_retries=0))


def _refuse_others(table: DeltaTable) -> None:
    """
    Make sure that of all who want to rewrite the files of a table one does.

    delta-rs 1.6 lets two rewrites of the same files both commit, which doubles their rows, and leaves the transactions of a rewrite out.
    But it refuses every commit whose table's metadata changed meanwhile. So each rewrite follows a change of metadata of its own, which
    itself is refused unless this handle is on the newest version: of two, the one who says so first is refused by the one who says so last,
    or is done by then.
    """
    mark = {"odibi.rewrite": uuid.uuid4().hex}
    table.alter.set_table_properties(mark, raise_if_not_exists=False, commit_properties=CommitProperties(max_commit_retries=0))


def _small_files(table: DeltaTable, *, below: int) -> int:
    """How many files of fewer bytes there are in the partition that has most of them."""
    files = pl.DataFrame(table.get_add_actions(flatten=True))
    small = files.filter(pl.col("size_bytes") < below)
    partitions = [f"partition.{name}" for name in table.metadata().partition_columns]
    if small.is_empty() or not partitions:
        return small.height
    largest: int = max(small.group_by(partitions).len()["len"].to_list())
    return largest


def keep_up(table: DeltaTable, upkeep: Upkeep, properties: Mapping[str, str]) -> None:
    """
    Set the properties that the table does not have yet, rewrite and remove files, on the very handle that committed.

    No commit is tried again: if somebody else has committed since, theirs stands and this one is refused. Full vacuum also finds the
    files of commits that were refused, which no log knows (facts: damaged logs and maintenance).
    """
    alone = CommitProperties(max_commit_retries=0)
    have = table.metadata().configuration
    new = {key: value for key, value in properties.items() if have.get(key) != value}
    if new:
        table.alter.set_table_properties(new, raise_if_not_exists=False, commit_properties=alone)
    if upkeep.expiry is not None and _has_expired(table, upkeep.expiry):
        column = upkeep.expiry.column.replace("`", "``")
        table.delete(f"`{column}` < '{upkeep.expiry.before}'", commit_properties=alone)
    if upkeep.zorder_by:
        _refuse_others(table)
        table.optimize.z_order(list(upkeep.zorder_by), commit_properties=alone)
    elif upkeep.compact and _small_files(table, below=_TARGET_BYTES) > 1:
        _refuse_others(table)
        table.optimize.compact(commit_properties=alone)
    if upkeep.vacuum_hours is not None:
        hours = max(upkeep.vacuum_hours, SAFE_RETENTION_HOURS)
        table.vacuum(retention_hours=hours, dry_run=False, enforce_retention_duration=True, full=True, commit_properties=alone)


def _has_expired(table: DeltaTable, expiry: Expiry) -> bool:
    """Whether a file may hold rows that are too old, as far as the log's statistics tell. A column of another type is not compared."""
    if table_schema(table).get(expiry.column) != pl.String() or not table.file_uris():
        return False
    actions = pl.DataFrame(table.get_add_actions(flatten=True))
    name = f"min.{expiry.column}"
    if name not in actions.columns or actions.schema[name] != pl.String():
        return True
    return bool((actions[name].is_null() | (actions[name] < expiry.before)).any())
