"""Start one child process, listen to what it tells, and end it: in order, or at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from odibi_local.functions_host.control import AppIndexed, Message, read_messages
from odibi_local.functions_host.invocation import InvocationFinished, InvocationStarted
from odibi_local.functions_host.log_line import LogLine, LogSink

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

_PACKAGE_ROOT = Path(__file__).parent.parent.parent  # where `odibi_local` can be imported from


class ChildProcess:
    """One spawned child. It starts with a fresh interpreter, so that no module of an earlier version of the app is left."""

    def __init__(
        self,
        *,
        app_folder: Path,
        environment: Mapping[str, str],
        listening: socket.socket,
        state: Path,
        sink: LogSink,
        on_message: Callable[[ChildProcess, Message], None],
        on_exit: Callable[[ChildProcess], None],
    ) -> None:
        self._sink = sink
        self._on_message = on_message
        self._on_exit = on_exit
        self._lock = threading.Lock()
        self._in_flight: dict[str, tuple[str, float]] = {}  # invocation id: function, when it began
        self._timeout_seconds: float | None = None
        self.began = time.monotonic()
        self.asked_to_end = False
        self._killed = False
        read_end, write_end = os.pipe()
        command = [sys.executable, "-m", "odibi_local.functions_host.child", str(app_folder), "--state", str(state)]
        command += ["--listen-fd", str(listening.fileno()), "--control-fd", str(write_end)]
        path = os.pathsep.join(part for part in (str(_PACKAGE_ROOT), environment.get("PYTHONPATH", "")) if part)
        try:
            self._process = subprocess.Popen(
                command,
                cwd=app_folder,
                env={**environment, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(listening.fileno(), write_end),
                start_new_session=True,  # Ctrl-C is for the host, which drains its children
            )
        finally:
            os.close(write_end)
        self._reader = threading.Thread(target=self._read_control, args=(read_end,), name="child-control", daemon=True)
        self._output = threading.Thread(target=self._forward_output, name="child-output", daemon=True)
        self._reader.start()
        self._output.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._process.poll()

    @property
    def takes_work(self) -> bool:
        """Whether it lives and nobody has asked it to end."""
        return not self._killed and not self.asked_to_end and self.exit_code is None

    def overdue(self) -> str | None:
        """Return the function of an invocation that runs longer than the functionTimeout, or None."""
        with self._lock:
            limit = self._timeout_seconds
            if limit is None:
                return None
            now = time.monotonic()
            return next((function for function, began in self._in_flight.values() if now - began > limit), None)

    def ask_to_end(self) -> None:
        """Ask it to drain: stop its listeners, finish what is in work, exit."""
        self.asked_to_end = True
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once. Locks it holds run out by themselves."""
        self._killed = True
        if self._process.poll() is None:
            self._process.kill()

    def wait(self, seconds: float) -> bool:
        """Wait until it has ended; tell whether it did in time."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _read_control(self, read_end: int) -> None:
        with open(read_end, "rb") as pipe:  # a descriptor, not a path
            for message in read_messages(pipe):
                self._note(message)
                self._on_message(self, message)
        self._process.wait()
        self._output.join(timeout=2)  # its last words come before the news of its end
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._on_exit(self)

    def _note(self, message: Message) -> None:
        with self._lock:
            match message:
                case AppIndexed():
                    self._timeout_seconds = message.function_timeout_seconds
                case InvocationStarted():
                    self._in_flight[message.invocation_id] = (message.function, time.monotonic())
                case InvocationFinished():
                    self._in_flight.pop(message.invocation_id, None)
                case _:
                    pass

    def _forward_output(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._sink(LogLine(kind="output", level="INFO", message=line.decode("utf-8", "replace").rstrip("\r\n")))
