"""Count what is in work, so that a host that drains knows when nothing is left."""

from __future__ import annotations

import threading


class InWork:
    """How many things are in work right now. Safe between threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    def enter(self) -> None:
        """One more."""
        with self._changed:
            self._count += 1

    def leave(self) -> None:
        """One less."""
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait_until_none(self, timeout: float | None = None) -> bool:
        """Wait until nothing is in work; tell whether that came true in time (seconds)."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, timeout)
