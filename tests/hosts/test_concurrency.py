"""`concurrency:` of a pipeline, through the handlers of Azure: files that land together run one after the other."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from odibi_core.messages import RunNode
from tests.hosts.world import HEAD, ORDERS, World

ONE = ORDERS.replace("  - pipeline: orders\n", "  - pipeline: orders\n    concurrency: { max: 1 }\n")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The orders pipeline, one run at a time; three files have landed."""
    assert ONE != ORDERS
    world = World(tmp_path, HEAD + ONE)
    host = world.azure()
    for number, name in enumerate("abc", 1):
        world.land(f"orders/{name}.csv", number)
        host.on_blob_event(world.event(f"orders/{name}.csv"))
    return world


def asked(world: World) -> list[str]:
    """The runs whose nodes were asked for."""
    return [command.run_id for command, _ in world.queue.sent if isinstance(command, RunNode)]


def test_one_run_is_under_way_and_the_others_wait_for_their_turn(world: World) -> None:
    """Their files are theirs already; every run ends, in the order in which they were planned."""
    assert (len(world.plans()), len(asked(world))) == (3, 1)
    order = []
    host = world.azure()
    while world.queue.sent:
        command, _ = world.queue.sent.pop(0)
        body = command.model_dump_json().encode()
        if isinstance(command, RunNode):
            order.append(command.run_id)
            host.on_node_run(body, delivery=1)
        else:
            host.on_run_finished(body)
    planned = [plan["run_id"] for plan in sorted(world.plans(), key=lambda plan: plan["planned_at"])]
    assert order == [run_id for run_id in planned for _ in ("bronze", "silver")]
    assert (world.rows("bronze"), world.statuses()) == ([1, 2, 3], ["succeeded"] * 3)


def test_a_failed_run_lets_the_next_one_in(world: World) -> None:
    """A check that finds something must not stop the files behind it."""
    (world.folder / "landing/orders/a.csv").unlink()
    world.work(world.azure())
    assert world.statuses() == ["failed", "succeeded", "succeeded"]
    assert world.rows("bronze") == [2, 3]


def test_the_sweep_wakes_no_run_that_has_to_wait(world: World) -> None:
    """It brings the first one on its way, and the others stay behind it."""
    (first,) = set(asked(world))
    world.queue.sent.clear()
    world.clock.now += timedelta(minutes=36)
    world.azure().on_sweep()
    assert set(asked(world)) == {first}


def test_the_sweep_lets_in_who_waits_for_a_run_that_ended(world: World) -> None:
    """The worker that ended the first run died before it could: the others go on."""
    host = world.azure()
    first = asked(world)[0]
    object.__setattr__(host.app.coordinator, "slots", None)  # it dies before it leaves
    world.work(host)
    assert world.rows("bronze") == [1]
    assert first in {plan["run_id"] for plan in world.plans()}
    world.clock.now += timedelta(minutes=36)
    host = world.azure()
    host.on_sweep()
    world.work(host)
    assert world.rows("bronze") == [1, 2, 3]


def test_who_runs_it_by_hand_does_not_wait(world: World) -> None:
    """`odibi run` is one run at a time anyway, and a run of the cloud may take long."""
    world.land("orders/d.csv", 4)
    host = world.in_process()
    (command,) = host.requests("orders")
    final = host.run(command)
    assert final is not None
    assert final.status == "succeeded"
