"""Toy apps, a place to collect log lines, and one Azurite and one Service Bus emulator for the whole folder."""

from __future__ import annotations

import json
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusReceivedMessage

from odibi_local.azurite import AzuriteProcess
from odibi_local.cloud import write_queues
from odibi_local.functions_host import LogLine

if TYPE_CHECKING:
    from odibi_local.servicebus import EmulatorProcess

WriteApp = Callable[..., Path]


@pytest.fixture
def write_app(tmp_path: Path) -> WriteApp:
    """Return a function that writes an app folder: the body of function_app.py after its imports, and host.json."""

    def write(body: str, host: dict | None = None) -> Path:
        folder = tmp_path / "app"
        folder.mkdir(exist_ok=True)
        head = "import logging, os, time\nimport azure.functions as func\napp = func.FunctionApp(func.AuthLevel.ANONYMOUS)\n"
        (folder / "function_app.py").write_text(head + textwrap.dedent(body))
        (folder / "host.json").write_text(json.dumps({"version": "2.0", **(host or {})}))
        return folder

    return write


class Lines:
    """A log sink that keeps its lines and can wait for one."""

    def __init__(self) -> None:
        self.all: list[LogLine] = []

    def __call__(self, line: LogLine) -> None:
        self.all.append(line)

    def messages(self, kind: str) -> list[str]:
        return [line.message for line in self.all if line.kind == kind]

    def wait_for(self, text: str, *, times: int = 1, seconds: float = 20) -> LogLine:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = [line for line in list(self.all) if text in line.message]
            if len(found) >= times:
                return found[times - 1]
            time.sleep(0.01)
        raise AssertionError(f"{text!r} was not logged {times} times in {seconds} s: {[line.message for line in self.all]}")


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzuriteProcess]:
    """One Azurite for all tests; each uses containers of its own."""
    with AzuriteProcess(location=tmp_path_factory.mktemp("azurite")) as process:
        yield process


# Each test that uses a queue has its own, so that no test sees another's messages.
QUEUES = (
    "plain",
    "failing",
    "slow",
    "killed",
    "many",
    "batch",
    "relay-in",
    "relay-out",
    "drain",
    "restart",
    "quick",
    "events",
    "chaos",
)


@pytest.fixture(scope="session")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    """One Service Bus emulator for all tests: locks of five seconds, three deliveries."""
    from odibi_local.servicebus import EmulatorProcess

    folder = tmp_path_factory.mktemp("bus")
    config = write_queues(folder / "Config.json", QUEUES, LockDuration="PT5S", MaxDeliveryCount=3)
    with EmulatorProcess(config=config, state=folder / "state.sqlite") as emulator:
        yield emulator


class Queue:
    """One queue seen from outside: send to it, and look whether it is empty."""

    def __init__(self, client: ServiceBusClient, name: str) -> None:
        self._sender = client.get_queue_sender(name)
        self._receiver = client.get_queue_receiver(name)

    def send(self, *messages: ServiceBusMessage) -> None:
        self._sender.send_messages(list(messages))

    def peek(self) -> list[str]:
        return [str(message) for message in self._receiver.peek_messages(max_message_count=50)]

    def wait_until_empty(self, seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while self.peek():
            assert time.monotonic() < deadline, f"still there: {self.peek()}"
            time.sleep(0.05)

    def receive(self, count: int, seconds: float = 10) -> list[ServiceBusReceivedMessage]:
        found: list[ServiceBusReceivedMessage] = []
        deadline = time.monotonic() + seconds
        while len(found) < count and time.monotonic() < deadline:
            for message in self._receiver.receive_messages(max_message_count=count - len(found), max_wait_time=1):
                self._receiver.complete_message(message)
                found.append(message)
        return found


@pytest.fixture
def open_queue(bus: EmulatorProcess) -> Iterator[Callable[[str], Queue]]:
    """Return a function that opens a queue of the emulator."""
    with ServiceBusClient.from_connection_string(bus.connection_string) as client:
        yield lambda name: Queue(client, name)
