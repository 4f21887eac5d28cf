"""
Shape trigger data as the .NET host shapes it for a Python worker.

Text is `string`, bytes are `bytes`, lists of text are `collection_string`, and everything else arrives as JSON.
Source: Azure/azure-functions-host:src/WebJobs.Script.Grpc/MessageExtensions/GrpcMessageConversionExtensions.cs and
Azure/azure-sdk-for-net:sdk/servicebus/Microsoft.Azure.WebJobs.Extensions.ServiceBus/src/Triggers/ServiceBusTriggerBindingStrategy.cs.
"""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from azure.functions import meta

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from azure.servicebus import ServiceBusReceivedMessage

Metadata = dict[str, meta.Datum]


def text(value: str) -> meta.Datum:
    """Return a text datum."""
    return meta.Datum(value, "string")


def as_json(value: object) -> meta.Datum:
    """Return a JSON datum; instants are written as .NET writes UTC."""
    return meta.Datum(json.dumps(value, default=_json_value), "json")


def instant(value: datetime) -> str:
    """Return the instant as .NET writes a UTC DateTime."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _json_value(value: object) -> object:
    match value:
        case datetime():
            return instant(value)
        case bytes():
            return value.decode("utf-8", "replace")
        case _:
            return str(value)


def service_bus_body(message: ServiceBusReceivedMessage) -> bytes:
    """Return the body of a message as bytes, whichever AMQP section it came in."""
    body: Any = message.body
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    try:
        parts = list(body)
    except TypeError:
        return json.dumps(body, default=_json_value).encode()
    if all(isinstance(part, bytes) for part in parts):
        return b"".join(parts)
    return json.dumps(parts, default=_json_value).encode()


def service_bus_one(message: ServiceBusReceivedMessage, *, binary: bool) -> tuple[meta.Datum, Metadata]:
    """Return what a function gets that takes one message: its body and its properties. Properties without a value are left out."""
    body = service_bus_body(message)
    data = meta.Datum(body, "bytes") if binary else text(body.decode("utf-8", "replace"))
    properties = message_properties(message)
    metadata = {name: text(value) if isinstance(value, str) else as_json(value) for name, value in properties.items() if value is not None}
    return data, metadata


def service_bus_many(messages: Sequence[ServiceBusReceivedMessage], *, binary: bool) -> tuple[meta.Datum, Metadata]:
    """Return what a function gets that takes a batch: all bodies, and one array per property."""
    bodies = [service_bus_body(message) for message in messages]
    data = (
        meta.Datum(SimpleNamespace(bytes=bodies), "collection_bytes")
        if binary
        else meta.Datum(SimpleNamespace(string=[body.decode("utf-8", "replace") for body in bodies]), "collection_string")
    )
    rows = [message_properties(message) for message in messages]
    return data, {f"{name}Array": _array([row[name] for row in rows]) for name in (rows[0] if rows else {})}


def _array(values: list[Any]) -> meta.Datum:
    if all(isinstance(value, str) for value in values):
        return meta.Datum(SimpleNamespace(string=values), "collection_string")
    return as_json(values)


def message_properties(message: ServiceBusReceivedMessage) -> dict[str, Any]:
    """Return the properties under the names that the host gives them."""
    custom = {_name(name): value for name, value in (message.application_properties or {}).items()}
    return {
        "MessageId": message.message_id,
        "DeliveryCount": (message.delivery_count or 0) + 1,  # the service counts this delivery, AMQP only those before it
        "LockToken": None if message.lock_token is None else str(message.lock_token),
        "SequenceNumber": message.sequence_number,
        "EnqueuedSequenceNumber": message.enqueued_sequence_number,
        "EnqueuedTimeUtc": message.enqueued_time_utc,
        "EnqueuedTime": message.enqueued_time_utc,
        "ExpiresAtUtc": message.expires_at_utc,
        "ExpiresAt": message.expires_at_utc,
        "LockedUntil": message.locked_until_utc,
        "ScheduledEnqueueTimeUtc": message.scheduled_enqueue_time_utc,
        "ContentType": message.content_type,
        "CorrelationId": message.correlation_id,
        "Subject": message.subject,
        "Label": message.subject,
        "To": message.to,
        "ReplyTo": message.reply_to,
        "ReplyToSessionId": message.reply_to_session_id,
        "SessionId": message.session_id,
        "PartitionKey": message.partition_key,
        "DeadLetterSource": message.dead_letter_source,
        "DeadLetterReason": message.dead_letter_reason,
        "DeadLetterErrorDescription": message.dead_letter_error_description,
        "ApplicationProperties": custom,
        "UserProperties": custom,
    }


def _name(name: str | bytes) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name


def admin_message(body: str) -> tuple[meta.Datum, Metadata]:
    """Return a message that was typed in by hand: a body and nothing else."""
    now = datetime.now(UTC)
    metadata = {
        "MessageId": text(f"admin-{now.timestamp():.6f}"),
        "DeliveryCount": as_json(1),
        "EnqueuedTimeUtc": as_json(now),
        "ApplicationProperties": as_json({}),
        "UserProperties": as_json({}),
    }
    return text(body), metadata


def timer(*, past_due: bool, last: datetime | None, following: datetime | None, updated: datetime | None) -> tuple[meta.Datum, Metadata]:
    """Return what a timer function gets. `last`, `following` and `updated` are the recorded status; without a monitor there is none."""
    status = None
    if following is not None:
        status = {"Last": last or datetime(1, 1, 1, tzinfo=UTC), "Next": following, "LastUpdated": updated or following}
    data = as_json({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": past_due})
    return data, {"TimerTrigger": data}


def blob(
    *, content: bytes, path: str, uri: str, properties: Mapping[str, Any], metadata: Mapping[str, str], parts: Mapping[str, str]
) -> tuple[meta.Datum, Metadata]:
    """Return what a blob function gets; `path` is container/name, `parts` are the values of the path's `{names}`."""
    described = {
        "BlobTrigger": text(path),
        "Uri": as_json(uri),
        "Properties": as_json(dict(properties)),
        "Metadata": as_json(dict(metadata)),
    }
    return meta.Datum(content, "bytes"), described | {name: text(value) for name, value in parts.items()}


def http_request(
    *, method: str, url: str, headers: Mapping[str, str], query: Mapping[str, str], route: Mapping[str, str], body: bytes
) -> tuple[meta.Datum, Metadata]:
    """Return what an HTTP function gets. A body is text unless it is said to be binary or is none."""
    kind = headers.get("content-type", headers.get("Content-Type", ""))
    data = meta.Datum(body, "bytes")
    if body and not kind.startswith(("application/octet-stream", "multipart/")):
        with contextlib.suppress(UnicodeDecodeError):
            data = text(body.decode())
    request = {
        "method": text(method),
        "url": text(url),
        "headers": {name: text(value) for name, value in headers.items()},
        "query": {name: text(value) for name, value in query.items()},
        "params": {name: text(value) for name, value in route.items()},
        "body": data,
    }
    return meta.Datum(request, "http"), {name: text(value) for name, value in route.items()}
