"""A message goes from a sender to a receiver and is settled."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusReceiveMode, ServiceBusSubQueue
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageBodyType
from azure.servicebus.exceptions import MessageSizeExceededError, MessagingEntityNotFoundError, ServiceBusError

from odibi_local.servicebus import EmulatorProcess
from tests.servicebus.conftest import Lane

QUEUES = {
    "one": {},
    "many": {},
    "abandoned": {},
    "dead": {"MaxDeliveryCount": 2},
    "deleted": {},
    "prefetched": {},
    "competing": {},
    "large": {},
    "kinds": {},
    "waiting": {},
}


def test_a_message_arrives_with_everything_its_sender_gave(lane: Lane):
    """Body, properties and application properties come back as they were sent; the broker adds number, time and lock."""
    stamp = datetime(2026, 3, 1, tzinfo=UTC)
    sent = ServiceBusMessage(
        b"\x00\xff body",
        application_properties={"text": "ü", "number": 7, "flag": True, "id": uuid.UUID(int=5), "when": stamp, "none": None},
        message_id="m-1",
        correlation_id="c-1",
        subject="s",
        content_type="application/json",
        reply_to="r",
        to="t",
        time_to_live=timedelta(minutes=6),
    )
    sender, receiver = lane("one")
    sender.send_messages(sent)
    (got,) = receiver.receive_messages(max_wait_time=5)
    locked_for = got.locked_until_utc - datetime.now(UTC)
    receiver.complete_message(got)
    nothing = receiver.receive_messages(max_wait_time=0.5)
    assert b"".join(got.body) == b"\x00\xff body"
    assert got.application_properties == {
        b"text": "ü".encode(),
        b"number": 7,
        b"flag": True,
        b"id": uuid.UUID(int=5),
        b"when": int(stamp.timestamp() * 1000),
        b"none": None,
    }
    assert (got.message_id, got.correlation_id, got.subject, got.content_type) == ("m-1", "c-1", "s", "application/json")
    assert (got.reply_to, got.to, got.time_to_live) == ("r", "t", timedelta(minutes=6))
    assert (got.sequence_number, got.delivery_count) == (1, 0)
    assert timedelta(seconds=50) < locked_for < timedelta(seconds=61)
    assert abs(got.enqueued_time_utc - datetime.now(UTC)) < timedelta(seconds=10)
    assert nothing == []


def test_a_list_and_a_batch_arrive_in_order(lane: Lane, emulator: EmulatorProcess):
    """Both are one transfer of many messages, which are received and completed one by one."""
    sender, receiver = lane("many")
    sender.send_messages([ServiceBusMessage(f"{number}") for number in range(30)])
    batch = sender.create_message_batch()
    for number in range(30, 60):
        batch.add_message(ServiceBusMessage(f"{number}"))
    sender.send_messages(batch)
    got = []
    while len(got) < 60:
        got += receiver.receive_messages(max_message_count=25, max_wait_time=5)
    assert emulator.queues()["many"] == {"active": 60, "scheduled": 0, "deferred": 0, "dead_lettered": 0, "locked": 60}
    for message in got:
        receiver.complete_message(message)
    assert [str(message) for message in got] == [str(number) for number in range(60)]
    assert [message.sequence_number for message in got] == list(range(1, 61))
    assert emulator.queues()["many"]["active"] == 0


def test_an_abandoned_message_comes_back_with_one_more_delivery(lane: Lane):
    """It takes its old place, before the message behind it."""
    sender, receiver = lane("abandoned")
    sender.send_messages([ServiceBusMessage("first"), ServiceBusMessage("second")])
    (got,) = receiver.receive_messages(max_wait_time=5)
    receiver.abandon_message(got)
    (again,) = receiver.receive_messages(max_wait_time=5)
    assert (str(again), again.delivery_count, again.sequence_number) == ("first", 1, 1)


def test_a_dead_letter_carries_its_reason(client: ServiceBusClient, lane: Lane, emulator: EmulatorProcess):
    """By hand with reason and description, or by the broker after too many deliveries; other properties stay."""
    sender, receiver = lane("dead")
    sender.send_messages(ServiceBusMessage("by hand", application_properties={"kept": "yes"}))
    (got,) = receiver.receive_messages(max_wait_time=5)
    receiver.dead_letter_message(got, reason="bad", error_description="really bad")
    sender.send_messages(ServiceBusMessage("by the broker"))
    for _ in range(2):
        (got,) = receiver.receive_messages(max_wait_time=5)
        receiver.abandon_message(got)
    assert receiver.receive_messages(max_wait_time=0.5) == []
    assert emulator.queues()["dead"]["dead_lettered"] == 2
    with client.get_queue_receiver("dead", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
        got = []
        while len(got) < 2:
            got += receiver.receive_messages(max_message_count=2, max_wait_time=5)
        for message in got:
            receiver.complete_message(message)
    described = [(str(message), message.dead_letter_reason, message.dead_letter_error_description) for message in got]
    assert described == [
        ("by hand", "bad", "really bad"),
        ("by the broker", "MaxDeliveryCountExceeded", "Message could not be consumed after 2 delivery attempts."),
    ]
    assert got[0].application_properties[b"kept"] == b"yes"
    assert emulator.queues()["dead"]["dead_lettered"] == 0


def test_receive_and_delete_needs_no_settlement(client: ServiceBusClient, emulator: EmulatorProcess):
    """The message is gone when it is received."""
    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    with client.get_queue_sender("deleted") as sender, client.get_queue_receiver("deleted", receive_mode=mode) as receiver:
        sender.send_messages(ServiceBusMessage("x"))
        (got,) = receiver.receive_messages(max_wait_time=5)
    assert str(got) == "x"
    assert emulator.queues()["deleted"] == {"active": 0, "scheduled": 0, "deferred": 0, "dead_lettered": 0, "locked": 0}


def test_prefetched_messages_are_given_back_on_close(client: ServiceBusClient, emulator: EmulatorProcess):
    """Nobody looked at them: the delivery count stays."""
    with client.get_queue_sender("prefetched") as sender:
        sender.send_messages([ServiceBusMessage(f"{number}") for number in range(10)])
    with client.get_queue_receiver("prefetched", prefetch_count=10) as receiver:
        (got,) = receiver.receive_messages(max_wait_time=5)
        assert emulator.queues()["prefetched"]["locked"] == 10
        receiver.complete_message(got)
    with client.get_queue_receiver("prefetched") as receiver:
        rest = []
        while len(rest) < 9:
            rest += receiver.receive_messages(max_message_count=9, max_wait_time=5)
    assert [(str(message), message.delivery_count) for message in rest] == [(str(number), 0) for number in range(1, 10)]


def test_competing_receivers_share_the_work(client: ServiceBusClient):
    """Every message goes to exactly one of them."""
    with (
        client.get_queue_sender("competing") as sender,
        client.get_queue_receiver("competing", prefetch_count=5) as left,
        client.get_queue_receiver("competing", prefetch_count=5) as right,
    ):
        got: dict[str, list[str]] = {"left": [], "right": []}

        def work(name: str, receiver) -> None:
            for message in _until_quiet(receiver):
                got[name].append(str(message))
                receiver.complete_message(message)

        threads = [threading.Thread(target=work, args=pair) for pair in (("left", left), ("right", right))]
        for thread in threads:
            thread.start()
        sender.send_messages([ServiceBusMessage(f"{number}") for number in range(60)])
        for thread in threads:
            thread.join()
    assert sorted(map(int, got["left"] + got["right"])) == list(range(60))
    assert got["left"]
    assert got["right"]


def _until_quiet(receiver):
    while messages := receiver.receive_messages(max_message_count=5, max_wait_time=1):
        yield from messages


def test_large_messages_travel_in_many_frames_and_too_large_ones_are_refused(lane: Lane):
    """250 KB arrive byte for byte; more than 256 KB is refused at once, and the sender still works."""
    body = bytes(range(256)) * 1000
    sender, receiver = lane("large")
    sender.send_messages(ServiceBusMessage(body))
    with pytest.raises(MessageSizeExceededError):
        sender.send_messages(ServiceBusMessage(body + bytes(10_000)))
    sender.send_messages(ServiceBusMessage("after"))
    got = [receiver.receive_messages(max_wait_time=5)[0] for _ in range(2)]
    assert b"".join(got[0].body) == body
    assert str(got[1]) == "after"


def test_every_kind_of_body_passes_through(lane: Lane):
    """Data in several sections, a sequence, and a value, with annotations and header fields of the sender's own."""
    messages = [
        AmqpAnnotatedMessage(data_body=[b"a", b"b"], header={"durable": True, "priority": 9}, annotations={"mine": "kept"}),
        AmqpAnnotatedMessage(sequence_body=[[1, 2.5, None], ["x", True]], footer={"end": 1}),
        AmqpAnnotatedMessage(value_body={"deep": {"er": [1, {"x": b"y"}]}}, properties={"message_id": uuid.UUID(int=9)}),
    ]
    sender, receiver = lane("kinds")
    for message in messages:
        sender.send_messages(message)
    got = [receiver.receive_messages(max_wait_time=5)[0].raw_amqp_message for _ in messages]
    assert [message.body_type for message in got] == [AmqpMessageBodyType.DATA, AmqpMessageBodyType.SEQUENCE, AmqpMessageBodyType.VALUE]
    assert list(got[0].body) == [b"a", b"b"]
    assert list(got[1].body) == [[1, 2.5, None], [b"x", True]]
    assert got[2].body == {b"deep": {b"er": [1, {b"x": b"y"}]}}
    assert (got[0].header.durable, got[0].header.priority, got[0].header.delivery_count) == (True, 9, 0)
    assert got[0].annotations[b"mine"] == b"kept"
    assert got[1].footer == {b"end": 1}
    assert got[2].properties.message_id == uuid.UUID(int=9)
    assert got[0].properties.message_id  # invented, because other clients than Python's need one


def test_a_waiting_receiver_gets_a_message_at_once(lane: Lane):
    """Nothing polls: the median of twenty is far below any polling interval."""
    sender, receiver = lane("waiting")
    delays = []
    for _ in range(20):
        timer = threading.Timer(0.05, lambda: sender.send_messages(ServiceBusMessage(repr(time.time()))))
        timer.start()
        (got,) = receiver.receive_messages(max_wait_time=5)
        delays.append(time.time() - float(str(got)))
        receiver.complete_message(got)
        timer.join()
    assert sorted(delays)[10] < 2  # the client itself waits 0.2 s for more messages behind the first


@pytest.mark.parametrize("path", ["nowhere", "one/$nothing"])
def test_a_queue_that_is_not_there_is_reported(client: ServiceBusClient, path: str):
    """Both senders and receivers learn it when they open."""
    with pytest.raises(MessagingEntityNotFoundError), client.get_queue_sender(path) as sender:
        sender.send_messages(ServiceBusMessage("x"))
    with pytest.raises(MessagingEntityNotFoundError), client.get_queue_receiver(path) as receiver:
        receiver.receive_messages(max_wait_time=1)


def test_nobody_sends_to_a_dead_letter_queue(client: ServiceBusClient):
    """As in the service, only the broker does."""
    with pytest.raises(ServiceBusError, match="dead-letter"), client.get_queue_sender("one/$deadletterqueue") as sender:
        sender.send_messages(ServiceBusMessage("x"))
