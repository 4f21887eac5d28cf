"""One CSV or JSON file that is read and put back whole: which nodes are in it, a note beside it says, or the blob's own metadata."""

from __future__ import annotations

import hashlib
import io
import json
import os
import uuid
from pathlib import Path
from typing import Any

import polars as pl

from odibi_core.engines.polars.csv_options import csv_options
from odibi_core.engines.polars.errors import translated
from odibi_core.engines.polars.places import blob_at, is_remote, local_path
from odibi_core.engines.polars.whole_file import local_tag, rewritten_meanwhile, upload_over
from odibi_core.errors import ConfigError, DataError
from odibi_core.folder_lock import locked
from odibi_core.frozen import Frozen
from odibi_core.messages import digest
from odibi_core.ports import Location, Target

_REMEMBERED = 100  # transactions; the metadata of a blob has room for 8 KB
_NOTE = "odibi_nodes"


class _Opened(Frozen):
    """A file as it was when it was opened."""

    data: bytes
    tag: str
    nodes: tuple[str, ...]  # digests of the transactions that are in it, the oldest first


class TextFile:
    """
    A file that is replaced in one step, and only over the version that was opened.

    A blob is put under the tag of that version (If-Match), and its metadata names the nodes in it: both in one request. A local file has
    no such place. The note beside it is written first and names the content that it belongs to, before and after; whichever of the two
    the file has, the note is right.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._name = target.location.name
        with translated(f"opening '{self._name}'"):
            self._opened = _open_blob(target.location) if is_remote(target.location) else _open_local(target.location)
        self.exists = self._opened is not None

    def holds(self, transaction: str) -> bool:
        """Whether a transaction is in the file."""
        return self._opened is not None and digest(transaction) in self._opened.nodes

    def rows(self, *, as_text: bool) -> pl.DataFrame | None:
        """The rows that are there; None if there is no file. `as_text` leaves the fields of a CSV file as they are written."""
        if self._opened is None:
            return None
        with translated(f"reading '{self._name}'"):
            return parsed(self._opened.data, self._target, as_text=as_text)

    def put(self, data: bytes, transaction: str) -> None:
        """
        Replace the file.

        Raises:
            WriteConflictError: If it is not the one that was opened.
        """
        nodes = (*(self._opened.nodes if self._opened is not None else ()), digest(transaction))[-_REMEMBERED:]
        with translated(f"writing '{self._name}'"):
            if is_remote(self._target.location):
                upload_over(
                    self._target.location,
                    data,
                    opened=None if self._opened is None else self._opened.tag,
                    metadata={_NOTE: ",".join(nodes)},
                )
            else:
                self._place(data, nodes)

    def _place(self, data: bytes, nodes: tuple[str, ...]) -> None:
        path = local_path(self._target.location)
        path.parent.mkdir(parents=True, exist_ok=True)
        before = {} if self._opened is None else {_sha(self._opened.data): self._opened.nodes}
        with locked(path.parent):
            if _local_tag(path) != (None if self._opened is None else self._opened.tag):
                raise rewritten_meanwhile(self._name)
            _replace(_note_of(path), json.dumps({**before, _sha(data): nodes}).encode())
            _replace(path, data)


def _open_blob(location: Location) -> _Opened | None:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        stream = blob_at(location).download_blob()
        data = stream.readall()
    except ResourceNotFoundError:
        return None
    found = stream.properties
    nodes = (found.metadata or {}).get(_NOTE, "")
    return _Opened(data=data, tag=str(found.etag), nodes=tuple(nodes.split(",")) if nodes else ())


def _open_local(location: Location) -> _Opened | None:
    path = local_path(location)
    if path.is_dir():
        raise DataError(f"'{location.name}' is a folder, not a file", code="unreadable_target", hint="Name a file, or use a Delta table.")
    try:
        with path.open("rb") as file:
            data, tag = file.read(), local_tag(os.fstat(file.fileno()))
    except FileNotFoundError:
        return None
    try:
        notes: dict[str, list[str]] = json.loads(_note_of(path).read_bytes())
    except FileNotFoundError:
        notes = {}
    # A content that no note knows was changed by hand since the last commit: that commit is in it all the same.
    nodes = notes.get(_sha(data), list(notes.values())[-1] if notes else [])
    return _Opened(data=data, tag=tag, nodes=tuple(nodes))


def _note_of(path: Path) -> Path:
    return path.parent / f".{path.name}.odibi.json"


def _local_tag(path: Path) -> str | None:
    try:
        return local_tag(path.stat())
    except FileNotFoundError:
        return None


def _replace(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    whole = path.parent / f".{uuid.uuid4().hex}.tmp"
    try:
        with whole.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        whole.replace(path)
    finally:
        whole.unlink(missing_ok=True)


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def parsed(data: bytes, target: Target, *, as_text: bool) -> pl.DataFrame:
    """The rows in the bytes of a file."""
    if not data.strip():
        return pl.DataFrame()
    if target.format == "csv":
        types: dict[str, Any] = {"infer_schema": False} if as_text else {"infer_schema_length": None}
        return pl.read_csv(io.BytesIO(data), **types, **_csv(target))
    if data.lstrip()[:1] == b"[":
        return pl.read_json(io.BytesIO(data), infer_schema_length=None) if data.strip() != b"[]" else pl.DataFrame()
    return pl.read_ndjson(io.BytesIO(data), infer_schema_length=None)


def written(rows: pl.DataFrame, target: Target) -> bytes:
    """
    The bytes of a file with these rows.

    Raises:
        ConfigError: If an option of the target is unknown.
    """
    if target.format == "csv":
        options = _csv(target)
        header: bool = options.pop("has_header", True)
        text: str = rows.write_csv(include_header=header, **options)
        return text.encode()
    if target.options:
        raise ConfigError(f"{target.format} option '{next(iter(target.options))}' is not known")
    return (rows.write_json() if target.format == "json" else rows.write_ndjson()).encode()


def _csv(target: Target) -> dict[str, Any]:
    options = csv_options(target.options).polars
    return {key: options[key] for key in ("separator", "quote_char", "has_header") if key in options}
