"""Messages that nobody can process: they are kept with a reason, their run ends and says why, and other runs do not notice."""

from __future__ import annotations

import json
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage

from tests.cloud.world import Orders, World, assert_exactly_once

pytestmark = pytest.mark.cloud
UNKNOWN_RUN = "0123456789abcdef0123456789abcdef"
CANARY = "canary-4711"
WORLD = {"MaxDeliveryCount": 3}


def send(world: World, body: str, *, queue: str = "node-runs") -> None:
    """With the client that everybody has."""
    with (
        ServiceBusClient.from_connection_string(world.cloud.service_bus_connection) as client,
        client.get_queue_sender(queue) as sender,
    ):
        sender.send_messages(ServiceBusMessage(body))


def run_node(run: str, node: str = "silver", **more: object) -> str:
    return json.dumps({"kind": "run_node", "version": 1, "run_id": run, "node": node, **more})


def wait_kept(world: World, known: set[str]) -> dict[str, Any]:
    """Wait for one more message that was given up."""
    world.wait(lambda: set(world.kept_dead()) - known, "a message to be given up")
    (name,) = set(world.kept_dead()) - known
    return json.loads(world.read(name))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f"not JSON {CANARY}", "message is not JSON"),
        (json.dumps([CANARY]), "message is not a JSON object"),
        (json.dumps({"kind": "run_node", "version": 1, "run_id": f"../{CANARY}", "node": "silver"}), "wrong run_node.run_id"),
        (run_node(UNKNOWN_RUN, version=99), "message version is 99, known is 1"),
        (run_node(UNKNOWN_RUN, resend=6), f"run {UNKNOWN_RUN} does not exist"),
        (json.dumps({"kind": "finish_run", "version": 1, "run_id": UNKNOWN_RUN}), "a message of another kind is in the queue of node runs"),
        ("x" * 100_000, "message of 100000 bytes is over the limit of 65536"),
    ],
    ids=["garbage", "list", "path", "version", "unknown run", "other kind", "too large"],
)
def test_a_message_that_cannot_be_processed_is_kept_with_its_reason(world: World, body: str, reason: str) -> None:
    """It lies under `dead/` with the reason, the log has the reason but not the body, and the queue is empty."""
    known = set(world.kept_dead())
    send(world, body)
    kept = wait_kept(world, known)
    assert reason in kept["reason"]
    assert kept["body"] == body
    assert kept["size_bytes"] == len(body)
    world.wait(lambda: reason in world.log.text, "the reason in the log")
    assert CANARY not in world.log.text
    world.wait_idle()
    assert world.dead() == {"blob-events": 0, "node-runs": 0, "run-finished": 0}


def test_a_node_that_the_run_does_not_have_ends_the_run(world: World) -> None:
    """The run that a wrong message names ends as failed with code `dead_lettered`; what it had written stays."""
    for number in range(10):  # the run has to be under way when the message comes; a fast machine may need a second try
        before = set(world.runs())
        world.upload(f"chain/{number}.csv", "a,b\n1,2\n")
        (run,) = world.wait(lambda: set(world.runs()) - before, "the run to start")  # noqa: B023  # called before the loop goes on  # called in this round only
        send(world, run_node(run, "nowhere"))
        world.wait(lambda: run in world.finals(), "the run to end")  # noqa: B023  # called before the loop goes on
        if world.finals()[run] == "failed":
            break
    else:
        raise AssertionError("the run ended before the message came, ten times")
    outcomes = [json.loads(world.read(name)) for name in world.names(f"_odibi_system/runs/{run}/outcome/")]
    failed = [outcome["result"]["error"] for outcome in outcomes if outcome["kind"] == "node_finished" and outcome["result"]["error"]]
    assert {error["code"] for error in failed} == {"dead_lettered"}
    assert all("has no node 'nowhere'" in error["message"] and "dead/" in error["hint"] for error in failed)
    status, answer = world.call("GET", f"/api/runs/{run}")
    assert (status, answer["status"]) == (200, "failed")


def test_a_poisoned_event_does_not_stop_the_files_behind_it(world: World) -> None:
    """Garbage in the queue of events is kept with its reason; the file that lands after it is processed."""
    orders, known = Orders(), set(world.kept_dead())
    send(world, f"no event {CANARY}", queue="blob-events")
    world.upload("orders/after.csv", orders.file("after"))
    world.wait(lambda: world.rows("gold/countries").height > 0, "the file to be processed")
    assert wait_kept(world, known)["reason"] == "event is not JSON"
    assert CANARY not in world.log.text
    assert_exactly_once(world, orders)


def test_a_dead_message_of_a_run_that_ended_changes_nothing(world: World) -> None:
    """Outcomes are immutable: a wrong message for a run that succeeded is kept, and the run stays succeeded."""
    run = next(run for run, status in world.finals().items() if status == "succeeded")
    known = set(world.kept_dead())
    send(world, run_node(run, "nowhere"))
    wait_kept(world, known)
    world.wait_idle()
    assert world.finals()[run] == "succeeded"


def test_a_message_for_an_unknown_run_waits_for_the_plan_before_it_is_given_up(world: World) -> None:
    """It may have overtaken its plan: it is sent again for later, not given up at once."""
    known = set(world.kept_dead())
    send(world, run_node(UNKNOWN_RUN))
    world.wait(lambda: f"put off for 2 s: run {UNKNOWN_RUN} has no plan yet" in world.log.text, "the message to be put off")
    assert set(world.kept_dead()) == known
