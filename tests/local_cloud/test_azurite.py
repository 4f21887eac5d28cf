"""Azurite starts, keeps its data, and ends with whoever started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.storage.blob import BlobServiceClient

from odibi_local.azurite import AzuriteError, AzuriteProcess, ensure_installed, launcher

pytestmark = pytest.mark.cloud


def test_blobs_survive_a_restart_on_the_same_port(tmp_path):
    """A client that was made before the restart goes on."""
    with AzuriteProcess(location=tmp_path) as azurite:
        before = azurite.connection_string
        with BlobServiceClient.from_connection_string(before) as account:
            account.create_container("landing").upload_blob("a.csv", b"a,b")
            azurite.restart()
            assert azurite.connection_string == before
            assert account.get_blob_client("landing", "a.csv").download_blob().readall() == b"a,b"
        azurite.kill()
        assert not azurite.running


def test_a_taken_port_is_reported(azurite, tmp_path):
    """The error carries what Azurite said."""
    with pytest.raises(AzuriteError, match="EADDRINUSE"):
        AzuriteProcess(location=tmp_path, port=azurite.port).start()


def test_it_ends_when_its_parent_is_killed(tmp_path):
    """No orphan keeps the port."""
    code = (
        "import sys, time, pathlib\nfrom odibi_local.azurite import AzuriteProcess\n"
        "azurite = AzuriteProcess(location=pathlib.Path(sys.argv[1])); azurite.start()\n"
        "print(azurite._process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and _alive(pid):
            time.sleep(0.05)
        assert not _alive(pid)
    finally:
        parent.kill()
        parent.stdout.close()


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_two_installations_at_once_leave_one_whole_folder(tmp_path, monkeypatch):
    """Each works in a folder of its own; one of them wins, the other uses it."""

    def slow_npm(folder):
        (folder / "node_modules").mkdir()
        time.sleep(0.3)
        (folder / "node_modules" / "whole").touch()

    monkeypatch.setattr(launcher, "_npm_ci", slow_npm)
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(lambda _: ensure_installed(tmp_path / "cache"), range(2))
    assert first == second
    assert (first / "node_modules" / "whole").exists()
    assert list((tmp_path / "cache").iterdir()) == [first]


def test_the_lock_file_names_no_registry():
    """Who installs decides where packages come from."""
    lock = (launcher._HERE / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert '"version": "3.37.' in lock
