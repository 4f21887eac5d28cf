"""Say things on standard output: with colours on a terminal, as plain text everywhere else."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Literal

Colour = Literal["green", "red", "yellow", "dim", "bold"]
_CODES: dict[Colour, str] = {"green": "32", "red": "31", "yellow": "33", "dim": "2", "bold": "1"}
_saying = threading.Lock()


def say(text: str = "") -> None:
    """Print a line at once, whole, from any thread. A console that cannot show a character gets '?'."""
    encoding = sys.stdout.encoding or "utf-8"
    with _saying:
        sys.stdout.write(text.encode(encoding, errors="replace").decode(encoding) + "\n")
        sys.stdout.flush()


def coloured(text: str, colour: Colour) -> str:
    """The text in a colour, where there are colours."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"


def shown(path: Path) -> str:
    """A path as short as it can be said here: relative if it lies below the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
