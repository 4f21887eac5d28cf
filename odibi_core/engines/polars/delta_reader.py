"""A version of a Delta table as a lazy frame."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from odibi_core.engines.polars.delta_table import is_placeholder, lazy_rows, open_table
from odibi_core.engines.polars.delta_write import rows_in_log
from odibi_core.engines.polars.errors import translated
from odibi_core.engines.polars.open_tables import Borrowed
from odibi_core.errors import ConfigError, DataError, PermanentServiceError
from odibi_core.ports import Location, Source

_VERSIONS = frozenset({"version", "version_as_of", "versionasof"})
_TIMES = frozenset({"timestamp_as_of", "timestampasof"})
# Polars reads the files itself and knows none of these (facts: table features); delta-rs does.
_ONLY_DELTA_RS = frozenset({"v2Checkpoint", "columnMapping"})
_REFUSED = frozenset({"deletionVectors", "typeWidening", "typeWidening-preview", "catalogManaged", "catalogOwned-preview"})


def scan_delta(source: Source, tables: Borrowed) -> tuple[pl.LazyFrame, int, int | None]:
    """
    The frame, the version it is fixed to, and the number of rows if the log knows it.

    Raises:
        DataError: `missing_table` or `missing_version`.
        PermanentServiceError: If the table uses a feature that would be read wrongly.
    """
    name = source.location.name
    with translated(f"opening table '{name}'"):
        table = _opened(source, tables)
        if table is None or is_placeholder(table):
            raise DataError(f"there is no Delta table at '{name}'", code="missing_table", hint="Run the pipeline that writes it first.")
        features = {*(table.protocol().reader_features or ())}
        if features & _REFUSED:
            raise PermanentServiceError(
                f"table '{name}' uses {', '.join(sorted(features & _REFUSED))}, which this engine does not read",
                code="unsupported_table",
                hint="Set 'engine: spark' for this node.",
            )
        mapped = table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none"
        frame = _read_whole(table) if mapped or features & _ONLY_DELTA_RS else lazy_rows(table, source.location)
        return frame, table.version(), rows_in_log(table)


def _read_whole(table: DeltaTable) -> pl.LazyFrame:
    return pl.DataFrame(table.scan().read_all()).lazy()


def _opened(source: Source, tables: Borrowed) -> DeltaTable | None:
    """
    The table at the version or the moment that is asked for.

    Raises:
        DataError: `missing_version`, if the log does not reach there.
    """
    version, as_of = _asked(source)
    if version is None and as_of is None:
        return tables.take(source.location)
    name = source.location.name
    try:
        table = open_table(source.location) if version is None else tables.take(source.location, version=version)
        if table is not None and as_of is not None:
            table.load_as_version(as_of)
    except DeltaError:
        table = open_table(source.location)  # a damaged log fails here again, as what it is
        if table is None:
            return None
        asked = f"version {version}" if as_of is None else f"state of {as_of.isoformat()}"
        raise DataError(
            f"table '{name}' has no {asked}; its newest version is {table.version()}",
            code="missing_version",
            hint="Ask for a version that its log still holds.",
        ) from None
    if table is not None and as_of is not None and not _existed(table, source.location, as_of):
        raise DataError(
            f"table '{name}' did not exist at {as_of.isoformat()}", code="missing_version", hint="Ask for a later moment, or for a version."
        )
    return table


def _existed(table: DeltaTable, location: Location, as_of: datetime) -> bool:
    """delta-rs answers with the first version it knows for a moment before it, so only that one can be wrong."""
    newest = open_table(location)
    if newest is None:
        return False
    commits = newest.history(newest.version() - table.version() + 1)
    found = [commit["timestamp"] for commit in commits if commit.get("version") == table.version() and "timestamp" in commit]
    return not found or datetime.fromtimestamp(found[0] / 1000, UTC) <= as_of


def _asked(source: Source) -> tuple[int | None, datetime | None]:
    version, as_of = source.version, source.as_of
    for key, value in source.options.items():
        if key.lower() in _VERSIONS and isinstance(value, int):
            version = value if version is None else version
        elif key.lower() in _TIMES and isinstance(value, str):
            as_of = _moment(value) if as_of is None else as_of
        else:
            raise ConfigError(f"delta option '{key}' is not known", hint="Known are 'versionAsOf' and 'timestampAsOf'.")
    if version is not None and as_of is not None:
        raise ConfigError("a version and a moment exclude each other", hint="Keep one of them.")
    return version, as_of


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigError("'timestampAsOf' is no time", hint="Write it like '2026-03-01T12:00:00Z'.") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
