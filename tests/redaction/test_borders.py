"""
Every border of the product, a canary driven through each with the real parts.

Standard streams, hooks, warnings and loggers: `test_process.py`. The whole command, the cloud, pages, tables, queues: `test_taint*.py`.
"""

from __future__ import annotations

import html
import json
import traceback
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from odibi_core.config import load_project
from odibi_core.errors import ConfigError
from odibi_core.events import ErrorRecord, NodeFinished, NodeResult
from odibi_core.messages import FinishRun
from odibi_core.redaction import REDACTED
from odibi_core.redaction.self_test import canaries
from tests.hosts.world import HEAD, ORDERS, World

SECRET = "tJ3!kLm9zQ&ü/+x"
AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The project knows the secret by a variable."""
    return World(tmp_path, HEAD.replace("project: shop\n", 'project: shop\ndescription: "${SECRET:-none}"\n') + ORDERS)


def azure(world: World):
    return world.azure(SECRET=SECRET)


def test_the_journal(world: World) -> None:
    """An event is redacted before it is stored."""
    journal = azure(world).app.coordinator.journal
    error = ErrorRecord(code="x", message=f"with {SECRET}", hint=f"see https://a.blob.core.windows.net/c?sig={SECRET[:4]}abcdefgh1234")
    result = NodeResult(status="failed", started_at=AT, finished_at=AT, seconds=0.0, error=error)
    journal.record(NodeFinished(run_id="r" * 32, node="a", attempt=1, result=result, at=AT))
    text = (world.folder / "lake/_system/runs" / ("r" * 32) / "outcome/a.json").read_text()
    assert SECRET not in text
    assert json.loads(text)["result"]["error"]["message"] == f"with {REDACTED}"


def test_a_secret_that_becomes_known_after_the_event(world: World) -> None:
    """A vault is asked in the middle of a run: the reports hold none of it, although the journal of before does."""
    host = azure(world)
    world.land("orders/1.csv", 1, 999)
    host.on_blob_event(world.event("orders/1.csv"))
    while not isinstance(world.queue.sent[0][0], FinishRun):
        command, _ = world.queue.sent.pop(0)
        host.on_node_run(command.model_dump_json().encode(), delivery=1)
    (run,) = (world.folder / "lake/_system/runs").iterdir()
    message = json.loads((run / "outcome/silver.json").read_text())["result"]["error"]["message"]
    assert len(message) > 10
    host.app.redactor.register(message)
    world.work(host)
    pages = "".join(path.read_text() for path in (world.folder / "lake/stories").rglob("*.*"))
    rows = pl.read_delta(str(world.folder / "lake/_system/meta_runs")).rows()
    assert "silver" in pages
    assert html.escape(message) not in pages
    assert message not in pages
    assert message not in str(rows)
    assert REDACTED in str(rows)


def test_commit_metadata(world: World) -> None:
    """What a commit says about itself is read by everybody who may read the table."""
    host = azure(world)
    host.app.redactor.register("landing/orders")
    world.land("orders/1.csv", 1, 2)
    host.on_blob_event(world.event("orders/1.csv"))
    world.work(host)
    told = [entry["odibi"] for entry in DeltaTable(str(world.folder / "lake/bronze")).history() if "odibi" in entry]
    assert told
    assert REDACTED in "".join(told)
    assert "landing/orders" not in "".join(told)


def test_dead_letters(world: World) -> None:
    """Body, reason and what the run is told."""
    host = azure(world)
    host.on_node_run(f"garbage {SECRET}".encode(), delivery=1)
    host.on_dead_letter(b'{"x": 1}', message_id="m", reason=f"MaxDeliveryCountExceeded {SECRET}")
    kept = world.kept("dead")
    assert len(kept) == 2
    assert SECRET not in json.dumps(kept, ensure_ascii=False)
    assert json.dumps(kept).count(REDACTED) == 2


def test_http_answers(world: World) -> None:
    """Whoever asks gets no secret back, not even his own."""
    host = azure(world)
    answers = [
        host.on_start_request({"pipeline": SECRET}),
        host.on_start_request({"pipeline": "orders", SECRET: 1}),
        host.on_start_request({"pipeline": "orders", "nodes": [SECRET]}),
        host.on_status_request(SECRET),
        host.on_health_request(),
    ]
    assert [status for status, _ in answers] == [400, 400, 400, 404, 200]
    assert SECRET not in json.dumps(answers, ensure_ascii=False)


@pytest.mark.parametrize("kind", [ConfigError, ValueError, KeyError])
def test_what_a_handler_raises(world: World, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]) -> None:
    """The host logs it: message, cause, context and traceback."""
    host = azure(world)

    def die(*_: object, **__: object) -> None:
        try:
            raise OSError(f"inner {SECRET}")
        except OSError as error:
            raise kind(f"outer {SECRET}") from error

    monkeypatch.setattr("odibi_core.hosts.azure.sweep", die)
    with pytest.raises(kind) as caught:
        host.on_sweep()
    text = "".join(traceback.format_exception(caught.value))
    assert SECRET not in text
    assert f"outer {REDACTED}" in text
    assert f"inner {REDACTED}" in text


def test_the_repr_of_a_project(world: World) -> None:
    """Whoever logs the configuration logs no secret."""
    (world.folder / "odibi.yaml").write_text(
        HEAD + ORDERS.replace("format: csv,", "format: csv, options: { password: or4nge-9431, token: '${SECRET}' },")
    )
    project = load_project(world.folder / "odibi.yaml", variables={"SECRET": "abcdef123456"})
    shown = repr(project) + repr(project.config) + str(project.config)
    assert "orders" in shown
    assert [text for text in ("or4nge-9431", "abcdef123456") if text in shown] == []


def test_the_self_test_has_something_for_each_layer() -> None:
    """Each canary stands in its text, so that a layer that finds nothing is noticed."""
    known = "0123456789abcdef"
    assert len(canaries(known)) >= 8
    assert all(canary in text for canary, text in canaries(known))
