"""Run the emulator as a child process, for tests and for the local cloud."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

_PATIENCE: Final = 20.0  # seconds to start or to stop


class EmulatorError(RuntimeError):
    """The emulator did not start; the message is what it said."""


def connection_string(port: int) -> str:
    """Return what clients of Service Bus need to reach an emulator on this machine."""
    return (
        f"Endpoint=sb://localhost:{port};SharedAccessKeyName=RootManageSharedAccessKey;"
        "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
    )


class EmulatorProcess:
    """
    One emulator in a child process. As a context manager it starts on entry and stops on exit.

    It signals only the process that it started.
    """

    def __init__(self, config: Path, state: Path | None = None, *, port: int = 0, health_port: int = 0) -> None:
        """Remember what to run: without a state file nothing survives the process; port 0 is any free one."""
        self._config = config
        self._state = state
        self._asked_port = port
        self._asked_health_port = health_port
        self._process: subprocess.Popen[bytes] | None = None
        self._ready: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The AMQP port. It stays the same over `restart`."""
        return int(self._ready["port"])

    @property
    def health_port(self) -> int:
        """The HTTP port of `/health` and `/queues`."""
        return int(self._ready["health_port"])

    @property
    def connection_string(self) -> str:
        """What clients need."""
        return str(self._ready["connection_string"])

    @property
    def pid(self) -> int:
        """The id of the running process."""
        if self._process is None:
            raise EmulatorError("the emulator is not running")
        return self._process.pid

    def start(self) -> None:
        """
        Start it and wait until it listens.

        Raises:
            EmulatorError: If it does not.
        """
        if self._process is not None:
            raise EmulatorError("the emulator is running already")
        with tempfile.TemporaryDirectory(prefix="servicebus-") as folder:
            ready_file, output = Path(folder) / "ready.json", Path(folder) / "output.txt"
            command = [sys.executable, "-m", "odibi_local.servicebus", "--config", str(self._config), "--ready-file", str(ready_file)]
            command += ["--port", str(self._asked_port), "--health-port", str(self._asked_health_port)]
            command += [] if self._state is None else ["--state", str(self._state)]
            with output.open("wb") as sink:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stderr=sink,
                    start_new_session=True,  # Ctrl-C is for the parent: it stops us last
                )
            self._wait_for(ready_file, output)
            self._ready = json.loads(ready_file.read_text(encoding="utf-8"))
        self._asked_port, self._asked_health_port = self.port, self.health_port

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        process = self._take()
        if process is not None:
            process.kill()
            process.wait()

    def stop(self) -> None:
        """End it with SIGTERM and wait; if it does not listen to that, kill it."""
        process = self._take()
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def restart(self) -> None:
        """Start it again on the same ports, after `kill`, after `stop`, or instead of them."""
        self.stop()
        self.start()

    def queues(self) -> dict[str, dict[str, int]]:
        """Return the counts of every queue: active, scheduled, deferred, dead_lettered and locked."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}/queues", timeout=_PATIENCE) as answer:
            counts: dict[str, dict[str, int]] = json.load(answer)
        return counts

    def _take(self) -> subprocess.Popen[bytes] | None:
        process, self._process = self._process, None
        return process

    def _wait_for(self, ready_file: Path, output: Path) -> None:
        end = time.monotonic() + _PATIENCE
        while not ready_file.exists():
            if self._process is None or self._process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise EmulatorError(f"the emulator did not start: {output.read_text(errors='replace').strip()[-2000:]}")
            time.sleep(0.01)
