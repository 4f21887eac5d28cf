"""Files that land together become one run: each in exactly one, whoever dies and whoever else is at it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from odibi_core.config import BatchConfig
from odibi_core.errors import ConfigError
from odibi_core.messages import BlobArrived, FileVersion, QueuedCommand, StartRun, TakeFiles
from odibi_core.planning.plan import Plan
from odibi_core.runtime.batches import LONGEST_WAIT, MOST_FILES, Batches, Bounds, version_of
from odibi_core.runtime.coordinator import Coordinator
from odibi_core.runtime.journal import Journal
from odibi_core.runtime.ledger import FileLedger
from odibi_core.runtime.outbox import Outbox
from odibi_core.storage.memory import MemoryStore
from tests.runtime import builders

PAIRS = Bounds(files=2, wait=timedelta(minutes=1))
PROBE = StartRun(project="shop", pipeline="p", cause=BlobArrived(files=()))


class DiesError(BaseException):
    """The worker's process is gone."""


class MortalStore(MemoryStore):
    """Dies before its n-th effect."""

    def __init__(self) -> None:
        super().__init__()
        self.effects_left: int | None = None

    def _effect(self) -> None:
        if self.effects_left is not None:
            if not self.effects_left:
                raise DiesError
            self.effects_left -= 1

    def put_if_absent(self, path: str, data: bytes) -> bool:
        self._effect()
        return super().put_if_absent(path, data)

    def delete(self, path: str) -> None:
        self._effect()
        super().delete(path)


@dataclass
class Sent:
    """A queue that keeps what it gets."""

    messages: list[tuple[QueuedCommand, timedelta]] = field(default_factory=list)

    def send(self, commands: Sequence[QueuedCommand], *, delay: timedelta = timedelta(0)) -> None:
        self.messages.extend((command, delay) for command in commands)

    @property
    def wake_ups(self) -> list[tuple[TakeFiles, timedelta]]:
        return [(message, delay) for message, delay in self.messages if isinstance(message, TakeFiles)]


class NeverExecuted:
    """No node runs here."""

    def __call__(self, plan: Plan, node: object, attempt: int) -> builders.NodeResult:
        raise AssertionError

    def close(self, plan: Plan, node: object) -> None:
        raise AssertionError


@dataclass
class World:
    """A store and a queue that outlive the workers."""

    store: MortalStore = field(default_factory=MortalStore)
    queue: Sent = field(default_factory=Sent)
    clock: builders.Clock = field(default_factory=builders.Clock)
    refuses: bool = False

    def worker(self) -> Batches:
        journal = Journal(self.store)
        coordinator = Coordinator(
            journal=journal,
            ledger=FileLedger(self.store),
            outbox=Outbox(self.store, journal, {}, self.clock),
            queue=self.queue,
            planner=self._plan,
            execute=NeverExecuted(),
            clock=self.clock,
        )
        return Batches(store=self.store, coordinator=coordinator, clock=self.clock)

    def _plan(self, command: StartRun) -> Plan:
        if self.refuses:
            raise ConfigError("broken")
        return builders.plan({"load": ()}, run_id=command.run_id, cause=command.cause)

    def land(self, name: str, *, etag: str = "1", bounds: Bounds = PAIRS) -> None:
        self.worker().arrived(one(name, etag=etag), bounds)
        self.clock.pass_by(0.001)  # or those that land at the same moment are taken in any order

    def runs(self) -> list[list[str]]:
        """The files of each run."""
        journal = Journal(self.store)
        causes = [plan.cause for run_id in journal.run_ids() if (plan := journal.plan(run_id)) is not None]
        return sorted([file.path for file in cause.files] for cause in causes if isinstance(cause, BlobArrived))

    def waiting(self) -> list[str]:
        return self.store.list("waiting/")


@pytest.fixture
def world() -> World:
    return World()


def one(name: str, *, etag: str = "1") -> StartRun:
    """The command of one file."""
    return PROBE.model_copy(update={"cause": BlobArrived(files=(file(name, etag=etag),))})


def file(name: str, *, etag: str = "1") -> FileVersion:
    return FileVersion(connection="landing", path=name, etag=etag, size_bytes=1)


def test_enough_files_are_a_run(world: World) -> None:
    """The third of two waits for the next one; nothing that became a run waits any more."""
    for name in "abc":
        world.land(name)
    assert world.runs() == [["a", "b"]]
    assert [place.rpartition("-")[2] for place in world.waiting()] == [f"{version_of(file('c'))}.json"]


def test_a_file_that_waited_long_enough_is_a_run(world: World) -> None:
    """It asks to be woken when it lands, at the first whole second after its time."""
    world.clock.pass_by(0.25)
    world.land("a")
    world.clock.now = builders.at(0.25)
    ((message, delay),) = world.queue.wake_ups
    assert (message.due, delay) == (builders.at(60.25), timedelta(seconds=60.75))
    world.clock.pass_by(delay.total_seconds())
    world.worker().wake(PROBE, PAIRS, resend=message.resend)
    assert (world.runs(), world.waiting()) == ([["a"]], [])
    assert len(world.queue.wake_ups) == 1


def test_a_clock_that_is_behind_asks_again_for_the_rest(world: World) -> None:
    """Under another id: duplicate detection must not swallow it."""
    world.land("a")
    ((first, _),) = world.queue.wake_ups
    world.clock.now = builders.at(59.5)
    world.worker().wake(PROBE, PAIRS, resend=first.resend)
    assert world.runs() == []
    again, delay = world.queue.wake_ups[-1]
    assert (again.resend, delay.total_seconds()) == (1, 1.5)
    assert again.message_id != first.message_id


def test_files_of_the_same_second_wake_their_pipeline_once(world: World) -> None:
    """Their messages have one id; those of another pipeline have another."""
    world.land("a", bounds=Bounds(files=9, wait=timedelta(minutes=1)))
    world.clock.pass_by(0.4)
    world.land("b", bounds=Bounds(files=9, wait=timedelta(minutes=1)))
    ids = {message.message_id for message, _ in world.queue.wake_ups}
    assert len(ids) == 1
    assert TakeFiles(project="shop", pipeline="q", due=builders.at(60)).message_id not in ids


def test_a_file_that_is_announced_twice_is_in_one_run(world: World) -> None:
    """Together with its first announcement, or long after it."""
    for name in ("a", "a", "b"):
        world.land(name)
    world.land("a")
    world.clock.pass_by(61)
    world.worker().take(PROBE, PAIRS)
    assert Counter(path for run in world.runs() for path in run) == {"a": 1, "b": 1}
    assert world.waiting() == []


def test_two_versions_of_a_file_are_two_files(world: World) -> None:
    """Both are announced, and a version is what is taken once."""
    world.land("a", etag="1")
    world.land("a", etag="2")
    assert world.runs() == [["a", "a"]]


def test_a_batch_takes_no_more_than_its_bound(world: World) -> None:
    """What waited through an outage becomes several runs."""
    for name in "abcde":
        world.land(name, bounds=Bounds(files=9, wait=timedelta(minutes=1)))
    world.worker().take(PROBE, PAIRS)
    assert world.runs() == [["a", "b"], ["c", "d"]]


def test_two_workers_that_take_overlapping_batches_share_the_files(world: World) -> None:
    """One of them has claimed a file of the other's batch: each file is in one run, whichever."""
    for name in "ab":
        world.land(name, bounds=Bounds(files=9, wait=timedelta(minutes=1)))
    other = PROBE.model_copy(update={"cause": BlobArrived(files=(file("b"), file("c")))})
    assert world.worker().coordinator.start_run(other) is not None
    world.worker().take(PROBE, PAIRS)
    assert (world.runs(), world.waiting()) == ([["a"], ["b", "c"]], [])


def test_a_refused_run_leaves_its_files_waiting(world: World) -> None:
    """They are taken when the project is mended."""
    world.land("a")
    world.refuses = True
    with pytest.raises(ConfigError):
        world.land("b")
    assert (world.runs(), len(world.waiting())) == ([], 2)
    world.refuses = False
    world.worker().take(PROBE, PAIRS)
    assert (world.runs(), world.waiting()) == ([["a", "b"]], [])


@pytest.mark.parametrize("effects", range(10))
def test_a_worker_that_dies_anywhere_loses_and_doubles_no_file(world: World, effects: int) -> None:
    """The event comes again, another file lands meanwhile, and time passes: each file is in exactly one run, and nothing waits."""
    world.land("a")
    world.store.effects_left = effects
    with pytest.raises(DiesError):
        world.land("b")
    world.store.effects_left = None
    for name in ("c", "b"):
        world.land(name)
    world.clock.pass_by(61)
    world.worker().wake(PROBE, PAIRS, resend=0)
    assert Counter(path for run in world.runs() for path in run) == {"a": 1, "b": 1, "c": 1}
    assert (world.waiting(), world.store.list("commands/")) == ([], [])


def test_without_bounds_no_file_waits_for_ever() -> None:
    """`batch: {}` has bounds, too."""
    assert Bounds.of(BatchConfig()) == Bounds(files=MOST_FILES, wait=LONGEST_WAIT)
    assert Bounds.of(BatchConfig(max_files=3, max_wait=timedelta(seconds=5))) == Bounds(files=3, wait=timedelta(seconds=5))
