"""The two kinds of link, seen from the server: one that takes messages from the peer, one that hands messages to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from odibi_local.servicebus.amqp import frames
from odibi_local.servicebus.amqp.errors import AmqpError
from odibi_local.servicebus.amqp.outcomes import Outcome
from odibi_local.servicebus.amqp.performatives import Attach, Flow, Transfer
from odibi_local.servicebus.amqp.values import Described, Ubyte, Uint, Ulong

CREDIT: Final = 1_000  # messages that a sender may have under way
_SOURCE: Final = 0x28
_TARGET: Final = 0x29


class Channel(Protocol):
    """What a link needs of the session that it is on."""

    links: dict[int, Link]

    @property
    def takes_more(self) -> bool: ...

    def send(self, code: int, fields: Sequence[Any], payload: bytes = b"") -> None: ...

    def send_flow(self, handle: int | None, delivery_count: int = 0, credit: int = 0, *, drain: bool = False) -> None: ...

    def send_message(self, link: SendingLink, tag: bytes, payload: bytes, *, settled: bool) -> None: ...

    def forget(self, link: Link) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One whole message from the peer."""

    delivery_id: int
    message_format: int
    settled: bool  # the peer wants no answer
    payload: bytes
    is_too_large: bool  # its payload was thrown away


class MessageSink(Protocol):
    """Where the messages of a receiving link go."""

    def transferred(self, link: ReceivingLink, delivery: Delivery) -> None:
        """Take one message; the answer is `link.answer`."""

    def closed(self, link: Link) -> None:
        """Learn that the link is gone."""


class MessageSource(Protocol):
    """Where the messages of a sending link come from."""

    def credit_changed(self, link: SendingLink) -> None:
        """Learn that the peer takes `link.credit` messages now."""

    def settled(self, link: SendingLink, tag: bytes, outcome: Outcome) -> Outcome:
        """Apply what the peer says about a delivery and return what to confirm."""

    def closed(self, link: Link) -> None:
        """Learn that the link is gone."""


class Link:
    """What both kinds have in common: being accepted, refused and detached."""

    def __init__(self, session: Channel, attach: Attach) -> None:
        self.session = session
        self.attach = attach
        self.is_open = False

    def refuse(self, error: AmqpError) -> None:
        """
        Say no to the peer's attach.

        Source: AMQP 1.0 part 2.6.3: an attach without source and target, then a detach with the error.
        """
        sender, receiver = self._settle_modes()
        fields = [self.attach.name, Uint(self.attach.handle), not self.attach.peer_receives, sender, receiver, None, None]
        if self.attach.peer_receives:
            fields += [None, None, Uint(0)]
        self.session.send(frames.ATTACH, fields)
        self.is_open = True
        self.detach(error)

    def detach(self, error: AmqpError | None = None) -> None:
        """Close the link from this side; it is gone at once."""
        if self.is_open:
            self.session.send(frames.DETACH, [Uint(self.attach.handle), True, error.on_the_wire() if error else None])
        self.session.forget(self)

    def detached_by_peer(self) -> None:
        """Confirm that the link is closed; if it never was open, because it had to wait, say so."""
        if self.is_open:
            self.detach()
        else:
            self.refuse(AmqpError(condition="amqp:link:detach-forced", description="the link was detached before it was attached"))

    def gone(self) -> None:
        """Tell whoever works with this link that it is no more."""
        self.is_open = False

    def flowed(self, flow: Flow) -> None:
        """Take the peer's flow."""

    def _accept(self, *, filters: Mapping[Any, Any], properties: Mapping[Any, Any], largest: int | None) -> None:
        asked = self.attach
        sender, receiver = self._settle_modes()
        source = [asked.source, None, None, None, None, None, None, dict(filters) or None]
        self.session.send(
            frames.ATTACH,
            [
                asked.name,
                Uint(asked.handle),
                not asked.peer_receives,
                sender,
                receiver,
                Described(_SOURCE, source),
                Described(_TARGET, [asked.target]),
                None,
                None,
                Uint(0) if asked.peer_receives else None,
                Ulong(largest) if largest else None,
                None,
                None,
                dict(properties) or None,
            ],
        )
        self.is_open = True

    def _settle_modes(self) -> tuple[Ubyte | None, Ubyte | None]:
        sender, receiver = self.attach.settle_modes
        return (None if sender is None else Ubyte(min(sender, 2)), None if receiver is None else Ubyte(min(receiver, 1)))


class ReceivingLink(Link):
    """A link on which the peer sends."""

    def __init__(self, session: Channel, attach: Attach) -> None:
        super().__init__(session, attach)
        self._sink: MessageSink | None = None
        self._largest = 0
        self._delivery_count = 0
        self._credit = 0
        self._first: Transfer | None = None
        self._parts: list[bytes] = []
        self._size = 0

    def accept(self, sink: MessageSink, *, largest: int) -> None:
        """Open the link; messages of up to `largest` bytes go to the sink."""
        self._sink, self._largest = sink, largest
        self._accept(filters={}, properties={}, largest=largest)
        self._grant()

    def answer(self, delivery: Delivery, outcome: Outcome) -> None:
        """Tell the peer what became of its message, if it wants to know."""
        if not delivery.settled and self.is_open:
            self.session.send(frames.DISPOSITION, [True, Uint(delivery.delivery_id), None, True, outcome.on_the_wire()])

    def take(self, transfer: Transfer, payload: bytes) -> None:
        """Take a transfer frame; a message may come in many."""
        if self._first is None:
            self._first = transfer
        self._size += len(payload)
        if self._size <= self._largest:
            self._parts.append(payload)
        else:
            self._parts.clear()
        if transfer.more and not transfer.aborted:
            return
        first, parts, size = self._first, self._parts, self._size
        self._first, self._parts, self._size = None, [], 0
        self._delivery_count += 1
        self._credit -= 1
        if self._sink is not None and not transfer.aborted:
            delivery = Delivery(
                delivery_id=first.delivery_id or 0,
                message_format=first.message_format,
                settled=first.settled or transfer.settled,
                payload=b"".join(parts),
                is_too_large=size > self._largest,
            )
            self._sink.transferred(self, delivery)
        if self._credit <= CREDIT // 2 and self.is_open:
            self._grant()

    def flowed(self, flow: Flow) -> None:
        """Answer if the peer asks for it."""
        if flow.echo and self.is_open:
            self._grant()

    def gone(self) -> None:
        """Tell the sink."""
        super().gone()
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.closed(self)

    def _grant(self) -> None:
        self._credit = CREDIT
        self.session.send_flow(self.attach.handle, self._delivery_count, CREDIT)


class SendingLink(Link):
    """A link on which the peer receives."""

    def __init__(self, session: Channel, attach: Attach) -> None:
        super().__init__(session, attach)
        self.credit = 0
        self.source: MessageSource | None = None
        self._delivery_count = 0
        self._drains = False

    def accept(self, source: MessageSource, *, filters: Mapping[Any, Any], properties: Mapping[Any, Any]) -> None:
        """Open the link; its messages come from the source."""
        self.source = source
        self._accept(filters=filters, properties=properties, largest=None)

    @property
    def is_ready(self) -> bool:
        """True if the peer takes a message now."""
        return self.credit > 0 and self.is_open and self.session.takes_more

    def send(self, tag: bytes, payload: bytes, *, settled: bool) -> None:
        """Hand a message to the peer. Needs credit."""
        self.credit -= 1
        self._delivery_count += 1
        self.session.send_message(self, tag, payload, settled=settled)

    def drained(self) -> None:
        """If the peer wanted all there is and no waiting after that: give its unused credit back."""
        if self._drains and self.is_open:
            self._drains = False
            self._delivery_count = (self._delivery_count + self.credit) & 0xFFFFFFFF
            self.credit = 0
            self.session.send_flow(self.attach.handle, self._delivery_count, 0, drain=True)

    def flowed(self, flow: Flow) -> None:
        """
        Take the peer's credit.

        Source: AMQP 1.0 part 2.6.7: link-credit(sender) := delivery-count(receiver) + link-credit(receiver) - delivery-count(sender).
        """
        if flow.link_credit is not None:
            seen = flow.delivery_count or 0
            self.credit = max(0, seen + flow.link_credit - self._delivery_count)
        self._drains = flow.drain
        if flow.echo and not flow.drain:
            self.session.send_flow(self.attach.handle, self._delivery_count, self.credit)
        if self.source is not None:
            self.source.credit_changed(self)

    def settled(self, tag: bytes, outcome: Outcome) -> Outcome:
        """Pass the peer's word about a delivery on and return what to confirm."""
        return outcome if self.source is None else self.source.settled(self, tag, outcome)

    def gone(self) -> None:
        """Tell the source."""
        super().gone()
        source, self.source = self.source, None
        if source is not None:
            source.closed(self)
