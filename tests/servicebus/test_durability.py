"""What the emulator acknowledged survives its death."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusReceiver, ServiceBusSender, ServiceBusSubQueue
from azure.servicebus.exceptions import ServiceBusError

from odibi_local.servicebus import EmulatorError, EmulatorProcess
from tests.servicebus.conftest import write_config

QUEUES = {
    "load": {"MaxDeliveryCount": 10},
    "once": {"RequiresDuplicateDetection": True, "DuplicateDetectionHistoryTimeWindow": "PT5M"},
    "s": {"RequiresSession": True},
    "kept": {"MaxDeliveryCount": 10},
}


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[EmulatorProcess]:
    with EmulatorProcess(write_config(tmp_path, QUEUES), tmp_path / "state.db") as process:
        yield process


class _Load:
    """Two senders and a receiver that go on through the deaths of the emulator, and remember what they were told."""

    def __init__(self, client: ServiceBusClient) -> None:
        self.client = client
        self.is_over = threading.Event()
        self.sent: set[str] = set()
        self.tried: set[str] = set()  # completions that were asked for
        self.completed: set[int] = set()  # sequence numbers whose completion was confirmed
        self.threads = [threading.Thread(target=self._send, args=(name,)) for name in "ab"]
        self.threads.append(threading.Thread(target=self._receive))

    def _send(self, name: str) -> None:
        number = 0
        with self.client.get_queue_sender("load") as sender:
            while not self.is_over.is_set():
                number += 1
                try:
                    sender.send_messages(ServiceBusMessage(f"{name}{number}"))
                except ServiceBusError:
                    continue
                self.sent.add(f"{name}{number}")

    def _receive(self) -> None:
        with self.client.get_queue_receiver("load") as receiver:
            while not self.is_over.is_set():
                try:
                    for message in receiver.receive_messages(max_message_count=10, max_wait_time=1):
                        self.tried.add(str(message))
                        receiver.complete_message(message)
                        self.completed.add(message.sequence_number)
                except ServiceBusError:
                    continue


def test_killed_under_load_it_loses_nothing_and_nothing_comes_back(mortal: EmulatorProcess):
    """Kill it twice while two clients send and one completes: every acknowledged message is completed or still there."""
    with ServiceBusClient.from_connection_string(mortal.connection_string) as client:
        load = _Load(client)
        for thread in load.threads:
            thread.start()
        for _ in range(2):
            before = len(load.sent), len(load.completed)
            deadline = time.monotonic() + 30
            while (len(load.sent) < before[0] + 200 or len(load.completed) < before[1] + 50) and time.monotonic() < deadline:
                time.sleep(0.05)
            mortal.kill()
            mortal.restart()
        time.sleep(4)
        load.is_over.set()
        for thread in load.threads:
            thread.join()
        mortal.kill()
        mortal.restart()
    with ServiceBusClient.from_connection_string(mortal.connection_string) as client:
        left = _drain(client)
    assert len(load.sent) > 400
    assert len(load.completed) > 100
    assert load.sent - load.tried - {body for _, body in left} == set()
    assert load.completed & {number for number, _ in left} == set()
    assert len(load.tried) - len(load.completed) <= 3 * 10, "only what was under way at a death may be open"


def _drain(client: ServiceBusClient) -> list[tuple[int, str]]:
    left = []
    with client.get_queue_receiver("load", receive_mode="receiveanddelete") as receiver:
        while messages := receiver.receive_messages(max_message_count=500, max_wait_time=1):
            left += [(message.sequence_number, str(message)) for message in messages]
    return left


def test_everything_it_knows_survives(mortal: EmulatorProcess):
    """Dead letters, deferred and scheduled messages, delivery counts, seen ids, session states and sequence numbers."""
    due = datetime.now(UTC) + timedelta(minutes=30)
    with ServiceBusClient.from_connection_string(mortal.connection_string, keep_alive=0) as client:
        with client.get_queue_sender("kept") as sender, client.get_queue_receiver("kept") as receiver:
            _leave_one_of_each(sender, receiver, due)
        with client.get_queue_sender("once") as sender:
            sender.send_messages(ServiceBusMessage("x", message_id="1"))
        with client.get_queue_receiver("s", session_id="one") as receiver:
            receiver.session.set_state(b"state")
        before = mortal.queues()
    mortal.kill()
    mortal.restart()
    assert before["kept"] == {"active": 1, "scheduled": 1, "deferred": 1, "dead_lettered": 1, "locked": 0}
    assert mortal.queues() == before
    with ServiceBusClient.from_connection_string(mortal.connection_string, keep_alive=0) as client:
        with client.get_queue_sender("once") as sender:
            sender.send_messages(ServiceBusMessage("x", message_id="1"))
        assert mortal.queues()["once"]["active"] == 1
        with client.get_queue_receiver("s", session_id="one") as receiver:
            assert receiver.session.get_state() == b"state"
        with client.get_queue_sender("kept") as sender, client.get_queue_receiver("kept") as receiver:
            assert sender.schedule_messages(ServiceBusMessage("next"), due) == [6]
            (deferred,) = receiver.receive_deferred_messages(2)
            (abandoned,) = receiver.receive_messages(max_wait_time=5)
            assert (str(deferred), str(abandoned), abandoned.delivery_count) == ("deferred", "abandoned", 1)
        with client.get_queue_receiver("kept", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
            (dead,) = receiver.receive_messages(max_wait_time=5)
            assert (str(dead), dead.dead_letter_reason, dead.sequence_number) == ("dead", "why", 3)


def _leave_one_of_each(sender: ServiceBusSender, receiver: ServiceBusReceiver, due: datetime) -> None:
    sender.send_messages([ServiceBusMessage(name) for name in ("abandoned", "deferred", "dead", "completed")])
    sender.schedule_messages(ServiceBusMessage("scheduled"), due)
    messages = []
    while len(messages) < 4:
        messages += receiver.receive_messages(max_message_count=4, max_wait_time=5)
    abandoned, deferred, dead, completed = messages
    receiver.abandon_message(abandoned)
    receiver.defer_message(deferred)
    receiver.dead_letter_message(dead, reason="why")
    receiver.complete_message(completed)


def test_long_lived_clients_go_on_after_a_restart(mortal: EmulatorProcess):
    """The same sender and receiver objects work again, with the client's own retries; a stop is as good as a death."""
    with (
        ServiceBusClient.from_connection_string(mortal.connection_string) as client,
        client.get_queue_sender("load") as sender,
        client.get_queue_receiver("load") as receiver,
    ):
        for round_number in range(2):
            sender.send_messages(ServiceBusMessage(f"{round_number}"))
            (message,) = receiver.receive_messages(max_wait_time=15)
            receiver.complete_message(message)
            assert str(message) == f"{round_number}"
            if round_number == 0:
                mortal.restart()


def test_a_state_file_belongs_to_one_process(mortal: EmulatorProcess, tmp_path: Path):
    """A second emulator on the same file does not start, and says why."""
    with pytest.raises(EmulatorError, match="another emulator"):
        EmulatorProcess(tmp_path / "Config.json", tmp_path / "state.db").start()
    assert mortal.queues()["load"]["active"] == 0


def test_a_file_of_something_else_is_left_alone(tmp_path: Path):
    """The emulator refuses it instead of writing into it."""
    other = tmp_path / "notes.db"
    other.write_bytes(b"these are my notes, not a database" * 100)
    with pytest.raises(EmulatorError, match=r"notes\.db"):
        EmulatorProcess(write_config(tmp_path, QUEUES), other).start()
    assert other.read_bytes() == b"these are my notes, not a database" * 100
