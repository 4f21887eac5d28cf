"""Answer requests that come on one link with responses on another: what `$cbs` and `$management` have in common."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from odibi_local.servicebus.amqp.errors import AmqpError, DecodeError
from odibi_local.servicebus.amqp.links import Delivery, Link, ReceivingLink, SendingLink
from odibi_local.servicebus.amqp.message import read_request, write_response
from odibi_local.servicebus.amqp.outcomes import Accepted, Outcome, Rejected
from odibi_local.servicebus.amqp.values import Encoded, Int, Symbol, Ulong, encode

LARGEST_REQUEST = 1_048_576  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asks of a node."""

    operation: str
    body: dict[Any, Any]
    link_name: str | None  # of the link that the client works with


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What the node says to it."""

    status: int
    description: str
    condition: str | None = None
    body: Any = None


class Responses:
    """The source of a link on which responses go to the client."""

    def __init__(self, link: SendingLink, address: str) -> None:
        self.address = address
        self._link = link
        self._waiting: deque[bytes] = deque()
        self._count = 0

    @property
    def reply_to(self) -> str | None:
        """The address that requests name, if they want their responses here."""
        return self._link.attach.target

    def respond(self, payload: bytes) -> None:
        """Send a response as soon as the client takes one."""
        self._waiting.append(payload)
        self.credit_changed(self._link)

    def credit_changed(self, link: SendingLink) -> None:
        """Send what waits."""
        while self._waiting and link.is_ready:
            self._count += 1
            link.send(self._count.to_bytes(8, "big"), self._waiting.popleft(), settled=True)
        if not self._waiting:
            link.drained()

    def settled(self, _: SendingLink, __: bytes, outcome: Outcome) -> Outcome:
        """Responses are settled when they are sent."""
        return outcome

    def closed(self, _: Link) -> None:
        """Drop what waits."""
        self._waiting.clear()


class Requests:
    """The sink of a link on which requests come to a node."""

    def __init__(self, address: str, answer: Callable[[Request], Response], status_names: tuple[str, str]) -> None:
        self._address = address
        self._answer = answer
        self._status_names = status_names

    def transferred(self, link: ReceivingLink, delivery: Delivery) -> None:
        """Answer a request."""
        try:
            if delivery.is_too_large:
                raise DecodeError(f"a request has at most {LARGEST_REQUEST} bytes")
            properties, application, body = read_request(delivery.payload)
        except DecodeError as error:
            refusal = AmqpError(condition="amqp:decode-error", description=str(error))
            link.answer(delivery, Rejected(error=refusal))
            return
        link.answer(delivery, Accepted())
        operation, link_name = application.get("operation"), application.get("associated-link-name")
        request = Request(
            operation=operation if isinstance(operation, str) else "",
            body=body if isinstance(body, dict) else {},
            link_name=link_name if isinstance(link_name, str) else None,
        )
        response = self._answer(request)
        status_name, description_name = self._status_names
        said: dict[str, Any] = {status_name: Int(response.status), description_name: response.description}
        if response.condition is not None:
            said |= {"errorCondition": Symbol(response.condition), "com.microsoft:tracking-id": str(uuid.uuid4())}
        message_id, _, _, _, reply_to = [*properties, None, None, None, None, None][:5]
        responses = self._responses(link, reply_to)
        if responses is not None:
            responses.respond(write_response(_echo(message_id), said, response.body))

    def closed(self, _: Link) -> None:
        """Nothing to give back."""

    def _responses(self, link: ReceivingLink, reply_to: Any) -> Responses | None:
        sources = [other.source for other in link.session.links.values() if isinstance(other, SendingLink)]
        candidates = [each for each in sources if isinstance(each, Responses) and each.address == self._address]
        named = [each for each in candidates if each.reply_to == reply_to]
        return next(iter(named or candidates), None)


def _echo(message_id: Any) -> Encoded | None:
    """Return a request's id as a correlation id: a text, a GUID, binary or an unsigned number."""
    match message_id:
        case None:
            return None
        case bool() | float():
            return Encoded(encode(str(message_id)))
        case int():
            return Encoded(encode(Ulong(message_id & 0xFFFFFFFFFFFFFFFF)))
        case str() | bytes() | uuid.UUID():
            return Encoded(encode(message_id))
        case _:
            return None
