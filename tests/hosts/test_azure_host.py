"""The handlers behind the triggers: one event, one command; nothing lost while the project is broken or a service is away."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from odibi_core.bootstrap import Settings, build
from odibi_core.errors import ConfigError, TransientServiceError
from odibi_core.hosts.azure import OUTAGE_TRIES, AzureHost
from odibi_core.hosts.requests import requested
from odibi_core.messages import FinishRun, RunNode
from tests.hosts.world import ACCOUNT, HEAD, ORDERS, SentMessages, World, blob_created

BROKEN = HEAD + ORDERS.replace("mode: append", "mood: append")
UNKNOWN = "f" * 32


def body(command: RunNode | FinishRun) -> bytes:
    return command.model_dump_json().encode()


class Flaky:
    """Something whose method fails a few times, as when its service is away."""

    def __init__(self, real: Any, method: str, failures: int) -> None:
        self._real, self._method, self.failures = real, method, failures

    def __getattr__(self, name: str) -> Any:
        if name == self._method and self.failures:
            self.failures -= 1
            raise TransientServiceError("the store is away")
        return getattr(self._real, name)


def flaky(host: AzureHost, part: str, method: str, failures: int) -> AzureHost:
    """The same host, a part of whose app is away for a while."""
    app = replace(host.app, **{part: Flaky(getattr(host.app, part), method, failures)})
    return AzureHost(app, pause=host.pause)


# ── files ──


def test_a_file_becomes_rows_once_however_often_it_is_announced(world: World) -> None:
    """Its event starts a run; the same event in another worker finds that run."""
    world.land("orders/a.csv", 1, 2)
    event = world.event("orders/a.csv")
    host = world.azure()
    host.on_blob_event(event)
    assert world.work(host) == ["bronze", "silver"]
    for again in (host, world.azure()):
        again.on_blob_event(event)
        world.work(again)
    assert (world.rows("bronze"), world.rows("silver", "twice"), world.statuses()) == ([1, 2], [2, 4], ["succeeded"])
    assert (world.versions("bronze"), world.versions("silver")) == (2, 2)  # created empty, then written


def test_a_rewritten_file_is_another_run(world: World) -> None:
    """It is another version."""
    host = world.azure()
    for numbers in ((1,), (2, 3)):
        world.land("orders/a.csv", *numbers)
        host.on_blob_event(world.event("orders/a.csv"))
        world.work(host)
    assert (world.rows("bronze"), len(world.plans())) == ([1, 2, 3], 2)


@pytest.mark.parametrize("url", [f"{ACCOUNT}/elsewhere/orders/a.csv", "https://other.blob.core.windows.net/landing/orders/a.csv", "no url"])
def test_an_event_of_an_unknown_container_is_dropped(world: World, caplog: pytest.LogCaptureFixture, url: str) -> None:
    """With a line in the log that does not name it."""
    with caplog.at_level(logging.WARNING):
        world.azure().on_blob_event(blob_created(url))
    assert (world.queue.sent, world.plans(), world.kept("dead")) == ([], [], [])
    assert caplog.messages == ["an event of a container that no connection names was dropped"]


def test_an_event_that_no_trigger_wants_is_dropped(world: World) -> None:
    """The container is known, the path is not."""
    world.azure().on_blob_event(blob_created(f"{ACCOUNT}/landing/customers/a.csv"))
    assert (world.queue.sent, world.plans(), world.kept("dead")) == ([], [], [])


def test_an_event_that_is_garbage_is_kept_with_its_reason(world: World) -> None:
    """Circling in the queue would help nobody."""
    host = world.azure()
    for _ in range(2):
        host.on_blob_event(b"garbage")
    assert world.kept("dead") == [{"reason": "event is not JSON", "hint": "", "size_bytes": 7, "body": "garbage"}]
    assert world.queue.sent == []


def test_an_event_waits_while_the_store_is_away(world: World) -> None:
    """In place: an abandoned message would come back at once, ten times, and be dead."""
    world.land("orders/a.csv", 1)
    host = flaky(world.azure(), "coordinator", "start_run", 3)
    host.on_blob_event(world.event("orders/a.csv"))
    assert (world.pauses, len(world.plans())) == ([2, 5, 10], 1)


def test_an_outage_that_does_not_end_is_left_to_the_broker(world: World) -> None:
    """After about ten minutes: within the time-out of the function."""
    world.land("orders/a.csv", 1)
    host = flaky(world.azure(), "coordinator", "start_run", 99)
    with pytest.raises(TransientServiceError):
        host.on_blob_event(world.event("orders/a.csv"))
    assert len(world.pauses) == OUTAGE_TRIES - 1
    assert timedelta(minutes=8) < timedelta(seconds=sum(world.pauses)) < timedelta(minutes=12)


# ── a broken project ──


def test_events_are_kept_while_the_project_is_broken_and_the_sweep_brings_them_back(world: World) -> None:
    """Each once; nothing is started by the broken one, and nothing twice by the whole one."""
    world.land("orders/a.csv", 1)
    world.land("orders/b.csv", 2)
    world.write(BROKEN)
    host = world.azure()
    for name in ("orders/a.csv", "orders/b.csv", "orders/a.csv"):
        host.on_blob_event(world.event(name))
    host.on_blob(f"{ACCOUNT}/landing/orders/a.csv")
    host.on_sweep()
    assert (len(world.kept("inbox")), world.queue.sent, world.plans()) == (2, [], [])
    world.write(HEAD + ORDERS)
    host = world.azure()
    host.on_sweep()
    assert (world.kept("inbox"), len(world.plans())) == ([], 2)
    world.work(host)
    host.on_sweep()
    assert (world.rows("bronze"), world.statuses(), world.queue.sent) == ([1, 2], ["succeeded", "succeeded"], [])


def test_garbage_in_the_inbox_does_not_stop_the_sweep(world: World) -> None:
    """It is buried, and the file that came with it is processed."""
    world.land("orders/a.csv", 1)
    world.write(BROKEN)
    host = world.azure()
    host.on_blob_event(b"garbage")
    host.on_blob_event(world.event("orders/a.csv"))
    world.write(HEAD + ORDERS)
    world.azure().on_sweep()
    assert (world.kept("inbox"), len(world.kept("dead")), len(world.plans())) == ([], 1, 1)


def test_runs_under_way_go_on_while_the_project_is_broken(world: World) -> None:
    """By their frozen plan."""
    world.land("orders/a.csv", 1)
    world.azure().on_blob_event(world.event("orders/a.csv"))
    world.write(BROKEN)
    assert world.work(world.azure()) == ["bronze", "silver"]
    assert (world.rows("silver", "twice"), world.statuses()) == ([2], ["succeeded"])


def test_a_broken_project_refuses_what_is_new(world: World) -> None:
    """Health says that, a request hears why; health tells a stranger nothing."""
    world.write(BROKEN)
    host = world.azure()
    assert host.on_health_request()[0] == 503
    assert "mood" not in str(host.on_health_request())
    status, answer = host.on_start_request({"pipeline": "nightly"})
    assert status == 400
    assert "mood" in str(answer["problems"])
    with pytest.raises(ConfigError):
        host.on_timer("nightly", datetime(2026, 3, 1, 3, tzinfo=UTC))


@pytest.mark.parametrize("text", ["project: [", "", "project: shop\nconnections: 7\n"])
def test_of_a_yaml_that_is_no_project_at_all_a_setting_says_where_the_system_store_is(tmp_path: Path, text: str) -> None:
    """Or the app cannot be built."""
    (tmp_path / "odibi.yaml").write_text(text)
    settings = Settings(project_file=tmp_path / "odibi.yaml", environment={})
    with pytest.raises(ConfigError):
        build(settings, queue=SentMessages())
    app = build(replace(settings, environment={"ODIBI_SYSTEM_URI": str(tmp_path / "system")}), queue=SentMessages())
    AzureHost(app).on_blob_event(b"kept")
    assert len(list((tmp_path / "system" / "inbox").iterdir())) == 1


# ── the sweep ──


def test_the_sweep_finds_files_whose_event_was_lost(world: World) -> None:
    """And those of a worker that died; what is done it leaves alone."""
    world.land("orders/a.csv", 1)
    world.land("orders/ignored.txt", 9)
    for _ in range(2):
        host = world.azure()
        host.on_sweep()
        world.work(host)
    assert (world.rows("bronze"), len(world.plans())) == ([1], 1)


def test_the_sweep_wakes_a_node_whose_message_was_lost(world: World) -> None:
    """After its patience, as a new message; before that it leaves a run alone."""
    world.land("orders/a.csv", 1)
    world.azure().on_blob_event(world.event("orders/a.csv"))
    world.queue.sent.clear()
    assert world.azure().on_sweep().woken == 0
    world.clock.now += timedelta(minutes=36)
    swept = world.azure().on_sweep()
    assert (swept.runs, swept.woken) == (1, 1)
    assert [(command.node, command.resend) for command, _ in world.queue.sent if command.resend] == [("bronze", 1)]
    world.work(world.azure())
    assert (world.rows("bronze"), world.rows("silver")) == ([1], [1])


def test_the_sweep_starts_a_run_whose_worker_died_before_its_plan(world: World) -> None:
    """It took the file, so nobody else will."""
    world.land("orders/a.csv", 1)
    host = world.azure()
    (command,) = requested(host.app, "orders")
    assert host.app.coordinator.ledger.claim(command) == command  # and here it dies
    host = world.azure()
    host.on_sweep()
    world.work(host)
    assert (world.rows("bronze"), [plan["run_id"] for plan in world.plans()]) == ([1], [command.run_id])


def test_the_sweep_leaves_the_runs_of_another_project_alone(world: World) -> None:
    """They may share a system store; its files would go into the wrong tables."""
    world.land("orders/a.csv", 1)
    host = world.azure()
    (command,) = requested(host.app, "orders")
    host.app.coordinator.ledger.claim(command)
    world.write(world.written.replace("project: shop", "project: store").replace("path: orders/", "path: other/"))
    world.azure().on_sweep()
    assert [plan["project"] for plan in world.plans() if plan["project"] == "shop"] == []


# ── the timer ──


def test_a_timer_that_fires_late_and_twice_is_one_run(world: World) -> None:
    """The run belongs to the time it was due for."""
    world.land("copy.csv", 7)
    host = world.azure()
    host.on_timer("nightly", datetime(2026, 3, 1, 3, 0, 0, 200, tzinfo=UTC))
    host.on_timer("nightly", datetime(2026, 3, 1, 9, 30, tzinfo=UTC))
    world.work(host)
    (plan,) = world.plans()
    assert plan["cause"] == {"kind": "timer", "scheduled_time": "2026-03-01T03:00:00Z"}
    assert world.rows("copy") == [7]
    host.on_timer("nightly", datetime(2026, 3, 2, 3, tzinfo=UTC))
    assert len(world.plans()) == 2


# ── HTTP ──


def test_a_request_starts_a_run_and_says_where_to_ask(world: World) -> None:
    """The same key is the same run; the status tells each node."""
    world.land("copy.csv", 7, 8)
    host = world.azure()
    status, answer = host.on_start_request({"pipeline": "nightly", "key": "today"})
    assert (status, answer["pipeline"], answer["status_url"]) == (202, "nightly", f"runs/{answer['run_id']}")
    assert host.on_start_request({"pipeline": "nightly", "key": "today"}) == (status, answer)
    assert host.on_start_request({"pipeline": "nightly", "key": "another"})[1]["run_id"] != answer["run_id"]
    run_id = str(answer["run_id"])
    waiting = {"node": "copy", "status": "waiting", "rows": None, "error": None}
    assert host.on_status_request(run_id) == (200, {"run_id": run_id, "pipeline": "nightly", "status": "running", "nodes": [waiting]})
    world.work(host)
    done = {"node": "copy", "status": "succeeded", "rows": 2, "error": None}
    assert host.on_status_request(run_id) == (200, {"run_id": run_id, "pipeline": "nightly", "status": "succeeded", "nodes": [done]})


def test_the_status_of_a_failed_run_names_the_failure_and_what_was_skipped(world: World) -> None:
    """With no value of the data."""
    world.land("orders/a.csv", 1, 1000)
    host = world.azure()
    status, answer = host.on_start_request({"pipeline": "orders"})
    world.work(host)
    status, told = host.on_status_request(str(answer["run_id"]))
    assert (status, told["status"]) == (200, "failed")
    bronze, silver = told["nodes"]
    assert (bronze["status"], silver["status"], silver["error"]["code"]) == ("succeeded", "failed", "check_failed")
    assert "1000" not in str(told)


def test_a_request_for_files_takes_those_that_wait(world: World) -> None:
    """None is no run and no error; single nodes run on what was written last."""
    host = world.azure()
    assert host.on_start_request({"pipeline": "orders"}) == (200, {"run_id": None, "message": "no new files"})
    world.land("orders/a.csv", 1)
    assert host.on_start_request({"pipeline": "orders"})[0] == 202
    world.work(host)
    assert host.on_start_request({"pipeline": "orders"}) == (200, {"run_id": None, "message": "no new files"})
    assert host.on_start_request({"pipeline": "orders", "nodes": ["silver"]})[0] == 202
    assert world.work(host) == ["silver"]
    assert world.rows("silver") == [1, 1]


@pytest.mark.parametrize(
    ("request_body", "error"),
    [
        ({}, "the request needs 'pipeline', and may have 'key' and 'nodes'. Unknown: none."),
        ({"pipeline": 7}, "the request needs 'pipeline', and may have 'key' and 'nodes'. Unknown: none."),
        ({"pipeline": "nightly", "node": "x"}, "the request needs 'pipeline', and may have 'key' and 'nodes'. Unknown: node."),
        ({"pipeline": "nightlie"}, "unknown pipeline 'nightlie'. Did you mean 'nightly'? Known: orders, nightly."),
        ({"pipeline": "nightly", "nodes": "copy"}, "'nodes' must be a list of names"),
        ({"pipeline": "nightly", "nodes": [7]}, "'nodes' must be a list of names"),
        ({"pipeline": "nightly", "nodes": ["cop"]}, "pipeline 'nightly' has no node 'cop'. Did you mean 'copy'? Known: copy."),
        pytest.param({"pipeline": "nightly", "nodes": []}, "'nodes' must be a list of names"),
    ],
)
def test_a_wrong_request_is_400_with_the_reason(world: World, request_body: dict[str, Any], error: str) -> None:
    """And starts nothing."""
    status, answer = world.azure().on_start_request(request_body)
    assert (status, answer) == (400, {"error": error, "problems": [error]})
    assert (world.plans(), world.queue.sent) == ([], [])


@pytest.mark.parametrize("run_id", ["", UNKNOWN, "../plan", "a/b", "x" * 41, "ü" * 20])
def test_a_run_that_is_not_there_is_404(world: World, run_id: str) -> None:
    """Whatever is asked for."""
    assert world.azure().on_status_request(run_id) == (404, {"error": "no such run"})


def test_health_is_200_with_its_word(world: World) -> None:
    """And nothing else: anybody may ask."""
    assert world.azure().on_health_request() == (200, {"status": "healthy"})


# ── messages ──


@pytest.mark.parametrize(("resend", "delay"), [(0, 2), (1, 5), (5, 60)])
def test_a_message_that_came_too_early_is_sent_again_for_later(world: World, resend: int, delay: int) -> None:
    """A run without a plan: its message may have overtaken it."""
    command = RunNode(run_id=UNKNOWN, node="a", attempt=2, resend=resend)
    world.azure().on_node_run(body(command), delivery=1)
    assert world.queue.sent == [(command.model_copy(update={"resend": resend + 1}), timedelta(seconds=delay))]
    assert world.kept("dead") == []


def test_a_message_of_a_run_that_never_was_is_given_up(world: World) -> None:
    """After a minute."""
    world.azure().on_node_run(body(RunNode(run_id=UNKNOWN, node="a", resend=6)), delivery=1)
    assert world.queue.sent == []
    assert [kept["reason"] for kept in world.kept("dead")] == [f"run {UNKNOWN} does not exist"]


@pytest.mark.parametrize("handler", ["on_node_run", "on_run_finished"])
def test_while_a_service_is_away_messages_are_sent_again_for_later(world: World, handler: str) -> None:
    """With the next number, so that duplicate detection lets them pass."""
    node, finish = RunNode(run_id=UNKNOWN, node="a"), FinishRun(run_id=UNKNOWN, resend=3)
    method, command = ("run_node", node) if handler == "on_node_run" else ("finish_run", finish)
    host = flaky(world.azure(), "coordinator", method, 1)
    if handler == "on_node_run":
        host.on_node_run(body(command), delivery=1)
    else:
        host.on_run_finished(body(command))
    again = command.model_copy(update={"resend": command.resend + 1})
    assert world.queue.sent == [(again, timedelta(seconds={0: 2, 3: 20}[command.resend]))]
    assert again.message_id != command.message_id
    assert world.pauses == []


@pytest.mark.parametrize(
    ("handler", "content", "reason"),
    [
        ("on_node_run", b"garbage", "message is not JSON"),
        ("on_node_run", body(FinishRun(run_id=UNKNOWN)), "a message of another kind is in the queue of node runs"),
        ("on_run_finished", b"[]", "message is not a JSON object"),
        ("on_run_finished", body(RunNode(run_id=UNKNOWN, node="a")), "a message of another kind is in the queue of finished runs"),
    ],
)
def test_a_message_that_can_never_be_processed_is_kept_with_its_reason(world: World, handler: str, content: bytes, reason: str) -> None:
    """At once, without an exception that would bring it back."""
    host = world.azure()
    if handler == "on_node_run":
        host.on_node_run(content, delivery=1)
    else:
        host.on_run_finished(content)
    (kept,) = world.kept("dead")
    assert (kept["reason"], kept["size_bytes"], kept["body"]) == (reason, len(content), content.decode())


def test_a_dead_letter_ends_its_run(world: World) -> None:
    """The node failed, what stands behind it is skipped, and reports are asked for; another dead letter changes nothing."""
    world.land("orders/a.csv", 1)
    host = world.azure()
    host.on_blob_event(world.event("orders/a.csv"))
    ((command, _),) = world.queue.sent
    world.queue.sent.clear()
    for _ in range(2):
        host.on_dead_letter(body(command), message_id="m-1", reason="MaxDeliveryCountExceeded")
    assert world.statuses() == ["failed"]
    ((finish, _),) = world.queue.sent
    assert finish == FinishRun(run_id=command.run_id)
    (kept,) = world.kept("dead")
    assert (kept["reason"], json.loads(kept["body"])["node"]) == ("MaxDeliveryCountExceeded (message m-1)", "bronze")
    nodes = host.on_status_request(command.run_id)[1]["nodes"]
    assert [(node["node"], node["status"]) for node in nodes] == [("bronze", "failed"), ("silver", "skipped")]
    assert nodes[0]["error"]["code"] == "dead_lettered"
    world.work(host)
    assert world.rows("bronze") == []


def test_the_next_file_is_not_hindered_by_a_dead_letter(world: World) -> None:
    """The table of the node that was given up was closed to that node only; its columns are those of the rows."""
    world.land("orders/a.csv", 1)
    host = world.azure()
    host.on_blob_event(world.event("orders/a.csv"))
    ((command, _),) = world.queue.sent
    host.on_dead_letter(body(command), message_id="m-1", reason="")
    world.land("orders/b.csv", 2)
    host.on_blob_event(world.event("orders/b.csv"))
    world.work(host)
    assert (world.statuses(), world.rows("bronze"), world.rows("silver", "twice")) == (["failed", "succeeded"], [2], [4])
    assert world.columns("bronze") == ["i"]


def test_a_dead_letter_of_a_node_that_had_written_tells_its_success(world: World) -> None:
    """The worker died between its commit and its record: the rows are in, and the run goes on."""
    world.land("orders/a.csv", 1)
    host = world.azure()
    host.on_blob_event(world.event("orders/a.csv"))
    ((command, _),) = world.queue.sent
    world.queue.sent.clear()
    coordinator = host.app.coordinator
    plan = coordinator.journal.plan(command.run_id)
    assert coordinator.execute(plan, plan.node("bronze"), 1).status == "succeeded"  # and here it dies
    host.on_dead_letter(body(command), message_id="m-1", reason="")
    assert world.work(host) == ["silver"]
    assert (world.statuses(), world.rows("bronze"), world.rows("silver")) == (["succeeded"], [1], [1])


@pytest.mark.parametrize("changes", [{"version": 2}, {"attempt": 5000}, {"resend": "many"}])
def test_a_damaged_message_ends_the_run_that_it_names(world: World, changes: dict[str, object]) -> None:
    """As much as can be made out of it counts."""
    world.land("orders/a.csv", 1)
    host = world.azure()
    host.on_blob_event(world.event("orders/a.csv"))
    ((command, _),) = world.queue.sent
    world.queue.sent.clear()
    host.on_node_run(json.dumps({**json.loads(command.model_dump_json()), **changes}).encode(), delivery=1)
    assert (world.statuses(), len(world.kept("dead"))) == (["failed"], 1)


def test_a_message_of_an_unknown_node_ends_what_waits(world: World) -> None:
    """The message of a node that was renamed in the store by hand, say: the run must not wait for ever."""
    world.land("orders/a.csv", 1)
    host = world.azure()
    host.on_blob_event(world.event("orders/a.csv"))
    ((command, _),) = world.queue.sent
    host.on_node_run(body(command.model_copy(update={"node": "brnze"})), delivery=1)
    assert world.statuses() == ["failed"]


def test_the_queue_being_away_too_is_left_to_the_broker(world: World) -> None:
    """Then the message may come back at once: there is nowhere to put it."""
    host = flaky(world.azure(), "coordinator", "run_node", 1)

    class Away:
        def send(self, *_: object, **__: object) -> None:
            raise TransientServiceError("the queue is away")

    host.app.coordinator._real.__dict__["queue"] = Away()  # the coordinator is frozen
    with pytest.raises(TransientServiceError):
        host.on_node_run(body(RunNode(run_id=UNKNOWN, node="a")), delivery=1)
