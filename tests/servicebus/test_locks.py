"""Locks end, are lost, and are prolonged."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import AutoLockRenewer, ServiceBusClient, ServiceBusMessage
from azure.servicebus.exceptions import MessageLockLostError

from odibi_local.servicebus import EmulatorProcess
from tests.servicebus.conftest import Lane

QUEUES = {"q": {"LockDuration": "PT5S"}, "gone": {"LockDuration": "PT1M"}}


def test_a_lock_that_ends_brings_the_message_back_and_a_renewed_one_does_not(client: ServiceBusClient):
    """Of three messages in hand one is renewed by hand, one by the client's renewer, and one is forgotten."""
    with (
        client.get_queue_sender("q") as sender,
        client.get_queue_receiver("q") as receiver,
        client.get_queue_receiver("q") as other,
        AutoLockRenewer(max_lock_renewal_duration=60) as renewer,
    ):
        sender.send_messages([ServiceBusMessage(name) for name in ("by hand", "by renewer", "forgotten")])
        by_hand, by_renewer, forgotten = receiver.receive_messages(max_message_count=3, max_wait_time=5)
        renewer.register(receiver, by_renewer, max_lock_renewal_duration=60)
        time.sleep(3)
        until = receiver.renew_message_lock(by_hand)
        assert timedelta(seconds=4) < until - datetime.now(UTC) < timedelta(seconds=6)
        (again,) = other.receive_messages(max_message_count=3, max_wait_time=4)
        assert (str(again), again.delivery_count) == ("forgotten", 1)
        with pytest.raises(MessageLockLostError):
            receiver.renew_message_lock(forgotten)
        forgotten._expiry = datetime.now(UTC) + timedelta(minutes=1)  # or the client does not even ask
        with pytest.raises(MessageLockLostError):
            receiver.complete_message(forgotten)
        receiver.complete_message(by_hand)
        receiver.complete_message(by_renewer)
        other.complete_message(again)


def test_locks_outlive_the_connection_that_holds_them(lane: Lane, emulator: EmulatorProcess):
    """As in the service: a worker that dies keeps its message until the lock ends."""
    sender, receiver = lane("gone")
    sender.send_messages(ServiceBusMessage("x"))
    receiver.receive_messages(max_wait_time=5)
    receiver.close()
    assert emulator.queues()["gone"]["locked"] == 1
