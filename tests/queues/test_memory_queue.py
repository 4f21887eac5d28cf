"""The queue of one process."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from odibi_core.messages import FinishRun, RunNode
from odibi_core.queues.memory import MemoryQueue

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
RUN = "0123456789abcdef"


def node(name: str) -> RunNode:
    """A command that is told from others by its node."""
    return RunNode(run_id=RUN, node=name)


@pytest.fixture
def now() -> list[datetime]:
    """A clock's hand."""
    return [NOON]


@pytest.fixture
def queue(now) -> MemoryQueue:
    """An empty queue over that clock."""
    return MemoryQueue(lambda: now[0])


def test_commands_come_out_once_and_in_the_order_they_were_sent(queue):
    """Of both kinds, each as its first delivery."""
    sent = [node("b"), node("a"), FinishRun(run_id=RUN)]
    queue.send(sent[:2])
    queue.send(sent[2:])
    assert len(queue) == 3
    assert [queue.next(NOON) for _ in range(4)] == [(sent[0], 1), (sent[1], 1), (sent[2], 1), None]
    assert len(queue) == 0


def test_a_delayed_command_comes_when_it_is_due(queue, now):
    """Not a moment earlier, and before those that are due later."""
    queue.send([node("late")], delay=timedelta(minutes=2))
    queue.send([node("soon")], delay=timedelta(minutes=1))
    queue.send([node("now")])
    assert queue.next(NOON)[0].node == "now"
    assert queue.next(NOON) is None
    assert queue.next_due() == NOON + timedelta(minutes=1)
    assert queue.next(NOON + timedelta(seconds=59)) is None
    assert [queue.next(NOON + timedelta(minutes=2))[0].node for _ in range(2)] == ["soon", "late"]
    assert queue.next_due() is None


def test_nothing_to_send_is_fine(queue):
    """As for every queue."""
    queue.send([])
    assert len(queue) == 0


def test_a_repeated_command_is_not_dropped(queue):
    """Handlers must live with duplicates: this queue does not hide them."""
    queue.send([node("a")])
    queue.send([node("a")])
    assert len(queue) == 2


def test_waiting_ends_when_a_command_is_sent(queue):
    """At once, in another thread; and it does not begin if one is due already."""
    started = time.monotonic()
    threading.Timer(0.1, lambda: queue.send([node("a")])).start()
    assert queue.wait(timedelta(seconds=20)) is True
    assert queue.wait(timedelta(seconds=20)) is True
    assert time.monotonic() - started < 10


def test_waiting_ends_when_a_delayed_command_is_due():
    """Also if it was sent while we waited."""
    queue = MemoryQueue(lambda: datetime.now(UTC))
    threading.Timer(0.1, lambda: queue.send([node("a")], delay=timedelta(seconds=0.2))).start()
    started = time.monotonic()
    assert queue.wait(timedelta(seconds=20)) is True
    assert 0.25 < time.monotonic() - started < 10
    assert queue.next(datetime.now(UTC)) is not None


def test_waiting_gives_up(queue):
    """After the timeout, with a command that is not due in the clock's time."""
    queue.send([node("a")], delay=timedelta(hours=1))
    assert queue.wait(timedelta(seconds=0.05)) is False
    assert queue.wait(timedelta(0)) is False


def test_many_threads_lose_and_repeat_nothing(queue):
    """Four send while four take."""
    taken = []

    def take() -> None:
        while queue.wait(timedelta(seconds=1)):
            command = queue.next(NOON)
            if command is not None:
                taken.append(command[0].node)

    with ThreadPoolExecutor(8) as pool:
        for _ in range(4):
            pool.submit(take)
        list(pool.map(lambda n: [queue.send([node(f"n{n}_{k}")]) for k in range(100)], range(4)))
    assert sorted(taken) == sorted(f"n{n}_{k}" for n in range(4) for k in range(100))
