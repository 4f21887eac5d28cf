"""The app as Azure indexes it: names, bindings, schedules, who may call; and host.json."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from odibi_core.hosts import azure
from odibi_core.redaction.process import OUTLETS
from odibi_local.functions_host import InProcessHost
from odibi_local.functions_host.host_json import read_host_json
from tests.hosts.world import HEAD, ORDERS

ROOT = Path(__file__).parents[2]
KEY = base64.b64encode(b"no key of anybody").decode()
BUS = f"Endpoint=sb://127.0.0.1;SharedAccessKeyName=k;SharedAccessKey={KEY};UseDevelopmentEmulator=true"
MINE = {"blob_events", "node_runs", "run_finished", "dead_letters", "sweep", "start_run", "run_status", "health"}
Indexed = Callable[..., InProcessHost]


@pytest.fixture
def indexed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Indexed]:
    """Index the app with a project and settings; the app lies in a folder of its own, as it does on Azure."""
    app = tmp_path / "wwwroot"
    (app / "pipelines").mkdir(parents=True)
    for name in ("function_app.py", "host.json"):
        shutil.copy(ROOT / name, app / name)
    for name in ("ODIBI_PROJECT", "ODIBI_ENV", "ODIBI_SYSTEM_URI", "ODIBI_SWEEP_SCHEDULE", "ODIBI_POLL_BLOBS"):
        monkeypatch.delenv(name, raising=False)
    for queue in ("BLOB_EVENTS", "NODE_RUNS", "RUN_FINISHED"):  # the app sets them; afterwards they are as they were
        monkeypatch.setenv(f"ODIBI_{queue}_QUEUE", queue.lower().replace("_", "-"))
    monkeypatch.setenv("ServiceBusConnection", BUS)
    monkeypatch.setattr(azure, "_host", None)
    monkeypatch.setattr("odibi_core.logging_setup.configure_logging", lambda *_: None)  # the tests' own log stays as it is
    with ExitStack() as stack:
        stack.callback(OUTLETS.release)  # the host guards its process, and this one is not its own

        def index(text: str = HEAD + ORDERS, **settings: str) -> InProcessHost:
            (app / "pipelines" / "odibi.yaml").write_text(text)
            for name, value in settings.items():
                monkeypatch.setenv(name, value)
            return stack.enter_context(InProcessHost(app))

        yield index


def trigger(host: InProcessHost, name: str) -> dict[str, Any]:
    """A function's trigger as the host is told of it, without its direction."""
    properties = host.functions[name].trigger.properties
    return {key: value for key, value in properties.items() if key not in ("direction", "dataType")}


def test_the_functions_of_the_app(indexed: Indexed) -> None:
    """Eight of our own and one for each schedule of the project."""
    host = indexed()
    assert set(host.functions) == {*MINE, "timer_nightly"}
    assert not any(function.is_async for function in host.functions.values())  # the host runs them in threads


def test_an_empty_setting_is_no_environment(indexed: Indexed) -> None:
    """As in a template that sets `ODIBI_ENV` to nothing: the project is not broken by it."""
    assert "timer_nightly" in indexed(ODIBI_ENV="").functions


@pytest.mark.parametrize(
    ("name", "queue"),
    [
        ("blob_events", "%ODIBI_BLOB_EVENTS_QUEUE%"),
        ("node_runs", "%ODIBI_NODE_RUNS_QUEUE%"),
        ("run_finished", "%ODIBI_RUN_FINISHED_QUEUE%"),
        ("dead_letters", "%ODIBI_NODE_RUNS_QUEUE%/$DeadLetterQueue"),
    ],
)
def test_queue_functions_read_their_queue(indexed: Indexed, name: str, queue: str) -> None:
    """One message at a time, and the name of the queue is a setting."""
    assert trigger(indexed(), name) == {
        "type": "serviceBusTrigger",
        "name": "msg",
        "connection": "ServiceBusConnection",
        "queueName": queue,
    }


@pytest.mark.parametrize(
    ("name", "methods", "route", "level"),
    [
        ("start_run", ["POST"], "runs", "FUNCTION"),
        ("run_status", ["GET"], "runs/{id}", "FUNCTION"),
        ("health", ["GET"], "health", "ANONYMOUS"),
    ],
)
def test_only_health_is_for_everybody(indexed: Indexed, name: str, methods: list[str], route: str, level: str) -> None:
    """Everything else needs a function key."""
    expected = {"type": "httpTrigger", "name": "req", "methods": methods, "authLevel": level, "route": route}
    assert trigger(indexed(), name) == expected


def test_timers_have_their_schedules(indexed: Indexed) -> None:
    """That of the sweep is a setting; none runs at start-up: a cold start is no schedule."""
    host = indexed(ODIBI_SWEEP_SCHEDULE="0 0 1 * * *")
    assert trigger(host, "sweep") == {"type": "timerTrigger", "name": "timer", "schedule": "0 0 1 * * *"}
    assert trigger(host, "timer_nightly") == {"type": "timerTrigger", "name": "timer", "schedule": "0 0 3 * * *"}


def test_the_sweep_comes_every_five_minutes(indexed: Indexed) -> None:
    """Half a minute beside the full one, when everything else is due."""
    assert trigger(indexed(), "sweep")["schedule"] == "30 */5 * * * *"


def test_where_there_is_no_event_grid_containers_are_polled(indexed: Indexed) -> None:
    """One function for each, only if a setting names the storage connection."""
    text = (HEAD + ORDERS).replace(
        "landing: { type: local, base_path: ./landing }", "landing: { type: azure_blob, account_name: a, container: landing }"
    )
    host = indexed(text, ODIBI_POLL_BLOBS="AzureWebJobsStorage")
    assert set(host.functions) == {*MINE, "timer_nightly", "poll_0"}
    assert trigger(host, "poll_0") == {"type": "blobTrigger", "name": "blob", "connection": "AzureWebJobsStorage", "path": "landing/{name}"}


@pytest.mark.parametrize("text", ["pipelines: [ {", "", "project: shop\npipelines: 7\n"])
def test_a_broken_yaml_still_indexes(indexed: Indexed, text: str, tmp_path: Path) -> None:
    """Health says so, and messages are taken: what can be kept is kept."""
    host = indexed(text, ODIBI_SYSTEM_URI=str(tmp_path / "system"))
    assert set(host.functions) == MINE
    health = host.http("health")
    assert (health.status, set(json.loads(health.body))) == (503, {"status"})
    assert host.http("start_run", method="POST", body=b'{"pipeline": "nightly"}').status == 400
    assert host.queue_message("blob_events", "[]", UserProperties={}).ok
    assert len(list((tmp_path / "system" / "inbox").iterdir())) == 1


def test_two_timers_of_one_name_do_not_take_the_app_down(indexed: Indexed) -> None:
    """The worker would index nothing at all."""
    second = "  - { pipeline: Nightly, triggers: [ { schedule: '0 0 4 * * *' } ], nodes: [ { name: a, transformer: limit } ] }\n"
    host = indexed(HEAD + ORDERS + second)
    assert set(host.functions) >= MINE


def test_a_function_of_the_authors_that_cannot_be_loaded_does_not_take_the_app_down(indexed: Indexed, tmp_path: Path) -> None:
    """It is indexed and healthy; a run that needs the function is refused with its line."""
    node = "{ name: a, read: { connection: lake, format: csv, path: x }, transformer: mine, params: { n: 1 } }"
    own = f"  - {{ pipeline: own, nodes: [ {node} ] }}\n"
    folder = tmp_path / "wwwroot" / "pipelines" / "transforms"
    folder.mkdir()
    (folder / "mine.py").write_text("import nowhere\n")
    host = indexed(HEAD + ORDERS + own)
    assert set(host.functions) == {*MINE, "timer_nightly"}
    assert host.http("health").status == 200
    answer = host.http("start_run", method="POST", body=b'{"pipeline": "own"}')
    problem = "transforms/mine.py:1:1: the file cannot be loaded: ModuleNotFoundError: No module named 'nowhere'"
    assert (answer.status, json.loads(answer.body)["problems"]) == (400, [problem])


def test_the_app_answers(indexed: Indexed) -> None:
    """Through Azure's own converters: HTTP, a queue message, the dead-letter queue, timers."""
    host = indexed()
    assert json.loads(host.http("health").body)["status"] == "healthy"
    answer = host.http("start_run", method="POST", body=b'{"pipeline": "nightlie"}')
    assert (answer.status, json.loads(answer.body)["error"][:27]) == (400, "unknown pipeline 'nightlie'")
    assert host.http("run_status", route={"id": "f" * 32}).status == 404
    assert host.queue_message("node_runs", "garbage", DeliveryCount=3).ok
    assert host.queue_message("run_finished", b"garbage").ok
    assert host.queue_message("dead_letters", "garbage", MessageId="m", DeadLetterReason="Expired").ok
    assert host.queue_message("blob_events", "[]").ok
    assert host.timer("sweep", past_due=True).ok
    dead = host.functions["health"].call.__globals__["FOLDER"] / "pipelines" / "lake" / "_system" / "dead"
    reasons = sorted(json.loads(file.read_bytes())["reason"] for file in dead.iterdir())
    assert reasons == ["Expired (message m)", "message is not JSON"]


@pytest.mark.parametrize("content", [b"", b"[]", b"7", b"{", b"\xff", b'{"pipeline": "' + b"x" * 65536 + b'"}'])
def test_a_body_that_is_no_object_is_400(indexed: Indexed, content: bytes) -> None:
    """So is one that is too large."""
    answer = indexed().http("start_run", method="POST", body=content)
    assert (answer.status, json.loads(answer.body)) == (400, {"error": "the body must be a JSON object of at most 64 KB"})


def test_a_body_that_is_too_deep_is_400(indexed: Indexed) -> None:
    """It is the caller's mistake."""
    assert indexed().http("start_run", method="POST", body=b"[" * 60_000).status == 400


# ── host.json ──


def test_a_message_is_locked_for_as_long_as_its_function_may_run() -> None:
    """Or another worker gets it while the first one is still at it; the sweep waits longer than both."""
    host = read_host_json(ROOT)
    assert host.function_timeout is not None
    assert host.function_timeout <= host.service_bus.max_auto_lock_renewal
    assert host.function_timeout <= azure.PATIENCE


def test_a_worker_takes_few_messages_and_keeps_none_waiting() -> None:
    """A node may need all the memory that there is; a prefetched message's lock runs out before its turn."""
    bus = json.loads((ROOT / "host.json").read_text())["extensions"]["serviceBus"]
    assert bus["prefetchCount"] == 0
    assert bus["maxConcurrentCalls"] <= 4
    assert bus["autoCompleteMessages"] is True  # after the function, which is after everything that can be repeated
    assert read_host_json(ROOT).function_timeout == timedelta(minutes=30)


def test_failures_and_calls_are_never_sampled_away() -> None:
    """Of logs some may be lost under load, of failures none."""
    sampling = json.loads((ROOT / "host.json").read_text())["logging"]["applicationInsights"]["samplingSettings"]
    assert {"Exception", "Request"} <= set(sampling["excludedTypes"].split(";"))
