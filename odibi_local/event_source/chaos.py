"""Decide, from a seed, what goes wrong with an event: sent twice, late, early, or never."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Fate:
    """When an event is sent, in seconds from now: no entry means it is lost, two mean a duplicate."""

    delays_seconds: tuple[float, ...]


class Chaos:
    """What may happen to events, each with its probability. The same seed decides the same way."""

    def __init__(
        self, seed: int, *, lost: float = 0.1, duplicated: float = 0.25, late: float = 0.25, early: float = 0.25, longest_delay: float = 1.5
    ) -> None:
        self._random = random.Random(seed)  # noqa: S311  # repeatable on purpose
        self._lost = lost
        self._duplicated = duplicated
        self._late = late
        self._early = early
        self._longest_delay = longest_delay

    def fate(self) -> Fate:
        """Decide about the next event. A late one may be overtaken by others: that is how order gets lost."""
        # All dice are thrown every time: one decision must not shift those after it.
        lost, duplicated, late = (self._random.random() for _ in range(3))
        first, second = (self._random.uniform(0.05, self._longest_delay) for _ in range(2))
        if lost < self._lost:
            return Fate(delays_seconds=())
        delay = first if late < self._late else 0.0
        if duplicated < self._duplicated:
            return Fate(delays_seconds=(delay, second))
        return Fate(delays_seconds=(delay,))

    def comes_early(self) -> bool:
        """Decide whether a blob that is still being uploaded is announced already."""
        return self._random.random() < self._early
