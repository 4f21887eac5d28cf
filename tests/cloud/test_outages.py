"""The broker or the storage goes away in the middle of runs: the runs go on when it is back, and no message dies."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.cloud.world import Orders, World, assert_each_run_reported_once, assert_exactly_once

pytestmark = pytest.mark.cloud
FILES = 4


@pytest.fixture(scope="module")
def orders() -> Orders:
    """All orders of this module: its tests add to the same tables."""
    return Orders()


def _broker_restart(world: World) -> None:
    world.bus.restart()


def _broker_crash(world: World) -> None:
    world.bus.kill()
    time.sleep(1)
    world.bus.start()


def _storage_restart(world: World) -> None:
    world.cloud.azurite.restart()


def _storage_away(world: World) -> None:
    world.cloud.azurite.stop()
    time.sleep(4)
    world.cloud.azurite.start()


@pytest.mark.parametrize("outage", [_broker_restart, _broker_crash, _storage_restart, _storage_away])
def test_runs_under_way_survive_an_outage(world: World, orders: Orders, outage: Callable[[World], None]) -> None:
    """Four files are in work when the service goes; all four runs succeed and every row is in once."""
    before = len(world.runs())
    name = outage.__name__.strip("_")
    for number in range(FILES):
        world.upload(f"orders/{name}-{number}.csv", orders.file(f"{name}-{number}"))
    world.wait(lambda: before < len(world.runs()), "a run to start")
    assert len(world.finals()) < before + FILES
    outage(world)
    finals = world.wait_ended(before + FILES, seconds=120)
    world.wait_reported(before + FILES, seconds=120)
    assert set(finals.values()) == {"succeeded"}
    assert len(world.runs()) == before + FILES
    assert_exactly_once(world, orders)
    assert_each_run_reported_once(world, before + FILES)
    assert world.dead() == {"blob-events": 0, "node-runs": 0, "run-finished": 0}
    assert world.kept_dead() == []
