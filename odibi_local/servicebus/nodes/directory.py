"""Find what a link's address names, and connect the link to it or refuse it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from odibi_local.servicebus.amqp.errors import AmqpError
from odibi_local.servicebus.amqp.links import ReceivingLink, SendingLink
from odibi_local.servicebus.broker.broker import Broker
from odibi_local.servicebus.broker.errors import RefusedError, no_entity, not_allowed
from odibi_local.servicebus.broker.queue import Queue
from odibi_local.servicebus.nodes.management import STATUS_NAMES, Management
from odibi_local.servicebus.nodes.receivers import SESSION_FILTER, Receiver, SessionReceiver, as_error
from odibi_local.servicebus.nodes.requests import LARGEST_REQUEST, Request, Requests, Response, Responses
from odibi_local.servicebus.nodes.senders import LARGEST_MESSAGE, Sender

CBS: Final = "$cbs"
_CBS_STATUS_NAMES: Final = ("status-code", "status-description")
_MANAGEMENT: Final = "/$management"


class Directory:
    """The addresses of one broker: `name`, `name/$deadletterqueue`, each with `/$management`, and `$cbs`."""

    def __init__(self, broker: Broker, clock: Callable[[], int]) -> None:
        self._broker = broker
        self._clock = clock

    def connect_sender(self, link: ReceivingLink) -> None:
        """Connect a link on which the client sends."""
        if link.attach.has_coordinator:
            link.refuse(AmqpError(condition="amqp:not-implemented", description="Transactions are not supported."))
            return
        path = _path(link.attach.target)
        try:
            if path == CBS:
                link.accept(Requests(path, _put_token, _CBS_STATUS_NAMES), largest=LARGEST_REQUEST)
            elif path.endswith(_MANAGEMENT):
                management = Management(self._queue(path.removesuffix(_MANAGEMENT)), self._clock)
                link.accept(Requests(path, management.answer, STATUS_NAMES), largest=LARGEST_REQUEST)
            else:
                queue = self._queue(path)
                if queue.dead_letters is None:
                    raise RefusedError(not_allowed("Messages cannot be sent to a dead-letter queue."))
                link.accept(Sender(queue, self._clock), largest=LARGEST_MESSAGE)
        except RefusedError as error:
            link.refuse(as_error(error.refusal))

    def connect_receiver(self, link: SendingLink) -> None:
        """Connect a link on which the client receives."""
        path = _path(link.attach.source)
        try:
            if path == CBS or path.endswith(_MANAGEMENT):
                if path != CBS:
                    self._queue(path.removesuffix(_MANAGEMENT))
                link.accept(Responses(link, path), filters={}, properties={})
                return
            queue = self._queue(path)
            _check(queue, wants_session=SESSION_FILTER in link.attach.filters)
        except RefusedError as error:
            link.refuse(as_error(error.refusal))
            return
        kind = SessionReceiver if queue.requires_session else Receiver
        kind(link, queue, self._clock).start()

    def _queue(self, path: str) -> Queue:
        queue = self._broker.find(path)
        if queue is None:
            raise RefusedError(no_entity(path))
        return queue


def _check(queue: Queue, *, wants_session: bool) -> None:
    name = queue.settings.name
    if queue.requires_session and not wants_session:
        raise RefusedError(not_allowed(f"The queue {name!r} requires sessions: it is not possible to receive from it without one."))
    if wants_session and not queue.requires_session:
        raise RefusedError(not_allowed(f"The queue {name!r} has no sessions: it is not possible to accept one."))
    if queue.forwards_to is not None:
        raise RefusedError(not_allowed(f"The queue {name!r} forwards its messages: it is not possible to receive from it."))


def _path(address: str | None) -> str:
    """Return the path of an address such as `amqps://host/name`, `/name` or `name`, in lower case."""
    if address is None:
        return ""
    if "://" in address:
        try:
            address = urlsplit(address).path
        except ValueError:
            return ""
    return address.strip("/").lower()


def _put_token(request: Request) -> Response:
    if request.operation != "put-token":
        return Response(status=501, description=f"The operation {request.operation!r} is not supported.")
    return Response(status=202, description="Accepted")
