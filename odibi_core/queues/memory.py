"""A queue of this process, for runs that nobody else works on."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count

from odibi_core.messages import QueuedCommand
from odibi_core.ports import Clock


class MemoryQueue:
    """
    A MessageQueue and its receiving end. Safe to share between threads.

    Commands come out by the time they are due, and those due at once in the order they were sent. Each comes out once: a process
    that dies takes its queue along, so nothing is ever delivered again.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: list[tuple[datetime, int, QueuedCommand]] = []
        self._numbers = count()
        self._changed = threading.Condition()

    def __len__(self) -> int:
        """How many commands wait, due or not."""
        with self._changed:
            return len(self._waiting)

    def send(self, commands: Sequence[QueuedCommand], *, delay: timedelta = timedelta(0)) -> None:
        """Queue commands; they are due when the delay has passed."""
        due = self._clock() + max(delay, timedelta(0))
        with self._changed:
            for command in commands:
                heapq.heappush(self._waiting, (due, next(self._numbers), command))
            self._changed.notify_all()

    def next(self, now: datetime) -> tuple[QueuedCommand, int] | None:
        """Take the first command that is due, with the number of its delivery: always 1. None if nothing is due."""
        with self._changed:
            if not self._waiting or self._waiting[0][0] > now:
                return None
            return heapq.heappop(self._waiting)[2], 1

    def next_due(self) -> datetime | None:
        """When the first of the waiting commands is due; None if none waits."""
        with self._changed:
            return self._waiting[0][0] if self._waiting else None

    def wait(self, timeout: timedelta) -> bool:
        """Wait until a command is due, for at most the timeout of real time. True if one is due."""
        end = time.monotonic() + timeout.total_seconds()
        with self._changed:
            while not self._is_due():
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, self._seconds_until_due()))
            return True

    def _is_due(self) -> bool:
        return bool(self._waiting) and self._waiting[0][0] <= self._clock()

    def _seconds_until_due(self) -> float:
        if not self._waiting:
            return threading.TIMEOUT_MAX
        return max((self._waiting[0][0] - self._clock()).total_seconds(), 0.001)
