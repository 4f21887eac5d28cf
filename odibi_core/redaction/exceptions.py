"""Exceptions without their secrets: a copy with the same type, traceback, cause, context and notes, or its text if there can be none."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import field
from typing import Any

from odibi_core.frozen import Frozen

_DEEPEST = 32


class RedactedError(Exception):
    """Stands for an exception that cannot be copied without its secrets; says its type and its redacted text."""


def without_secrets(error: BaseException, text: Callable[[str], str], record: Callable[[Any], Any]) -> BaseException:
    """The exception itself if there is no secret in what it shows, or else a copy without; `text` and `record` are a redactor's."""
    import traceback

    shown = "".join(traceback.format_exception(error))
    return error if text(shown) == shown and text(repr(error)) == repr(error) else _Copies(text=text, record=record).of(error, 0)


class _Copies(Frozen):
    """Copies exceptions and what hangs on them; each once, so that a circle ends."""

    text: Callable[[str], str]
    record: Callable[[Any], Any]
    done: dict[int, BaseException] = field(default_factory=dict)

    def of(self, error: BaseException, depth: int) -> BaseException:
        if id(error) in self.done:
            return self.done[id(error)]
        if depth > _DEEPEST:
            return RedactedError(type(error).__name__)
        clean = self.done[id(error)] = self._alone(error, depth)
        clean.__traceback__ = error.__traceback__
        if error.__cause__ is not None:
            clean.__cause__ = self.of(error.__cause__, depth + 1)
        if error.__context__ is not None:
            clean.__context__ = self.of(error.__context__, depth + 1)
        clean.__suppress_context__ = error.__suppress_context__
        return clean

    def _alone(self, error: BaseException, depth: int) -> BaseException:
        notes = [self.text(note) for note in getattr(error, "__notes__", ()) if isinstance(note, str)]
        if isinstance(error, BaseExceptionGroup):
            clean: BaseException = error.derive([self.of(inner, depth + 1) for inner in error.exceptions])
            if self.text(error.message) != error.message:
                clean = type(error)(self.text(error.message), clean.exceptions)  # type: ignore[attr-defined]  # derive gives a group
        else:
            clean = self._same_type(error)
        if notes:
            clean.__notes__ = notes
        return clean

    def _same_type(self, error: BaseException) -> BaseException:
        text = str(error)
        try:
            clean = copy.copy(error)
            clean.args = tuple(self.record(argument) for argument in error.args)
            clean.__dict__.update(
                {name: self.record({name: value}).get(name) for name, value in error.__dict__.items() if name != "__notes__"}
            )
            sound = clean is not error and self.text(str(clean)) == str(clean) and self.text(repr(clean)) == repr(clean)
        except Exception:  # noqa: BLE001  any constructor may fail; then its text stands for the exception
            sound = False
        return clean if sound else RedactedError(self.text(f"{type(error).__name__}: {text}"))
