"""Messages that get too old, and queues that lead to other queues."""

from __future__ import annotations

from datetime import timedelta

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.exceptions import ServiceBusError

from odibi_local.servicebus import EmulatorProcess

QUEUES = {
    "dropped": {},
    "kept": {"DeadLetteringOnMessageExpiration": True},
    "from": {"ForwardTo": "to"},
    "to": {"ForwardDeadLetteredMessagesTo": "graveyard"},
    "graveyard": {},
}


def test_an_expired_message_is_dropped_or_dead_lettered(client: ServiceBusClient, emulator: EmulatorProcess):
    """What a receiver holds does not expire in its hands; the queue's own time is the longest."""
    with (
        client.get_queue_sender("dropped") as dropped,
        client.get_queue_sender("kept") as kept,
        client.get_queue_receiver("dropped") as receiver,
        client.get_queue_receiver("kept", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead,
    ):
        brief = timedelta(seconds=1)
        dropped.send_messages(ServiceBusMessage("held", time_to_live=brief))
        dropped.send_messages(ServiceBusMessage("gone", time_to_live=brief))
        dropped.send_messages(ServiceBusMessage("stays", time_to_live=timedelta(days=9)))
        kept.send_messages(ServiceBusMessage("dead", time_to_live=brief))
        (held,) = receiver.receive_messages(max_wait_time=5)
        (buried,) = dead.receive_messages(max_wait_time=5)
        assert (str(buried), buried.dead_letter_reason) == ("dead", "TTLExpiredException")
        (stays,) = receiver.receive_messages(max_wait_time=5)
        assert (str(held), str(stays), stays.time_to_live) == ("held", "stays", timedelta(hours=1))
        assert emulator.queues()["dropped"]["active"] == 2
        receiver.complete_message(held)
        receiver.complete_message(stays)
        dead.complete_message(buried)
    assert emulator.queues()["dropped"]["active"] == 0


def test_forwarded_messages_arrive_elsewhere(client: ServiceBusClient, emulator: EmulatorProcess):
    """Sent ones and dead-lettered ones; a queue that forwards has no receivers."""
    with client.get_queue_sender("from") as sender, client.get_queue_receiver("to") as receiver:
        sender.send_messages(ServiceBusMessage("x"))
        (got,) = receiver.receive_messages(max_wait_time=5)
        assert got.enqueued_sequence_number == 1
        receiver.dead_letter_message(got, reason="why")
    with client.get_queue_receiver("graveyard") as receiver:
        (got,) = receiver.receive_messages(max_wait_time=5)
        assert (str(got), got.dead_letter_source) == ("x", "to")
        receiver.complete_message(got)
    with pytest.raises(ServiceBusError, match="forwards"), client.get_queue_receiver("from") as receiver:
        receiver.receive_messages(max_wait_time=1)
    assert all(sum(counts.values()) == 0 for name, counts in emulator.queues().items() if name in {"from", "to", "graveyard"})
