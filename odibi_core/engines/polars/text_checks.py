"""Look at the first bytes of a text file before it is scanned: polars reads some broken files as if they were fine."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path

import zstandard

from odibi_core.engines.polars.errors import translated
from odibi_core.engines.polars.pinned_files import LocalFile
from odibi_core.errors import ConfigError, DataError

HEAD_BYTES = 64 * 1024
_PACKED = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bzip2"), (b"\xfd7zXZ", "xz"))
_ARCHIVES = ((b"PK\x03\x04", "zip"), (b"7z\xbc\xaf", "7z"))
_WIDE_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF8 = frozenset({"utf-8", "utf-8-sig", "ascii"})
_MAX_RATIO = 100  # of a packed file; ordinary text is below 30
_ZSTD_BYTES = 2048  # at a time: they unpack to 64 MB at the most, so a bomb is noticed before it fills the memory
_ALWAYS_ALLOWED = 64 * 1024 * 1024  # unpacked bytes
MAX_LINE_BYTES = 16 * 1024 * 1024  # a line of twice that is certainly refused


def unpacked_limit(packed: Path) -> int:
    """How many bytes a packed file may unpack to."""
    return max(_ALWAYS_ALLOWED, _MAX_RATIO * packed.stat().st_size)


def check_lines(file: LocalFile, format_name: str, end: bytes = b"\n") -> None:
    """
    Accept a file of lines. One without line ends is one cell that fills the memory: it is enough to find an end in each part.

    Raises:
        DataError: `too_big`: no matter of single rows, which may be set aside.
    """
    whole_parts = file.path.stat().st_size // MAX_LINE_BYTES
    if not whole_parts:
        return
    with translated(f"reading '{file.name}'"), file.path.open("rb") as source:
        for part in range(whole_parts):
            source.seek(part * MAX_LINE_BYTES)
            pieces = (source.read(HEAD_BYTES) for _ in range(MAX_LINE_BYTES // HEAD_BYTES))
            if not any(end in piece for piece in pieces):
                raise DataError(
                    f"'{file.name}' ({format_name}) has a line of more than {MAX_LINE_BYTES} bytes",
                    code="too_big",
                    hint="Check its line ends, and that no quote is left open.",
                )


def head(file: LocalFile) -> bytes:
    """The first 64 KB."""
    with translated(f"reading '{file.name}'"), file.path.open("rb") as source:
        return source.read(HEAD_BYTES)


def as_utf8(file: LocalFile, format_name: str, encoding: str, folder: Path) -> LocalFile:
    """
    The file itself if it is plain UTF-8, or a copy that is: unpacked, transcoded.

    Raises:
        DataError: `empty_file`, `encoding` or `archive`.
        ConfigError: If the encoding is unknown.
    """
    start = head(file)
    if not start:
        raise DataError(
            f"'{file.name}' ({format_name}) has 0 bytes", code="empty_file", hint="Send the file again, with its header at least."
        )
    packed = next((name for mark, name in _PACKED if start.startswith(mark)), None)
    if packed is not None:
        file = _unpacked(file, packed, folder)
        start = head(file)
    kind = next((name for mark, name in _ARCHIVES if start.startswith(mark)), None)
    if kind:
        raise DataError(f"'{file.name}' is a {kind} archive, not {format_name}", code="archive", hint="Unpack it before it is delivered.")
    name = _codec(encoding)
    if name not in _UTF8:
        return _transcoded(file, format_name, name, folder)
    _check_utf8(file, format_name, start)
    return file


def _codec(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise ConfigError(f"encoding {encoding!r} is not known", hint="Examples: 'utf-8', 'latin-1', 'cp1252', 'utf-16'.") from None


def _check_utf8(file: LocalFile, format_name: str, start: bytes) -> None:
    hint = "Deliver it as UTF-8, or name its 'encoding' in the read options."
    if start.startswith(_WIDE_MARKS):
        raise DataError(f"'{file.name}' ({format_name}) is UTF-16 or UTF-32", code="encoding", hint=hint)
    if b"\x00" in start:
        raise DataError(f"'{file.name}' ({format_name}) has NUL bytes", code="encoding", hint=hint)
    try:
        # A character may be cut at the end of the head.
        codecs.getincrementaldecoder("utf-8")().decode(start, final=len(start) < HEAD_BYTES)
    except UnicodeDecodeError as error:
        raise DataError(f"'{file.name}' ({format_name}) is not UTF-8 at byte {error.start}", code="encoding", hint=hint) from None


def _unpacked(file: LocalFile, packed: str, folder: Path) -> LocalFile:
    limit = unpacked_limit(file.path)
    copy = LocalFile(version=file.version, path=folder / f"{file.path.name}.{len(list(folder.iterdir()))}.unpacked")
    size = 0
    with translated(f"unpacking '{file.name}'"):
        try:
            with copy.path.open("wb") as out:
                for chunk in _unpacked_chunks(file.path, packed):
                    size += len(chunk)
                    if size > limit:
                        raise DataError(
                            f"'{file.name}' unpacks to more than {limit} bytes",
                            code="archive",
                            hint="Deliver it unpacked if that is right.",
                        )
                    out.write(chunk)
        except (gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError):
            raise DataError(f"'{file.name}' is a damaged {packed} file", code="archive", hint="Send it again.") from None
        except OSError as error:
            if error.errno is not None:
                raise
            raise DataError(f"'{file.name}' is a damaged {packed} file", code="archive", hint="Send it again.") from None  # bzip2's way
    return copy


def _unpacked_chunks(path: Path, packed: str) -> Iterator[bytes]:
    if packed == "zstd":
        yield from _of_zstd(path)
        return
    with gzip.open(path) if packed == "gzip" else bz2.open(path) if packed == "bzip2" else lzma.open(path) as source:
        yield from iter(lambda: source.read(1 << 20), b"")


def _of_zstd(path: Path) -> Iterator[bytes]:
    """
    Raises:
        EOFError: If the file ends within a frame: the library's own reader takes that for the end.
    """
    unpacker = zstandard.ZstdDecompressor().decompressobj()
    with path.open("rb") as source:
        rest = source.read(_ZSTD_BYTES)
        while rest:
            if unpacker.eof:  # frames may follow each other
                unpacker = zstandard.ZstdDecompressor().decompressobj()
            yield unpacker.decompress(rest)
            rest = unpacker.unused_data if unpacker.eof and unpacker.unused_data else source.read(_ZSTD_BYTES)
    if not unpacker.eof:
        raise EOFError


def _transcoded(file: LocalFile, format_name: str, encoding: str, folder: Path) -> LocalFile:
    copy = LocalFile(version=file.version, path=folder / f"{file.path.name}.{len(list(folder.iterdir()))}.utf8")
    with translated(f"reading '{file.name}'"):
        try:
            with copy.path.open("w", encoding="utf-8", newline="") as out:
                out.writelines(_chunks(file.path, encoding))
        except UnicodeError as error:
            at = getattr(error, "start", 0)
            raise DataError(
                f"'{file.name}' ({format_name}) is not {encoding} (near byte {at} of a block)",
                code="encoding",
                hint="Name the right 'encoding'.",
            ) from None
    return copy


def _chunks(path: Path, encoding: str) -> Iterator[str]:
    with path.open(encoding=encoding, newline="") as source:
        yield from iter(lambda: source.read(1 << 20), "")
