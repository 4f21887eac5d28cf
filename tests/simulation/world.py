"""
A small deterministic world: a clock, an object store, Delta tables and a queue, shared by workers that may die between any two steps.

Workers are greenlets. Every operation of the world gives control back to the scheduler before and after it takes effect; the scheduler,
seeded, decides who goes on, who is killed, and whose acknowledgement is lost.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import greenlet

from odibi_core.errors import TransientServiceError
from odibi_core.messages import FinishRun, RunNode, parse_command
from odibi_core.ports import Stored

LOCK = 60.0  # seconds until an unsettled message comes back
START = datetime(2026, 1, 1, tzinfo=UTC)


class Crash(SystemExit):
    """The worker's process is gone."""


@dataclass
class Message:
    body: str
    message_id: str
    visible_at: float
    deliveries: int = 0
    owner: Worker | None = None


@dataclass
class Faults:
    """How unkind the world is."""

    crash: float = 0.01
    fail_before: float = 0.004
    fail_after: float = 0.004  # the operation took effect, its acknowledgement is lost
    duplicate: float = 0.05
    pause: float = 0.01  # a worker sleeps past its lock and comes back as a zombie


class Worker:
    """One invocation: it handles one message and then ends."""

    def __init__(self, world: World, work: Callable[[], None]) -> None:
        self.world = world
        self.paused_until = 0.0
        self.doomed = False
        self._glet = greenlet.greenlet(work)
        self.alive = True

    def go_on(self) -> None:
        try:
            self._glet.switch()
        except Crash:
            self.alive = False
        if self._glet.dead:
            self.alive = False


@dataclass
class World:
    """Everything outside the code under test."""

    rng: random.Random
    faults: Faults
    now: float = 0.0
    objects: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    immutable_overwritten: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    dead_letters: list[Message] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    current: Worker | None = None
    etags: int = 0
    calm: bool = False
    executions: int = 0
    crashes: int = 0

    def clock(self) -> datetime:
        self.now += 0.001
        return START + timedelta(seconds=self.now)

    def step(self) -> None:
        """A point at which somebody else may go on, or this worker may die."""
        worker = self.current
        if worker is None:
            return
        if not self.calm:
            draw = self.rng.random()
            if draw < self.faults.crash:
                self.crashes += 1
                raise Crash
            if draw < self.faults.crash + self.faults.pause:
                # Often just past its lock: then it wakes beside the worker that took over.
                worker.paused_until = self.now + self.rng.choice((self.rng.uniform(0, 3 * LOCK), self.rng.uniform(LOCK, LOCK + 1)))
        greenlet.getcurrent().parent.switch()
        if worker.doomed:
            raise Crash

    def effect(self, apply: Callable[[], bool | None]) -> bool | None:
        """Do something to the world; it may fail before or after it took effect."""
        self.step()
        if self._unlucky(self.faults.fail_before):
            raise TransientServiceError("the service is away")
        result = apply()
        if self._unlucky(self.faults.fail_after):
            raise TransientServiceError("the answer was lost")
        self.step()
        return result

    def _unlucky(self, chance: float) -> bool:
        return self.current is not None and not self.calm and self.rng.random() < chance

    def new_etag(self) -> int:
        self.etags += 1
        return self.etags


class SimStore:
    """An object store. A lost acknowledgement of a put-if-absent is told apart from a lost race, as the adapters do."""

    def __init__(self, world: World) -> None:
        self.world = world

    def get(self, path: str) -> Stored | None:
        self.world.step()
        found = self.world.objects.get(path)
        return None if found is None else Stored(data=found[0], etag=str(found[1]))

    def put(self, path: str, data: bytes, *, content_type: str = "") -> None:
        def apply() -> None:
            old = self.world.objects.get(path)
            if old is not None and old[0] != data and path.startswith("runs/"):
                self.world.immutable_overwritten.append(path)
            self.world.objects[path] = (data, self.world.new_etag())

        self.world.effect(apply)

    def put_if_absent(self, path: str, data: bytes) -> bool:
        def apply() -> bool:
            if path in self.world.objects:
                return False
            self.world.objects[path] = (data, self.world.new_etag())
            return True

        return bool(self.world.effect(apply))

    def replace(self, path: str, data: bytes, *, etag: str) -> str | None:
        written: list[str] = []

        def apply() -> None:
            found = self.world.objects.get(path)
            if found is not None and str(found[1]) == etag:
                tag = self.world.new_etag()
                self.world.objects[path] = (data, tag)
                written.append(str(tag))

        self.world.effect(apply)
        return written[0] if written else None

    def list(self, prefix: str) -> Iterable[str]:
        self.world.step()
        return sorted(path for path in self.world.objects if path.startswith(prefix))

    def delete(self, path: str) -> None:
        self.world.effect(lambda: self.world.objects.pop(path, None) and None)


class SimQueue:
    """At least once, in any order, with locks; a send may arrive although its acknowledgement did not."""

    def __init__(self, world: World) -> None:
        self.world = world

    def send(self, commands: Iterable[RunNode | FinishRun], *, delay: timedelta = timedelta(0)) -> None:
        def apply() -> None:
            for command in commands:
                copies = 2 if not self.world.calm and self.world.rng.random() < self.world.faults.duplicate else 1
                for _ in range(copies):
                    visible = self.world.now + delay.total_seconds() + (0 if self.world.calm else self.world.rng.random())
                    self.world.messages.append(Message(command.model_dump_json(), command.message_id, visible))

        self.world.effect(apply)


@dataclass(frozen=True)
class Commit:
    """One version of a table."""

    rows: tuple[tuple[str, int], ...]  # (batch, row): which commit a row came with
    transactions: dict[str, int]
    batch: str
    overwrites: bool = False
    facts: dict[str, str] = field(default_factory=dict)


@dataclass
class SimTable:
    """A Delta table: versions with transactions; conflicts as measured (facts on Delta, sections 2 and 3)."""

    commits: list[Commit] = field(default_factory=list)

    @property
    def version(self) -> int:
        return len(self.commits)

    def transactions(self, version: int) -> dict[str, int]:
        found: dict[str, int] = {}
        for commit in self.commits[:version]:
            found.update(commit.transactions)
        return found

    def rows(self, version: int | None = None) -> tuple[tuple[str, int], ...]:
        """Overwrites remove what their writer saw; what was appended meanwhile stays."""
        count = self.version if version is None else version
        return self.commits[count - 1].rows if count else ()


def run_scheduler(world: World, *, spawn: Callable[[Message], Worker | None], idle: Callable[[], bool], max_steps: int = 60_000) -> None:
    """
    Let everybody work until nothing is left to do.

    Args:
        world: The world.
        spawn: Makes a worker for a message that was taken.
        idle: Called when nothing can run now; True if it made new work.
        max_steps: A guard against worlds that never come to rest.

    Raises:
        AssertionError: If the world does not come to rest.
    """
    for _ in range(max_steps):
        world.workers = [worker for worker in world.workers if worker.alive]
        choices = list(_choices(world))
        if choices:
            _take(world, world.rng.choice(choices), spawn)
        elif not _wait(world) and not idle():
            return
    raise AssertionError("the world does not come to rest")


def _choices(world: World) -> Iterator[Worker | Message]:
    for worker in world.workers:
        if worker.paused_until <= world.now:
            yield worker
    for message in world.messages:
        if message.visible_at <= world.now:
            yield message


def _take(world: World, choice: Worker | Message, spawn: Callable[[Message], Worker | None]) -> None:
    if isinstance(choice, Message):
        choice.deliveries += 1
        choice.visible_at = world.now + LOCK
        worker = spawn(choice)
        if worker is None:
            return
        choice.owner = worker
        world.workers.append(worker)
    else:
        worker = choice
    world.current = worker
    worker.go_on()
    world.current = None
    world.now += 0.01


def _wait(world: World) -> bool:
    """Let time pass until something can happen."""
    times = [worker.paused_until for worker in world.workers] + [message.visible_at for message in world.messages]
    if not times:
        return False
    world.now = max(world.now, min(times)) + 0.01
    return True


def settle(world: World, message: Message) -> None:
    """Complete a message; a lock that was lost meanwhile is no error, the message just comes again."""
    world.step()
    if message in world.messages and message.owner is world.current:
        world.messages.remove(message)


__all__ = [
    "Commit",
    "Crash",
    "Faults",
    "Message",
    "SimQueue",
    "SimStore",
    "SimTable",
    "Worker",
    "World",
    "parse_command",
    "run_scheduler",
    "settle",
]
