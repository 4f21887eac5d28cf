"""Look at the blocks of an Avro file before it is parsed: the library believes what a block says about its rows and its size."""

from __future__ import annotations

import zlib
from typing import BinaryIO

from odibi_core.engines.polars.errors import translated
from odibi_core.engines.polars.pinned_files import LocalFile
from odibi_core.engines.polars.text_checks import unpacked_limit
from odibi_core.errors import DataError

_SYNC = 16  # bytes between two blocks
_MAX_META = 16 << 20  # bytes of the header's entries
_CHUNK = 1 << 20


def check_avro(file: LocalFile) -> None:
    """
    Accept a file whose blocks hold what they say.

    Source: avro.apache.org/docs/1.12.0/specification/#object-container-files.

    Raises:
        DataError: `archive` if it unpacks to an absurd size; `unreadable_rows` if a block has more rows than bytes, or is damaged.
    """
    limit = left = unpacked_limit(file.path)
    with translated(f"reading avro '{file.name}'"), file.path.open("rb") as source:
        try:
            source.seek(4)
            codec = _header(source).get(b"avro.codec", b"null")
            source.seek(_SYNC, 1)
            while (first := source.read(1)) != b"":
                rows, size = _long(source, first), _long(source)
                data = _exactly(source, size)
                unpacked = _unpacked_size(data, codec, left)
                left -= unpacked
                if left < 0:
                    raise DataError(f"'{file.name}' (avro) unpacks to more than {limit} bytes", code="archive", hint="Deliver it in parts.")
                if not 0 <= rows <= unpacked:  # every row takes a byte at least: columns that are always null are not read
                    raise EOFError
                source.seek(_SYNC, 1)
        except (EOFError, zlib.error):
            raise DataError(f"'{file.name}' is not a whole avro file", code="unreadable_rows", hint="Send it again.") from None


def _header(source: BinaryIO) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    budget = _MAX_META
    while (count := _long(source)) != 0:
        if count < 0:
            count = -count
            _long(source)  # how many bytes the entries take
        for _ in range(count):
            key = _exactly(source, _long(source))
            found[key] = _exactly(source, _long(source))
            budget -= len(key) + len(found[key]) + 1
            if budget < 0:
                raise EOFError
    return found


def _long(source: BinaryIO, first: bytes | None = None) -> int:
    """A variable-length zig-zag number."""
    number = shift = 0
    while shift < 64:
        byte = first or _exactly(source, 1)
        first = None
        number |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return (number >> 1) ^ -(number & 1)
        shift += 7
    raise EOFError


def _exactly(source: BinaryIO, size: int) -> bytes:
    if size < 0:
        raise EOFError
    data = b"" if size > 1 << 40 else source.read(size)
    if len(data) != size:
        raise EOFError
    return data


def _unpacked_size(data: bytes, codec: bytes, limit: int) -> int:
    """How many bytes a block has when it is unpacked; more than the limit if it is more, however much."""
    if codec == b"snappy":
        size = shift = 0
        for byte in data[:5]:  # github.com/google/snappy: the length comes first
            size |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        return size
    if codec != b"deflate":
        return len(data)
    size, inflater = 0, zlib.decompressobj(-zlib.MAX_WBITS)
    while data and size <= limit and not inflater.eof:
        size += len(inflater.decompress(data, _CHUNK))
        data = inflater.unconsumed_tail
    return size
