"""
Where this process may send requests: a name is looked up once, and what it leads to is judged before anything is sent.

Never to the platform itself, whose metadata service gives out tokens; never where an answer points to. What a request is for decides
about the rest: `DATA` for sources that a project names, `REPORTS` for what is sent about runs.
"""

from __future__ import annotations

import http.client
import ipaddress
import os
import socket
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from odibi_core.errors import ConfigError, OdibiError, PermanentServiceError, TransientServiceError
from odibi_core.frozen import Frozen

REPORT_SECONDS = 5.0
MAX_REPORT_ANSWER_BYTES = 64 * 1024
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
# learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16, and the IPv6 metadata address of another cloud
_OF_THE_PLATFORM = frozenset({"168.63.129.16", "fd00:ec2::254"})
_ON_AZURE = ("WEBSITE_INSTANCE_ID", "WEBSITE_SKU")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Reach(Frozen):
    """What may be reached."""

    plain: bool  # by http, without TLS
    private: bool  # addresses of private networks


DATA = Reach(plain=True, private=True)
REPORTS = Reach(plain=False, private=False)


def connect(
    url: str, *, reach: Reach, timeout: float, name: str, environment: Mapping[str, str] = os.environ
) -> http.client.HTTPConnection:
    """
    A connection to an address that was looked at: a name that changes its mind in between does not matter.

    A host in ODIBI_PRIVATE_HOSTS (names with commas between them) may be plain and private, whatever the request is for.

    Raises:
        ConfigError: `forbidden_address` if it leads where nothing may be sent.
        OSError: If nobody answers there.
    """
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), parts.hostname or "", parts.port
    except ValueError:
        raise _forbidden(name, "has an address that cannot be read") from None
    if scheme not in ("http", "https") or not host:
        raise _forbidden(name, "has an address that is neither http nor https")
    known = host in _LOOPBACK_NAMES or host in environment.get("ODIBI_PRIVATE_HOSTS", "").lower().replace(" ", "").split(",")
    if scheme == "http" and not (reach.plain or known):
        raise _forbidden(name, "has an address without TLS")
    port = port or (443 if scheme == "https" else 80)
    found = [str(entry[4][0]) for entry in _looked_up(host, port)]
    for address in found:
        if not may_be_reached(address, host, private=reach.private or known, environment=environment) or _is_identity(
            address, port, environment
        ):
            raise _forbidden(name, "leads to an address of the platform itself, or of a private network")
    plain = _first_that_answers(found, port, timeout)
    if scheme == "https":
        secure = http.client.HTTPSConnection(host, port, timeout=timeout)
        secure.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        return secure
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    connection.sock = plain
    return connection


def post_report(
    url: str, body: bytes, headers: Mapping[str, str], *, name: str, environment: Mapping[str, str] = os.environ
) -> tuple[int, bytes]:
    """
    Send something about a run, and say what was answered: the status, and at most 64 KB. Nothing follows a redirect.

    Raises:
        ConfigError: If the address is none that a report may be sent to.
        TransientServiceError: If nobody answers in time, or the receiver is busy.
        PermanentServiceError: If it refuses.
    """
    try:
        connection = connect(url, reach=REPORTS, timeout=REPORT_SECONDS, name=name, environment=environment)
        try:
            parts = urlsplit(url)
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request(
                "POST", target, body=body, headers={"Content-Type": "application/json", "User-Agent": "odibi_core", **headers}
            )
            answer = connection.getresponse()
            status, said = answer.status, answer.read(MAX_REPORT_ANSWER_BYTES)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as trouble:
        raise away(name, trouble) from None
    if status in (408, 429) or status >= 500:
        raise TransientServiceError(f"'{name}' answered {status}", code="receiver_busy")
    if status >= 300:
        raise PermanentServiceError(f"'{name}' answered {status}", code="receiver_refused", hint="Check its address and its key.")
    return status, said


def away(name: str, trouble: Exception) -> OdibiError:
    """Our error for a service that cannot be reached."""
    if isinstance(trouble, ssl.SSLCertVerificationError):
        return PermanentServiceError(f"the certificate of '{name}' is not valid", code="certificate")
    return TransientServiceError(f"'{name}' cannot be reached ({type(trouble).__name__})", code="network")


def may_be_reached(address: str, host: str, *, private: bool, environment: Mapping[str, str] = os.environ) -> bool:
    """
    Whether requests may go to an address that a host name led to.

    This machine only by its own name, and not on Azure, where other services of the platform listen on it.
    """
    found = _innermost(ipaddress.ip_address(address.partition("%")[0]))
    if found.is_loopback:
        return host in _LOOPBACK_NAMES and not any(environment.get(name) for name in _ON_AZURE)
    if found.is_link_local or found.is_multicast or found.is_unspecified or str(found) in _OF_THE_PLATFORM:
        return False
    return private or found.is_global


def _innermost(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that stands inside an IPv6 one: mapped (RFC 4291), 6to4 (RFC 3056) or NAT64 (RFC 6052)."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inside = address.ipv4_mapped or address.sixtofour
    if inside is None and address in _NAT64:
        inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return inside or address


def _first_that_answers(addresses: list[str], port: int, timeout: float) -> socket.socket:
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, port), timeout=timeout)
        except OSError:  # a name may lead to an address of the other family, where nobody listens
            continue
    return socket.create_connection((addresses[-1], port), timeout=timeout)


def _is_identity(address: str, port: int, environment: Mapping[str, str]) -> bool:
    """Whether tokens are given out there: the endpoint of the managed identity."""
    endpoint = urlsplit(environment.get("IDENTITY_ENDPOINT", ""))
    if not endpoint.hostname or (endpoint.port or 80) != port:
        return False
    return address in {str(entry[4][0]) for entry in _looked_up(endpoint.hostname, port)}


def _looked_up(host: str, port: int) -> list[tuple[int, int, int, str, tuple[object, ...]]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if not found:
        raise OSError(f"no address for {host!r}")
    return [(int(kind), int(of), protocol, name, address) for kind, of, protocol, name, address in found]


def _forbidden(name: str, what: str) -> ConfigError:
    return ConfigError(
        f"'{name}' {what}", code="forbidden_address", hint="Name the service's own host; a private one in ODIBI_PRIVATE_HOSTS."
    )
