"""Which tables exist, remembered outside of them: a deleted table is then an error, not a quiet new beginning."""

from __future__ import annotations

import hashlib
import json

from odibi_core.ports import ObjectStore


class TableRecords:
    """One object per table under `tables/`, put if absent and never removed by the product."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def existed(self, uri: str) -> bool:
        """Whether the table was there before."""
        return self._store.get(_path(uri)) is not None

    def remember(self, uri: str) -> None:
        """The table exists from now on. Safe to say twice."""
        self._store.put_if_absent(_path(uri), json.dumps({"uri": uri}).encode())


def _path(uri: str) -> str:
    return f"tables/{hashlib.sha256(uri.encode()).hexdigest()}.json"
