"""One emulator per test module, with the queues that the module names in QUEUES, and the real client to talk to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusReceiver, ServiceBusSender

from odibi_local.servicebus import EmulatorProcess


def config_document(queues: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The Config.json with these queues."""
    entries = [{"Name": name, "Properties": dict(properties)} for name, properties in queues.items()]
    namespace = {"Name": "sbemulatorns", "Queues": entries, "Topics": []}
    return {"UserConfig": {"Namespaces": [namespace], "Logging": {"Type": "File"}}}


def write_config(folder: Path, queues: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write the Config.json with these queues and return where."""
    path = folder / "Config.json"
    path.write_text(json.dumps(config_document(queues)))
    return path


@pytest.fixture(scope="module")
def emulator(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    folder = tmp_path_factory.mktemp("servicebus")
    with EmulatorProcess(write_config(folder, request.module.QUEUES), folder / "state.db") as process:
        yield process


@pytest.fixture(scope="module")
def client(emulator: EmulatorProcess) -> Iterator[ServiceBusClient]:
    # Without a keep-alive thread in its senders the client closes up to a second faster.
    with ServiceBusClient.from_connection_string(emulator.connection_string, retry_total=0, keep_alive=0) as open_client:
        yield open_client


Lane = Callable[[str], tuple[ServiceBusSender, ServiceBusReceiver]]


@pytest.fixture(scope="module")
def lane(client: ServiceBusClient) -> Iterator[Lane]:
    """Open a sender and a receiver on a queue. The client takes a second to close one: they are closed together, at the end."""
    opened: list[ServiceBusSender | ServiceBusReceiver] = []

    def open_both(queue: str) -> tuple[ServiceBusSender, ServiceBusReceiver]:
        sender, receiver = client.get_queue_sender(queue), client.get_queue_receiver(queue)
        opened.extend((sender, receiver))
        list(pool.map(lambda each: each.__enter__(), (sender, receiver)))
        return sender, receiver

    with ThreadPoolExecutor(30) as pool:
        yield open_both
        list(pool.map(lambda each: each.close(), opened))
