"""Avro files as one frame. They are read whole: there is no lazy reader of Avro."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from odibi_core.engines.polars.avro_checks import check_avro
from odibi_core.engines.polars.errors import translated
from odibi_core.engines.polars.pinned_files import LocalFile
from odibi_core.errors import ConfigError, DataError
from odibi_core.ports import Source

_MAGIC = b"Obj\x01"


def read_avro(source: Source, files: Sequence[LocalFile]) -> pl.LazyFrame:
    """
    The rows of all files; a column that a file lacks is null.

    Raises:
        DataError: `empty_file` or `unreadable_rows`.
        ConfigError: If an option is given: there are none.
    """
    if source.options:
        raise ConfigError(
            f"avro option '{next(iter(source.options))}' is not known", hint="Avro files carry their schema and need no options."
        )
    parts = [_read(file, source.file_column) for file in files]
    with translated(f"putting the files of '{source.location.name}' together"):
        return (parts[0] if len(parts) == 1 else pl.concat(parts, how="diagonal_relaxed")).lazy()


def _read(file: LocalFile, file_column: str | None) -> pl.DataFrame:
    with translated(f"reading avro '{file.name}'"):
        with file.path.open("rb") as start:
            magic = start.read(len(_MAGIC))
        if not magic:
            raise DataError(f"'{file.name}' (avro) has 0 bytes", code="empty_file", hint="Send the file again.")
        try:
            if magic != _MAGIC:
                raise pl.exceptions.ComputeError
            check_avro(file)
            rows = pl.read_avro(file.path)
        except pl.exceptions.PolarsError:
            raise DataError(f"'{file.name}' is not a whole avro file", code="unreadable_rows", hint="Send it again.") from None
    return rows if file_column is None else rows.with_columns(pl.lit(file.version.path).alias(file_column))
