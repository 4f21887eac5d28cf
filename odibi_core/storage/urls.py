"""The addresses of blobs: Azure's (https://account.blob.core.windows.net/container/path) and Azurite's (http://host:port/account/container/path)."""

from __future__ import annotations

import re
from urllib.parse import unquote

from odibi_core.errors import ConfigError
from odibi_core.frozen import Frozen

PUBLIC_SUFFIX = "core.windows.net"
_ZONED = re.compile(r"([a-z0-9]{3,24})(?:\.z[0-9]{1,2})?\.(?:blob|dfs)\.(.+)")
_URL = re.compile(r"https?://([^/?#]+)/([^?#]*)", re.DOTALL | re.IGNORECASE)
_LAKE_URI = re.compile(r"abfss?://([^@/]+)@([a-z0-9]{3,24})\.(?:dfs|blob)\.([^/]+?)(?:/(.*))?", re.DOTALL)


class BlobAddress(Frozen):
    """Where a blob is. The path is data: decoded once and never interpreted."""

    service: str  # host, or host:port/account where the account stands in the path
    account: str
    container: str
    path: str


def service_of(endpoint: str) -> str:
    """The comparable part of a service's address: no scheme, no slash at the end, one name for this machine."""
    rest = endpoint.partition("://")[2] or endpoint
    host, slash, account = rest.strip("/").partition("/")
    host = re.sub(r"^localhost(?=:|$)", "127.0.0.1", host.lower())
    return f"{host}{slash}{account}"


def standard_service(account: str, suffix: str) -> str:
    """The service of an account with Azure's own kind of name."""
    return f"{account}.blob.{suffix}"


def read_blob_url(url: str) -> BlobAddress | None:
    """
    Take a blob's address apart; None if it is not one.

    The host of an account may carry a DNS zone (account.z13.blob.storage.azure.net) or be the one of the Data Lake endpoint; both
    mean the service of the account.
    """
    found = _URL.fullmatch(url.partition("?")[0].partition("#")[0])
    if found is None:
        return None
    host, encoded = found[1].lower(), found[2]
    zoned = _ZONED.fullmatch(host)
    if zoned:
        account, suffix = zoned[1], zoned[2]
        service = standard_service(account, PUBLIC_SUFFIX if suffix == "storage.azure.net" else suffix)
    else:
        account, _, encoded = encoded.partition("/")
        service = service_of(f"{host}/{account}")
    container, _, encoded_path = encoded.partition("/")
    try:
        path = unquote(encoded_path, errors="strict")
    except UnicodeDecodeError:
        return None
    if not (account and container and path):
        return None
    return BlobAddress(service=service, account=account, container=container, path=path)


def read_lake_uri(uri: str) -> tuple[str, str, str, str]:
    """
    Take `abfss://container@account.dfs.suffix/path` apart: account, container, suffix, path.

    Raises:
        ConfigError: If it is not such a URI.
    """
    found = _LAKE_URI.fullmatch(uri)
    if found is None:
        raise ConfigError(
            "storage location is not understood", hint="Use a folder, or abfss://container@account.dfs.core.windows.net/path."
        )
    return found[2], found[1], found[3], (found[4] or "").strip("/")
