"""All queues of the emulator, what leads from one to another, and the clock that drives them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from odibi_local.servicebus.broker.messages import Numbering
from odibi_local.servicebus.broker.queue import DEAD_LETTERS, Queue
from odibi_local.servicebus.broker.store import Store
from odibi_local.servicebus.config import QueueSettings

log = logging.getLogger(__name__)


class Broker:
    """The queues by path, in lower case."""

    def __init__(self, settings: Sequence[QueueSettings], store: Store, wake: Callable[[], None]) -> None:
        """Set up the queues with what the store holds; `wake` is called when there is something to pump."""
        self._store = store
        self._wake = wake
        self._touched: set[Queue] = set()
        self._due: dict[str, int] = {}
        self._queues: dict[str, Queue] = {}
        self._numberings: dict[str, Numbering] = {}
        self._written: dict[str, int] = store.sequences()
        for each in settings:
            numbering = Numbering(self._written.get(each.name.lower(), 0))
            dead_letters = Queue(each, store, None, numbering, self._touch)
            queue = Queue(each, store, dead_letters, numbering, self._touch)
            self._queues[queue.path], self._queues[dead_letters.path] = queue, dead_letters
            self._numberings[queue.path] = numbering
        for queue in self._queues.values():
            if queue.dead_letters is not None:
                queue.forwards_to = self._named(queue.settings.forward_to)
                queue.forwards_dead_letters_to = self._named(queue.settings.forward_dead_letters_to)
        self._restore()

    @property
    def queues(self) -> Mapping[str, Queue]:
        """Every queue and dead-letter queue by path."""
        return self._queues

    def find(self, path: str) -> Queue | None:
        """Return the queue of a path such as `name` or `name/$DeadLetterQueue`."""
        return self._queues.get(path.lower())

    def pump(self, now: int) -> None:
        """Hand out all messages for which there are receivers, in the queues where something has changed."""
        while self._touched:
            queue = self._touched.pop()
            queue.pump(now)
            due = queue.next_due()
            if due is None:
                self._due.pop(queue.path, None)
            else:
                self._due[queue.path] = due

    def commit(self) -> None:
        """Make everything so far safe."""
        for path, numbering in self._numberings.items():
            if self._written.get(path) != numbering.last:
                self._written[path] = numbering.last
                self._store.set_sequence(path, numbering.last)
        self._store.commit()

    def tick(self, now: int) -> None:
        """Do what is due."""
        for path in [path for path, due in self._due.items() if due <= now]:
            self._queues[path].tick(now)
            self._queues[path].touch()

    def next_due(self) -> int | None:
        """Return when `tick` has something to do, in milliseconds since 1970."""
        return min(self._due.values(), default=None)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many messages of each kind every queue holds."""
        found = {}
        for queue in self._queues.values():
            if queue.dead_letters is not None:
                own, dead = queue.counts(), queue.dead_letters.counts()
                found[queue.settings.name] = {
                    "active": own.active,
                    "scheduled": own.scheduled,
                    "deferred": own.deferred,
                    "dead_lettered": dead.active + dead.deferred,
                    "locked": own.locked,
                }
        return found

    def _touch(self, queue: Queue) -> None:
        if not self._touched:
            self._wake()
        self._touched.add(queue)

    def _named(self, name: str | None) -> Queue | None:
        return None if name is None else self._queues[name.lower()]

    def _restore(self) -> None:
        left: dict[str, int] = {}
        for path, message in self._store.messages():
            queue = self._queues.get(path)
            if queue is None:
                left[path] = left.get(path, 0) + 1
                continue
            queue.restore(message)
            queue.numbering.last = max(queue.numbering.last, message.sequence)
        for path, count in left.items():
            log.warning(
                "%d messages of %r stay in the state file: the configuration has no such queue", count, path.removesuffix(DEAD_LETTERS)
            )
