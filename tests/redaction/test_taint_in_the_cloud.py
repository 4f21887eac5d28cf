"""The same canaries in the whole cloud on this machine: host, queues and storage are searched when all is done."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage

from tests.cloud.world import PROJECT as CLOUD_PROJECT
from tests.cloud.world import World
from tests.redaction import taint
from tests.redaction.taint import PASSWORD, PROJECT, TOKEN, contents, environment, hits, rows, write_project

pytestmark = pytest.mark.cloud
_LOCAL = "{{ type: local, base_path: ./{0} }}"
_SIGN_IN = '{{ mode: connection_string, connection_string: "${{ODIBI_STORAGE}}" }}'
_BLOBS = f"{{{{ type: azure_blob, account_name: devstoreaccount1, container: {{0}}, auth: {_SIGN_IN} }}}}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The project of the canaries, with its landing zone and its lake in Azurite."""
    text = PROJECT.replace("path: _system", "path: _odibi_system")
    for name in ("landing", "lake"):
        assert _LOCAL.format(name) in text
        text = text.replace(_LOCAL.format(name), _BLOBS.format(name))
    project = write_project(tmp_path_factory.mktemp("project"), text)
    shutil.copy(CLOUD_PROJECT / "function_app.py", project)
    with World(tmp_path_factory.mktemp("world"), project=project, environment=environment("row")) as opened:
        yield opened


def blobs(world: World) -> Iterator[tuple[str, str]]:
    """Every object of the lake as text, Parquet decoded, too."""
    for name in world.names():
        data = world.read(name)
        yield f"lake/{name}", data.decode("utf-8", "replace")
        if name.endswith(".parquet"):
            yield f"lake/{name} (decoded)", "\n".join(map(str, pl.read_parquet(io.BytesIO(data)).rows()))


def test_no_canary_is_left_anywhere(world: World) -> None:
    """Runs that succeed, that fail by data and by a secret in an exception; requests and messages that hold secrets."""
    world.upload("orders/good.csv", rows(1, 2))
    world.upload("orders/check.csv", rows(999))
    world.upload("orders/raises.csv", rows(13))
    ended = world.wait_ended(3, seconds=120)
    assert sorted(ended.values()) == ["failed", "failed", "succeeded"]
    answers = [
        world.call("POST", "/api/runs", {"pipeline": TOKEN}),
        world.call("POST", "/api/runs", {"pipeline": "orders", "key": TOKEN, "nodes": [TOKEN]}),
        world.call("POST", "/api/runs", f"password={PASSWORD}".encode()),
        world.call("GET", f"/api/runs/{TOKEN}"),
        world.call("GET", "/api/health"),
        *(world.call("GET", f"/api/runs/{run}") for run in ended),
    ]
    with (
        ServiceBusClient.from_connection_string(world.cloud.service_bus_connection) as client,
        client.get_queue_sender("node-runs") as sender,
    ):
        sender.send_messages(ServiceBusMessage(f"garbage with {TOKEN} and {PASSWORD}"))
    world.wait(world.kept_dead, "the message to be given up")
    world.sweep()
    world.wait_reported(3, seconds=120)
    world.wait_idle()

    assert "printed [REDACTED]" in world.log.text
    lake = list(blobs(world))
    private = [(name, text) for name, text in lake if taint.is_data(name.replace("_odibi_system", "_system"))]
    assert len(lake) - len(private) > 30
    public = [pair for pair in lake if pair not in private]
    assert hits([*public, ("log", world.log.text), ("answers", repr(answers))]) == []
    assert hits(private, mail=False) == []
    # Beside the blobs: the queues' database, what the host keeps. Pages of deleted messages are not looked at, only rows.
    beside = [
        (name, text) for name, text in contents(world.folder / "cloud") if ".sqlite" not in Path(name).name or name.endswith("(rows)")
    ]
    assert any("service-bus.sqlite" in name for name, _ in beside)
    assert hits(beside, mail=False) == []
