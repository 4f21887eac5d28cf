"""Addresses that the project names: what is certainly none that a request may go to is refused with the YAML, before anything is sent."""

from __future__ import annotations

from odibi_core.config.section import wrong

_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "metadata.azure.internal", "instance-data"})


def checked_address(url: str) -> str:
    """
    The address, if it begins with http or https and does not name the platform's own services. One with a placeholder is left alone.

    Where a name leads to is judged when a request is made: `outbound`.

    Raises:
        PydanticCustomError: If not; the text does not hold the address, which may be a secret.
    """
    from urllib.parse import urlsplit

    if "${" in url:
        return url
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").rstrip(".")
        good = parts.scheme.lower() in ("http", "https") and bool(host) and (parts.port is None or parts.port > 0)
    except ValueError:
        good, host = False, ""
    if not good:
        raise wrong("is no http or https address", hint="Write it like 'https://host/path'.")
    if host.lower() in _METADATA_NAMES or _is_of_the_platform(host):
        raise wrong("is an address of the platform itself", hint="Name the service's own host.")
    return url


def _is_of_the_platform(host: str) -> bool:
    """Whether a number stands for an address where a cloud tells its machines their secrets, in any way to write it."""
    import ipaddress
    import socket

    try:
        address = ipaddress.ip_address(socket.inet_aton(host)) if ":" not in host else ipaddress.ip_address(host.partition("%")[0])
    except (OSError, ValueError):
        return False
    inside = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None) or address
    return inside.is_link_local or inside.is_multicast or inside.is_unspecified or str(inside) in ("168.63.129.16", "fd00:ec2::254")
