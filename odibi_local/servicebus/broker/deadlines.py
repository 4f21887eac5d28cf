"""Know which locks end, which scheduled messages are due and which messages expire, and when that is next."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Collection, Container, Iterator
from typing import Final

_FEW: Final = 1_000  # entries that are not worth cleaning up


class Deadlines:
    """The clocks of one queue. An entry may be out of date: whoever takes it looks whether it still holds."""

    def __init__(self) -> None:
        self._locks: deque[tuple[int, bytes]] = deque()  # in order, because every lock of a queue lasts equally long
        self._due: list[tuple[int, int]] = []
        self._expiring: list[tuple[int, int]] = []

    def add_lock(self, until_ms: int, tag: bytes) -> None:
        """Remember when a lock ends. A renewed lock is added again."""
        self._locks.append((until_ms, tag))

    def add_due(self, when_ms: int, sequence: int) -> None:
        """Remember when a scheduled message becomes active."""
        heapq.heappush(self._due, (when_ms, sequence))

    def add_expiry(self, when_ms: int, sequence: int) -> None:
        """Remember when a message expires."""
        heapq.heappush(self._expiring, (when_ms, sequence))

    def drop_settled(self, locked: Container[bytes]) -> None:
        """Forget the oldest locks that nobody has any more."""
        while self._locks and self._locks[0][1] not in locked:
            self._locks.popleft()

    def drop_gone(self, messages: Collection[int]) -> None:
        """Forget the expiries of messages that are not there any more, once these are the majority."""
        if len(self._expiring) > 2 * len(messages) + _FEW:
            self._expiring = [entry for entry in self._expiring if entry[1] in messages]
            heapq.heapify(self._expiring)

    def ended_locks(self, now: int) -> Iterator[bytes]:
        """Yield and forget the locks whose time is over."""
        while self._locks and self._locks[0][0] <= now:
            yield self._locks.popleft()[1]

    def due(self, now: int) -> Iterator[int]:
        """Yield and forget the scheduled messages whose time has come."""
        while self._due and self._due[0][0] <= now:
            yield heapq.heappop(self._due)[1]

    def expired(self, now: int) -> Iterator[int]:
        """Yield and forget the messages whose time is over."""
        while self._expiring and self._expiring[0][0] <= now:
            yield heapq.heappop(self._expiring)[1]

    def next(self) -> int | None:
        """Return when the next of them happens."""
        fronts = [entries[0][0] for entries in (self._locks, self._due, self._expiring) if entries]
        return min(fronts, default=None)
