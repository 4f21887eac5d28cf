"""Where a location really is: a path of this machine, or a container of a storage account and how to get in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from odibi_core.errors import ConfigError
from odibi_core.ports import Location

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, ContainerClient

_REMOTE = ("abfss", "abfs", "az", "azure")
_OURS = frozenset({"connection_string", "credential"})  # options that delta-rs and polars do not know
# delta-rs waits up to 180 s per request by itself, which is longer than a worker may stall (facts: network).
_PATIENCE = {"timeout": "120s", "connect_timeout": "10s", "max_retries": "5", "retry_timeout": "60s"}
_POLARS_PATIENCE: dict[str, Any] = {"max_retries": 5, "retry_timeout_ms": 60_000}  # polars has other names, and wants numbers
_CLIENT_PATIENCE: dict[str, Any] = {"connection_timeout": 10, "read_timeout": 60, "retry_total": 5, "initial_backoff": 1}
_ACCOUNT_NAME = ("account_name", "azure_storage_account_name")
_ACCOUNT_KEY = ("account_key", "azure_storage_account_key", "access_key", "azure_storage_access_key")
_SAS = ("sas_token", "azure_storage_sas_token", "sas_key", "azure_storage_sas_key")
_ENDPOINT = ("azure_storage_endpoint", "azure_endpoint", "endpoint")
_CLIENT_ID = ("client_id", "azure_client_id", "azure_storage_client_id")


def is_remote(location: Location) -> bool:
    """Whether it is in a storage account."""
    return location.uri.split("://", 1)[0].lower() in _REMOTE if "://" in location.uri else False


def local_path(location: Location) -> Path:
    """The path of a local location."""
    uri = location.uri
    return Path(urlsplit(uri).path) if uri.startswith("file://") else Path(uri)


def within(location: Location, path: str) -> Path:
    """The local path of a file that is named by its path inside the connection."""
    return Path(_root(location, str(local_path(location)))) / path


def object_options(location: Location) -> dict[str, str] | None:
    """The options as delta-rs and polars understand them; None for a local location."""
    if not is_remote(location):
        return None
    options = {**_PATIENCE, **{key: value for key, value in location.options.items() if key not in _OURS}}
    text = location.options.get("connection_string")
    if text:
        options = {**_from_connection_string(text), **options}
    return options


def scan_options(location: Location) -> dict[str, Any] | None:
    """What polars gets on top of a table's own options."""
    return dict(_POLARS_PATIENCE) if is_remote(location) else None


def _from_connection_string(text: str) -> dict[str, str]:
    parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    found = {
        "account_name": parts.get("AccountName"),
        "account_key": parts.get("AccountKey"),
        "sas_token": parts.get("SharedAccessSignature"),
        "azure_storage_endpoint": parts.get("BlobEndpoint"),
    }
    if parts.get("BlobEndpoint", "").startswith("http://"):
        found["allow_http"] = "true"
    return {key: value for key, value in found.items() if value}


def blob_client(location: Location, path: str) -> BlobClient:
    """A client for one blob, named by its path inside the connection."""
    prefix = _root(location, _blob_name(location))
    return container_client(location).get_blob_client(f"{prefix}/{path}".strip("/"))


def blob_at(location: Location, suffix: str = "") -> BlobClient:
    """A client for the blob that the location itself names, or for one below it."""
    return container_client(location).get_blob_client(f"{_blob_name(location)}/{suffix}".strip("/"))


def blob_prefix(location: Location) -> tuple[str, str]:
    """The location's name in its container, and the part of it that belongs to the connection and not to the path."""
    name = _blob_name(location)
    return name, _root(location, name)


def container_client(location: Location) -> ContainerClient:
    """A client for the container of a location, by connection string, key, SAS, service principal or the identity of the process."""
    container, account = _container_and_account(location)
    account = _first(location.options, _ACCOUNT_NAME) or account
    if not account and not location.options.get("connection_string"):
        raise ConfigError(f"connection '{location.connection}' names no storage account", hint="Set its 'account_name'.")
    return _client(account, container, tuple(sorted(location.options.items())))


@lru_cache(maxsize=32)  # each client has its own connections and its own tokens
def _client(account: str, container: str, options: tuple[tuple[str, str], ...]) -> ContainerClient:
    from azure.storage.blob import BlobServiceClient

    given = dict(options)
    text = given.get("connection_string")
    if text:
        return BlobServiceClient.from_connection_string(text, **_CLIENT_PATIENCE).get_container_client(container)
    endpoint = _first(given, _ENDPOINT) or f"https://{account}.blob.core.windows.net"
    return BlobServiceClient(endpoint, credential=_credential(given, account), **_CLIENT_PATIENCE).get_container_client(container)


def _credential(options: Mapping[str, str], account: str) -> Any:
    key, sas = _first(options, _ACCOUNT_KEY), _first(options, _SAS)
    if key:
        return {"account_name": account, "account_key": key}
    if sas:
        from azure.core.credentials import AzureSasCredential

        return AzureSasCredential(sas.lstrip("?"))
    from azure.identity import ClientSecretCredential, DefaultAzureCredential, ManagedIdentityCredential

    client_id = _first(options, _CLIENT_ID)
    if client_id and options.get("client_secret") and options.get("tenant_id"):
        return ClientSecretCredential(options["tenant_id"], client_id, options["client_secret"])
    if options.get("azure_msi_endpoint"):
        return ManagedIdentityCredential(client_id=client_id)
    return DefaultAzureCredential(managed_identity_client_id=client_id)


def _first(options: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((options[name] for name in names if options.get(name)), None)


def _container_and_account(location: Location) -> tuple[str, str]:
    authority = urlsplit(location.uri).netloc
    container, _, host = authority.partition("@")
    if not container:
        raise ConfigError(f"connection '{location.connection}' names no container")
    return container, host.split(".", 1)[0]


def _blob_name(location: Location) -> str:
    return urlsplit(location.uri).path.strip("/")


def _root(location: Location, whole: str) -> str:
    """What stands before the path that is inside the connection."""
    path = location.path.strip("/")
    if not path or path == ".":
        return whole
    if not whole.endswith(path):
        raise ConfigError(f"location '{location.name}' does not end with its path", code="internal")
    return whole[: -len(path)].rstrip("/") or "/"
