"""Cut a byte stream into AMQP and SASL frames, and read and write the performatives in them (part 2.3 and 2.7)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from odibi_local.servicebus.amqp.decoding import decode
from odibi_local.servicebus.amqp.errors import DecodeError, ProtocolViolationError
from odibi_local.servicebus.amqp.values import Described, composite

OPEN: Final = 0x10
BEGIN: Final = 0x11
ATTACH: Final = 0x12
FLOW: Final = 0x13
TRANSFER: Final = 0x14
DISPOSITION: Final = 0x15
DETACH: Final = 0x16
END: Final = 0x17
CLOSE: Final = 0x18

SASL_MECHANISMS: Final = 0x40
SASL_INIT: Final = 0x41
SASL_OUTCOME: Final = 0x44

AMQP_HEADER: Final = b"AMQP\x00\x01\x00\x00"
SASL_HEADER: Final = b"AMQP\x03\x01\x00\x00"
EMPTY_FRAME: Final = b"\x00\x00\x00\x08\x02\x00\x00\x00"
LARGEST_FRAME: Final = 65_536  # bytes, what this server accepts and announces

_FIELDS: Final = {OPEN: 10, BEGIN: 8, ATTACH: 14, FLOW: 11, TRANSFER: 11, DISPOSITION: 6, DETACH: 3, END: 1, CLOSE: 1, SASL_INIT: 3}


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its channel, which performative it is, its fields (missing ones are None) and what follows them."""

    channel: int
    code: int
    fields: list[Any]
    payload: bytes


def write_frame(channel: int, code: int, fields: Sequence[Any], payload: bytes = b"", *, sasl: bool = False) -> bytes:
    """Return a frame, ready for the socket."""
    body = composite(code, fields)
    return struct.pack(">IBBH", 8 + len(body) + len(payload), 2, int(sasl), channel) + body + payload


class FrameReader:
    """Collects what comes from a socket and yields whole protocol headers and frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Add bytes."""
        self._buffer += data

    def header(self) -> bytes | None:
        """Return the 8 bytes of a protocol header, or None while they are not all there."""
        if len(self._buffer) < 8:
            return None
        header = bytes(self._buffer[:8])
        del self._buffer[:8]
        return header

    def frame(self) -> Frame | None:
        """
        Return the next frame that says something, or None while it is not all there. Heartbeats are passed over.

        Raises:
            ProtocolViolationError: If a frame is too large or cannot be read.
        """
        while len(self._buffer) >= 8:
            size, offset, _, channel = struct.unpack_from(">IBBH", self._buffer)
            start = offset * 4
            if size > LARGEST_FRAME or not 8 <= start <= size:
                raise ProtocolViolationError("amqp:connection:framing-error", f"a frame of {size} bytes with data at {start}")
            if len(self._buffer) < size:
                return None
            body = bytes(self._buffer[start:size])
            del self._buffer[:size]
            if body:
                return _read(channel, body)
        return None


def _read(channel: int, body: bytes) -> Frame:
    try:
        performative, end = decode(body)
    except DecodeError as error:
        raise ProtocolViolationError("amqp:decode-error", str(error)) from error
    if not isinstance(performative, Described) or not isinstance(performative.value, list):
        raise ProtocolViolationError("amqp:decode-error", "a frame holds no performative")
    code, fields = performative.descriptor, performative.value
    if not isinstance(code, int) or code not in _FIELDS:
        raise ProtocolViolationError("amqp:not-implemented", f"unknown performative {code!r}"[:200])
    fields += [None] * (_FIELDS[code] - len(fields))
    return Frame(channel, code, fields, body[end:])
