"""One session of a connection: its links by handle, its deliveries by id, and its windows (part 2.5)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Final, Protocol

from odibi_local.servicebus.amqp import frames
from odibi_local.servicebus.amqp.errors import ProtocolViolationError
from odibi_local.servicebus.amqp.links import Link, ReceivingLink, SendingLink
from odibi_local.servicebus.amqp.outcomes import Released, read_outcome
from odibi_local.servicebus.amqp.performatives import Attach, Disposition, Flow, Transfer, natural
from odibi_local.servicebus.amqp.values import Uint, Ushort

WINDOW: Final = 65_535  # frames that the peer may have under way
MOST_LINKS: Final = 1_024


class Listener(Protocol):
    """Who hears of links: the server."""

    def sender_attached(self, link: ReceivingLink) -> None: ...

    def receiver_attached(self, link: SendingLink) -> None: ...

    def room_made(self, link: SendingLink) -> None: ...


class Wire(Protocol):
    """What a session needs of the connection that it is on."""

    peer_frame_size: int

    @property
    def host(self) -> Listener: ...

    @property
    def is_writable(self) -> bool: ...

    def send(self, channel: int, code: int, fields: Sequence[Any], payload: bytes = b"") -> None: ...


class Session:
    """A channel with links on it."""

    def __init__(self, connection: Wire, channel: int, fields: list[Any]) -> None:
        self.connection = connection
        self.links: dict[int, Link] = {}
        self._channel = channel
        self._next_incoming_id = natural(fields[1], "next-outgoing-id")
        self._frames_until_flow = WINDOW // 2
        self._next_outgoing_id = 0
        self._peer_window = natural(fields[2], "incoming-window")
        self._held: deque[tuple[list[Any], bytes]] = deque()  # frames that wait for the peer's window
        self._next_delivery_id = 0
        self._unsettled: dict[int, tuple[SendingLink, bytes]] = {}
        self.send(frames.BEGIN, [Ushort(channel), Uint(0), Uint(WINDOW), Uint(WINDOW), Uint(MOST_LINKS)])

    @property
    def takes_more(self) -> bool:
        """True unless the peer's window or the socket is full."""
        return self._peer_window > 0 and not self._held and self.connection.is_writable

    def send(self, code: int, fields: Sequence[Any], payload: bytes = b"") -> None:
        """Send a frame on this channel."""
        self.connection.send(self._channel, code, fields, payload)

    def send_flow(self, handle: int | None, delivery_count: int = 0, credit: int = 0, *, drain: bool = False) -> None:
        """Tell the peer how much this side takes, on a link or on the whole session."""
        self._frames_until_flow = WINDOW // 2
        fields: list[Any] = [Uint(self._next_incoming_id), Uint(WINDOW), Uint(self._next_outgoing_id), Uint(WINDOW)]
        if handle is not None:
            fields += [Uint(handle), Uint(delivery_count), Uint(credit), None, drain]
        self.send(frames.FLOW, fields)

    def send_message(self, link: SendingLink, tag: bytes, payload: bytes, *, settled: bool) -> None:
        """Send a message in as many frames as the peer's frame size asks for. Delivery ids count messages, not frames."""
        delivery_id = self._next_delivery_id
        self._next_delivery_id = (delivery_id + 1) & 0xFFFFFFFF
        if not settled:
            self._unsettled[delivery_id] = (link, tag)
        room = self.connection.peer_frame_size - 128  # what a transfer's own fields may need
        handle = Uint(link.attach.handle)
        for start in range(0, max(1, len(payload)), room):
            more = start + room < len(payload)
            fields = [handle, Uint(delivery_id), tag, Uint(0), settled, more] if not start else [handle, None, None, None, settled, more]
            self._held.append((fields, payload[start : start + room] if len(payload) > room else payload))
        self._send_held()

    def forget(self, link: Link) -> None:
        """Drop a link that is closed."""
        if self.links.get(link.attach.handle) is link:
            del self.links[link.attach.handle]
        if isinstance(link, SendingLink):
            self._unsettled = {number: entry for number, entry in self._unsettled.items() if entry[0] is not link}
        link.gone()

    def close(self) -> None:
        """Drop all links: the session or its connection has ended."""
        for link in list(self.links.values()):
            self.forget(link)

    def received(self, frame: frames.Frame) -> None:
        """Take a frame that came on this channel."""
        match frame.code:
            case frames.TRANSFER:
                self._transfer(Transfer.read(frame.fields), frame.payload)
            case frames.DISPOSITION:
                self._disposition(Disposition.read(frame.fields))
            case frames.FLOW:
                self._flow(Flow.read(frame.fields))
            case frames.ATTACH:
                self._attach(Attach.read(frame.fields))
            case frames.DETACH:
                # The Python client also detaches links that are gone: nothing to do then.
                link = self.links.get(natural(frame.fields[0], "handle"))
                if link is not None:
                    link.detached_by_peer()

    def _attach(self, attach: Attach) -> None:
        if attach.handle in self.links:
            raise ProtocolViolationError("amqp:session:handle-in-use", f"handle {attach.handle} is in use")
        if len(self.links) >= MOST_LINKS:
            raise ProtocolViolationError("amqp:resource-limit-exceeded", f"a session has at most {MOST_LINKS} links")
        if attach.peer_receives:
            sending = SendingLink(self, attach)
            self.links[attach.handle] = sending
            self.connection.host.receiver_attached(sending)
        else:
            receiving = ReceivingLink(self, attach)
            self.links[attach.handle] = receiving
            self.connection.host.sender_attached(receiving)

    def _transfer(self, transfer: Transfer, payload: bytes) -> None:
        self._next_incoming_id = (self._next_incoming_id + 1) & 0xFFFFFFFF
        self._frames_until_flow -= 1
        if not self._frames_until_flow:
            self.send_flow(None)
        link = self.links.get(transfer.handle)
        if isinstance(link, ReceivingLink):  # otherwise it crossed the detach of its link
            link.take(transfer, payload)

    def _flow(self, flow: Flow) -> None:
        seen = self._next_outgoing_id if flow.next_incoming_id is None else flow.next_incoming_id
        under_way = (self._next_outgoing_id - seen) & 0xFFFFFFFF
        self._peer_window = flow.incoming_window - (under_way if under_way < 0x80000000 else 0)
        self._send_held()
        if flow.handle is None:
            for sending in [link for link in self.links.values() if isinstance(link, SendingLink) and link.source is not None]:
                self.connection.host.room_made(sending)
            return
        link = self.links.get(flow.handle)
        if link is not None:
            link.flowed(flow)

    def _send_held(self) -> None:
        while self._held and self._peer_window > 0:
            fields, payload = self._held.popleft()
            self._peer_window -= 1
            self._next_outgoing_id = (self._next_outgoing_id + 1) & 0xFFFFFFFF
            self.send(frames.TRANSFER, fields, payload)

    def _disposition(self, disposition: Disposition) -> None:
        if not disposition.from_receiver:
            return
        first, last = disposition.first, disposition.last
        # The range is the peer's word for it: look through what there is, not through four billion ids.
        if last - first < len(self._unsettled):
            concerned = [number for number in range(first, last + 1) if number in self._unsettled]
        else:
            concerned = sorted(number for number in self._unsettled if first <= number <= last)
        outcome = read_outcome(disposition.state)
        if outcome is None and not disposition.settled:
            return
        for number in concerned:
            link, tag = self._unsettled.pop(number)
            confirmed = link.settled(tag, outcome or Released())
            if not disposition.settled:
                self.send(frames.DISPOSITION, [False, Uint(number), None, True, confirmed.on_the_wire()])
