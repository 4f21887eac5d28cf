"""One connection of a client: protocol headers, SASL, open and close, heartbeats, and the frames in between (part 2.2 to 2.4, 5.3)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from enum import Enum, auto
from typing import Any, Final, Protocol, cast

from odibi_local.servicebus.amqp import frames
from odibi_local.servicebus.amqp.errors import AmqpError, ProtocolViolationError
from odibi_local.servicebus.amqp.links import ReceivingLink, SendingLink
from odibi_local.servicebus.amqp.performatives import natural
from odibi_local.servicebus.amqp.session import Session
from odibi_local.servicebus.amqp.values import Array, Symbol, Ubyte, Uint, Ushort

IDLE_TIME_OUT: Final = 240.0  # seconds, as the service announces
_HANDSHAKE_TIME_OUT: Final = 30.0  # seconds from the connection to its open
_MOST_CHANNELS: Final = 255
_CONTAINER: Final = "odibi-servicebus"
_MECHANISMS: Final = ("MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL")

log = logging.getLogger(__name__)


class Host(Protocol):
    """What a connection needs from the server around it."""

    def sender_attached(self, link: ReceivingLink) -> None:
        """Accept or refuse a link on which the peer sends, now or later."""

    def receiver_attached(self, link: SendingLink) -> None:
        """Accept or refuse a link on which the peer receives, now or later."""

    def room_made(self, link: SendingLink) -> None:
        """Learn that the peer can take more again on a link."""

    def has_output(self, connection: Connection) -> None:
        """Arrange that `flush` is called, after everything before it is safe."""

    def connected(self, connection: Connection) -> None:
        """Learn of a new connection."""

    def disconnected(self, connection: Connection) -> None:
        """Learn that a connection is gone."""


class _Phase(Enum):
    HEADER = auto()
    SASL = auto()
    OPENING = auto()
    OPEN = auto()
    CLOSED = auto()


class Connection(asyncio.Protocol):
    """The server's end of a connection. Nothing is written to the socket before `flush`."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.peer_frame_size = 512
        self.is_writable = True
        self._transport: asyncio.Transport | None = None
        self._reader = frames.FrameReader()
        self._phase = _Phase.HEADER
        self._sessions: dict[int, Session] = {}
        self._output: list[bytes] = []
        self._peer_time_out = 0.0  # seconds, 0 = none
        self._is_authenticated = False
        self._received_at = self._sent_at = self._connected_at = asyncio.get_running_loop().time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start."""
        self._transport = cast("asyncio.Transport", transport)
        self.host.connected(self)

    def connection_lost(self, _: Exception | None) -> None:
        """End: all links of this connection are gone."""
        self._end()
        self.host.disconnected(self)

    def pause_writing(self) -> None:
        """Stop delivering: the peer does not read."""
        self.is_writable = False

    def resume_writing(self) -> None:
        """Deliver again."""
        self.is_writable = True
        for session in self._sessions.values():
            for link in session.links.values():
                if isinstance(link, SendingLink) and link.source is not None:
                    self.host.room_made(link)

    def data_received(self, data: bytes) -> None:
        """Work on what came."""
        self._received_at = asyncio.get_running_loop().time()
        self._reader.feed(data)
        try:
            self._work()
        except ProtocolViolationError as violation:
            log.info("closing a connection: %s", violation)
            self.close(violation.error)

    def send(self, channel: int, code: int, fields: Sequence[Any], payload: bytes = b"") -> None:
        """Put a frame into the output."""
        if self._phase is _Phase.OPEN:
            self._put(frames.write_frame(channel, code, fields, payload))

    def flush(self) -> None:
        """Write the output to the socket."""
        if self._output and self._transport is not None:
            self._transport.write(b"".join(self._output))
            self._sent_at = asyncio.get_running_loop().time()
            if self._phase is _Phase.CLOSED:
                self._transport.close()
        self._output.clear()

    def close(self, error: AmqpError | None = None) -> None:
        """Close from this side; the socket is closed with the next flush."""
        if self._phase is _Phase.OPEN:
            self.send(0, frames.CLOSE, [error.on_the_wire()] if error else [])
        elif self._phase is not _Phase.CLOSED:
            self._put(frames.AMQP_HEADER if self._phase is _Phase.OPENING else frames.SASL_HEADER)
        self._end()

    def abort(self) -> None:
        """Drop the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    def beat(self, now: float) -> None:
        """Send a heartbeat if one is due, and drop a peer that is silent for too long."""
        if self._phase is not _Phase.OPEN:
            if now - self._connected_at > _HANDSHAKE_TIME_OUT:
                self.abort()
        elif now - self._received_at > 1.5 * IDLE_TIME_OUT:
            self.close(AmqpError(condition="amqp:resource-limit-exceeded", description="the connection was idle for too long"))
        elif self._peer_time_out and now - self._sent_at > self._peer_time_out / 3:
            self._put(frames.EMPTY_FRAME)

    def _work(self) -> None:
        while self._phase is not _Phase.CLOSED:
            if self._phase is _Phase.HEADER:
                header = self._reader.header()
                if header is None:
                    return
                self._handshake(header)
                continue
            frame = self._reader.frame()
            if frame is None:
                return
            match self._phase:
                case _Phase.OPEN:
                    self._received(frame)
                case _Phase.OPENING:
                    self._open(frame)
                case _:
                    self._authenticate(frame)

    def _handshake(self, header: bytes) -> None:
        if header == frames.AMQP_HEADER:
            self._put(frames.AMQP_HEADER)
            self._phase = _Phase.OPENING
        elif header == frames.SASL_HEADER and not self._is_authenticated:
            mechanisms = Array([Symbol(name) for name in _MECHANISMS])
            self._put(frames.SASL_HEADER + frames.write_frame(0, frames.SASL_MECHANISMS, [mechanisms], sasl=True))
            self._phase = _Phase.SASL
        else:
            raise ProtocolViolationError("amqp:not-implemented", f"unknown protocol {header!r}")

    def _authenticate(self, frame: frames.Frame) -> None:
        if frame.code != frames.SASL_INIT:
            raise ProtocolViolationError("amqp:not-allowed", "expected sasl-init")
        # Whoever reaches this machine's loopback address may use the emulator: every credential is right.
        self._put(frames.write_frame(0, frames.SASL_OUTCOME, [Ubyte(0)], sasl=True))
        self._is_authenticated = True
        self._phase = _Phase.HEADER

    def _open(self, frame: frames.Frame) -> None:
        if frame.code != frames.OPEN:
            raise ProtocolViolationError("amqp:not-allowed", "expected open")
        self.peer_frame_size = min(max(natural(frame.fields[2], "max-frame-size", frames.LARGEST_FRAME), 512), frames.LARGEST_FRAME)
        self._peer_time_out = natural(frame.fields[4], "idle-time-out", 0) / 1000
        self._phase = _Phase.OPEN
        idle = Uint(int(IDLE_TIME_OUT * 1000))
        self.send(0, frames.OPEN, [_CONTAINER, None, Uint(frames.LARGEST_FRAME), Ushort(_MOST_CHANNELS - 1), idle])

    def _received(self, frame: frames.Frame) -> None:
        session = self._sessions.get(frame.channel)
        match frame.code:
            case frames.BEGIN:
                if session is not None or frame.channel >= _MOST_CHANNELS:
                    raise ProtocolViolationError("amqp:not-allowed", f"channel {frame.channel} is in use or out of range")
                self._sessions[frame.channel] = Session(self, frame.channel, frame.fields)
            case frames.END:
                if session is not None:
                    del self._sessions[frame.channel]
                    session.close()
                    self.send(frame.channel, frames.END, [])
            case frames.CLOSE:
                self.close()
            case frames.ATTACH if session is None:
                raise ProtocolViolationError("amqp:not-allowed", f"there is no session on channel {frame.channel}")
            case frames.ATTACH | frames.FLOW | frames.TRANSFER | frames.DISPOSITION | frames.DETACH:
                if session is not None:  # otherwise it crossed the end of its session, or the Python client detaches late
                    session.received(frame)
            case _:
                raise ProtocolViolationError("amqp:not-allowed", "a performative out of place")

    def _put(self, data: bytes) -> None:
        self._output.append(data)
        self.host.has_output(self)

    def _end(self) -> None:
        self._phase = _Phase.CLOSED
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            session.close()
