"""Split a CSV text into records, and go on behind one that cannot be split: a quote that does not close costs its line only."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from odibi_core.errors import DataError

_MAX_LINES = 1000  # of one record: a cell that goes on for longer is one whose quote does not close
_BOM = b"\xef\xbb\xbf"


class Record(NamedTuple):
    """One record as it stands in the file."""

    line: int  # the first one of it, counted from 1
    raw: bytes  # without its line end
    cells: list[bytes] | None  # as they are written, quotes and all; None: it cannot be split

    @property
    def text(self) -> str:
        """As people and archives see it."""
        return self.raw.decode("utf-8")


class Dialect:
    """How the cells of a file are told apart: the options of the read, as bytes."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        quote = options.get("quote_char", '"')
        self.separator = str(options.get("separator", ",")).encode()
        self.quote = quote.encode() if quote else b""
        self.end = str(options.get("eol_char", "\n")).encode()
        comment = options.get("comment_prefix")
        self.comment = str(comment).encode() if comment else b""
        separator, quote = re.escape(self.separator), re.escape(self.quote)
        quoted = rb"%b(?:[^%b]|%b%b)*%b(?=%b|\Z)" % (quote, quote, quote, quote, quote, separator)
        self._cell = re.compile(rb"%b|(?!%b)[^%b\n]*" % (quoted, quote, separator)) if self.quote else None

    def cells(self, line: bytes) -> list[bytes] | None:
        """The cells of a line; None if a quoted one does not end, or is followed by something."""
        if self._cell is None or self.quote not in line:
            return line.split(self.separator)
        found, at = [], 0
        while True:
            cell = self._cell.match(line, at)
            if cell is None:
                return None
            found.append(self._well_quoted(cell[0]))
            at = cell.end()
            if at == len(line):
                return found
            if not line.startswith(self.separator, at):
                return None
            at += len(self.separator)

    def value(self, cell: bytes) -> str:
        """What a cell says."""
        if self.quote and cell.startswith(self.quote):
            cell = cell[1:-1].replace(self.quote * 2, self.quote)
        return cell.decode("utf-8")

    def _well_quoted(self, cell: bytes) -> bytes:
        """A quote inside a cell that is not quoted is a letter of it; so written, polars reads it as one, too."""
        if self.quote not in cell or cell.startswith(self.quote):
            return cell
        return self.quote + cell.replace(self.quote, self.quote * 2) + self.quote


class Records:
    """
    The records of a file that is UTF-8, its header among them; comments are left out. Lines may be looked at before they are taken.

    Raises:
        DataError: `encoding`, when a line is taken that is not UTF-8.
    """

    def __init__(self, path: Path, dialect: Dialect, *, name: str, skip_lines: int = 0) -> None:
        self.taken = 0  # lines
        self._lines = _lines(path, dialect.end)
        self._ahead: deque[bytes] = deque()
        self._dialect = dialect
        self._name = name
        self.pass_over(skip_lines)

    def __iter__(self) -> Iterator[Record]:
        return self

    def __next__(self) -> Record:
        while (line := self._take()) is not None:
            number = self.taken
            if self._dialect.comment and line.startswith(self._dialect.comment):
                continue
            cells = self._dialect.cells(line)
            if cells is None:
                line, cells = self._over_lines(line)
            return Record(line=number, raw=line, cells=cells)
        raise StopIteration

    def ahead(self, most: int) -> list[bytes]:
        """The lines that come next, as they are; none at the end."""
        if len(self._ahead) < most:
            self._ahead.extend(islice(self._lines, most - len(self._ahead)))
        return list(islice(self._ahead, most))

    def pass_over(self, lines: int) -> None:
        """Leave out lines."""
        for _ in range(lines):
            self._take()

    def until(self, line: int) -> Iterator[Record]:
        """The records that begin in a line up to this one."""
        while self.taken < line and (record := next(self, None)) is not None:
            yield record

    def _take(self) -> bytes | None:
        line = self._ahead.popleft() if self._ahead else next(self._lines, None)
        if line is None:
            return None
        self.taken += 1
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            hint = "Deliver it as UTF-8, or name its 'encoding' in the read options."
            raise DataError(f"'{self._name}' (csv) is not UTF-8", code="encoding", hint=hint) from None
        return line

    def _over_lines(self, first: bytes) -> tuple[bytes, list[bytes] | None]:
        """A record whose quoted cell goes over several lines; if it never ends, its first line alone."""
        whole = first
        for number, line in enumerate(self.ahead(_MAX_LINES), start=1):
            whole += b"\n" + line
            if self._dialect.quote not in line:
                continue
            cells = self._dialect.cells(whole)
            if cells is not None:
                self.pass_over(number)
                return whole, cells
        return first, None


def _lines(path: Path, end: bytes) -> Iterator[bytes]:
    with path.open("rb") as source:
        if end == b"\n":
            for number, line in enumerate(source):
                yield (line.removeprefix(_BOM) if number == 0 else line).removesuffix(b"\n").removesuffix(b"\r")
            return
        rest = source.read(1 << 20).removeprefix(_BOM)
        while chunk := source.read(1 << 20):
            *whole, rest = (rest + chunk).split(end)
            yield from whole
        yield from (rest.removesuffix(end).split(end) if rest else ())
