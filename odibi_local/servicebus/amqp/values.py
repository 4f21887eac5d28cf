"""The AMQP 1.0 types that Python has no type for, and how every value is written to the wire (part 1 of the standard)."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final


class Symbol(str):
    """An ASCII name from a constrained domain."""

    __slots__ = ()


class Ubyte(int):
    """An unsigned 8-bit integer."""


class Ushort(int):
    """An unsigned 16-bit integer."""


class Uint(int):
    """An unsigned 32-bit integer."""


class Ulong(int):
    """An unsigned 64-bit integer."""


class Int(int):
    """A signed 32-bit integer."""


class Long(int):
    """A signed 64-bit integer."""


class Timestamp(int):
    """Milliseconds since 1970, UTC."""


@dataclass(frozen=True, slots=True)
class Described:
    """A value with a descriptor that says what it is."""

    descriptor: Any
    value: Any


@dataclass(frozen=True, slots=True)
class Encoded:
    """A value that is on the wire already: constructor and data."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Array:
    """Many values of one type, written once."""

    items: Sequence[Any]


def encode(value: Any) -> bytes:
    """
    Return a value's constructor and data.

    Raises:
        TypeError: If the type has no single AMQP type, as a plain `int` has none.
    """
    try:
        writer = _WRITERS[type(value)]
    except KeyError:
        raise TypeError(f"no AMQP type for {type(value).__name__}") from None
    return writer(value)


def encode_list(items: Sequence[Any]) -> bytes:
    """Return a list; nulls at its end are left out, as performatives allow."""
    count = len(items)
    while count and items[count - 1] is None:
        count -= 1
    if not count:
        return b"\x45"
    return compound(0xC0, count, b"".join([encode(item) for item in items[:count]]))


def compound(code: int, count: int, body: bytes) -> bytes:
    """Return a list or map whose elements are encoded in `body`; `code` is the constructor of its short form."""
    size = len(body) + 1
    if size <= 0xFF and count <= 0xFF:
        return bytes((code, size, count)) + body
    return struct.pack(">BII", code + 0x10, len(body) + 4, count) + body


def map_of_pairs(pairs: bytes, count: int) -> bytes:
    """Return the map whose `count` pairs are encoded in `pairs`."""
    return compound(0xC1, 2 * count, pairs)


def composite(code: int, fields: Sequence[Any]) -> bytes:
    """Return a described list: a performative, an outcome or a message section with the small descriptor `code`."""
    return b"\x00\x53" + code.to_bytes(1, "big") + encode_list(fields)


def _variable(code: int, data: bytes) -> bytes:
    if len(data) <= 0xFF:
        return bytes((code, len(data))) + data
    return struct.pack(">BI", code + 0x10, len(data)) + data


def _bool(value: bool) -> bytes:
    return b"\x41" if value else b"\x42"


def _uint(value: int) -> bytes:
    if not value:
        return b"\x43"
    return bytes((0x52, value)) if value <= 0xFF else struct.pack(">BI", 0x70, value)


def _ulong(value: int) -> bytes:
    if not value:
        return b"\x44"
    return bytes((0x53, value)) if value <= 0xFF else struct.pack(">BQ", 0x80, value)


def _int(value: int) -> bytes:
    return struct.pack(">Bb", 0x54, value) if -128 <= value <= 127 else struct.pack(">Bi", 0x71, value)


def _long(value: int) -> bytes:
    return struct.pack(">Bb", 0x55, value) if -128 <= value <= 127 else struct.pack(">Bq", 0x81, value)


def _map(value: Mapping[Any, Any]) -> bytes:
    return map_of_pairs(b"".join([encode(part) for pair in value.items() for part in pair]), len(value))


def _described(value: Described) -> bytes:
    descriptor = value.descriptor
    head = _ulong(descriptor) if isinstance(descriptor, int) else encode(descriptor)
    return b"\x00" + head + encode(value.value)


_WIDE: Final[dict[type, Callable[[Any], bytes]]] = {
    Long: lambda value: struct.pack(">q", value),
    Timestamp: lambda value: struct.pack(">q", value),
    uuid.UUID: lambda value: value.bytes,
    str: lambda value: struct.pack(">I", len(data := value.encode())) + data,
    Symbol: lambda value: struct.pack(">I", len(value)) + value.encode("ascii"),
}
_WIDE_CODES: Final[dict[type, int]] = {Long: 0x81, Timestamp: 0x83, uuid.UUID: 0x98, str: 0xB1, Symbol: 0xB3}


def _array(value: Array) -> bytes:
    kind = type(value.items[0]) if value.items else Symbol
    body = bytes((_WIDE_CODES[kind],)) + b"".join([_WIDE[kind](item) for item in value.items])
    return struct.pack(">BII", 0xF0, len(body) + 4, len(value.items)) + body


_WRITERS: Final[dict[type, Callable[[Any], bytes]]] = {
    type(None): lambda _: b"\x40",
    bool: _bool,
    Ubyte: lambda value: bytes((0x50, value)),
    Ushort: lambda value: struct.pack(">BH", 0x60, value),
    Uint: _uint,
    Ulong: _ulong,
    Int: _int,
    Long: _long,
    float: lambda value: struct.pack(">Bd", 0x82, value),
    Timestamp: lambda value: struct.pack(">Bq", 0x83, value),
    uuid.UUID: lambda value: b"\x98" + value.bytes,
    bytes: lambda value: _variable(0xA0, value),
    str: lambda value: _variable(0xA1, value.encode()),
    Symbol: lambda value: _variable(0xA3, value.encode("ascii")),
    list: encode_list,
    dict: _map,
    Array: _array,
    Described: _described,
    Encoded: lambda value: value.data,
}
