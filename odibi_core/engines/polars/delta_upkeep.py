"""Upkeep of a table after a commit: small files become large ones, old ones are removed. Whoever else works on the table goes first."""

from __future__ import annotations

from collections.abc import Mapping

from deltalake import CommitProperties, DeltaTable

from odibi_core.ports import Upkeep

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
    if upkeep.zorder_by:
        table.optimize.z_order(list(upkeep.zorder_by), commit_properties=alone)
    elif upkeep.compact:
        table.optimize.compact(commit_properties=alone)
    if upkeep.vacuum_hours is not None:
        hours = max(upkeep.vacuum_hours, SAFE_RETENTION_HOURS)
        table.vacuum(retention_hours=hours, dry_run=False, enforce_retention_duration=True, full=True, commit_properties=alone)
