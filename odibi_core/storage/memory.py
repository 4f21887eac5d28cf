"""Objects in a dictionary: for runs that need no trace, and for tests."""

from __future__ import annotations

import threading
from itertools import count

from odibi_core.ports import Stored
from odibi_core.storage.paths import safe_join, safe_prefix


class MemoryStore:
    """An ObjectStore of this process. Safe to share between threads."""

    def __init__(self) -> None:
        self._objects: dict[str, Stored] = {}
        self._lock = threading.Lock()
        self._versions = count(1)

    def get(self, path: str) -> Stored | None:
        """The object, or None."""
        return self._objects.get(safe_join("", path))

    def put(self, path: str, data: bytes, *, content_type: str = "application/octet-stream") -> None:  # noqa: ARG002 - kept by stores that serve
        """Write, over whatever is there."""
        key = safe_join("", path)
        with self._lock:
            self._objects[key] = self._stored(data)

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """Write unless something is there."""
        key = safe_join("", path)
        with self._lock:
            if key in self._objects:
                return False
            self._objects[key] = self._stored(data)
            return True

    def replace(self, path: str, data: bytes, *, etag: str) -> str | None:
        """Write only over the version that was read."""
        key = safe_join("", path)
        with self._lock:
            there = self._objects.get(key)
            if there is None or there.etag != etag:
                return None
            written = self._objects[key] = self._stored(data)
            return written.etag

    def list(self, prefix: str) -> list[str]:
        """The paths that start with the prefix, sorted."""
        beginning = safe_prefix(prefix)
        with self._lock:
            return sorted(path for path in self._objects if path.startswith(beginning))

    def delete(self, path: str) -> None:
        """Remove an object; a missing one is fine."""
        key = safe_join("", path)
        with self._lock:
            self._objects.pop(key, None)

    def _stored(self, data: bytes) -> Stored:
        return Stored(data=bytes(data), etag=f"{next(self._versions):x}")
