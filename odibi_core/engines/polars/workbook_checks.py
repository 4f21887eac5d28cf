"""Look into a workbook before it is parsed: the library takes what is in it for its size, and a process that asks for too much dies."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from odibi_core.engines.polars.csv_reader import MAX_COLUMNS
from odibi_core.engines.polars.errors import translated
from odibi_core.engines.polars.pinned_files import LocalFile
from odibi_core.engines.polars.text_checks import unpacked_limit
from odibi_core.errors import DataError

MAX_CELLS = 25_000_000  # of the rectangle around the cells of a sheet; the library keeps 24 bytes for each, also for those in between
_ZIP = b"PK\x03\x04"
_CHUNK = 1 << 20
_REFERENCE = re.compile(rb"""\br\s{0,9}=\s{0,9}["']([A-Za-z]{0,9})([0-9]{1,12})["']""")  # of a row or a cell
_OVERLAP = 64  # bytes: a reference may stand across two chunks
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<")  # a text of two bytes a letter, in which no reference would be found
_LOCAL_HEADER = struct.Struct("<26x2H")  # how long name and extra field are: APPNOTE.TXT 6.3.10, section 4.3.7


def check_workbook(file: LocalFile) -> None:
    """
    Accept a workbook that can be parsed in bounded memory. The old binary format packs nothing, and its sheets are small.

    Raises:
        DataError: `archive` if it unpacks to an absurd size or if its cells lie absurdly far apart; `unreadable_rows` if it is damaged.
    """
    with translated(f"reading excel '{file.name}'"), file.path.open("rb") as source:
        if source.read(len(_ZIP)) != _ZIP:
            return
        limit = left = unpacked_limit(file.path)
        try:
            with zipfile.ZipFile(source) as book:
                for member in book.infolist():
                    area: _Text | _Binary = _Binary() if member.filename.lower().endswith(".bin") else _Text()
                    for chunk in _unpacked(source, member):
                        left -= len(chunk)
                        if left < 0:
                            raise _refused(file, f"unpacks to more than {limit} bytes")
                        area.add(chunk)
                        if area.cells > MAX_CELLS:
                            raise _refused(file, f"has a sheet over {area.cells} cells, the limit is {MAX_CELLS}")
                    if area.columns > MAX_COLUMNS:
                        raise DataError(
                            f"'{file.name}' (excel) has {area.columns} columns, over the limit of {MAX_COLUMNS}", code="too_many_columns"
                        )
        except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, ValueError):
            raise DataError(f"'{file.name}' is no Excel file that can be read", code="unreadable_rows", hint="Send it again.") from None


def _refused(file: LocalFile, what: str) -> DataError:
    return DataError(f"'{file.name}' (excel) {what}", code="archive", hint="Deliver it in parts, or as CSV, if that is right.")


def _unpacked(source: BinaryIO, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of a member, whatever size it says it has: Python's own reader stops there, the library does not."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile
    source.seek(member.header_offset)
    lengths = _LOCAL_HEADER.unpack(source.read(_LOCAL_HEADER.size))
    source.seek(sum(lengths), 1)
    left = member.compress_size
    inflater = zlib.decompressobj(-zlib.MAX_WBITS) if member.compress_type == zipfile.ZIP_DEFLATED else None
    while left > 0 and not (inflater is not None and inflater.eof):
        packed = source.read(min(left, _CHUNK))
        if not packed:
            raise EOFError
        left -= len(packed)
        if inflater is None:
            yield packed
            continue
        while packed:
            yield inflater.decompress(packed, _CHUNK)
            packed = inflater.unconsumed_tail


class _Area:
    """The rectangle from the first cell to the farthest one."""

    def __init__(self) -> None:
        self.rows = self.columns = 0

    @property
    def cells(self) -> int:
        return self.rows * self.columns


class _Text(_Area):
    """Of the cells that a text of XML names."""

    def __init__(self) -> None:
        super().__init__()
        self._before: bytes | None = None

    def add(self, chunk: bytes) -> None:
        if self._before is None and chunk.startswith(_WIDE):
            raise ValueError
        found = _REFERENCE.findall((self._before or b"") + chunk)
        self._before = chunk[-_OVERLAP:]
        if found:
            self.rows = max(self.rows, *(int(row) for _, row in found))
            self.columns = max(self.columns, *map(_number, {letters for letters, _ in found}))


def _number(letters: bytes) -> int:
    """A → 1, Z → 26, AA → 27."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


class _Binary(_Area):
    """
    Of the records of a sheet in an .xlsb file.

    Source: [MS-XLSB] sections 2.1.4 (records), 2.4.744 (BrtRowHdr: the row comes first) and 2.5.9 (Cell: the column comes first).
    """

    def __init__(self) -> None:
        super().__init__()
        self._rest = b""

    def add(self, chunk: bytes) -> None:
        data, position = self._rest + chunk, 0
        while True:
            kind, start = _varint(data, position, 2)
            size, start = _varint(data, start, 4) if start else (0, 0)
            if not start or start + min(size, 4) > len(data):
                break
            if kind <= 11 and size >= 4:
                number = int.from_bytes(data[start : start + 4], "little") + 1
                if kind == 0:
                    self.rows = max(self.rows, number)
                else:
                    self.columns = max(self.columns, number)
            if start + size > len(data):
                break
            position = start + size
        self._rest = data[position:]


def _varint(data: bytes, position: int, longest: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends; 0 if it does not."""
    number = 0
    for count, byte in enumerate(data[position : position + longest]):
        number |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return number, position + count + 1
    if len(data) - position >= longest:
        return number, position + longest
    return 0, 0
