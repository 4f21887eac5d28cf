"""The process around the emulator: its ports, its health, its end."""

from __future__ import annotations

import json
import os
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from odibi_local.servicebus import EmulatorError, EmulatorProcess
from tests.servicebus.conftest import write_config

QUEUES = {"q": {}}


def _get(emulator: EmulatorProcess, path: str) -> tuple[int, object]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{emulator.health_port}{path}", timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_health_is_told_as_the_official_emulator_tells_it(emulator: EmulatorProcess):
    """And the counts of the queues beside it."""
    assert _get(emulator, "/health") == (200, {"status": "healthy", "message": "Service is healthy."})
    assert _get(emulator, "/queues") == (200, {"q": {"active": 0, "scheduled": 0, "deferred": 0, "dead_lettered": 0, "locked": 0}})
    assert _get(emulator, "/other")[0] == 404


def test_the_connection_string_names_the_port(emulator: EmulatorProcess):
    """The form that the Azure clients take for an emulator."""
    assert emulator.connection_string == (
        f"Endpoint=sb://localhost:{emulator.port};SharedAccessKeyName=RootManageSharedAccessKey;"
        "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
    )


def test_only_this_machine_can_connect(emulator: EmulatorProcess):
    """Both ports listen on the loopback address alone."""
    for port in (emulator.port, emulator.health_port):
        with pytest.raises(OSError, match=r".*"), socket.create_connection(("127.0.0.2", port), timeout=1):
            pass


def test_a_restart_keeps_the_ports_and_a_stop_ends_it(tmp_path: Path):
    """Without a state file nothing is kept; the process that ends is the one that was started."""
    emulator = EmulatorProcess(write_config(tmp_path, QUEUES))
    with emulator:
        port, first = emulator.port, emulator.pid
        with pytest.raises(EmulatorError, match="running already"):
            emulator.start()
        emulator.restart()
        assert emulator.port == port
        assert emulator.pid != first
        second = emulator.pid
    for pid in (first, second):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    with pytest.raises(EmulatorError, match="not running"):
        _ = emulator.pid
