"""The worker is killed again and again while files are processed: nothing is lost, nothing doubled, every run ends."""

from __future__ import annotations

import random
import re
import time

import pytest

from tests.cloud.world import Orders, World, assert_each_run_reported_once, assert_exactly_once

pytestmark = pytest.mark.cloud
FILES, KILLS = 12, 8  # a message is in flight at each kill at most: nine deliveries, one fewer than make it dead


def starts(world: World) -> int:
    """How many nodes were started so far."""
    return len(re.findall(r"node '\w+' started", world.log.text))


@pytest.mark.parametrize("seed", [20261124])
def test_a_worker_that_is_killed_at_any_moment_loses_and_doubles_nothing(world: World, seed: int) -> None:
    """SIGKILL at random moments of twelve runs; no sweep helps. The broker brings the messages back and every row is in once."""
    chance, orders = random.Random(seed), Orders()
    world.upload("orders/warm.csv", orders.file("warm"))
    world.wait_ended(1)
    for number in range(FILES):
        world.upload(f"orders/{number}.csv", orders.file(f"{number}"))
    killed: set[int] = set()
    while len(killed) < KILLS and len(world.names_of("final.json")) <= FILES:
        world.host.wait_ready()
        started = starts(world)
        # A kill that hits nothing proves nothing: wait until this child works on a node, and a moment more.
        world.wait(lambda: starts(world) > started, "a node to start")  # noqa: B023  # called in this round only
        time.sleep(chance.uniform(0.0, 0.9))
        killed.add(world.host.child_pid)
        world.host.kill_child()
        world.host._pause = 0.1  # the host waits longer after each crash, as it should; not here
    finals = world.wait_ended(FILES + 1, seconds=150)
    world.wait_reported(FILES + 1, seconds=150)
    assert len(killed) >= 6
    assert set(finals.values()) == {"succeeded"}
    assert len(world.runs()) == FILES + 1
    assert_exactly_once(world, orders)
    assert_each_run_reported_once(world, FILES + 1)
    assert world.kept_dead() == []
    again = [event for run in finals for event in world.events(run) if event["kind"] == "node_started" and event["delivery"] > 1]
    assert again, "no message was delivered twice: the kills hit nothing"
