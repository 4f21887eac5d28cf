"""Open a catalog table, and create a missing one so that of many creators exactly one wins."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from odibi_core.catalog.failures import translated
from odibi_core.catalog.schema import TableName, delta_schema, table_properties
from odibi_core.errors import PermanentServiceError
from odibi_core.ports import Location

if TYPE_CHECKING:
    import polars as pl
    from deltalake import DeltaTable

FIRST_LOG_ENTRY = "_delta_log/00000000000000000000.json"
PutLogEntry = Callable[[Location, bytes], bool]  # stores FIRST_LOG_ENTRY of a table unless it is there; True for the one that did


def open_table(table: TableName, location: Location) -> DeltaTable | None:
    """
    A handle on a catalog table as it is now, or None if there is no such table.

    Raises:
        TransientServiceError: If the store cannot be reached.
        PermanentServiceError: If access was denied or the table is damaged.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    with translated(table, "read"):
        try:
            return DeltaTable(location.uri, storage_options=dict(location.options) or None)
        except TableNotFoundError:
            return None


def lazy_rows(handle: DeltaTable) -> pl.LazyFrame:
    """The rows of a table at the handle's version. Polars takes the handle's options, but wants its own retry count as a number."""
    import polars as pl

    remote = "://" in handle.table_uri and not handle.table_uri.startswith("file://")
    return pl.scan_delta(handle, storage_options={"max_retries": 5} if remote else None, credential_provider=None)


def open_or_create(table: TableName, location: Location, put_log_entry: PutLogEntry) -> DeltaTable:
    """
    A handle on a catalog table, which is created empty if it is missing.

    delta-rs lets two creators both believe that they wrote version 0. So its log entry is made aside and put where it belongs only if
    nothing is there (facts: Delta protocol, "Delta Log Entries": an entry must be created only if it does not exist).

    Raises:
        TransientServiceError: If the store cannot be reached.
        PermanentServiceError: If access was denied or the table is damaged.
    """
    handle = open_table(table, location)
    if handle is None:
        with translated(table, "written"):
            put_log_entry(location, first_log_entry(table))
        handle = open_table(table, location)
    if handle is None:
        raise PermanentServiceError(
            f"catalog table '{table}' was created and is not there",
            code="catalog_missing",
            hint="Check that the system connection and its log entries point to the same place.",
        )
    return handle


def first_log_entry(table: TableName) -> bytes:
    """Version 0 of a catalog table: its declared columns and properties, no rows."""
    from deltalake import DeltaTable

    with tempfile.TemporaryDirectory(prefix="odibi-catalog-") as folder:
        DeltaTable.create(folder, delta_schema(table), name=table, configuration=dict(table_properties(table)))
        return Path(folder, FIRST_LOG_ENTRY).read_bytes()


def link_log_entry(location: Location, data: bytes) -> bool:
    """Put the first log entry of a table in a local folder, if none is there."""
    entry = Path(location.uri, FIRST_LOG_ENTRY)
    entry.parent.mkdir(parents=True, exist_ok=True)
    whole = entry.parent.parent / f"_creating-{uuid.uuid4().hex}"
    whole.write_bytes(data)
    try:
        os.link(whole, entry)  # unlike open("x"), a reader never sees half an entry
    except FileExistsError:
        return False
    finally:
        whole.unlink()
    return True
