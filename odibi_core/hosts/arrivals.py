"""Read Event Grid messages: which blob is complete, in which version."""

from __future__ import annotations

import json
import logging
import re
from urllib.parse import unquote

from odibi_core.errors import ConfigError
from odibi_core.frozen import Frozen
from odibi_core.planning.triggers import COMPLETE_UPLOADS
from odibi_core.storage.urls import read_blob_url

_log = logging.getLogger("odibi.azure")
MAX_EVENT_BYTES = 256 * 1024
_SUBJECT = re.compile(r"/blobServices/default/containers/([^/]+)/blobs/(.+)", re.DOTALL)


class Arrival(Frozen):
    """A blob that is complete."""

    url: str
    etag: str  # without quotes
    size_bytes: int


def arrivals_in(body: bytes) -> tuple[Arrival, ...]:
    """
    The arrivals that a message announces; other events in it are passed over.

    Raises:
        ConfigError: If it is no Event Grid message. The text never quotes the body.
    """
    if len(body) > MAX_EVENT_BYTES:
        raise ConfigError(f"event of {len(body)} bytes is over the limit of {MAX_EVENT_BYTES}", code="message_too_large")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ConfigError("event is not JSON", code="message_garbage") from error
    events = content if isinstance(content, list) else [content]
    if not all(isinstance(event, dict) for event in events):
        raise ConfigError("event is not a JSON object", code="message_garbage")
    return tuple(arrival for event in events if (arrival := _arrival(event)) is not None)


def _arrival(event: dict[str, object]) -> Arrival | None:
    if (event.get("eventType") or event.get("type")) != "Microsoft.Storage.BlobCreated":  # Event Grid's own schema, or CloudEvents
        return None
    data = event.get("data")
    if not isinstance(data, dict):
        raise ConfigError("a BlobCreated event has no data", code="message_garbage")
    if data.get("api") not in COMPLETE_UPLOADS:
        return None
    url, etag, size = data.get("url"), data.get("eTag") or data.get("etag"), data.get("contentLength")
    if not isinstance(url, str) or not isinstance(etag, str) or not isinstance(size, int):
        raise ConfigError("a BlobCreated event lacks its url, eTag or contentLength", code="message_garbage")
    if _contradicts(event.get("subject"), url):
        _log.warning("an event whose subject and address name different blobs was dropped")
        return None
    return Arrival(url=url, etag=etag.strip('"'), size_bytes=size)


def _contradicts(subject: object, url: str) -> bool:
    """Whether the subject, in Event Grid's own form, is of another blob than the address. What cannot be read says nothing."""
    named = _SUBJECT.fullmatch(subject) if isinstance(subject, str) else None
    address = read_blob_url(url)
    if named is None or address is None:
        return False
    return named[1] != address.container or address.path not in (named[2], unquote(named[2]))
