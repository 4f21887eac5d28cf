"""Write ended runs into the System Catalog: one commit per table that has something new, exactly once per batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from odibi_core.catalog.failures import translated
from odibi_core.catalog.opening import PutLogEntry, lazy_rows, link_log_entry, open_or_create
from odibi_core.catalog.rows import (
    KnownSchema,
    changed_schemas,
    changed_tables,
    ended_runs,
    file_rows,
    run_rows,
    sighted_tables,
    state_rows,
)
from odibi_core.catalog.schema import Row, TableName, TableRow, delta_schema, to_frame
from odibi_core.errors import PermanentServiceError, ServiceError
from odibi_core.ports import Location, ReportBatch, WriteConflictError

if TYPE_CHECKING:
    from deltalake import DeltaTable

APPLICATION = "odibi/catalog"  # the Delta transaction id of every commit; its version is the batch's number
_TRIES = 5  # against other writers; one flusher at a time is the rule, so more than one is rare

Addition = tuple[Sequence[Row], int]  # rows, and the number that the commit carries


class CatalogWriter:
    """
    The catalog as a report.

    Batches arrive in order of their numbers. A table that carries the number of a batch, or a higher one, has its rows already. The
    number is looked up on the very handle that commits, so of two writers of one batch the later commit is refused. A batch that
    failed between two tables is completed when it is tried again.
    """

    def __init__(self, location: Callable[[str], Location], put_log_entry: PutLogEntry = link_log_entry) -> None:
        self._location = location
        self._put_log_entry = put_log_entry
        self._known: tuple[tuple[str, int], Mapping[str, str]] = (("", -1), {})  # hashes by `uri`, as of a version of `meta_tables`
        self._schemas: tuple[tuple[str, int], Mapping[str, KnownSchema]] = (("", -1), {})  # the same of `meta_schemas`

    def __call__(self, batch: ReportBatch) -> None:
        """
        Add the rows of a batch that are not yet there.

        Raises:
            TransientServiceError: If the store cannot be reached, or other writers were faster each time.
            PermanentServiceError: If access was denied, or a table is damaged or of other column types.
        """
        rows, sighted = _rows(batch)
        jobs: list[Callable[[], None]] = [
            partial(self._append, table, partial(_unwritten, table, table_rows, batch.sequence))
            for table, table_rows in rows.items()
            if table_rows
        ]
        if sighted:
            jobs.append(partial(self._append, "meta_tables", partial(self._of_tables, sighted, batch.sequence)))
            jobs.append(partial(self._append, "meta_schemas", partial(self._of_schemas, sighted, batch.sequence)))
        _all_of(jobs)

    def rebuild(self, batch: ReportBatch) -> None:
        """
        Add the rows of runs that a table does not have, as after its folder was removed. Tables that have them stay as they are.

        Args:
            batch: All runs that are still known, under the number of the last batch that was written.

        Raises:
            TransientServiceError: If the store cannot be reached, or other writers were faster each time.
            PermanentServiceError: If access was denied, or a table is damaged or of other column types.
        """
        rows, sighted = _rows(batch)
        rows["meta_tables"] = changed_tables(sighted, {})
        rows["meta_schemas"] = changed_schemas(sighted, {})
        _all_of([partial(self._append, table, partial(_missing, table, table_rows, batch.sequence)) for table, table_rows in rows.items()])

    def _append(self, table: TableName, addition: Callable[[DeltaTable], Addition]) -> None:
        """Commit what is to be added, asking again after every failure: an exception does not mean that nothing was committed."""
        for _ in range(_TRIES):
            handle = self._open(table)
            rows, sequence = addition(handle)
            if not rows:
                return
            try:
                commit(handle, table, rows, sequence)
                return
            except WriteConflictError:
                continue
            except ServiceError:
                if not addition(self._open(table))[0]:
                    return
                raise
        raise WriteConflictError(f"catalog table '{table}' is written by others all the time", code="catalog_conflict")

    def _open(self, table: TableName) -> DeltaTable:
        return open_or_create(table, self._location(table), self._put_log_entry)

    def _of_tables(self, sighted: Sequence[TableRow], sequence: int, handle: DeltaTable) -> Addition:
        rows, _ = _unwritten("meta_tables", sighted, sequence, handle)
        return changed_tables(sighted, self._known_hashes(handle)) if rows else [], sequence

    def _of_schemas(self, sighted: Sequence[TableRow], sequence: int, handle: DeltaTable) -> Addition:
        rows, _ = _unwritten("meta_schemas", sighted, sequence, handle)
        return changed_schemas(sighted, self._known_schemas(handle)) if rows else [], sequence

    def _known_schemas(self, handle: DeltaTable) -> Mapping[str, KnownSchema]:
        with translated("meta_schemas", "read"):
            state = (str(handle.metadata().id), handle.version())
            if self._schemas[0] != state:
                found = _scanned(handle, "uri", "schema_version", "columns") if state[1] else []
                in_order = sorted(found, key=lambda row: row["schema_version"])
                known = {row["uri"]: KnownSchema(version=row["schema_version"], columns=row["columns"]) for row in in_order}
                self._schemas = (state, known)
        return self._schemas[1]

    def _known_hashes(self, handle: DeltaTable) -> Mapping[str, str]:
        with translated("meta_tables", "read"):
            state = (str(handle.metadata().id), handle.version())
            if self._known[0] != state:
                newest = _scanned(handle, "uri", "schema_hash", "seen_at") if state[1] else []
                in_order = sorted(newest, key=lambda row: row["seen_at"])
                self._known = (state, {row["uri"]: row["schema_hash"] for row in in_order})
        return self._known[1]


def commit(handle: DeltaTable, table: TableName, rows: Sequence[Row], sequence: int) -> None:
    """Append rows with the batch's number in one commit, which is refused if another batch was committed since the handle was opened."""
    from deltalake import CommitProperties, Transaction, write_deltalake

    with translated(table, "written"):
        write_deltalake(
            handle,
            to_frame(table, rows),
            mode="append",
            schema_mode=None if _has_declared_columns(handle, table) else "merge",
            # Without a time stamp it never expires: there is one per table, and a batch may wait for long.
            commit_properties=CommitProperties(app_transactions=[Transaction(APPLICATION, sequence)]),
        )


def _rows(batch: ReportBatch) -> tuple[dict[TableName, Sequence[Row]], list[TableRow]]:
    runs = ended_runs(batch.runs)
    rows: dict[TableName, Sequence[Row]] = {
        "meta_runs": [row for run in runs for row in run_rows(run)],
        "meta_state": [row for run in runs for row in state_rows(run)],
        "meta_files": [row for run in runs for row in file_rows(run)],
    }
    return rows, [row for run in runs for row in sighted_tables(run)]


def _unwritten(table: TableName, rows: Sequence[Row], sequence: int, handle: DeltaTable) -> Addition:
    """All rows, or none if the table carries the batch's number or a higher one."""
    return ([] if _last_sequence(handle, table) >= sequence else rows), sequence


def _missing(table: TableName, rows: Sequence[Row], sequence: int, handle: DeltaTable) -> Addition:
    """The rows of runs that the table does not have, under its own number if that is higher."""
    with translated(table, "read"):
        present = {row["run_id"] for row in _scanned(handle, "run_id")} if rows and handle.version() else set()
    return [row for row in rows if row.run_id not in present], max(sequence, _last_sequence(handle, table))


def _last_sequence(handle: DeltaTable, table: TableName) -> int:
    with translated(table, "read"):
        return handle.transaction_version(APPLICATION) or 0


def _scanned(handle: DeltaTable, *columns: str) -> list[dict[str, Any]]:
    return lazy_rows(handle).select(columns).collect().to_dicts()


def _has_declared_columns(handle: DeltaTable, table: TableName) -> bool:
    """
    Whether the table has exactly the declared columns; another release may have made it with fewer or more.

    Raises:
        PermanentServiceError: If a column has another type: delta-rs would convert the values silently.
    """
    found = {field.name: field.type for field in handle.schema().fields}
    declared = {field.name: field.type for field in delta_schema(table).fields}
    other = sorted(name for name in found.keys() & declared.keys() if found[name] != declared[name])
    if other:
        raise PermanentServiceError(
            f"catalog table '{table}' has columns of another type: {', '.join(other)}",
            code="catalog_schema",
            hint="It was not made by this product. Move it away and rebuild the catalog.",
        )
    return found.keys() == declared.keys()


def _all_of(jobs: Sequence[Callable[[], None]]) -> None:
    """Do all, the tables side by side: most of the time goes into waiting for the store. A failure comes after all have ended."""
    if len(jobs) < 2:
        for job in jobs:
            job()
        return
    with ThreadPoolExecutor(max_workers=len(jobs), thread_name_prefix="odibi-catalog") as pool:
        running = [pool.submit(job) for job in jobs]
    for job_run in running:
        job_run.result()
