"""
The outlets of a process: standard output and error, unhandled exceptions, warnings and log records, whoever writes there.

Everybody's text passes here: that of the authors' functions, of libraries, of a traceback of Python itself. What native code writes
past Python's streams does not.
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import Any, TextIO, cast

from odibi_core.redaction.logs import clean
from odibi_core.redaction.redactor import Redactor

_LONGEST_LINE = 65_536  # a line without an end is written in pieces of this size


class RedactingStream:
    """A text stream that redacts whole lines on their way to another one; flushing writes what there is of a line."""

    def __init__(self, stream: TextIO, redact: Callable[[str], str]) -> None:
        self._stream = stream
        self._redact = redact
        self._begun = ""
        self._lock = threading.RLock()

    def write(self, text: str) -> int:
        """Write the lines that are whole; keep the rest."""
        with self._lock:
            whole, end, rest = (self._begun + text).rpartition("\n")
            self._begun = rest
            if end:
                self._stream.write(self._redact(whole) + end)
            if len(self._begun) > _LONGEST_LINE:
                self._write_begun()
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write several texts."""
        self.write("".join(lines))

    def flush(self) -> None:
        """Write what there is of a line, and let the stream below do the same."""
        with self._lock:
            self._write_begun()
            self._stream.flush()

    def _write_begun(self) -> None:
        begun, self._begun = self._begun, ""
        if begun:
            self._stream.write(self._redact(begun))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Outlets:
    """The hooks of this process, with the redactor that they ask at that moment."""

    def __init__(self) -> None:
        self.redactor = Redactor()
        self._undo: list[Callable[[], None]] = []

    @property
    def are_guarded(self) -> bool:
        """Whether the hooks are in place."""
        return bool(self._undo)

    def guard(self, redactor: Redactor) -> None:
        """From now on everything passes this redactor. A second call only changes the redactor, and wraps streams that are new."""
        self.redactor = redactor
        self._wrap("stdout")
        self._wrap("stderr")
        if len(self._undo) > 2:
            return
        before = sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.formatwarning, logging.getLogRecordFactory()

        def put_back() -> None:
            sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.formatwarning = before[:4]
            logging.setLogRecordFactory(before[4])

        def formatted(message: Any, category: type[Warning], filename: str, lineno: int, line: str | None = None) -> str:
            return self.redactor.text(before[3](message, category, filename, lineno, line))

        def record(*arguments: Any, **named: Any) -> logging.LogRecord:
            made = before[4](*arguments, **named)
            clean(made, self.redactor)
            return made

        self._undo.append(put_back)
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread
        sys.unraisablehook = self._on_unraisable
        warnings.formatwarning = formatted
        logging.setLogRecordFactory(record)

    def release(self) -> None:
        """Put everything back."""
        while self._undo:
            self._undo.pop()()

    def _wrap(self, name: str) -> None:
        stream = getattr(sys, name)
        if stream is None or isinstance(stream, RedactingStream):
            return
        wrapped = RedactingStream(stream, self._now)

        def put_back() -> None:
            wrapped.flush()
            if getattr(sys, name) is cast("TextIO", wrapped):
                setattr(sys, name, stream)

        setattr(sys, name, wrapped)
        self._undo.append(put_back)

    def _now(self, text: str) -> str:
        """Through the redactor of this moment."""
        return self.redactor.text(text)

    def _say(self, text: str) -> None:
        if sys.stderr is not None:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self._say(self.redactor.traceback(kind, error, trace))

    def _on_thread(self, given: threading.ExceptHookArgs) -> None:
        if given.exc_type is not SystemExit:
            name = given.thread.name if given.thread is not None else "?"
            trace = self.redactor.traceback(given.exc_type, given.exc_value, given.exc_traceback)
            self._say(f"Exception in thread {self.redactor.text(name)}:\n{trace}")

    def _on_unraisable(self, given: Any) -> None:
        trace = self.redactor.traceback(given.exc_type, given.exc_value, given.exc_traceback)
        self._say(f"{given.err_msg or 'Exception ignored in'}: {self.redactor.text(repr(given.object))}\n{trace}")


OUTLETS = Outlets()  # one per process, as there is one standard output
