"""One Parquet file as a table that is read, changed and put back: as exactly once as a Delta table, by what its footer remembers."""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

import polars as pl

from odibi_core.engines.polars.delta_table import PLACEHOLDER
from odibi_core.engines.polars.errors import translated
from odibi_core.engines.polars.frames import Collect, framed
from odibi_core.engines.polars.pinned_files import pinned
from odibi_core.engines.polars.places import blob_at, is_remote, local_path
from odibi_core.engines.polars.whole_file import local_tag, rewritten_meanwhile, upload_over
from odibi_core.errors import ConfigError, DataError, OdibiError
from odibi_core.events import Column
from odibi_core.folder_lock import locked
from odibi_core.frozen import Frozen
from odibi_core.messages import FileVersion
from odibi_core.ports import (
    FENCED,
    Expiry,
    FencedError,
    FileChangedError,
    Frame,
    Location,
    Scanned,
    Target,
    WriteConflictError,
    WriteReceipt,
)

_KEY = "odibi"
_REMEMBERED = 200  # transactions; a message that is replayed later than that many commits finds its run ended


class _Memory(Frozen):
    """What the file's footer says: which transactions are in it, and what the last of them told."""

    transactions: Mapping[str, int] = field(default_factory=dict)  # the oldest first
    marks: Mapping[str, int] = field(default_factory=dict)
    last: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> _Memory:
        """Of a file that another program wrote: nothing."""
        try:
            text = pl.read_parquet_metadata(file).get(_KEY)
        except pl.exceptions.PolarsError:
            raise DataError(
                f"'{file.name}' is not a whole parquet file", code="unreadable_target", hint="Restore it, or move it away."
            ) from None
        told = json.loads(text) if text else {}
        return cls(transactions=told.get("transactions", {}), marks=told.get("marks", {}), last=told.get("last", {}))

    def with_commit(self, application: str, version: int, marks: Mapping[str, int], last: Mapping[str, Any]) -> _Memory:
        """The memory after one more commit."""
        kept = {name: number for name, number in self.transactions.items() if name != application}
        newest = dict([*kept.items(), (application, version)][-_REMEMBERED:])
        return _Memory(transactions=newest, marks={**self.marks, **marks}, last=last)

    def as_metadata(self) -> dict[str, str]:
        """For the footer."""
        return {_KEY: json.dumps({"transactions": dict(self.transactions), "marks": dict(self.marks), "last": dict(self.last)})}


class ParquetTable:
    """
    A Parquet file that was opened before anything was read. See `ports.Sink` for the contract.

    A file has no log, so each commit replaces it whole, in one step and only over the version that was opened: under the tag of the blob
    (If-Match), or under a lock of the local folder. Which nodes are in it stands in its footer.
    """

    def __init__(self, target: Target, collect: Collect, new_folder: Callable[[], Path]) -> None:
        if target.mode != "overwrite" or target.partition_by:
            raise ConfigError(
                "a parquet file can only be replaced whole", hint="Set 'mode: overwrite' without 'partition_by', or 'format: delta'."
            )
        self._target = target
        self._collect = collect
        self._new_folder = new_folder
        self._name = target.location.name
        with translated(f"opening '{self._name}'"):
            self._tag = _tag_of(target.location)
            self._file = None if self._tag is None else self._readable(self._tag, new_folder)
            self._memory = _Memory() if self._file is None else _Memory.read(self._file)
            self.exists = self._file is not None and pl.read_parquet_schema(self._file) != {PLACEHOLDER: pl.String()}

    def _readable(self, tag: str, new_folder: Callable[[], Path]) -> Path:
        location = self._target.location
        if not is_remote(location):
            return local_path(location)
        try:
            (file,) = pinned(
                location, [FileVersion(connection=location.connection, path=location.path, etag=tag, size_bytes=0)], new_folder()
            )
        except FileChangedError:
            raise rewritten_meanwhile(self._name) from None
        return file.path

    def committed(self) -> WriteReceipt | None:
        """The receipt of an earlier commit under the same transaction; only the last commit's rows and facts are known."""
        state = self._memory.transactions.get(self._target.transaction)
        if state is None:
            return None
        if state == FENCED:
            raise FencedError(f"'{self._name}' is closed to this node", hint="Its run was given up; the next run writes.")
        last = self._memory.last if self._memory.last.get("transaction") == self._target.transaction else {}
        return WriteReceipt(
            rows=last.get("rows"),
            version=None,
            created=last.get("created") is True,
            columns=() if self._file is None else _columns(pl.Schema(pl.read_parquet_schema(self._file))),
            facts={str(key): str(value) for key, value in last.get("facts", {}).items()},
            recovered=True,
        )

    def transaction(self, application: str) -> int | None:
        """The version last committed under an application id."""
        return self._memory.transactions.get(application, self._memory.marks.get(application))

    def present(self) -> Scanned | None:
        """The rows of the version that was opened."""
        if self._file is None or not self.exists:
            return None
        with translated(f"reading '{self._name}'"):
            frame = pl.scan_parquet(self._file, glob=False, hive_partitioning=False)
            rows = int(frame.select(pl.len()).collect().item())
        return Scanned(frame=framed(frame), rows=rows)

    def rehearse(self, frame: Frame) -> None:
        """A file takes any columns."""

    def write(self, frame: Frame, facts: Mapping[str, str], *, sequence: int = 1, marks: Mapping[str, int] | None = None) -> WriteReceipt:
        """Replace the file, or return the receipt of the commit that is there already."""
        earlier = self.committed()
        if earlier is not None:
            return earlier
        rows = self._collect(frame, f"computing the rows for '{self._name}'")
        told = {"transaction": self._target.transaction, "rows": rows.height, "created": not self.exists, "facts": dict(facts)}
        memory = self._memory.with_commit(self._target.transaction, sequence, marks or {}, told)
        self._put(rows, memory)
        return WriteReceipt(rows=rows.height, version=None, created=not self.exists, columns=_columns(rows.schema), facts=dict(facts))

    def maintain(self) -> str:
        """Remove the rows that have been kept long enough. The rows are in: what goes wrong is told and nothing more."""
        expiry = self._target.upkeep.expiry if self._target.upkeep is not None else None
        if expiry is None:
            return ""
        try:
            ParquetTable(self._target, self._collect, self._new_folder).expire(expiry)
        except WriteConflictError:
            return f"'{self._name}' was not kept up, somebody else works on it; the next write does it"
        except OdibiError as error:
            return f"'{self._name}' was not kept up: {error.message}"
        return ""

    def expire(self, expiry: Expiry) -> None:
        """Put the file back without the rows that are too old, if there are any. A column of another type is not compared."""
        if self._file is None or not self.exists or pl.read_parquet_schema(self._file).get(expiry.column) != pl.String():
            return
        too_old = pl.col(expiry.column) < expiry.before
        with translated(f"reading '{self._name}'"):
            rows = pl.scan_parquet(self._file, glob=False, hive_partitioning=False)
            if not rows.select(too_old.any()).collect().item():
                return
            kept = rows.filter(~too_old.fill_null(value=False)).collect()
        self._put(kept, self._memory)

    def fence(self, application: str) -> None:
        """
        Remember an application id as FENCED in the file, over the version that was opened. Doing it twice is fine.

        A missing file is made with it and a placeholder column: the creation of a zombie then fails, and the next rows replace it.
        """
        state = self._memory.transactions.get(application)
        if state == FENCED:
            return
        if state is not None:
            raise WriteConflictError(f"'{self._name}' holds the result already")
        with translated(f"reading '{self._name}'"):
            if self._file is None:
                rows = pl.DataFrame(schema={PLACEHOLDER: pl.String()})
            else:
                rows = pl.read_parquet(self._file, glob=False, hive_partitioning=False)
        self._put(rows, self._memory.with_commit(application, FENCED, {}, self._memory.last))

    def _put(self, rows: pl.DataFrame, memory: _Memory) -> None:
        with translated(f"writing '{self._name}'"):
            if is_remote(self._target.location):
                self._upload(rows, memory)
            else:
                self._place(rows, memory)

    def _place(self, rows: pl.DataFrame, memory: _Memory) -> None:
        path = local_path(self._target.location)
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = path.parent / f".{uuid.uuid4().hex}.tmp"
        try:
            rows.write_parquet(whole, metadata=memory.as_metadata())
            with whole.open("rb") as written:
                os.fsync(written.fileno())
            with locked(path.parent):
                if _tag_of(self._target.location) != self._tag:
                    raise rewritten_meanwhile(self._name)
                whole.replace(path)
        finally:
            whole.unlink(missing_ok=True)

    def _upload(self, rows: pl.DataFrame, memory: _Memory) -> None:
        with tempfile.TemporaryDirectory(prefix="odibi-") as folder:
            whole = Path(folder) / "whole"
            rows.write_parquet(whole, metadata=memory.as_metadata())
            with whole.open("rb") as data:
                upload_over(self._target.location, data, opened=self._tag, metadata={})


def _tag_of(location: Location) -> str | None:
    """The version of the file now; None if there is none."""
    if is_remote(location):
        from azure.core.exceptions import ResourceNotFoundError

        try:
            return str(blob_at(location).get_blob_properties().etag)
        except ResourceNotFoundError:
            return None
    path = local_path(location)
    if path.is_dir():
        raise DataError(
            f"'{location.name}' is a folder, not one parquet file", code="unreadable_target", hint="Name a file, or use a Delta table."
        )
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return local_tag(found)


def _columns(schema: pl.Schema) -> tuple[Column, ...]:
    return tuple(Column(name=name, type=str(dtype)) for name, dtype in schema.items())
