"""Upkeep of a table after a commit: small files become large ones, old ones are removed. Whoever else works on the table goes first."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
from deltalake import CommitProperties, DeltaTable

from odibi_core.engines.polars.delta_table import table_schema
from odibi_core.ports import Expiry, Upkeep

SAFE_RETENTION_HOURS = 168  # a file that is newer may be read, or be about to be committed (delta-rs#3645)


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
        table.optimize.z_order(list(upkeep.zorder_by), commit_properties=alone)
    elif upkeep.compact:
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
