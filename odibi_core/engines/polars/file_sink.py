"""The file sink: a CSV, JSON or Parquet file of its own, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl

from odibi_core.engines.polars.csv_options import csv_options
from odibi_core.engines.polars.drift import columns_before, conformed
from odibi_core.engines.polars.errors import translated
from odibi_core.engines.polars.file_rows import MODES, FileRows
from odibi_core.engines.polars.frames import Collect, native
from odibi_core.engines.polars.parquet_table import ParquetTable
from odibi_core.engines.polars.pinned_files import listed
from odibi_core.engines.polars.places import blob_at, is_remote, local_path
from odibi_core.errors import ConfigError
from odibi_core.events import Column
from odibi_core.ports import Frame, Scanned, Target, WriteReceipt

_FORMATS = ("csv", "json", "ndjson", "jsonl", "parquet")


def file_sink(target: Target, collect: Collect, new_folder: Callable[[], Path]) -> FileSink | FileRows | ParquetTable:
    """
    The sink for a target that is one file.

    Raises:
        ConfigError: If it is not to be had: an unknown format or mode, or partitions.
    """
    if target.format == "parquet" and target.over_present:
        return ParquetTable(target, collect, new_folder)
    if target.format in _FORMATS and target.mode in MODES:
        _refuse_partitions(target)
        return FileRows(target, collect, new_folder)
    return FileSink(target, collect, new_folder)


def _refuse_partitions(target: Target) -> None:
    """
    Raises:
        ConfigError: If the target has partitions: the many files of a folder cannot be written whole or not at all.
    """
    if target.partition_by:
        raise ConfigError(
            f"'partition_by' needs a Delta table, not {target.format}",
            hint="Set 'format: delta': a folder of many files is seen half-written, and a table is not.",
        )


class FileSink:
    """
    One file with the node's rows and no others, which is safe to repeat. Modes that keep what is there are `FileRows`'.

    `overwrite` replaces the file, atomically; doing it again gives the same file, so nothing is ever known to be committed.
    `ignore` writes the file if it is absent; who comes second gets a receipt that says `recovered`.
    """

    def __init__(self, target: Target, collect: Collect, new_folder: Callable[[], Path]) -> None:
        if target.format not in _FORMATS:
            raise ConfigError(f"format '{target.format}' cannot be written by Polars", hint=f"Known are: delta, {', '.join(_FORMATS)}.")
        if target.mode not in {"overwrite", "ignore"}:
            raise ConfigError(f"mode '{target.mode}' needs a Delta table, not {target.format}", hint="Set 'format: delta'.")
        _refuse_partitions(target)
        self._target = target
        self._collect = collect
        self._new_folder = new_folder
        self._put = _writer(target)
        self._replaces = target.mode == "overwrite"
        with translated(f"looking for '{target.location.name}'"):
            self.exists = next(iter(listed(target.location)), None) is not None

    def committed(self) -> WriteReceipt | None:
        """Never known: the file does not say who wrote it."""
        return None

    def transaction(self, application: str) -> int | None:  # noqa: ARG002 - the contract's
        """Files know no transactions."""
        return None

    def present(self) -> Scanned | None:
        """The rows that are there now, by what the file says of its columns."""
        if not self.exists or self._target.mode == "ignore":
            return None
        kept = FileRows(replace(self._target, mode="append"), self._collect, self._new_folder)
        return kept.present()

    def rehearse(self, frame: Frame) -> None:
        """A file of its own takes any columns."""

    def write(
        self,
        frame: Frame,
        facts: Mapping[str, str],
        *,
        sequence: int = 1,  # noqa: ARG002 - the contract's
        marks: Mapping[str, int] | None = None,  # noqa: ARG002 - the contract's
    ) -> WriteReceipt:
        """Write the file and give it its name in one step."""
        name = self._target.location.name
        rows = self._collect(frame, f"computing the rows for '{name}'")
        there = self.present() if self._target.watched else None
        rescued, before = 0, pl.Schema()
        if there is not None:
            with translated(f"comparing the rows with '{name}'"):
                rows, rescued = conformed(rows, native(there.frame), self._target)
                before = native(there.frame).collect_schema()
        with translated(f"writing '{name}'"):
            written = self._upload(rows) if is_remote(self._target.location) else self._place(rows)
        columns = tuple(Column(name=column, type=str(dtype)) for column, dtype in rows.schema.items())
        if not written:
            return WriteReceipt(rows=None, version=None, columns=columns, recovered=True)
        return WriteReceipt(
            rows=rows.height,
            version=None,
            created=not self.exists,
            columns=columns,
            before=columns_before(before, rows.schema, self._target),
            rescued=rescued,
            facts=dict(facts),
        )

    def maintain(self) -> str:
        """A file needs none."""
        return ""

    def fence(self, application: str) -> None:  # noqa: ARG002 - the contract's
        """
        Not possible: a file holds no transactions.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(f"a {self._target.format} target cannot be fenced", hint="Set 'format: delta'.")

    def _place(self, rows: pl.DataFrame) -> bool:
        """Write beside the file, then rename, or link, which fails if the name is taken. True if it was written."""
        path = local_path(self._target.location)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, whole = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
        os.close(handle)
        try:
            self._put(rows, whole)
            Path(whole).chmod(0o666 & ~_umask())
            if self._replaces:
                Path(whole).replace(path)
                return True
            os.link(whole, path)
        except FileExistsError:
            return False
        finally:
            Path(whole).unlink(missing_ok=True)
        return True

    def _upload(self, rows: pl.DataFrame) -> bool:
        """One put of the whole blob: readers see the old one or the new one. True if it was written."""
        from azure.core.exceptions import ResourceExistsError

        blob = blob_at(self._target.location)
        with tempfile.TemporaryDirectory(prefix="odibi-") as folder:
            whole = Path(folder) / "whole"
            self._put(rows, str(whole))
            with whole.open("rb") as data:
                try:
                    blob.upload_blob(data, overwrite=self._replaces)
                except ResourceExistsError:
                    return False
        return True


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _writer(target: Target) -> Callable[[pl.DataFrame, str], None]:
    if target.format == "csv":
        options = csv_options(target.options).polars
        known = {key: options[key] for key in ("separator", "quote_char") if key in options}
        return lambda rows, path: rows.write_csv(path, include_header=bool(options.get("has_header", True)), **known)
    if target.options:
        raise ConfigError(f"{target.format} option '{next(iter(target.options))}' is not known")
    if target.format == "parquet":
        return lambda rows, path: rows.write_parquet(path)
    if target.format == "json":
        return lambda rows, path: rows.write_json(path)
    return lambda rows, path: rows.write_ndjson(path)
