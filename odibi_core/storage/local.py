"""Objects as files of a folder. Every object is whole or absent, and conditional writes hold between processes."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from odibi_core.errors import TransientServiceError
from odibi_core.folder_lock import locked
from odibi_core.ports import Stored
from odibi_core.storage.faults import folder_faults
from odibi_core.storage.paths import RESERVED, safe_join, safe_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_ATTEMPTS = 20  # to write into a folder that others empty, and so remove, at the same time
_ABANDONED_SECONDS = 24 * 3600.0  # an unfinished write this old has no writer any more
_log = logging.getLogger(__name__)


class LocalStore:
    """
    An ObjectStore over a folder, which need not exist yet.

    What was acknowledged survives the death of any process. It survives a power cut only with `durable`, which flushes the file and
    its folder on every write (milliseconds instead of microseconds).

    An ETag is a hash of the content: `replace` compares values, so a value that went away and came back counts as unchanged.
    """

    def __init__(self, root: Path | str, *, durable: bool = False) -> None:
        self._root = Path(root).absolute()
        self._durable = durable

    def __repr__(self) -> str:
        return f"LocalStore({str(self._root)!r})"

    def get(self, path: str) -> Stored | None:
        """The object, or None."""
        file = self._file(path)
        with folder_faults("reading an object"):
            data = _read(file)
        return None if data is None else Stored(data=data, etag=_etag(data))

    def put(self, path: str, data: bytes, *, content_type: str = "application/octet-stream") -> None:  # noqa: ARG002 - kept by stores that serve
        """Write, over whatever is there."""
        file = self._file(path)
        with folder_faults("writing an object"):
            whole = self._write_whole(file, data)
            try:
                with locked(file.parent):
                    whole.replace(file)
            finally:
                whole.unlink(missing_ok=True)
            self._flush_folder(file.parent)

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """Of two callers exactly one gets True; readers never see half an object."""
        file = self._file(path)
        with folder_faults("creating an object"):
            if _is_there(file):
                return False
            whole = self._write_whole(file, data)
            try:
                os.link(whole, file)  # unlike open("x"), a reader never sees a half-written object
            except FileExistsError:
                _is_there(file)
                return False
            except OSError as error:
                if error.errno not in _NO_HARD_LINKS:
                    raise
                if not _rename_if_absent(whole, file):
                    return False
            finally:
                whole.unlink(missing_ok=True)
            self._flush_folder(file.parent)
            return True

    def replace(self, path: str, data: bytes, *, etag: str) -> str | None:
        """Write only over the version that was read."""
        file = self._file(path)
        with folder_faults("replacing an object"):
            try:
                with locked(file.parent):
                    there = _read(file)
                    if there is None or _etag(there) != etag:
                        return None
                    whole = self._write_whole(file, data)
                    try:
                        whole.replace(file)
                    finally:
                        whole.unlink(missing_ok=True)
            except (FileNotFoundError, NotADirectoryError):
                return None
            self._flush_folder(file.parent)
            return _etag(data)

    def list(self, prefix: str) -> list[str]:
        """The paths that start with the prefix, sorted."""
        beginning = safe_prefix(prefix)
        with folder_faults("listing objects"):
            return sorted(path for path, _ in files_under(self._root, beginning))

    def delete(self, path: str) -> None:
        """Remove an object; a missing one is fine. Folders that become empty go, too."""
        file = self._file(path)
        with folder_faults("deleting an object"):
            try:
                with locked(file.parent):
                    file.unlink(missing_ok=True)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return
            for folder in file.parents:
                if folder == self._root or not _removed(folder):
                    break

    def _file(self, path: str) -> Path:
        return Path(safe_join(f"{self._root}", path))

    def _write_whole(self, file: Path, data: bytes) -> Path:
        """Write the bytes to a name of their own beside the final one, and make the folder if it is missing."""
        for _ in range(_ATTEMPTS):
            whole = file.parent / f"{RESERVED}{secrets.token_hex(12)}"
            try:
                with whole.open("xb") as handle:
                    handle.write(data)
                    if self._durable:
                        handle.flush()
                        os.fsync(handle.fileno())
                return whole
            except FileNotFoundError:
                with suppress(FileNotFoundError):  # another deletion took a parent while we made it
                    file.parent.mkdir(parents=True, exist_ok=True)
            except OSError:
                with suppress(OSError):
                    whole.unlink(missing_ok=True)
                raise
        raise TransientServiceError("writing an object failed: its folder keeps vanishing")

    def _flush_folder(self, folder: Path) -> None:
        if not self._durable or os.name == "nt":
            return
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def files_under(root: Path, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """
    The files whose path under a root starts with a prefix, in no order; the path uses forward slashes.

    Links to folders are not followed. What is not an object is left out: unfinished writes, and names that are not Unicode.
    """
    beginning = prefix.rpartition("/")[0]
    waiting = [(root / beginning, f"{beginning}/" if beginning else "")]
    while waiting:
        folder, above = waiting.pop()
        try:
            entries = list(os.scandir(folder))
        except (FileNotFoundError, NotADirectoryError):
            continue
        for entry in entries:
            path = above + entry.name
            if entry.name.startswith(RESERVED):
                _remove_if_abandoned(entry)
            elif entry.is_dir(follow_symlinks=False):
                if path.startswith(prefix) or prefix.startswith(f"{path}/"):
                    waiting.append((folder / entry.name, f"{path}/"))
            elif path.startswith(prefix) and entry.is_file():
                if _is_unicode(path):
                    yield path, entry
                else:
                    _log.warning("a file name is not valid Unicode and is left out: %s", ascii(path))


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def _is_there(file: Path) -> bool:
    """Whether the object exists; raises if a folder has its name, because then no object can ever get it."""
    if file.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder has the object's name")
    return file.exists()


def _rename_if_absent(whole: Path, file: Path) -> bool:
    """What `os.link` does, for file systems without hard links; all our writers there come through this lock."""
    with locked(file.parent):
        if _is_there(file):
            return False
        whole.rename(file)
        return True


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:  # not empty, in use or gone: all fine
        return False
    return True


def _remove_if_abandoned(entry: os.DirEntry[str]) -> None:
    with suppress(OSError):
        if entry.is_file() and time.time() - entry.stat().st_mtime > _ABANDONED_SECONDS:
            Path(entry.path).unlink()


def _is_unicode(text: str) -> bool:
    return not any(0xD800 <= ord(letter) <= 0xDFFF for letter in text)


def _etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
