"""Install Azurite once per lock file and run its blob service on a port of this machine only."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from odibi_local.node_runtime import find_node

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

HOST = "127.0.0.1"
# The account that every Azurite has, published by Microsoft: learn.microsoft.com/azure/storage/common/storage-use-azurite
ACCOUNT_NAME = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

_HERE = Path(__file__).parent
_PACKAGE_FILES = ("package.json", "package-lock.json", ".npmrc")
_PROJECT = _HERE.parent.parent if (_HERE.parent.parent / "pyproject.toml").exists() else Path.cwd()
_DEFAULT_CACHE = _PROJECT / ".local" / "azurite"
_ATTEMPTS = 3  # a free port may be taken by somebody else before Azurite has it
_INSTALL_SECONDS = 600.0
_START_SECONDS = 60.0


class AzuriteError(RuntimeError):
    """Azurite could not be installed or did not start."""


def ensure_installed(cache: Path = _DEFAULT_CACHE) -> Path:
    """
    Return the folder that holds the locked version of Azurite; install it there first when it is missing.

    Two processes may call this at once: each installs into a folder of its own and one of them gives its folder the final name.

    Raises:
        AzuriteError: If npm fails; with the end of what npm said.
    """
    lock_hash = hashlib.sha256((_HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    final = cache / lock_hash
    if final.exists():
        return final
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="installing-") as folder:
        attempt = Path(folder) / "whole"
        attempt.mkdir()
        for name in _PACKAGE_FILES:
            shutil.copy(_HERE / name, attempt / name)
        _npm_ci(attempt)
        try:
            attempt.rename(final)
        except OSError:
            if not final.exists():
                raise
    return final


def _npm_ci(folder: Path) -> None:
    runtime = find_node()
    # No package script needs to run: the blob service is plain JavaScript.
    command = [*runtime.npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(
            command, cwd=folder, env=runtime.environment(), capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise AzuriteError(f"npm ci took longer than {_INSTALL_SECONDS:.0f} s") from error
    if done.returncode != 0:
        raise AzuriteError(f"npm ci failed with exit code {done.returncode}: {done.stderr[-2000:].strip()}")


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class AzuriteProcess:
    """
    The blob service of Azurite, with its data in `location`. A context manager.

    `stop` saves everything; `kill` ends it as a power cut would, and what it acknowledged in its last five seconds may be gone
    (Azurite saves its index that often). The service also ends, in order, when this process dies.
    """

    account_name = ACCOUNT_NAME
    account_key = ACCOUNT_KEY

    def __init__(self, *, location: Path, port: int = 0, cache: Path = _DEFAULT_CACHE) -> None:
        self._location = location
        self._port = port
        self._cache = cache
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """The port it listens on; known once it was started."""
        return self._port

    @property
    def blob_endpoint(self) -> str:
        """The address of the account's blob service."""
        return f"http://{HOST}:{self._port}/{ACCOUNT_NAME}"

    @property
    def connection_string(self) -> str:
        """What Azure's libraries need to reach the account."""
        return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT_NAME};AccountKey={ACCOUNT_KEY};BlobEndpoint={self.blob_endpoint};"

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def log_path(self) -> Path:
        """Where the service's own output goes, from its last start on."""
        return self._location / "azurite.log"

    def start(self) -> None:
        """
        Start the service and return when it listens.

        Raises:
            AzuriteError: If it ends at once (the port is taken, say) or does not listen within a minute.
        """
        if self.running:
            return
        script = ensure_installed(self._cache) / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
        self._location.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, _ATTEMPTS + 1):
            port = self._port or free_port()
            try:
                self._start_on(port, script)
            except AzuriteError:
                if self._port or attempt == _ATTEMPTS:
                    raise
            else:
                self._port = port
                return

    def _start_on(self, port: int, script: Path) -> None:
        command = [str(find_node().node), "--require", str(_HERE / "preload.cjs"), str(script)]
        command += ["--blobHost", HOST, "--blobPort", str(port), "--location", str(self._location.resolve())]
        # azure-storage-blob speaks a newer API version than Azurite lists, which works.
        command += ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self._location,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for this process, which stops it in order
            )
        self._wait_until_it_listens(self._process)

    def _wait_until_it_listens(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            # Not asked over HTTP: somebody else may answer on the port.
            said = self.log_path.read_text(errors="replace")
            if "successfully listens" in said:
                return
            if process.poll() is not None:
                self.stop()
                raise AzuriteError(f"Azurite ended at once with exit code {process.returncode}: {said[-1000:].strip()}")
            time.sleep(0.02)
        self.kill()
        raise AzuriteError(f"Azurite did not listen within {_START_SECONDS:.0f} s")

    def stop(self) -> None:
        """End the service in order: it saves first."""
        self._end(signal.SIGTERM, patience_seconds=15.0)

    def kill(self) -> None:
        """End the service at once, as a crash would."""
        self._end(signal.SIGKILL if os.name != "nt" else signal.SIGTERM, patience_seconds=15.0)

    def restart(self) -> None:
        """Stop if it runs, then start on the same port with the same data."""
        self.stop()
        self.start()

    def _end(self, how: signal.Signals, *, patience_seconds: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(how)
        try:
            process.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
