"""Messages that are put aside, and messages that are only looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusMessageState, ServiceBusReceiveMode
from azure.servicebus.exceptions import MessageNotFoundError

from odibi_local.servicebus import EmulatorProcess
from tests.servicebus.conftest import Lane

QUEUES = {"aside": {}, "looked": {}}


def test_a_deferred_message_is_received_by_its_number_only(client: ServiceBusClient, lane: Lane, emulator: EmulatorProcess):
    """It can be abandoned, dead-lettered, completed, or received and deleted; abandoned, it stays deferred."""
    sender, receiver = lane("aside")
    sender.send_messages([ServiceBusMessage(f"{number}") for number in range(3)])
    messages = []
    while len(messages) < 3:
        messages += receiver.receive_messages(max_message_count=3, max_wait_time=5)
    for message in messages:
        receiver.defer_message(message)
    assert receiver.receive_messages(max_wait_time=0.5) == []
    assert emulator.queues()["aside"] == {"active": 0, "scheduled": 0, "deferred": 3, "dead_lettered": 0, "locked": 0}
    (first,) = receiver.receive_deferred_messages(1)
    assert (str(first), first.state) == ("0", ServiceBusMessageState.DEFERRED)
    with pytest.raises(MessageNotFoundError):
        receiver.receive_deferred_messages(1)
    receiver.abandon_message(first)
    first, second = receiver.receive_deferred_messages([1, 2])
    assert first.delivery_count == 1
    receiver.complete_message(first)
    receiver.renew_message_lock(second)
    receiver.dead_letter_message(second, reason="r", error_description="d")
    with client.get_queue_receiver("aside", receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE) as receiver:
        (third,) = receiver.receive_deferred_messages([3])
    assert str(third) == "2"
    assert emulator.queues()["aside"] == {"active": 0, "scheduled": 0, "deferred": 0, "dead_lettered": 1, "locked": 0}


def test_peeking_shows_all_states_in_pages_and_changes_nothing(lane: Lane, emulator: EmulatorProcess):
    """Active, deferred and scheduled messages, from any sequence number on."""
    sender, receiver = lane("looked")
    sender.send_messages([ServiceBusMessage(f"{number}") for number in range(5)])
    sender.schedule_messages(ServiceBusMessage("5"), datetime.now(UTC) + timedelta(minutes=5))
    (first,) = receiver.receive_messages(max_wait_time=5)
    receiver.defer_message(first)
    page = receiver.peek_messages(4, sequence_number=1)
    rest = receiver.peek_messages(4)
    from_five = receiver.peek_messages(10, sequence_number=5)
    beyond = receiver.peek_messages(1, sequence_number=100)
    assert [str(message) for message in page] == ["0", "1", "2", "3"]
    assert [str(message) for message in rest] == ["4", "5"]
    assert [str(message) for message in from_five] == ["4", "5"]
    assert beyond == []
    states = ServiceBusMessageState
    assert [message.state for message in page[:2] + rest] == [states.DEFERRED, states.ACTIVE, states.ACTIVE, states.SCHEDULED]
    assert emulator.queues()["looked"] == {"active": 4, "scheduled": 1, "deferred": 1, "dead_lettered": 0, "locked": 0}
