"""Read host.json with the real names and the real defaults of the Functions host."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_TIME_SPAN = re.compile(r"^(?:(\d+)\.)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?$")


class HostJsonError(ValueError):
    """host.json cannot be read, or a value in it has the wrong form."""


def _cores() -> int:
    return os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class ServiceBusOptions:
    """`extensions.serviceBus`. Source: learn.microsoft.com/azure/azure-functions/functions-bindings-service-bus (version 5)."""

    auto_complete_messages: bool = True
    max_auto_lock_renewal: timedelta = timedelta(minutes=5)  # per message; zero switches renewal off
    max_concurrent_calls: int = field(default_factory=lambda: 16 * _cores())  # per function
    max_message_batch_size: int = 1000
    max_batch_wait: timedelta = timedelta(seconds=30)
    prefetch_count: int = 0


@dataclass(frozen=True, kw_only=True)
class BlobOptions:
    """`extensions.blobs`. Source: learn.microsoft.com/azure/azure-functions/functions-bindings-storage-blob."""

    poison_blob_threshold: int = 5  # tries per blob before it is set aside


@dataclass(frozen=True, kw_only=True)
class HostJson:
    """What the host needs to know from host.json."""

    function_timeout: timedelta | None = timedelta(minutes=30)  # None: unbounded, written -1
    route_prefix: str = "api"
    service_bus: ServiceBusOptions = field(default_factory=ServiceBusOptions)
    blobs: BlobOptions = field(default_factory=BlobOptions)


def read_host_json(app_folder: Path) -> HostJson:
    """
    Return the settings of the app's host.json.

    Raises:
        HostJsonError: If the file is missing, is not JSON, has no `"version": "2.0"`, or a value has the wrong form.
    """
    path = app_folder / "host.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise HostJsonError(f"host.json cannot be read in the app folder: {error.strerror}") from error
    except ValueError as error:
        raise HostJsonError(f"host.json is not JSON: {error}") from error
    if not isinstance(content, dict) or content.get("version") != "2.0":
        raise HostJsonError('host.json must be an object with "version": "2.0"')
    extensions = _section(content, "extensions")
    return HostJson(
        function_timeout=_function_timeout(content),
        route_prefix=_text(_section(extensions, "http"), "routePrefix", "api").strip("/"),
        service_bus=_service_bus(_section(extensions, "serviceBus")),
        blobs=_blobs(_section(extensions, "blobs")),
    )


def _service_bus(section: dict[str, Any]) -> ServiceBusOptions:
    default = ServiceBusOptions()
    return ServiceBusOptions(
        auto_complete_messages=_flag(section, "autoCompleteMessages", default=default.auto_complete_messages),
        max_auto_lock_renewal=_span(section, "maxAutoLockRenewalDuration", default.max_auto_lock_renewal),
        max_concurrent_calls=_count(section, "maxConcurrentCalls", default.max_concurrent_calls, least=1),
        max_message_batch_size=_count(section, "maxMessageBatchSize", default.max_message_batch_size, least=1),
        max_batch_wait=_span(section, "maxBatchWaitTime", default.max_batch_wait),
        prefetch_count=_count(section, "prefetchCount", default.prefetch_count, least=0),
    )


def _blobs(section: dict[str, Any]) -> BlobOptions:
    default = BlobOptions()
    return BlobOptions(
        poison_blob_threshold=_count(section, "poisonBlobThreshold", default.poison_blob_threshold, least=1),
    )


def _function_timeout(content: dict[str, Any]) -> timedelta | None:
    if str(content.get("functionTimeout")) == "-1":
        return None
    return _span(content, "functionTimeout", timedelta(minutes=30))


def parse_time_span(text: str) -> timedelta:
    """
    Return the span of a .NET TimeSpan such as `00:05:00`, `1.12:00:00` or `00:00:01.5`.

    Raises:
        ValueError: If the text has another form.
    """
    match = _TIME_SPAN.match(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a time span like 00:05:00")
    days, hours, minutes, seconds, fraction = match.groups()
    microseconds = int((fraction or "0").ljust(7, "0")) // 10
    return timedelta(days=int(days or 0), hours=int(hours), minutes=int(minutes), seconds=int(seconds or 0), microseconds=microseconds)


def _section(content: dict[str, Any], name: str) -> dict[str, Any]:
    found = content.get(name, {})
    if not isinstance(found, dict):
        raise HostJsonError(f"'{name}' in host.json must be an object")
    return found


def _span(section: dict[str, Any], name: str, default: timedelta) -> timedelta:
    if name not in section:
        return default
    try:
        return parse_time_span(str(section[name]))
    except ValueError as error:
        raise HostJsonError(f"'{name}' in host.json: {error}") from error


def _count(section: dict[str, Any], name: str, default: int, *, least: int) -> int:
    found = section.get(name, default)
    if not isinstance(found, int) or isinstance(found, bool) or found < least:
        raise HostJsonError(f"'{name}' in host.json must be a whole number of at least {least}")
    return found


def _flag(section: dict[str, Any], name: str, *, default: bool) -> bool:
    found = section.get(name, default)
    if not isinstance(found, bool):
        raise HostJsonError(f"'{name}' in host.json must be true or false")
    return found


def _text(section: dict[str, Any], name: str, default: str) -> str:
    found = section.get(name, default)
    if not isinstance(found, str):
        raise HostJsonError(f"'{name}' in host.json must be text")
    return found
