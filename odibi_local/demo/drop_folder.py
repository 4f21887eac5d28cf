"""A folder on this machine whose files land in a blob container."""

from __future__ import annotations

import hashlib
import stat
import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContentSettings

from odibi_local.demo.output import coloured, say, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_Looks = tuple[int, int]  # size in bytes, time of the last change in ns
_LOOK_SECONDS = 0.4


class DropFolder:
    """A folder whose files are copied up, below the name that they have in it. The same content is not sent twice."""

    def __init__(self, folder: Path, storage: str, containers: tuple[str, ...]) -> None:
        """With several containers the first folder in the name says which one."""
        self._folder = folder
        self._account = BlobServiceClient.from_connection_string(storage, retry_total=2)
        self._containers = containers
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="drop-folder", daemon=True)

    def start(self) -> None:
        """Make the folder, send what lies there, and start to watch it."""
        for container in self._containers:
            (self._folder / (container if len(self._containers) > 1 else "")).mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop to watch."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._account.close()

    def _watch(self) -> None:
        """Look again and again: notifications of the system miss files in folders that are new, and come while a file is being written."""
        before: dict[Path, _Looks] = {}
        sent: dict[Path, _Looks] = {}
        while not self._stop.wait(_LOOK_SECONDS):
            now = dict(self._files())
            for path, looks in sorted(now.items()):
                if before.get(path) == looks != sent.get(path):  # nobody has written to it since the last look
                    sent[path] = looks
                    self._send(path)
            before = now

    def _files(self) -> Iterator[tuple[Path, _Looks]]:
        for path in self._folder.rglob("*"):
            try:
                facts = path.stat()
            except OSError:  # gone since it was listed
                continue
            if stat.S_ISREG(facts.st_mode):
                yield path, (facts.st_size, facts.st_mtime_ns)

    def _send(self, path: Path) -> None:
        parts = path.relative_to(self._folder).parts
        if any(part.startswith(".") for part in parts):
            return
        container, name = (self._containers[0], parts) if len(self._containers) == 1 else (parts[0], parts[1:])
        if container not in self._containers or not name:
            return
        try:
            self._upload(container, "/".join(name), path.read_bytes())
        except (AzureError, OSError) as error:
            say(f"{coloured('✗', 'red')} {shown(path)} was not copied up: {type(error).__name__}")

    def _upload(self, container: str, name: str, data: bytes) -> None:
        blob = self._account.get_blob_client(container, name)
        digest = bytearray(hashlib.md5(data, usedforsecurity=False).digest())
        try:
            known = blob.get_blob_properties().content_settings.content_md5
        except ResourceNotFoundError:
            known = None
        if known == digest:
            return
        blob.upload_blob(data, overwrite=True, content_settings=ContentSettings(content_md5=digest))
        say(f"{datetime.now().astimezone():%H:%M:%S}  {container}/{name} landed ({len(data):,} bytes)")
