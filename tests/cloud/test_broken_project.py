"""A broken YAML is deployed while the app runs: nothing that is under way is harmed, and nothing that arrives is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage

from tests.cloud.world import Orders, World, assert_exactly_once

pytestmark = pytest.mark.cloud
FUNCTIONS = {"blob_events", "node_runs", "run_finished", "dead_letters", "sweep", "start_run", "run_status", "health"}


@pytest.fixture(scope="module")
def orders() -> Orders:
    """All orders of this module: its tests add to the same tables."""
    return Orders()


@contextmanager
def deployed(world: World, file: str, old: str, new: str) -> Iterator[None]:
    """Deploy a change of one file of the project, and take it back at the end."""
    path = world.project / file
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new))
    try:
        world.host.reload()
        world.host.wait_ready()
        yield
    finally:
        path.write_text(before)
        world.host.reload()
        world.host.wait_ready()


def test_a_broken_project_is_told_to_the_operator_only(world: World, orders: Orders) -> None:
    """The functions index, health is 503 without a detail, the log has file, line and column, and a request hears 400 with the problem."""
    with deployed(world, "orders.yaml", "mode: upsert", "mood: upsert"):
        status, names = world.call("GET", "/admin/functions")
        assert status == 200
        assert {function["name"] for function in names} >= FUNCTIONS
        assert world.call("GET", "/api/health")[0] == 503
        assert "mood" not in str(world.call("GET", "/api/health")[1])
        assert ".yaml" not in str(world.call("GET", "/api/health")[1])
        status, answer = world.call("POST", "/api/runs", {"pipeline": "totals"})
        assert status == 400
        assert any(problem.startswith("orders.yaml:22:72") and "mood" in problem for problem in answer["problems"])
        world.wait(lambda: "the project is broken, new runs are refused: orders.yaml:22:72" in world.log.text, "the place in the log")
    assert world.call("GET", "/api/health")[0] == 200


@pytest.mark.parametrize("broken", ["mood: upsert", "mode: [upsert"])
def test_a_file_that_lands_while_the_project_is_broken_is_processed_later(world: World, orders: Orders, broken: str) -> None:
    """Its event is kept. When the YAML is mended, the next sweep starts its run, once."""
    before, name = len(world.runs()), f"orders/{broken.encode().hex()}.csv"
    with deployed(world, "orders.yaml", "mode: upsert", broken):
        world.upload(name, orders.file(broken.encode().hex()))
        world.wait(lambda: world.names("_odibi_system/inbox/"), "the event to be kept")
        world.wait_idle(later=False)
        assert len(world.runs()) == before
        assert world.dead() == {"blob-events": 0, "node-runs": 0, "run-finished": 0}
        world.sweep()
        assert len(world.runs()) == before
    world.sweep()
    finals = world.wait_ended(before + 1)
    world.sweep()
    world.wait_idle(later=False)
    assert set(finals.values()) == {"succeeded"}
    assert len(world.runs()) == before + 1
    assert world.names("_odibi_system/inbox/") == []
    assert_exactly_once(world, orders)


def test_garbage_that_came_while_the_project_was_broken_does_not_block_the_sweep(world: World, orders: Orders) -> None:
    """An event that nobody understands is given up by the sweep; the file that came with it is processed."""
    before = len(world.runs())
    with deployed(world, "orders.yaml", "mode: upsert", "mood: upsert"):
        with (
            ServiceBusClient.from_connection_string(world.cloud.service_bus_connection) as client,
            client.get_queue_sender("blob-events") as sender,
        ):
            sender.send_messages(ServiceBusMessage("garbage"))
        world.upload("orders/beside-garbage.csv", orders.file("beside-garbage"))
        world.wait(lambda: len(world.names("_odibi_system/inbox/")) + len(world.kept_dead()) == 2, "both events to be kept")
    world.sweep()
    world.wait_ended(before + 1)
    assert world.names("_odibi_system/inbox/") == []
    assert_exactly_once(world, orders)


def test_a_run_under_way_ends_by_its_frozen_plan(world: World, orders: Orders) -> None:
    """The YAML breaks when a run of eight nodes has just begun: all eight end well, most of them in the worker with the broken YAML."""
    before = set(world.runs())
    worker = world.host.child_pid
    world.upload("chain/long.csv", "a,b\n1,2\n")
    (run,) = world.wait(lambda: set(world.runs()) - before, "the run to start")
    with deployed(world, "chain.yaml", "pipeline: chain", "pipelin: chain"):
        world.wait(lambda: world.finals().get(run), "the run to end")
        assert world.finals()[run] == "succeeded"
        workers = {event["worker"].rpartition("/")[2] for event in world.events(run) if event["kind"] == "node_started"}
        workers |= {
            event["worker"].rpartition("/")[2]
            for name in world.names(f"_odibi_system/runs/{run}/events/nodes/")
            if (event := world.system(name.removeprefix("_odibi_system/")))["kind"] == "node_started"
        }
        assert workers - {str(worker)}, "the run had ended before the deployment"
    assert [world.rows(f"chain/step_{number}").height for number in range(8)] == [1] * 8


def test_a_pipeline_that_cannot_be_planned_does_not_block_the_others(world: World, orders: Orders) -> None:
    """One pipeline asks for what is not there: its file waits. A file of the next pipeline whose event was lost is still swept up."""
    with deployed(world, "orders.yaml", "- name: silver", "- name: silver\n        engine: spark"):
        before = len(world.runs())
        world.upload("orders/refused.csv", orders.file("refused"))
        world.wait(lambda: "engine 'spark' is not available" in world.log.text, "the refusal in the log")
        world.cloud.event_source.stop()  # from here on events are lost
        world.upload("chain/lost.csv", "a,b\n1,2\n")
        world.sweep()
        world.wait_ended(before + 1)
        assert len(world.runs()) == before + 1
        world.wait_idle(later=False)
        assert world.dead() == {"blob-events": 0, "node-runs": 0, "run-finished": 0}
    world.sweep()
    world.wait_ended(before + 2)
    assert_exactly_once(world, orders)
