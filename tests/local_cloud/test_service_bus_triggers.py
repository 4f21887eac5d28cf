"""Queue triggers lock, renew, complete, abandon and dead-letter like the real host, against a real broker and the real SDK."""

from __future__ import annotations

import json
import os
import textwrap
import time

import pytest
from azure.servicebus import ServiceBusMessage

from odibi_local.functions_host import FunctionsHost

pytestmark = pytest.mark.cloud

APP = """
import asyncio, json, sys, threading

def queue(name, **options):
    return app.service_bus_queue_trigger(arg_name="msg", connection="Bus", queue_name=name, **options)

def say(what, **fields):
    sys.stdout.write(json.dumps({"say": what, **fields}) + "\\n")  # in one piece: functions run side by side
    sys.stdout.flush()

"""


@pytest.fixture
def start(write_app, lines, bus):
    """Return a function that starts a host for an app with these functions."""
    running = []

    def run(body, *, service_bus=None, **host_json):
        folder = write_app(APP + textwrap.dedent(body), {"extensions": {"serviceBus": service_bus or {}}, **host_json})
        host = FunctionsHost(folder, {**os.environ, "Bus": bus.connection_string, "QUEUE": "plain"}, sink=lines, watch=False)
        running.append(host)
        host.start()
        host.wait_ready()
        return host

    yield run
    for host in running:
        host.stop()


def _said(lines, what):
    found = [json.loads(message) for message in lines.messages("output") if message.startswith("{")]
    return [line for line in found if line["say"] == what]


def test_a_message_is_handed_over_with_its_properties_and_completed(start, lines, open_queue):
    """Body, ids, counts, times and custom properties arrive; afterwards the queue is empty."""
    start("""
    @queue("%QUEUE%")
    async def handle(msg: func.ServiceBusMessage) -> None:
        say("got", body=msg.get_body().decode(), id=msg.message_id, count=msg.delivery_count, props=msg.user_properties,
            corr=msg.correlation_id, kind=msg.content_type, subject=msg.subject, sequence=msg.sequence_number,
            age=time.time() - msg.enqueued_time_utc.timestamp(), raw=msg.metadata["DeliveryCount"], token=len(msg.lock_token))
    """)
    queue = open_queue("plain")
    queue.send(
        ServiceBusMessage(
            '{"run": "r1"}', message_id="m1", correlation_id="c1", content_type="application/json", subject="s",
            application_properties={"trace": "t", "n": 3},
        )
    )  # fmt: skip
    lines.wait_for("handle ok")
    (got,) = _said(lines, "got")
    assert got | {"sequence": 0, "age": 0} == {
        "say": "got", "body": '{"run": "r1"}', "id": "m1", "count": 1, "props": {"trace": "t", "n": 3}, "corr": "c1",
        "kind": "application/json", "subject": "s", "sequence": 0, "age": 0, "raw": 1, "token": 36,
    }  # fmt: skip
    assert got["sequence"] > 0
    assert abs(got["age"]) < 5
    queue.wait_until_empty()


def test_a_failing_message_comes_back_at_once_and_ends_in_the_dead_letters(start, lines, open_queue):
    """Abandon means redelivery without delay; after the last one the dead-letter function gets it with the reason."""
    start("""
    @queue("failing")
    def fails(msg: func.ServiceBusMessage) -> None:
        say("try", count=msg.delivery_count)
        raise ValueError("never works")

    @queue("failing/$DeadLetterQueue")
    def bury(msg: func.ServiceBusMessage) -> None:
        say("buried", body=msg.get_body().decode(), reason=msg.dead_letter_reason)
    """)
    began = time.monotonic()
    open_queue("failing").send(ServiceBusMessage("bad"))
    lines.wait_for("bury ok")
    assert time.monotonic() - began < 4
    assert [line["count"] for line in _said(lines, "try")] == [1, 2, 3]
    assert _said(lines, "buried") == [{"say": "buried", "body": "bad", "reason": "MaxDeliveryCountExceeded"}]


def test_a_long_invocation_keeps_its_lock(start, lines, open_queue):
    """A function that runs longer than the lock is renewed, runs once and completes."""
    start("""
    @queue("slow")
    def long(msg: func.ServiceBusMessage) -> None:
        say("began", count=msg.delivery_count)
        time.sleep(7)
    """)
    queue = open_queue("slow")
    queue.send(ServiceBusMessage("x"))
    lines.wait_for("long ok")
    queue.wait_until_empty()
    assert [line["count"] for line in _said(lines, "began")] == [1]


def test_a_message_in_a_killed_child_comes_back_when_its_lock_runs_out(start, lines, open_queue):
    """A crash loses the lock, never the message."""
    host = start("""
    @queue("killed")
    def handle(msg: func.ServiceBusMessage) -> None:
        say("began", count=msg.delivery_count)
        if msg.delivery_count == 1:
            time.sleep(60)
    """)
    queue = open_queue("killed")
    queue.send(ServiceBusMessage("x"))
    lines.wait_for('"began"')
    host.kill_child()
    lines.wait_for("handle ok")
    queue.wait_until_empty()
    assert [line["count"] for line in _said(lines, "began")] == [1, 2]


def test_no_more_than_max_concurrent_calls_run_at_once(start, lines, open_queue):
    """Two at a time, and two indeed."""
    start(
        """
    running = []

    @queue("many")
    def handle(msg: func.ServiceBusMessage) -> None:
        running.append(1)
        say("running", count=len(running))
        time.sleep(0.4)
        running.pop()
    """,
        service_bus={"maxConcurrentCalls": 2},
    )
    open_queue("many").send(*(ServiceBusMessage(str(number)) for number in range(6)))
    lines.wait_for("handle ok", times=6)
    counts = [line["count"] for line in _said(lines, "running")]
    assert max(counts) == 2


def test_a_batch_function_gets_many_messages_at_once(start, lines, open_queue):
    """Bodies and properties arrive as one list, and all are completed."""
    queue = open_queue("batch")
    queue.send(*(ServiceBusMessage(f"m{number}", message_id=str(number), application_properties={"n": number}) for number in range(5)))
    start("""
    from typing import List

    @queue("batch", cardinality=func.Cardinality.MANY)
    def handle(msg: List[func.ServiceBusMessage]) -> None:
        say("batch", bodies=[m.get_body().decode() for m in msg], ids=[m.message_id for m in msg], n=[m.user_properties["n"] for m in msg])
    """)
    lines.wait_for("handle ok")
    queue.wait_until_empty()
    (batch,) = _said(lines, "batch")
    assert batch["bodies"] == [f"m{number}" for number in range(5)]
    assert (batch["ids"], batch["n"]) == ([str(number) for number in range(5)], list(range(5)))


def test_outputs_go_out_when_the_function_succeeds(start, lines, open_queue):
    """Nothing is sent by a try that fails; a JSON array becomes one message per element."""
    start("""
    @queue("relay-in")
    @app.service_bus_queue_output(arg_name="out", connection="Bus", queue_name="relay-out")
    def relay(msg: func.ServiceBusMessage, out: func.Out[str]) -> None:
        out.set(json.dumps(["a", {"b": msg.delivery_count}]))
        if msg.delivery_count == 1:
            raise ValueError("once")
    """)
    open_queue("relay-in").send(ServiceBusMessage("x"))
    lines.wait_for("relay ok")
    assert [str(message) for message in open_queue("relay-out").receive(2)] == ["a", '{"b": 2}']
    assert open_queue("relay-out").peek() == []


def test_a_stop_finishes_the_message_in_work(start, lines, open_queue):
    """Drain: no lock is lost, so the message does not come back."""
    host = start("""
    @queue("drain")
    def handle(msg: func.ServiceBusMessage) -> None:
        say("began")
        time.sleep(1.5)
    """)
    queue = open_queue("drain")
    queue.send(ServiceBusMessage("x"))
    lines.wait_for('"began"')
    host.stop()
    assert "handle ok" in lines.messages("function")[-1]
    assert queue.peek() == []


def test_messages_are_handed_over_quickly_while_others_complete(start, lines, open_queue):
    """Completing one message does not hold up the next: the median wait stays small."""
    start("""
    @queue("quick")
    def handle(msg: func.ServiceBusMessage) -> None:
        say("lag", milliseconds=(time.time() - float(msg.get_body())) * 1000)
    """)
    queue = open_queue("quick")
    queue.send(ServiceBusMessage(str(time.time())))
    lines.wait_for("handle ok")
    for _ in range(20):
        queue.send(ServiceBusMessage(str(time.time())))
        time.sleep(0.02)
    lines.wait_for("handle ok", times=21)
    lags = sorted(line["milliseconds"] for line in _said(lines, "lag")[1:])
    print("lags", [round(lag) for lag in lags])
    assert lags[len(lags) // 2] < 200


def test_a_broker_that_restarts_is_found_again(start, lines, open_queue, bus):
    """The listener reconnects by itself."""
    start("""
    @queue("restart")
    def handle(msg: func.ServiceBusMessage) -> None:
        pass
    """)
    open_queue("restart").send(ServiceBusMessage("before"))
    lines.wait_for("handle ok")
    bus.restart()
    open_queue("restart").send(ServiceBusMessage("after"))
    lines.wait_for("handle ok", times=2, seconds=30)
