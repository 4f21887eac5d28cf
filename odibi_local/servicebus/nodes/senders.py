"""Take messages and batches from a sending client into a queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from odibi_local.servicebus.amqp.errors import AmqpError, DecodeError
from odibi_local.servicebus.amqp.links import Delivery, Link, ReceivingLink
from odibi_local.servicebus.amqp.message import BATCH_FORMAT, read_batch, read_message
from odibi_local.servicebus.amqp.outcomes import Accepted, Outcome, Rejected
from odibi_local.servicebus.broker.errors import RefusedError
from odibi_local.servicebus.broker.queue import Queue
from odibi_local.servicebus.nodes.receivers import as_error

LARGEST_MESSAGE: Final = 262_144  # bytes, of a message or a batch, as in the standard tier and the official emulator


class Sender:
    """A client that sends to a queue."""

    def __init__(self, queue: Queue, clock: Callable[[], int]) -> None:
        self._queue = queue
        self._clock = clock

    def transferred(self, link: ReceivingLink, delivery: Delivery) -> None:
        """Put what came into the queue. The answer leaves only after it is stored."""
        link.answer(delivery, self._store(delivery))
        self._queue.touch()

    def closed(self, _: Link) -> None:
        """Nothing to give back."""

    def _store(self, delivery: Delivery) -> Outcome:
        if delivery.is_too_large:
            description = f"The message or batch is larger than {LARGEST_MESSAGE} bytes, which is the most that the queue takes."
            return Rejected(error=AmqpError(condition="amqp:link:message-size-exceeded", description=description))
        try:
            is_batch = delivery.message_format == BATCH_FORMAT
            contents = read_batch(delivery.payload) if is_batch else [read_message(delivery.payload)]
            self._queue.enqueue(contents, self._clock())
        except DecodeError as error:
            return Rejected(error=AmqpError(condition="amqp:decode-error", description=str(error)))
        except RefusedError as error:
            return Rejected(error=as_error(error.refusal))
        return Accepted()
