"""Files that become one run together: stored as they land, taken when there are enough of them or the first has waited long enough."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import field
from datetime import UTC, datetime, timedelta
from typing import Self

from odibi_core.config import BatchConfig
from odibi_core.frozen import Frozen
from odibi_core.messages import BlobArrived, FileVersion, StartRun, TakeFiles, digest
from odibi_core.ports import Clock, ObjectStore
from odibi_core.runtime.coordinator import Coordinator
from odibi_core.runtime.ledger import files_of, scope_of

MOST_FILES = 500  # where the trigger names no bound: the plan of a run names each of its files
LONGEST_WAIT = timedelta(minutes=1)  # where the trigger names no bound: no file waits for ever
_TIME = "%Y%m%dT%H%M%S.%f"


class Bounds(Frozen):
    """What ends a batch: the one that is reached first."""

    files: int
    wait: timedelta

    @classmethod
    def of(cls, batch: BatchConfig) -> Self:
        """The bounds of a trigger."""
        return cls(
            files=MOST_FILES if batch.max_files is None else batch.max_files,
            wait=LONGEST_WAIT if batch.max_wait is None else batch.max_wait,
        )


class Batches(Frozen):
    """
    Lets files wait under `waiting/{project}/{pipeline}/` and starts runs of them.

    What waits here is only a reminder. Which file goes into which run, the file ledger decides: two workers that take overlapping
    batches at the same time start two runs, and each file is in one of them. A reminder is removed when the plan of its file's run
    is frozen, so a worker may die anywhere.
    """

    store: ObjectStore
    coordinator: Coordinator
    clock: Clock
    _takers: dict[str, threading.Lock] = field(default_factory=dict)

    def arrived(self, command: StartRun, bounds: Bounds) -> None:
        """
        Let the file of a command wait, ask to be woken when it has waited long enough, and start a run if there are enough now.

        Raises:
            ConfigError: If the configuration refuses the run; the files wait.
        """
        (file,) = files_of(command)
        now = self.clock()
        place = f"{_home(command)}{now.astimezone(UTC):{_TIME}}-{version_of(file)}.json"
        self.store.put_if_absent(place, file.model_dump_json().encode())
        self._ask_to_be_woken(command, bounds.wait)
        self.take(command, bounds)

    def take(self, command: StartRun, bounds: Bounds) -> None:
        """
        Start runs of the files that wait for the command's pipeline while it is time for one. May be called at any time.

        Raises:
            ConfigError: If the configuration refuses the run; the files wait.
        """
        home = _home(command)
        taker = self._takers.setdefault(home, threading.Lock())
        if not taker.acquire(blocking=False):
            return  # another thread is at it, and looks once more before it ends
        try:
            waiting = tuple(self.store.list(home))
            while waiting and (len(waiting) >= bounds.files or self._age(waiting[0]) >= bounds.wait):
                if not self._start(command, waiting[: bounds.files]):
                    break
                waiting = tuple(self.store.list(home))
        finally:
            taker.release()

    def wake(self, command: StartRun, bounds: Bounds, *, resend: int) -> None:
        """
        The time has come that was asked for when a file landed. If by this machine's clock it has not, it is asked for again.

        `resend` counts how often that was.

        Raises:
            ConfigError: If the configuration refuses the run; the files wait.
        """
        self.take(command, bounds)
        waiting = tuple(self.store.list(_home(command)))
        left = bounds.wait - self._age(waiting[0]) if waiting else timedelta(0)
        if left > timedelta(0):
            self._ask_to_be_woken(command, left, resend=resend + 1)

    def is_waiting(self, command: StartRun) -> frozenset[str]:
        """Digests of the file versions that wait for the command's pipeline; see `version_of`."""
        return frozenset(place.rpartition("-")[2].removesuffix(".json") for place in self.store.list(_home(command)))

    def _ask_to_be_woken(self, command: StartRun, delay: timedelta, *, resend: int = 0) -> None:
        due = self.clock() + delay
        message = TakeFiles(project=command.project, environment=command.environment, pipeline=command.pipeline, due=due, resend=resend)
        self.coordinator.queue.send([message], delay=delay + timedelta(seconds=1) - timedelta(microseconds=due.microsecond))

    def _age(self, place: str) -> timedelta:
        landed = place.rpartition("/")[2].partition("-")[0]
        return self.clock() - datetime.strptime(landed, _TIME).replace(tzinfo=UTC)

    def _start(self, command: StartRun, places: Sequence[str]) -> bool:
        """Start one run; whether anything is no longer waiting after it."""
        self.coordinator.recover(pipeline=command.pipeline)  # a worker may have taken files and died before its plan
        found = {place: stored for place in places if (stored := self.store.get(place)) is not None}
        files = {place: FileVersion.model_validate_json(stored.data) for place, stored in found.items()}
        wanted = {version_of(file): file for file in files.values()}
        if not wanted:
            return len(found) < len(places)  # somebody else took them meanwhile
        batch = BlobArrived(files=tuple(sorted(wanted.values(), key=lambda file: (file.connection, file.path, file.etag))))
        plan = self.coordinator.start_run(command.model_copy(update={"cause": batch}))
        taken = set() if plan is None else {version_of(file) for file in plan.cause.files}
        done = [place for place, file in files.items() if version_of(file) in taken or self._has_run(command, file)]
        for place in done:
            self.store.delete(place)
        return bool(done) or len(found) < len(places)

    def _has_run(self, command: StartRun, file: FileVersion) -> bool:
        owner = self.coordinator.ledger.owner(command, file)
        return owner is not None and self.coordinator.journal.plan(owner) is not None


def _home(command: StartRun) -> str:
    return f"waiting/{scope_of(command)}/"


def version_of(file: FileVersion) -> str:
    """What tells one version of one file from all others."""
    return digest(file.connection, file.path, file.etag)
