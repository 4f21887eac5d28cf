"""The connections of one plan: names and paths of the YAML become places, and the addresses of blobs become names and paths."""

from __future__ import annotations

import difflib
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from odibi_core.errors import ConfigError, PermanentServiceError
from odibi_core.frozen import Frozen
from odibi_core.messages import FileVersion
from odibi_core.ports import Location, ObjectStore, SecretSource
from odibi_core.storage.containers import BlobContainer, CredentialSource, read_container
from odibi_core.storage.faults import folder_faults
from odibi_core.storage.identity import azure_credential
from odibi_core.storage.local import LocalStore, files_under
from odibi_core.storage.paths import safe_join, safe_prefix
from odibi_core.storage.urls import read_blob_url, read_lake_uri

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

    from odibi_core.storage.databases import Database
    from odibi_core.storage.web import WebApi

_DATABASES = {"sql_server", "azure_sql", "postgres", "postgresql", "sqlite"}
_KNOWN = _DATABASES | {"http", "local", "azure_blob", "azure_adls"}
_SECRET = re.compile(r"\$\{secret:([^}]+)\}")


class LocalFolder(Frozen):
    """The folder of a local connection."""

    root: Path  # absolute


if TYPE_CHECKING:
    _Place = LocalFolder | BlobContainer | Database | WebApi


class _Opened:
    """A connection that was resolved, and the values of the secrets that it was made from."""

    def __init__(self, place: _Place, secrets: Mapping[str, str]) -> None:
        self.place = place
        self.secrets = secrets
        self.client: ContainerClient | None = None


class ResolvedConnections:
    """
    Connections with their secrets and clients, each resolved when it is first used. Safe to share between threads.

    `connections` is the YAML's mapping with its variables resolved; `${secret:name}` in it is asked of `secret`, with every use: when
    a value was rotated, the connection is resolved anew. A relative `base_path` counts from `directory`. `credential` gives the
    identity to sign in with where no key is given.
    """

    def __init__(
        self,
        *,
        connections: Mapping[str, JsonValue],
        directory: Path,
        secret: SecretSource,
        credential: CredentialSource = azure_credential,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._given = connections
        self._directory = directory
        self._secret = secret
        self._credential = credential
        self._environment = environment
        self._lock = threading.Lock()
        self._opened: dict[str, _Opened] = {}

    def locate(self, connection: str, path: str) -> Location:
        """
        The place of a path. It need not exist; an empty path is the base of the connection.

        Raises:
            ConfigError: If the connection is unknown or cannot be used here, or if the path leaves it.
        """
        match self._place(connection):
            case LocalFolder(root=root):
                return Location(connection=connection, path=path, uri=safe_join(f"{root}", path))
            case BlobContainer() as container:
                uri = safe_join(container.root, path)
                return Location(connection=connection, path=path, uri=uri, options=container.options(self._environment))
            case database_or_api:
                return database_or_api.at(connection, path)

    def files(self, connection: str, prefix: str) -> Iterable[FileVersion]:
        """The files whose path in the connection starts with the prefix, sorted by path, as they are now."""
        match self._file_place(connection):
            case LocalFolder(root=root):
                found = _local_files(connection, root, safe_prefix(prefix))
            case BlobContainer() as container:
                found = self._blobs(connection, container, prefix)
        return sorted(found, key=lambda file: file.path)

    def store(self, connection: str, path: str) -> ObjectStore:
        """A path of a connection as a store of objects."""
        match self._file_place(connection):
            case LocalFolder(root=root):
                return LocalStore(safe_join(f"{root}", path))
            case BlobContainer() as container:
                from odibi_core.storage.azure import AzureBlobStore

                self._client(connection)  # what is wrong with it shows here and not with the first request
                return AzureBlobStore(lambda: self._client(connection), safe_join(container.prefix, path))

    def account_of(self, connection: str) -> tuple[str, str] | None:
        """The storage account and the container behind a connection; None for a local folder."""
        match self._file_place(connection):
            case LocalFolder():
                return None
            case BlobContainer(account=account, container=container):
                return account, container

    def match_url(self, url: str) -> list[tuple[str, str]]:
        """
        The connections that a blob's address lies in, each with the path inside it; those that start deepest come first.

        An address of a foreign account or container, or none at all, gives an empty list. The path is data, whatever it looks like.

        Raises:
            ServiceError: If the secret of a connection cannot be had, and the address may be of that one.
        """
        address = read_blob_url(url)
        if address is None:
            return []
        found: list[tuple[int, str, str]] = []
        refused: list[PermanentServiceError] = []
        for name, place in self._usable_places(refused):
            if not isinstance(place, BlobContainer) or (place.service, place.container) != (address.service, address.container):
                continue
            above = f"{place.prefix}/" if place.prefix else ""
            if address.path.startswith(above) and address.path != above:
                found.append((-len(above), name, address.path.removeprefix(above)))
        if refused and not found:
            raise refused[0]
        return [(name, path) for _, name, path in sorted(found)]

    def _file_place(self, name: str) -> LocalFolder | BlobContainer:
        place = self._place(name)
        if isinstance(place, LocalFolder | BlobContainer):
            return place
        raise ConfigError(f"connection '{name}' is {place.what} and holds no files", hint="Use a connection of type local or azure_blob.")

    def _usable_places(self, refused: list[PermanentServiceError]) -> Iterator[tuple[str, _Place]]:
        for name in self._given:
            try:
                yield name, self._place(name)
            except ConfigError:  # whoever uses that connection hears of it; events of the others go on
                continue
            except PermanentServiceError as error:
                refused.append(error)

    def _place(self, name: str) -> _Place:
        return self._current(name).place

    def _current(self, name: str) -> _Opened:
        """The connection as its secrets are now. A vault that is slow holds up nobody who needs another one."""
        opened = self._opened.get(name)
        if opened is None or any(self._secret(secret) != value for secret, value in opened.secrets.items()):
            fresh = self._open(name)
            with self._lock:
                newer = self._opened.get(name)  # another thread may have been faster: one client is enough
                if newer is None or newer is opened or newer.secrets != fresh.secrets:
                    self._opened[name] = fresh
                opened = self._opened[name]
        return opened

    def _open(self, name: str) -> _Opened:
        values: dict[str, str] = {}

        def noted(secret: str) -> str:
            values[secret] = self._secret(secret)
            return values[secret]

        return _Opened(self._resolve(name, noted), values)

    def _resolve(self, name: str, secret: SecretSource) -> _Place:
        if name not in self._given:
            near = difflib.get_close_matches(name, self._given, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else f"Known are {', '.join(sorted(self._given)) or 'none'}."
            raise ConfigError(f"unknown connection '{name}'", hint=hint)
        given = self._given[name]
        if not isinstance(given, Mapping):
            raise ConfigError(f"connection '{name}' is not a mapping")
        kind = given.get("type")
        fields = {key: _revealed(value, secret) for key, value in given.items()} if kind in _KNOWN else {}
        if kind in _DATABASES:
            from odibi_core.storage.databases import read_database

            return read_database(name, fields, secret=secret, credential=self._credential, directory=self._directory)
        if kind == "http":
            from odibi_core.storage.web import read_web_api

            return read_web_api(name, fields)
        if kind not in {"local", "azure_blob", "azure_adls"}:
            raise ConfigError(f"connection type '{kind}' cannot be used here yet", hint="Use a connection of type local or azure_blob.")
        if kind != "local":
            return read_container(name, fields, secret)
        base = Path(str(fields.get("base_path") or "./data")).expanduser()
        return LocalFolder(root=Path(os.path.normpath((self._directory / base).absolute())))

    def _client(self, name: str) -> ContainerClient:
        opened = self._current(name)
        assert isinstance(opened.place, BlobContainer)
        with self._lock:
            if opened.client is None:
                opened.client = opened.place.client(self._credential)
            return opened.client

    def _blobs(self, connection: str, container: BlobContainer, prefix: str) -> Iterator[FileVersion]:
        from odibi_core.storage.azure import AzureBlobStore

        above = f"{container.prefix}/" if container.prefix else ""
        for entry in AzureBlobStore(self._client(connection), above).entries(prefix):
            path = entry.name.removeprefix(above)
            yield FileVersion(connection=connection, path=path, etag=entry.etag, size_bytes=entry.size_bytes)


def _revealed(value: JsonValue, secret: SecretSource) -> JsonValue:
    if isinstance(value, str):
        return _SECRET.sub(lambda found: secret(found[1]), value)
    if isinstance(value, dict):
        return {key: _revealed(inner, secret) for key, inner in value.items()}
    if isinstance(value, list):
        return [_revealed(inner, secret) for inner in value]
    return value


def store_at(
    uri: str, environment: Mapping[str, str], *, create: bool = False, credential: CredentialSource = azure_credential
) -> ObjectStore:
    """
    The store of an explicit location: a folder, or `abfss://container@account.dfs.core.windows.net/path`.

    A connection string in ODIBI_STORAGE is the way in; without it, this process's identity. A missing container is made only with
    `create`: a misspelt name must not begin a second, empty history.

    Raises:
        ConfigError: If the location is not understood, or if the connection string is of another account.
    """
    if "://" not in uri:
        return LocalStore(Path(uri).expanduser())
    if uri.startswith("file://"):
        return LocalStore(uri.removeprefix("file://"))
    from odibi_core.storage.azure import AzureBlobStore

    account, container, suffix, path = read_lake_uri(uri)
    text = environment.get("ODIBI_STORAGE")
    if text:
        fields = {"account_name": account, "container": container, "connection_string": text}
        place = read_container("ODIBI_STORAGE", fields, lambda _: "")
    else:
        client_id = environment.get("AZURE_CLIENT_ID")
        place = BlobContainer(account=account, container=container, suffix=suffix, fields={"client_id": client_id} if client_id else {})
    return AzureBlobStore(place.client(credential), safe_join("", path), create=create)


def _local_files(connection: str, root: Path, prefix: str) -> Iterator[FileVersion]:
    with folder_faults("listing files"):
        for path, entry in files_under(root, prefix):
            try:
                facts = entry.stat()
            except FileNotFoundError:  # gone since it was listed
                continue
            yield FileVersion(connection=connection, path=path, etag=f"{facts.st_size}-{facts.st_mtime_ns}", size_bytes=facts.st_size)
