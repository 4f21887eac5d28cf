"""The messages that wait for a receiver, in the order of their sequence numbers."""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Backlog:
    """Sequence numbers, smallest first. A message that comes back takes its old place; one that is gone is passed over."""

    def __init__(self, is_available: Callable[[int], bool]) -> None:
        self._is_available = is_available
        self._heap: list[int] = []

    def push(self, sequence: int) -> None:
        """Add a message."""
        heapq.heappush(self._heap, sequence)

    @property
    def first(self) -> int | None:
        """The message that comes next."""
        while self._heap:
            if self._is_available(self._heap[0]):
                return self._heap[0]
            heapq.heappop(self._heap)
        return None

    def pop(self) -> int | None:
        """Take the message that comes next."""
        first = self.first
        if first is not None:
            heapq.heappop(self._heap)
        return first
