"""`batch:` of a blob trigger, through the handlers of Azure: files that land together become one run, each exactly once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from odibi_core.messages import TakeFiles
from tests.hosts.world import HEAD, ORDERS, World

BATCHED = ORDERS.replace("path: 'orders/{name}.csv' }", "path: 'orders/{name}.csv', batch: { max_files: 3, max_wait: 30s } }")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The orders pipeline, three files a run."""
    assert BATCHED != ORDERS
    return World(tmp_path, HEAD + BATCHED)


def arrive(world: World, *names: str) -> None:
    """Files land, each with one row, and are announced."""
    host = world.azure()
    for name in names:
        world.land(f"orders/{name}.csv", ord(name) - 96)
        host.on_blob_event(world.event(f"orders/{name}.csv"))


def files_of(world: World) -> list[list[str]]:
    """The files of each run."""
    return sorted([file["path"] for file in plan["cause"]["files"]] for plan in world.plans())


def wake_ups(world: World) -> list[tuple[TakeFiles, timedelta]]:
    return [(message, delay) for message, delay in world.queue.sent if isinstance(message, TakeFiles)]


def test_three_files_are_one_run_and_the_fourth_waits(world: World) -> None:
    """Its time comes with a message that was sent when it landed."""
    arrive(world, *"abcd")
    assert files_of(world) == [["orders/a.csv", "orders/b.csv", "orders/c.csv"]]
    late = wake_ups(world)
    assert {delay // timedelta(seconds=1) for _, delay in late} <= {30, 31}
    world.work(world.azure())
    assert (world.rows("bronze"), world.rows("silver", "twice")) == ([1, 2, 3], [2, 4, 6])
    world.clock.now += timedelta(seconds=31)
    world.azure().on_node_run(late[-1][0].model_dump_json().encode(), delivery=1)
    world.work(world.azure())
    assert (world.rows("bronze"), world.statuses()) == ([1, 2, 3, 4], ["succeeded", "succeeded"])
    assert world.versions("bronze") == 3  # created, three files, one file
    assert world.kept("dead") == []


def test_a_doubled_event_is_in_one_run(world: World) -> None:
    """Whether its first one waits or has long become a run."""
    arrive(world, *"aabcb")
    world.clock.now += timedelta(seconds=31)
    world.azure().on_sweep()
    world.work(world.azure())
    assert world.rows("bronze") == [1, 2, 3]


def test_the_sweep_takes_what_no_message_wakes(world: World) -> None:
    """One file waits and its message is lost; of another one the event is lost: they are one run when their time has come."""
    arrive(world, "a")
    world.land("orders/b.csv", 2)
    world.queue.sent.clear()
    world.azure().on_sweep()
    assert world.plans() == []
    world.queue.sent.clear()
    world.clock.now += timedelta(seconds=31)
    world.azure().on_sweep()
    assert files_of(world) == [["orders/a.csv", "orders/b.csv"]]
    world.work(world.azure())
    assert (world.rows("bronze"), world.kept("waiting")) == ([1, 2], [])


def test_a_request_takes_the_files_that_wait(world: World) -> None:
    """They are new as long as no run has them; the wake-up then finds nothing to do."""
    arrive(world, *"ab")
    status, answer = world.azure().on_start_request({"pipeline": "orders"})
    assert status == 202
    world.work(world.azure())
    world.clock.now += timedelta(seconds=31)
    world.azure().on_sweep()
    world.work(world.azure())
    assert ([plan["run_id"] for plan in world.plans()], world.rows("bronze")) == ([answer["run_id"]], [1, 2])


def test_one_rewritten_file_does_not_take_the_others_along(world: World) -> None:
    """The batch leaves it to the run of its newer version, with a warning, and loads the rest."""
    arrive(world, *"abc")
    world.land("orders/b.csv", 22, 23)
    world.work(world.azure())
    assert world.rows("bronze") == [1, 3]
    (outcome,) = (kept for kept in world.kept("runs") if (kept.get("kind"), kept.get("node")) == ("node_finished", "bronze"))
    assert outcome["result"]["warnings"] == ["left out: file 'landing/orders/b.csv' was rewritten; the newer version has its own run"]
    assert [file["path"] for read in outcome["result"]["reads"] for file in read["files"]] == ["orders/a.csv", "orders/c.csv"]
    world.azure().on_blob_event(world.event("orders/b.csv"))
    world.clock.now += timedelta(seconds=31)
    world.azure().on_sweep()
    world.work(world.azure())
    assert (world.rows("bronze"), world.statuses()) == ([1, 3, 22, 23], ["succeeded", "succeeded"])


def test_a_broken_project_keeps_what_waits(world: World) -> None:
    """The wake-up of the broken one starts nothing, and the sweep of the whole one takes them."""
    arrive(world, *"ab")
    ((message, _), *_) = wake_ups(world)
    world.clock.now += timedelta(seconds=31)
    world.write(world.written.replace("mode: append", "mood: append"))
    world.azure().on_node_run(message.model_dump_json().encode(), delivery=1)
    assert (world.plans(), len(world.kept("waiting"))) == ([], 2)
    world.write(world.written)
    world.azure().on_sweep()
    world.work(world.azure())
    assert world.rows("bronze") == [1, 2]


def test_a_wake_up_of_a_pipeline_that_is_gone_is_passed_over(world: World) -> None:
    """So is one of another project in the same queue."""
    arrive(world, "a")
    ((message, _), *_) = wake_ups(world)
    world.clock.now += timedelta(seconds=31)
    for update in ({"pipeline": "gone"}, {"project": "store"}, {"environment": "prod"}):
        world.azure().on_node_run(message.model_copy(update=update).model_dump_json().encode(), delivery=1)
    assert (world.plans(), world.kept("dead")) == ([], [])
