"""Read AMQP values from bytes that nobody vouches for: every size is checked before it is believed."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable
from typing import Any, Final

from odibi_local.servicebus.amqp.errors import DecodeError
from odibi_local.servicebus.amqp.values import Described, Symbol

DEEPEST = 32  # nesting that no client of Service Bus comes near

_WIDTHS: Final = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}  # by the upper half of the constructor


def decode(data: bytes, at: int = 0) -> tuple[Any, int]:
    """
    Return the value that starts at `at`, and where it ends.

    Integers come back as `int`, binary as `bytes`, strings as `str`, timestamps as milliseconds.

    Raises:
        DecodeError: If there is no complete, sane value.
    """
    try:
        return _value(data, at, 0)
    except (IndexError, struct.error, UnicodeDecodeError, TypeError) as error:  # TypeError: a map key that is a map
        raise DecodeError(f"not an AMQP value at byte {at}: {error}") from error


def skip(data: bytes, at: int) -> int:
    """
    Return where the value that starts at `at` ends, without reading it.

    Raises:
        DecodeError: If the value does not end within `data`.
    """
    try:
        for _ in range(DEEPEST):
            if data[at]:
                break
            at = _skip_plain(data, at + 1)  # the descriptor of a described value
        end = _skip_plain(data, at)
    except (IndexError, struct.error) as error:
        raise DecodeError(f"not an AMQP value at byte {at}") from error
    if end > len(data):
        raise DecodeError(f"the value at byte {at} is longer than its message")
    return end


def _skip_plain(data: bytes, at: int) -> int:
    code = data[at]
    kind = code >> 4
    if kind in _WIDTHS:
        return at + 1 + _WIDTHS[kind]
    if kind in {0xA, 0xC, 0xE}:
        return at + 2 + data[at + 1]
    if kind in {0xB, 0xD, 0xF}:
        return at + 5 + int.from_bytes(data[at + 1 : at + 5], "big")
    raise DecodeError(f"unknown constructor 0x{code:02x} at byte {at}")


def _value(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    code = data[at]
    if code:
        return _read(code, data, at + 1, depth)
    if depth > DEEPEST:
        raise DecodeError("values are nested too deeply")
    descriptor, at = _value(data, at + 1, depth + 1)
    value, at = _value(data, at, depth + 1)
    return Described(descriptor, value), at


def _read(code: int, data: bytes, at: int, depth: int) -> tuple[Any, int]:
    reader = _READERS.get(code)
    if reader is not None:
        return reader(data, at)
    if depth > DEEPEST:
        raise DecodeError("values are nested too deeply")
    match code:
        case 0xC0 | 0xD0:
            return _list(code, data, at, depth)
        case 0xC1 | 0xD1:
            flat, at = _list(code, data, at, depth)
            if len(flat) % 2:
                raise DecodeError("a map has a key without a value")
            return dict(zip(flat[::2], flat[1::2], strict=True)), at
        case 0xE0 | 0xF0:
            return _array(code, data, at, depth)
        case _:
            raise DecodeError(f"unknown constructor 0x{code:02x}")


def _sizes(code: int, data: bytes, at: int) -> tuple[int, int, int]:
    """Return the number of elements of a compound value, where its elements start, and where it ends."""
    if code & 0x10:
        size, count = struct.unpack_from(">II", data, at)
        start, end = at + 8, at + 4 + size
    else:
        size, count = data[at], data[at + 1]
        start, end = at + 2, at + 1 + size
    # Every element takes a byte at least. Arrays of null could hold four billion of them in ten bytes: refused.
    if end > len(data) or start > end or count > size:
        raise DecodeError(f"a compound value claims {count} elements in {size} bytes")
    return count, start, end


def _list(code: int, data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    count, at, end = _sizes(code, data, at)
    items = []
    for _ in range(count):
        item, at = _value(data, at, depth + 1)
        items.append(item)
    if at != end:
        raise DecodeError("a list does not end where it says")
    return items, end


def _array(code: int, data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    count, at, end = _sizes(code, data, at)
    if not count:
        return [], end
    descriptors: list[Any] = []
    while not data[at]:
        if len(descriptors) > DEEPEST:
            raise DecodeError("values are nested too deeply")
        descriptor, at = _value(data, at + 1, depth + 1)
        descriptors.append(descriptor)
    constructor = data[at]
    at += 1
    items = []
    for _ in range(count):
        item, at = _read(constructor, data, at, depth + 1)
        for descriptor in reversed(descriptors):
            item = Described(descriptor, item)
        items.append(item)
    if at != end:
        raise DecodeError("an array does not end where it says")
    return items, end


def _fixed(layout: str, width: int) -> Callable[[bytes, int], tuple[Any, int]]:
    unpack = struct.Struct(layout).unpack_from
    return lambda data, at: (unpack(data, at)[0], at + width)


def _constant(value: Any) -> Callable[[bytes, int], tuple[Any, int]]:
    return lambda _, at: (value, at)


def _chunk(data: bytes, at: int, width: int) -> bytes:
    chunk = data[at : at + width]
    if len(chunk) != width:
        raise DecodeError("a value is longer than its message")
    return chunk


def _short(convert: Callable[[bytes], Any]) -> Callable[[bytes, int], tuple[Any, int]]:
    return lambda data, at: (convert(_chunk(data, at + 1, data[at])), at + 1 + data[at])


def _long(convert: Callable[[bytes], Any]) -> Callable[[bytes, int], tuple[Any, int]]:
    def read(data: bytes, at: int) -> tuple[Any, int]:
        width = int.from_bytes(_chunk(data, at, 4), "big")
        return convert(_chunk(data, at + 4, width)), at + 4 + width

    return read


def _text(data: bytes) -> str:
    return data.decode()


def _symbol(data: bytes) -> Symbol:
    return Symbol(data.decode("ascii"))


_READERS: Final[dict[int, Callable[[bytes, int], tuple[Any, int]]]] = {
    0x40: _constant(None),
    0x41: _constant(True),
    0x42: _constant(False),
    0x43: _constant(0),
    0x44: _constant(0),
    0x45: lambda _, at: ([], at),
    0x50: _fixed(">B", 1),
    0x51: _fixed(">b", 1),
    0x52: _fixed(">B", 1),
    0x53: _fixed(">B", 1),
    0x54: _fixed(">b", 1),
    0x55: _fixed(">b", 1),
    0x56: _fixed(">?", 1),
    0x60: _fixed(">H", 2),
    0x61: _fixed(">h", 2),
    0x70: _fixed(">I", 4),
    0x71: _fixed(">i", 4),
    0x72: _fixed(">f", 4),
    0x73: _fixed(">I", 4),  # a character
    0x74: _fixed(">4s", 4),  # the decimals are carried, never calculated with
    0x80: _fixed(">Q", 8),
    0x81: _fixed(">q", 8),
    0x82: _fixed(">d", 8),
    0x83: _fixed(">q", 8),
    0x84: _fixed(">8s", 8),
    0x94: _fixed(">16s", 16),
    0x98: lambda data, at: (uuid.UUID(bytes=_chunk(data, at, 16)), at + 16),
    0xA0: _short(bytes),
    0xA1: _short(_text),
    0xA3: _short(_symbol),
    0xB0: _long(bytes),
    0xB1: _long(_text),
    0xB3: _long(_symbol),
}
