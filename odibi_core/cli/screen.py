"""Where the command line speaks: the one place that writes to standard output and standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TextIO

from odibi_core.redaction import Redactor

Mode = Literal["text", "json", "log"]


class Screen:
    """
    Says things to people or to programs, never both on one stream.

    `text`: what is said goes to standard output. `json`: standard output belongs to the result, and nothing else is said. `log`: it
    belongs to the log lines. Complaints go to standard error, in `log` they are log lines.
    """

    def __init__(self, mode: Mode = "text") -> None:
        self.mode: Mode = mode
        self.as_json = mode == "json"  # the result is wanted; with `log` that may be so, too
        self.redactor = Redactor()  # from the moment that a project is open, one that knows its secrets

    def say(self, text: str = "") -> None:
        """Tell the person in front of the terminal."""
        if self.mode == "text":
            self._write(sys.stdout, text)

    def complain(self, text: str) -> None:
        """Tell what is wrong."""
        if self.mode != "log":
            self._write(sys.stderr, text)

    def result(self, value: Mapping[str, Any] | Sequence[Any]) -> None:
        """One JSON value on one line of standard output, if it was asked for."""
        if self.as_json:
            # Before it becomes text: a mark in the place of a number would end the JSON.
            clean = self.redactor.record(value)
            self._put(sys.stdout, json.dumps(clean, default=lambda other: self.redactor.text(str(other)), ensure_ascii=False))

    def _write(self, stream: TextIO, text: str) -> None:
        self._put(stream, self.redactor.text(text))

    @staticmethod
    def _put(stream: TextIO, text: str) -> None:
        # A console that cannot show '→' gets '?' rather than an exception.
        encoding = stream.encoding or "utf-8"
        shown = visible(text).encode(encoding, errors="replace").decode(encoding)
        stream.write(f"{shown}\n")
        stream.flush()


def visible(text: str) -> str:
    """The text with control and direction marks spelled out: a file's name must not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter in "\n\t" else f"\\u{ord(letter):04x}" for letter in text)


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()) -> str:
    """A plain table: columns as wide as their widest cell, two spaces between them. `right` are the columns of numbers."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = []
    for row in (header, *rows):
        sized = enumerate(zip(row, widths, strict=True))
        cells = [cell.rjust(width) if column in right else cell.ljust(width) for column, (cell, width) in sized]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
