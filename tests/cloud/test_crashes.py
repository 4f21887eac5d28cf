"""The worker is killed again and again while files are processed: nothing is lost, nothing doubled, every run ends."""

from __future__ import annotations

import random
import time

import pytest

from tests.cloud.world import Orders, World, assert_each_run_reported_once, assert_exactly_once

pytestmark = pytest.mark.cloud
FILES, KILLS = 12, 8  # a message is in flight at each kill at most: nine deliveries, one fewer than make it dead


@pytest.mark.parametrize("seed", [20261124])
def test_a_worker_that_is_killed_at_any_moment_loses_and_doubles_nothing(world: World, seed: int) -> None:
    """SIGKILL at random moments of twelve runs; no sweep helps. The broker brings the messages back and every row is in once."""
    chance, orders = random.Random(seed), Orders()
    world.upload("orders/warm.csv", orders.file("warm"))
    world.wait_ended(1)
    for number in range(FILES):
        world.upload(f"orders/{number}.csv", orders.file(f"{number}"))
    killed: set[int] = set()
    for _ in range(KILLS):
        before = len(world.names_of("final.json"))
        world.host.wait_ready()
        # Some time after its first event a child has work in flight: a kill that hits nothing proves nothing.
        time.sleep(chance.uniform(0.3, 2.2))
        killed.add(world.host.child_pid)
        world.host.kill_child()
        if before == FILES + 1:
            break
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
