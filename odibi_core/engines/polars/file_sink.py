"""The file sink: CSV, JSON and Parquet targets, each written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from odibi_core.engines.polars.csv_options import csv_options
from odibi_core.engines.polars.errors import translated
from odibi_core.engines.polars.frames import Collect
from odibi_core.engines.polars.pinned_files import listed
from odibi_core.engines.polars.places import blob_at, is_remote, local_path
from odibi_core.errors import ConfigError
from odibi_core.events import Column
from odibi_core.messages import digest
from odibi_core.ports import Frame, Scanned, Target, WriteReceipt

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

_SUFFIXES = {"csv": "csv", "json": "json", "ndjson": "ndjson", "jsonl": "jsonl", "parquet": "parquet"}


class FileSink:
    """
    Files have no transactions, so three modes are offered and each is safe to repeat.

    `overwrite` replaces one file, atomically; doing it again gives the same file, so nothing is ever known to be committed.
    `append` adds a part to a folder under a name made of the transaction, if it is absent: the same node of the same run adds one part.
    `ignore` writes one file if it is absent; who comes second gets a receipt that says `recovered`.
    """

    def __init__(self, target: Target, collect: Collect) -> None:
        if target.format not in _SUFFIXES:
            raise ConfigError(f"format '{target.format}' cannot be written by Polars", hint=f"Known are: delta, {', '.join(_SUFFIXES)}.")
        if target.mode not in {"overwrite", "append", "ignore"}:
            raise ConfigError(
                f"mode '{target.mode}' needs a Delta table, not {target.format}", hint="Set 'format: delta', or 'mode: overwrite'."
            )
        if target.partition_by:
            raise ConfigError(f"'partition_by' needs a Delta table, not {target.format}", hint="Set 'format: delta'.")
        self._target = target
        self._collect = collect
        self._put = _writer(target)
        self._replaces = target.mode == "overwrite"
        self._part = f"part-{digest(target.transaction)}.{_SUFFIXES[target.format]}" if target.mode == "append" else ""
        with translated(f"looking for '{target.location.name}'"):
            self.exists = next(iter(listed(target.location)), None) is not None

    def committed(self) -> WriteReceipt | None:
        """The receipt of an earlier append; its rows are not known."""
        if not self._part:
            return None
        with translated(f"looking for '{self._part}' in '{self._target.location.name}'"):
            there = self._blob().exists() if is_remote(self._target.location) else self._path().exists()
        return WriteReceipt(rows=None, version=None, recovered=True) if there else None

    def transaction(self, application: str) -> int | None:  # noqa: ARG002 - the contract's
        """Files know no transactions."""
        return None

    def present(self) -> Scanned | None:
        """
        Not possible: what is written to a file here is not made of what is in it.

        Raises:
            ConfigError: If there is a file.
        """
        if self.exists:
            raise ConfigError(f"a {self._target.format} target is not read back", hint="Set 'format: delta' or 'format: parquet'.")
        return None

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
        with translated(f"writing '{name}'"):
            written = self._upload(rows) if is_remote(self._target.location) else self._place(rows)
        columns = tuple(Column(name=column, type=str(dtype)) for column, dtype in rows.schema.items())
        if not written:
            return WriteReceipt(rows=None, version=None, columns=columns, recovered=True)
        return WriteReceipt(rows=rows.height, version=None, created=not self.exists, columns=columns, facts=dict(facts))

    def fence(self, application: str) -> None:  # noqa: ARG002 - the contract's
        """
        Not possible: a file holds no transactions.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(f"a {self._target.format} target cannot be fenced", hint="Set 'format: delta'.")

    def _path(self) -> Path:
        return local_path(self._target.location) / self._part

    def _blob(self) -> BlobClient:
        return blob_at(self._target.location, self._part)

    def _place(self, rows: pl.DataFrame) -> bool:
        """Write beside the file, then rename, or link, which fails if the name is taken. True if it was written."""
        path = self._path()
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

        blob = self._blob()
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
