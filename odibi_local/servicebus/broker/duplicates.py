"""Remember which message ids a queue has seen, for as long as its window is."""

from __future__ import annotations

from collections import deque

from odibi_local.servicebus.broker.store import Store


class SeenIds:
    """The ids of one queue. The window of an id starts with the first message that has it."""

    def __init__(self, store: Store, queue: str, window_ms: int) -> None:
        self._store = store
        self._queue = queue
        self._window_ms = window_ms
        self._until: dict[str, int] = {}
        self._order: deque[tuple[int, str]] = deque()
        for message_id, until_ms in store.seen_ids(queue):
            self._until[message_id] = until_ms
            self._order.append((until_ms, message_id))

    def is_new(self, message_id: str, now: int) -> bool:
        """Remember an id; False if it is in its window already."""
        if self._until.get(message_id, 0) > now:
            return False
        until_ms = now + self._window_ms
        self._until[message_id] = until_ms
        self._order.append((until_ms, message_id))
        self._store.add_seen_id(self._queue, message_id, until_ms)
        return True

    def forget(self, now: int) -> None:
        """Drop the ids that are out of their windows."""
        while self._order and self._order[0][0] <= now:
            until_ms, message_id = self._order.popleft()
            if self._until.get(message_id) == until_ms:
                del self._until[message_id]
                self._store.forget_seen_id(self._queue, message_id)

    def next_due(self) -> int | None:
        """Return when the oldest id leaves its window."""
        return self._order[0][0] if self._order else None
