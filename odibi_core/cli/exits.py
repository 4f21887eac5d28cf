"""
How a command ends: every exit code, and what is said about an error.

0 ok · 2 the author must act · 3 the owner of the data · 4 a service or its operator · 70 a bug of ours · 130 Ctrl-C.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from odibi_core.cli.screen import Screen
from odibi_core.errors import ConfigError, OdibiError

OK = 0
CONFIG = 2
BUG = 70
STOPPED = 130
CLOSED_PIPE = 141  # as a shell reports a process that SIGPIPE ended

_log = logging.getLogger("odibi.cli")
_PRODUCT = Path(__file__).resolve().parents[1]


def exit_code_of(error: BaseException) -> int:
    """The exit code of an error that ends a command."""
    return error.exit_code if isinstance(error, OdibiError) else BUG


def tell(error: BaseException, screen: Screen, environment: Mapping[str, str]) -> int:
    """Say what went wrong and return the exit code. A traceback only with ODIBI_DEBUG, and redacted."""
    code = exit_code_of(error)
    text = screen.redactor.text(text_of(error))
    if environment.get("ODIBI_DEBUG"):
        text = f"{screen.redactor.exception(error)}\n{text}"
    screen.complain(text)
    if screen.mode == "log":
        if not logging.getLogger().handlers:  # it never came to opening the project
            from odibi_core.logging_setup import configure_logging

            configure_logging(environment, screen.redactor)
        _log.error(text, extra={"exit_code": code, "error_code": error.error_code if isinstance(error, OdibiError) else "internal"})
    screen.result({"status": "error", "exit_code": code, "error": as_dict(error)})
    return code


def text_of(error: BaseException) -> str:
    """What a person reads: the problems with their places, or message and hint, or that it is a bug."""
    match error:
        case ConfigError(problems=problems) if any(problem.place for problem in problems):
            from odibi_core.config import problem_text

            return "\n\n".join(problem_text(problem) for problem in problems)
        case OdibiError():
            return f"error: {error.message} [{error.error_code}]" + (f"\n  hint: {error.hint}" if error.hint else "")
        case _:
            # Not its message: a foreign text may quote data.
            return f"error: {_bug(error)}\n  hint: Please report it; ODIBI_DEBUG=1 shows more."


def as_dict(error: BaseException) -> dict[str, Any]:
    """The error for a program."""
    if not isinstance(error, OdibiError):
        return {"code": "internal", "message": _bug(error), "hint": ""}
    found: dict[str, Any] = {"code": error.error_code, "message": error.message, "hint": error.hint}
    if isinstance(error, ConfigError):
        found["problems"] = [
            {
                "message": problem.message,
                "hint": problem.hint,
                **({"file": problem.place.file, "line": problem.place.line, "column": problem.place.column} if problem.place else {}),
            }
            for problem in error.problems
        ]
    return found


def _bug(error: BaseException) -> str:
    return f"this is a bug: unexpected {type(error).__name__}{_where(error)}"


def _where(error: BaseException) -> str:
    """The last line of ours that it passed through."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(_PRODUCT):
            return f" at {path.relative_to(_PRODUCT.parent).as_posix()}:{frame.lineno}"
    return ""
