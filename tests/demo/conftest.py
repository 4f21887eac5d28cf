"""Programs of ours in processes of their own, and whether anything of them is left when they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


class Program:
    """`python -m MODULE …` as a user starts it, marked so that its descendants are found wherever they went."""

    def __init__(self, module: str, *arguments: str, folder: Path) -> None:
        self._mark = f"ODIBI_TEST_MARK={uuid.uuid4().hex}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ODIBI_")}
        name, _, value = self._mark.partition("=")
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=folder,
            env={**inherited, name: value, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line.rstrip("\n"))

    @property
    def text(self) -> str:
        """Everything that it said so far."""
        return "\n".join(list(self._lines))

    def wait_for(self, text: str, *, after: str = "", seconds: float = 60) -> str:
        """The line that holds a text, once it is there; with `after`, one below the last line that holds that."""
        end = time.monotonic() + seconds
        while True:
            lines = list(self._lines)
            start = max((number for number, line in enumerate(lines) if after and after in line), default=-1)
            found = [line for line in lines[start + 1 :] if text in line]
            if found:
                return found[0]
            assert self.process.poll() is None, f"it ended with {self.process.returncode} before it said {text!r}:\n{self.text}"
            assert time.monotonic() < end, f"it did not say {text!r} within {seconds:.0f} s:\n{self.text}"
            time.sleep(0.05)

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def end(self, seconds: float = 120) -> int:
        """Wait until it ended by itself; the exit code."""
        code = self.process.wait(seconds)
        self._reader.join(10)
        return code

    def left(self) -> list[str]:
        """The command lines of its processes that live; those that are just ending get a moment."""
        end = time.monotonic() + 5
        while (found := self._living()) and time.monotonic() < end:
            time.sleep(0.1)
        return found

    def _living(self) -> list[str]:
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if self._mark.encode() in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:  # it ended meanwhile, or is somebody else's
                continue
        return found


@pytest.fixture
def start() -> Iterator[Callable[..., Program]]:
    """Return a function that starts a program; whatever still runs afterwards is stopped."""
    programs: list[Program] = []

    def begin(module: str, *arguments: str, folder: Path = REPOSITORY) -> Program:
        programs.append(Program(module, *arguments, folder=folder))
        return programs[-1]

    yield begin
    for program in programs:
        if program.process.poll() is None:
            program.interrupt()
            try:
                program.end(30)
            except subprocess.TimeoutExpired:
                program.process.kill()
                program.process.wait()
