"""Objects as blobs of an Azure Storage container. Import it where it is used: it costs half a second."""

from __future__ import annotations

import uuid
from functools import cache
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import ContentSettings, ExponentialRetry
from requests import Session
from requests.adapters import HTTPAdapter

from odibi_core.frozen import Frozen
from odibi_core.ports import Stored
from odibi_core.storage.faults import azure_faults, error_code
from odibi_core.storage.paths import safe_join, safe_prefix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from azure.storage.blob import BlobClient, BlobProperties, ContainerClient

Result = TypeVar("Result")

_WRITER = "odibi_writer"  # metadata: which call wrote this version
_FOLDER = "hdi_isfolder"  # metadata of the empty blob that stands for a folder where the namespace is hierarchical


def client_settings() -> dict[str, Any]:
    """
    How patient our clients are: 10 s to connect, 30 s without a byte, and five retries in all, three of a kind, 2, 4 and 8 s apart.

    The library's own first retry comes after 15 s, longer than most nodes run. HTTP 429 is not retried here but by the runtime.
    """
    return {
        "retry_policy": ExponentialRetry(initial_backoff=0, increment_base=2, retry_total=5, random_jitter_range=1),
        "connection_timeout": 10,
        "read_timeout": 30,
        "transport": RequestsTransport(session=_session(), session_owner=False),
    }


@cache
def _session() -> Session:
    """The open connections of this process, for all clients: a client for every plan does not mean a handshake for every plan."""
    session = Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_connections=16, pool_maxsize=64))
    return session


class BlobEntry(Frozen):
    """A blob as a listing shows it."""

    name: str  # from the start of the container
    etag: str  # without quotes
    size_bytes: int


class AzureBlobStore:
    """
    An ObjectStore over a container, or over what starts with `prefix` in it. Safe to share between threads.

    A conditional write whose acknowledgement was lost is tried again by the library and then finds its own object. Every conditional
    write therefore leaves a mark of its own in the metadata, and a refused one looks whether the mark there is its own.

    A function that gives the container is asked before each request: a key that was rotated is in force with the next one.
    """

    def __init__(self, container: ContainerClient | Callable[[], ContainerClient], prefix: str = "", *, create: bool = False) -> None:
        self._current: Callable[[], ContainerClient] = container if callable(container) else lambda: container
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._create = create

    def __repr__(self) -> str:
        return f"AzureBlobStore({self._container.account_name}/{self._container.container_name}/{self._prefix})"

    @property
    def _container(self) -> ContainerClient:
        return self._current()

    def get(self, path: str) -> Stored | None:
        """The object, or None."""
        blob = self._blob(path)
        with azure_faults("reading an object"):
            try:
                stream = blob.download_blob()
                data = stream.readall()
            except ResourceNotFoundError as error:
                if self._is_missing_container(error):
                    raise
                return None
        if _is_folder(stream.properties):
            return None
        return Stored(data=data, etag=unquoted(stream.properties.etag))

    def put(self, path: str, data: bytes, *, content_type: str = "application/octet-stream") -> None:
        """Write, over whatever is there."""
        blob = self._blob(path)
        settings = ContentSettings(content_type=content_type)
        with azure_faults("writing an object"):
            self._creating(lambda: blob.upload_blob(data, overwrite=True, content_settings=settings))

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """Of two callers exactly one gets True; readers never see half an object."""
        return self._write_if(self._blob(path), data, "creating an object", {"overwrite": False}) is not None

    def replace(self, path: str, data: bytes, *, etag: str) -> str | None:
        """Write only over the version that was read."""
        from azure.core import MatchConditions

        condition = {"overwrite": True, "etag": f'"{etag}"', "match_condition": MatchConditions.IfNotModified}
        return self._write_if(self._blob(path), data, "replacing an object", condition)

    def list(self, prefix: str) -> list[str]:
        """The paths that start with the prefix, sorted."""
        return sorted(entry.name.removeprefix(self._prefix) for entry in self.entries(prefix))

    def entries(self, prefix: str) -> Iterator[BlobEntry]:
        """The blobs behind `list`, with their full names, in the order of the service."""
        beginning = self._prefix + safe_prefix(prefix)
        pages: list[bytes] = []

        def keep(response: Any) -> None:
            if response.http_response.status_code == 200:
                pages.append(response.http_response.body())

        with azure_faults("listing objects"):
            # The library's own models of a page take longer than the service needs to make it: we read the XML ourselves.
            names = self._container.list_blob_names(name_starts_with=beginning or None, include=["metadata"], raw_response_hook=keep)
            try:
                for _ in names.by_page():
                    yield from _read_page(pages.pop())
            except ResourceNotFoundError:
                if not self._create:
                    raise

    def delete(self, path: str) -> None:
        """Remove an object; a missing one is fine."""
        blob = self._blob(path)
        with azure_faults("deleting an object"):
            try:
                blob.delete_blob()
            except ResourceNotFoundError as error:
                if self._is_missing_container(error):
                    raise

    def _blob(self, path: str) -> BlobClient:
        return self._container.get_blob_client(safe_join(self._prefix, path))

    def _write_if(self, blob: BlobClient, data: bytes, doing: str, condition: dict[str, Any]) -> str | None:
        """The tag of what this call wrote, or None if the condition did not hold."""
        mark = uuid.uuid4().hex
        with azure_faults(doing):
            try:
                written = self._creating(lambda: blob.upload_blob(data, metadata={_WRITER: mark}, **condition))
            except HttpResponseError as error:
                if not _is_refused(error) or self._is_missing_container(error):
                    raise
                return self._tag_if_written_by(mark, blob)
        return unquoted(written["etag"])

    def _tag_if_written_by(self, mark: str, blob: BlobClient) -> str | None:
        """A refusal may be the library's second try, after the first one's answer was lost."""
        try:
            properties = blob.get_blob_properties()
        except ResourceNotFoundError:
            return None
        return unquoted(properties.etag) if (properties.metadata or {}).get(_WRITER) == mark else None

    def _creating(self, write: Callable[[], Result]) -> Result:
        """Do a write; if the container is missing and may be made, make it and write again."""
        try:
            return write()
        except ResourceNotFoundError as error:
            if not self._create or error_code(error) != "ContainerNotFound":
                raise
        try:
            self._container.create_container()
        except ResourceExistsError as error:
            if error_code(error) != "ContainerAlreadyExists":
                raise
        return write()

    def _is_missing_container(self, error: HttpResponseError) -> bool:
        return error_code(error) == "ContainerNotFound" and not self._create


def _is_refused(error: HttpResponseError) -> bool:
    """Whether the condition of a write did not hold: 409 something is there, 412 another version, 404 nothing is."""
    return error.status_code == 412 or error_code(error) in {"BlobAlreadyExists", "BlobNotFound", "ConditionNotMet"}


def _read_page(page: bytes) -> Iterator[BlobEntry]:
    """
    The blobs of one answer to List Blobs, without folder markers.

    Source: learn.microsoft.com/rest/api/storageservices/list-blobs; a name that XML cannot hold is URL-encoded and says so.
    """
    for blob in ET.fromstring(page).iter("Blob"):  # noqa: S314 - the answer of the storage account that we write to
        if blob.findtext(f"Metadata/{_FOLDER}", "").lower() == "true":
            continue
        name = blob.find("Name")
        if name is None or not name.text:
            continue
        yield BlobEntry(
            name=unquote(name.text) if name.get("Encoded") == "true" else name.text,
            etag=unquoted(blob.findtext("Properties/Etag")),
            size_bytes=int(blob.findtext("Properties/Content-Length") or 0),
        )


def _is_folder(blob: BlobProperties) -> bool:
    return (blob.metadata or {}).get(_FOLDER, "").lower() == "true"


def unquoted(etag: str | None) -> str:
    """An ETag as events spell it: without the quotes of HTTP."""
    return (etag or "").strip('"')
