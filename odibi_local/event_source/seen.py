"""Remember which version of which blob was announced, in a file that outlives the process."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class SeenBlobs:
    """The announced versions, (container, blob) to ETag: in memory to ask, in SQLite to keep."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("pragma journal_mode = wal")
        self._database.execute("create table if not exists seen (container text, blob text, etag text, primary key (container, blob))")
        rows = self._database.execute("select container, blob, etag from seen")
        self._etags: dict[str, dict[str, str]] = {}
        for container, blob, etag in rows:
            self._etags.setdefault(container, {})[blob] = etag

    def has(self, container: str, blob: str, etag: str) -> bool:
        """Whether this version was announced."""
        return self._etags.get(container, {}).get(blob) == etag

    def add(self, versions: Iterable[tuple[str, str, str]]) -> None:
        """Remember versions as (container, blob, ETag), all or none."""
        rows = list(versions)
        self._database.execute("begin")
        self._database.executemany("insert or replace into seen values (?, ?, ?)", rows)
        self._database.execute("commit")
        for container, blob, etag in rows:
            self._etags.setdefault(container, {})[blob] = etag

    def forget_missing(self, container: str, present: set[str]) -> None:
        """Forget the blobs that were deleted."""
        known = self._etags.get(container, {})
        gone = [blob for blob in known if blob not in present]
        if gone:
            self._database.executemany("delete from seen where container = ? and blob = ?", [(container, blob) for blob in gone])
            for blob in gone:
                del known[blob]

    def close(self) -> None:
        """Close the file."""
        self._database.close()
