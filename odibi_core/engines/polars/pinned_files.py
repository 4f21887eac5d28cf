"""Exactly the announced versions of files, as local paths: checked where they are local, downloaded under their ETag where not."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from odibi_core.engines.polars.errors import of_azure, translated
from odibi_core.engines.polars.places import blob_client, blob_prefix, container_client, is_remote, local_path, within
from odibi_core.errors import DataError
from odibi_core.frozen import Frozen
from odibi_core.messages import FileVersion
from odibi_core.ports import FileChangedError, Location

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

_MAGIC = "*?["
_PARALLEL_CHUNKS = 4  # of a file
_PARALLEL_FILES = 8


class LocalFile(Frozen):
    """One version of a file and where its bytes can be read now."""

    version: FileVersion
    path: Path

    @property
    def name(self) -> str:
        """How people know the file; never the temporary path."""
        return f"{self.version.connection}/{self.version.path}"


def local_tag(found: os.stat_result) -> str:
    """The version tag of a local file."""
    return f"{found.st_size}-{found.st_mtime_ns}"


def files_now(location: Location) -> tuple[FileVersion, ...]:
    """
    What a location names at this moment: a file, a folder with all its visible files, or a pattern; sorted.

    Raises:
        DataError: If there is no file.
    """
    with translated(f"listing '{location.name}'"):
        found = tuple(sorted(listed(location), key=lambda file: file.path))
    if not found:
        raise DataError(
            f"there is no file at '{location.name}'", code="missing_file", hint="Check the path, or wait for the file to arrive."
        )
    return found


def listed(location: Location) -> Iterable[FileVersion]:
    """The files that a location names at this moment, in no order."""
    return _listed_blobs(location) if is_remote(location) else _listed_local(location)


def _listed_local(location: Location) -> Iterable[FileVersion]:
    path = local_path(location)
    root = within(location, "")
    fixed = path
    while any(mark in fixed.name for mark in _MAGIC) or any(mark in str(fixed) for mark in _MAGIC):
        fixed = fixed.parent
    if fixed != path:
        candidates: Iterable[Path] = fixed.glob(str(path.relative_to(fixed)))
    elif path.is_dir():
        candidates = path.rglob("*")
    else:
        candidates = iter([path] if path.exists() else [])
    for file in candidates:
        found = file.stat()
        if stat.S_ISREG(found.st_mode) and (file == path or _visible(file.relative_to(fixed).as_posix())):
            inside = file.relative_to(root).as_posix()
            yield FileVersion(connection=location.connection, path=inside, etag=local_tag(found), size_bytes=found.st_size)


def _listed_blobs(location: Location) -> Iterable[FileVersion]:
    name, root = blob_prefix(location)
    first = min((name.find(mark) for mark in _MAGIC if mark in name), default=len(name))
    below = name[: name[:first].rfind("/") + 1] if first < len(name) else f"{name}/"
    pattern = re.compile(_as_regex(name) if first < len(name) else f"{re.escape(name)}/.*")
    for blob in container_client(location).list_blobs(name_starts_with=name[:first], include=["metadata"]):
        if (blob.metadata or {}).get("hdi_isfolder") == "true":
            continue
        if blob.name == name or (pattern.fullmatch(blob.name) and _visible(blob.name[len(below) :])):
            inside = blob.name[len(root) :].lstrip("/") if root != "/" else blob.name
            yield FileVersion(connection=location.connection, path=inside, etag=blob.etag or "", size_bytes=blob.size or 0)


def _as_regex(pattern: str) -> str:
    """As pathlib reads a pattern: `*` stays within a folder, `**/` goes through any number of them."""
    parts = re.split(r"(\*\*/|\*|\?|\[[^\]]+\])", pattern)
    known = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return "".join(known.get(part) or (part.replace("[!", "[^") if part.startswith("[") else re.escape(part)) for part in parts)


def _visible(path: str) -> bool:
    """Whether no part of the path is hidden, as `_SUCCESS` and `.part.crc` are."""
    return not any(part.startswith(("_", ".")) for part in path.split("/"))


def pinned(location: Location, files: Iterable[FileVersion], folder: Path) -> list[LocalFile]:
    """
    Local paths with the bytes of exactly these versions; downloads go into the folder.

    Raises:
        FileChangedError: If one of them was rewritten or deleted.
    """
    if is_remote(location):
        places = [(version, folder / f"{number:05d}{Path(version.path).suffix}") for number, version in enumerate(files)]
        if len(places) == 1:
            return [_downloaded(location, *places[0])]
        with ThreadPoolExecutor(_PARALLEL_FILES) as downloads:
            return list(downloads.map(lambda place: _downloaded(location, *place), places))
    here = [LocalFile(version=version, path=within(location, version.path)) for version in files]
    verify(here)
    return here


def verify(files: Iterable[LocalFile]) -> None:
    """
    Check that local files still are the announced versions. Downloaded copies cannot change.

    Raises:
        FileChangedError: If one of them was rewritten or deleted.
    """
    for file in files:
        with translated(f"checking '{file.name}'"):
            try:
                found = file.path.stat()
            except FileNotFoundError:
                raise FileChangedError(
                    f"file '{file.name}' was deleted", gone=True, hint="Upload it again: a new version has its own run."
                ) from None
        if file.version.etag and local_tag(found) != file.version.etag:
            raise _rewritten(file)


def _downloaded(location: Location, version: FileVersion, path: Path) -> LocalFile:
    from azure.core.exceptions import AzureError

    file = LocalFile(version=version, path=path)
    with translated(f"downloading '{file.name}'"):
        blob = blob_client(location, version.path)
        try:
            _download(blob, version.etag, path)
        except AzureError as error:
            status, code = getattr(error, "status_code", None), str(getattr(error, "error_code", ""))
            if status == 412 and not blob.exists():  # some stores judge the condition before the blob
                status = 404
            if status == 412:
                raise _rewritten(file) from None
            if status == 404 and code != "ContainerNotFound":
                raise FileChangedError(
                    f"file '{file.name}' was deleted", gone=True, hint="Upload it again: a new version has its own run."
                ) from None
            raise of_azure(error, f"downloading '{file.name}'") from None
    return file


def _rewritten(file: LocalFile) -> FileChangedError:
    return FileChangedError(f"file '{file.name}' was rewritten", gone=False, hint="The newer version has its own run.", file=file.version)


def _download(blob: BlobClient, etag: str, path: Path) -> None:
    from azure.core import MatchConditions

    condition = MatchConditions.IfNotModified if etag else None
    with path.open("wb") as out:
        tag = _quoted(etag) if etag else None
        blob.download_blob(max_concurrency=_PARALLEL_CHUNKS, etag=tag, match_condition=condition).readinto(out)


def _quoted(etag: str) -> str:
    """Event Grid sends the tag without the quotes that HTTP needs (RFC 9110, section 8.8.3)."""
    return etag if etag.startswith(('"', "W/")) else f'"{etag}"'
