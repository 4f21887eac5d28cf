"""What is remembered about a table outside of it: that it exists, so that a deleted one is not quietly started anew."""

from __future__ import annotations

from typing import Protocol


class TableGuard(Protocol):
    """A memory of tables, by URI, that outlives them. Kept in the system connection, not beside the data."""

    def existed(self, uri: str) -> bool:
        """Whether the table was there before."""
        ...

    def remember(self, uri: str) -> None:
        """The table exists from now on. Safe to say twice."""
        ...


class RememberedOnce:
    """A guard that is told about each table once per process."""

    def __init__(self, guard: TableGuard | None) -> None:
        self._guard = guard
        self._told: set[str] = set()

    def existed(self, uri: str) -> bool:
        """Whether the table was there before."""
        return self._guard is not None and self._guard.existed(uri)

    def remember(self, uri: str) -> None:
        """Pass it on, the first time."""
        if self._guard is not None and uri not in self._told:
            self._guard.remember(uri)
            self._told.add(uri)
