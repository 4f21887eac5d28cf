"""A version of a Delta table as a lazy frame."""

from __future__ import annotations

import polars as pl
from deltalake import DeltaTable

from odibi_core.engines.polars.delta_table import is_placeholder, lazy_rows, open_table
from odibi_core.engines.polars.delta_write import rows_in_log
from odibi_core.engines.polars.errors import translated
from odibi_core.errors import ConfigError, DataError, PermanentServiceError
from odibi_core.ports import Source

_VERSIONS = frozenset({"version", "version_as_of", "versionasof"})
# Polars reads the files itself and knows none of these (facts: table features); delta-rs does.
_ONLY_DELTA_RS = frozenset({"v2Checkpoint", "columnMapping"})
_REFUSED = frozenset({"deletionVectors", "typeWidening", "typeWidening-preview", "catalogManaged", "catalogOwned-preview"})


def scan_delta(source: Source) -> tuple[pl.LazyFrame, int, int | None]:
    """
    The frame, the version it is fixed to, and the number of rows if the log knows it.

    Raises:
        DataError: `missing_table`.
        PermanentServiceError: If the table uses a feature that would be read wrongly.
    """
    name = source.location.name
    with translated(f"opening table '{name}'"):
        table = open_table(source.location, version=_version(source))
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


def _version(source: Source) -> int | None:
    for key, value in source.options.items():
        if key.lower() not in _VERSIONS or not isinstance(value, int):
            raise ConfigError(f"delta option '{key}' is not known", hint="Known is 'version'.")
        if source.version is None:
            return value
    return source.version
