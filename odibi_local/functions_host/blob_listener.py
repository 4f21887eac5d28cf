"""Notice blobs that match a blob function's path, invoke it with their content, and set aside what fails too often."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

from odibi_local.functions_host import datums

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from azure.storage.blob import BlobProperties, BlobServiceClient

    from odibi_local.functions_host.app_index import IndexedFunction
    from odibi_local.functions_host.host_json import BlobOptions
    from odibi_local.functions_host.invocation import Invoker

POISON_CONTAINER = "webjobs-blobtrigger-poison"  # on Azure a storage queue of this name, which the local account does not have
_POLL_SECONDS = 1.0


class BlobReceipts:
    """Remembers which version of which blob a function has seen, and how often it tried. One file for all functions."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        # A child that still drains and its successor may both have the file open.
        self._database = sqlite3.connect(path, timeout=10, check_same_thread=False, isolation_level=None)
        self._database.execute(
            "create table if not exists receipt (function text, blob text, etag text, tries integer, done integer,"
            " primary key (function, blob, etag))"
        )

    def is_done(self, function: str, blob: str, etag: str) -> bool:
        """Whether this version was handled or set aside."""
        with self._lock:
            found = self._database.execute(
                "select done from receipt where function = ? and blob = ? and etag = ?", (function, blob, etag)
            ).fetchone()
        return bool(found and found[0])

    def count_try(self, function: str, blob: str, etag: str) -> int:
        """Write down that a try begins and return its number, from 1. A try that dies with its process counts."""
        with self._lock:
            row = self._database.execute(
                "insert into receipt values (?, ?, ?, 1, 0) on conflict do update set tries = tries + 1 returning tries",
                (function, blob, etag),
            ).fetchone()
        return int(row[0])

    def finish(self, function: str, blob: str, etag: str) -> None:
        """Write down that this version needs no further try."""
        with self._lock:
            self._database.execute("update receipt set done = 1 where function = ? and blob = ? and etag = ?", (function, blob, etag))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()


class BlobListener:
    """One listener per blob function. It polls, as the real one does without Event Grid, and reads whole blobs into memory."""

    def __init__(
        self,
        *,
        function: IndexedFunction,
        path: str,
        account: BlobServiceClient,
        receipts: BlobReceipts,
        options: BlobOptions,
        invoker: Invoker,
        warn: Callable[[str], None],
    ) -> None:
        self._function = function
        self._container, _, pattern = path.partition("/")
        self._names = path_pattern(pattern or "{name}")
        self._prefix = pattern.split("{")[0] or None
        self._account = account
        self._receipts = receipts
        self._options = options
        self._invoker = invoker
        self._warn = warn

    def run(self, stop: threading.Event) -> None:
        """Poll until `stop` is set."""
        while not stop.is_set():
            try:
                self._poll(stop)
            except AzureError as error:
                self._warn(f"{self._function.name} cannot list '{self._container}': {type(error).__name__}: {error}")
            stop.wait(_POLL_SECONDS)

    def _poll(self, stop: threading.Event) -> None:
        try:
            found = list(self._account.get_container_client(self._container).list_blobs(name_starts_with=self._prefix))
        except ResourceNotFoundError:
            return  # a container that does not exist yet has no blobs
        waiting = [blob for blob in found if self._names.match(blob.name) and not self._is_done(blob)]
        for blob in waiting:
            # A failed version is tried again at once.
            while not stop.is_set() and not self._try(blob):
                pass

    def _is_done(self, blob: BlobProperties) -> bool:
        return self._receipts.is_done(self._function.name, self._full_name(blob), str(blob.etag))

    def _full_name(self, blob: BlobProperties) -> str:
        return f"{self._container}/{blob.name}"

    def _try(self, blob: BlobProperties) -> bool:
        """Invoke the function once; tell whether this version needs no further try."""
        name, etag = self._full_name(blob), str(blob.etag)
        client = self._account.get_blob_client(self._container, blob.name)
        tries = self._receipts.count_try(self._function.name, name, etag)
        if tries > self._options.poison_blob_threshold:
            # The process died in its last try, or before it had set the blob aside.
            self._set_aside(name, etag, tries - 1, "the process ended during the last try")
            self._receipts.finish(self._function.name, name, etag)
            return True
        try:
            content = client.download_blob().readall()
        except ResourceNotFoundError:
            self._receipts.finish(self._function.name, name, etag)
            return True
        match = self._names.match(blob.name)
        data, metadata = datums.blob(
            content=content,
            path=name,
            uri=client.url,
            properties=_described(blob, len(content)),
            metadata=blob.metadata or {},
            parts=match.groupdict() if match else {},
        )
        outcome = self._invoker.call(self._function, data, metadata)
        if not outcome.ok and tries < self._options.poison_blob_threshold:
            return False
        if not outcome.ok:
            self._set_aside(name, etag, tries, outcome.error or "")
        self._receipts.finish(self._function.name, name, etag)
        return True

    def _set_aside(self, name: str, etag: str, tries: int, error: str) -> None:
        self._warn(f"{self._function.name} failed {tries} times on '{name}': set aside in '{POISON_CONTAINER}'")
        container, _, blob_name = name.partition("/")
        record = {"FunctionId": f"Host.Functions.{self._function.name}", "BlobType": "BlockBlob", "ContainerName": container}
        record |= {"BlobName": blob_name, "ETag": etag, "Error": error}
        poison = self._account.get_container_client(POISON_CONTAINER)
        with contextlib.suppress(ResourceExistsError):
            poison.create_container()
        poison.upload_blob(f"{self._function.name}/{name}/{etag.strip(chr(34))}.json", json.dumps(record), overwrite=True)


def path_pattern(pattern: str) -> re.Pattern[str]:
    """Return what a blob name must match: each `{part}` stands for any text, the last one for slashes, too."""
    pieces = re.split(r"\{(\w+)\}", pattern)
    expression = "".join(re.escape(piece) if index % 2 == 0 else f"(?P<{piece}>.+)" for index, piece in enumerate(pieces))
    return re.compile(f"^{expression}$")


def _described(blob: BlobProperties, size_bytes: int) -> dict[str, Any]:
    settings = blob.content_settings
    return {
        "ContentLength": size_bytes,
        "Length": size_bytes,
        "ContentType": settings.content_type if settings else None,
        "ETag": blob.etag,
        "LastModified": blob.last_modified,
        "CreatedOn": blob.creation_time,
        "BlobType": str(getattr(blob.blob_type, "value", blob.blob_type)),
        "Metadata": dict(blob.metadata or {}),
    }
