"""What a child process tells the host that started it: one JSON object per line on a pipe."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from odibi_local.functions_host.invocation import InvocationFinished, InvocationStarted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO


@dataclass(frozen=True, kw_only=True)
class AppIndexed:
    """The app was loaded. From here its listeners open."""

    functions: list[str]
    warnings: list[str]
    errors: list[str]  # functions that cannot listen
    function_timeout_seconds: float | None


@dataclass(frozen=True, kw_only=True)
class AppReady:
    """Every listener is open, or failed to open once."""


@dataclass(frozen=True, kw_only=True)
class AppBroken:
    """The app cannot be loaded; the child answers HTTP with that and waits to be replaced."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Warned:
    """Something that a person should know, such as a queue that cannot be reached."""

    message: str


Message = AppIndexed | AppReady | AppBroken | Warned | InvocationStarted | InvocationFinished
_KINDS: dict[str, type[Message]] = {
    kind.__name__: kind for kind in (AppIndexed, AppReady, AppBroken, Warned, InvocationStarted, InvocationFinished)
}


class ControlWriter:
    """The child's end of the pipe. Safe between threads."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def tell(self, message: Message) -> None:
        """Send one message. If the host is gone, nobody needs it."""
        line = json.dumps({"kind": type(message).__name__, **asdict(message)}).encode() + b"\n"
        with self._lock:
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:
                return


def read_messages(pipe: BinaryIO) -> Iterator[Message]:
    """Return the messages as they come, until the child's end closes. A line that a killed child left half-written is dropped."""
    for line in pipe:
        try:
            fields = json.loads(line)
        except ValueError:
            continue
        yield _KINDS[fields.pop("kind")](**fields)
