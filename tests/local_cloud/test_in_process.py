"""Functions get their arguments through azure.functions' converters, shaped as the real host shapes them."""

from __future__ import annotations

import json

import pytest

from odibi_local.functions_host import InProcessHost

APP = """
SEEN = []

@app.service_bus_queue_trigger(arg_name="msg", connection="C", queue_name="q")
def run_node(msg: func.ServiceBusMessage, context: func.Context) -> None:
    SEEN.append((msg.get_body(), msg.message_id, msg.delivery_count, msg.enqueued_time_utc.tzinfo is not None, msg.user_properties))
    assert context.function_name == "run_node" and context.invocation_id
    if msg.get_body() == b"panic":
        class Panic(BaseException): ...
        raise Panic("of a native library")

@app.service_bus_queue_trigger(arg_name="msg", connection="C", queue_name="q")
@app.service_bus_queue_output(arg_name="out", connection="C", queue_name="next")
async def relay(msg: func.ServiceBusMessage, out: func.Out[str]) -> None:
    out.set("first")
    if msg.get_body() == b"fail":
        raise ValueError("after the output was set")

@app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
def tick(timer: func.TimerRequest) -> None:
    SEEN.append(timer.past_due)

@app.blob_trigger(arg_name="blob", path="landing/{name}", connection="C")
def arrived(blob: func.InputStream) -> None:
    SEEN.append((blob.name, blob.length, blob.read()))

@app.route("runs/{id}", methods=["POST"])
def runs(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.route_params["id"] + req.get_json()["a"], status_code=202, mimetype="text/plain")

@app.route("nothing")
def nothing(req: func.HttpRequest) -> None:
    return None

@app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
def returns(timer: func.TimerRequest) -> str:
    return "there is no $return here"
"""


@pytest.fixture
def host(write_app):
    with InProcessHost(write_app(APP)) as host:
        yield host


def _seen(host):
    return host.functions["run_node"].call.__globals__["SEEN"]


def test_a_message_arrives_with_the_properties_of_the_real_host(host):
    """Counts are numbers, instants are aware, custom properties are a dictionary."""
    outcome = host.queue_message("run_node", json.dumps({"run": 1}), MessageId="m-1", DeliveryCount=3, UserProperties={"trace": "t"})
    assert outcome.ok
    assert _seen(host) == [(b'{"run": 1}', "m-1", 3, True, {"trace": "t"})]


def test_a_panic_that_is_no_exception_is_a_failure(host):
    """A native library may raise a BaseException; its message must be abandoned like any other."""
    outcome = host.queue_message("run_node", "panic")
    assert (outcome.ok, outcome.error) == (False, "Panic: of a native library")


def test_outputs_are_sent_after_success_only(host):
    """An output that was set before a failure is not sent."""
    assert not host.queue_message("relay", "fail").ok
    assert host.sent == []
    assert host.queue_message("relay", "fine").ok
    assert host.sent == [("out", "first")]


def test_timers_and_blobs_arrive_converted(host):
    """A TimerRequest knows whether it is late; an InputStream knows its name and length."""
    assert host.timer("tick", past_due=True).ok
    assert host.blob("arrived", "landing/a.csv", b"a,b", name="a.csv").ok
    assert _seen(host) == [True, ("landing/a.csv", 3, b"a,b")]


def test_http_goes_both_ways(host):
    """Route values and JSON in, status and body out; None is 204 and a failure is 500."""
    answer = host.http("runs", method="POST", route={"id": "7"}, body=b'{"a": "b"}')
    assert (answer.status, answer.body) == (202, b"7b")
    assert host.http("nothing").status == 204
    assert host.http("runs", method="POST", route={"id": "7"}, body=b"[").status == 500


def test_a_value_returned_without_a_return_binding_fails_the_invocation(host):
    """As the worker does."""
    assert "without a $return binding" in host.timer("returns").error


def test_each_invocation_is_reported_with_its_time(host):
    """Name, success and milliseconds; a failure has its traceback, which starts in the app."""
    host.queue_message("relay", "fail")
    (finished,) = host.finished
    assert (finished.function, finished.ok, finished.error) == ("relay", False, "ValueError: after the output was set")
    assert finished.milliseconds < 5000
    assert "function_app.py" in finished.trace.splitlines()[1]
