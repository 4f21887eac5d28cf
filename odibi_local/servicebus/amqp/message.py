"""Take a message apart into its sections and put it together again; what the sender wrote passes through as bytes (part 3.2)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from odibi_local.servicebus.amqp.decoding import decode, skip
from odibi_local.servicebus.amqp.errors import DecodeError
from odibi_local.servicebus.amqp.values import Symbol, Ubyte, Uint, composite, compound, encode, map_of_pairs

HEADER: Final = 0x70
DELIVERY_ANNOTATIONS: Final = 0x71
ANNOTATIONS: Final = 0x72
PROPERTIES: Final = 0x73
APPLICATION_PROPERTIES: Final = 0x74
DATA: Final = 0x75
SEQUENCE: Final = 0x76
VALUE: Final = 0x77
FOOTER: Final = 0x78

BATCH_FORMAT: Final = 0x80013700  # message-format of a batch: every data section holds one whole message

_OURS: Final = frozenset(
    {
        "x-opt-enqueued-time",
        "x-opt-sequence-number",
        "x-opt-enqueue-sequence-number",
        "x-opt-locked-until",
        "x-opt-lock-token",
        "x-opt-message-state",
        "x-opt-deadletter-source",
    }
)  # annotations that the broker gives


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a sender gave: header and annotations taken apart, everything else as the bytes it sent."""

    durable: bool | None
    priority: int | None
    ttl_ms: int | None
    annotations: bytes  # the pairs of the sender's annotations, as sent
    annotation_count: int
    scheduled_ms: int | None  # since 1970
    message_id: str  # a text that is different for different ids; invented if the sender gave none
    session_id: str | None
    bare: bytes  # properties, application properties, body and footer


def read_message(payload: bytes) -> Content:
    """
    Return a message's content.

    Raises:
        DecodeError: If the payload is not an AMQP message.
    """
    header: list[Any] = []
    annotations, count, scheduled = b"", 0, None
    bare: list[bytes] = []
    identity: tuple[str, str | None] | None = None
    has_body = False
    for code, start, value, end in _sections(payload):
        match code:
            case 0x70:
                header = _expect(list, payload, value)
            case 0x71:
                pass
            case 0x72:
                annotations, count, scheduled = _senders_annotations(payload, value)
            case 0x73:
                properties, message_id, session_id = _properties(payload, start, value, end)
                identity = (message_id, session_id)
                bare.append(properties)
            case 0x74:
                _expect(dict, payload, value)  # looked at now, because the dead-letter queue adds to it later
                bare.append(payload[start:end])
            case _:
                has_body = has_body or code in {DATA, SEQUENCE, VALUE}
                bare.append(payload[start:end])
    if not has_body:
        raise DecodeError("a message without a body")
    if identity is None:
        invented = uuid.uuid4().hex
        identity = (f"s:{invented}", None)
        bare.insert(0, composite(PROPERTIES, [invented]))
    padded: list[Any] = [*header, None, None, None]
    durable, priority, ttl = padded[:3]
    return Content(
        durable=durable if isinstance(durable, bool) else None,
        priority=priority if isinstance(priority, int) and 0 <= priority <= 255 else None,
        ttl_ms=ttl if isinstance(ttl, int) and 0 <= ttl <= 0xFFFFFFFF else None,
        annotations=annotations,
        annotation_count=count,
        scheduled_ms=scheduled,
        message_id=identity[0],
        session_id=identity[1],
        bare=b"".join(bare),
    )


def read_batch(payload: bytes) -> list[Content]:
    """
    Return the messages of a batch.

    Raises:
        DecodeError: If the payload or one of its messages is not an AMQP message.
    """
    return [read_message(_expect(bytes, payload, value)) for code, _, value, _ in _sections(payload) if code == DATA]


def read_request(payload: bytes) -> tuple[list[Any], dict[Any, Any], Any]:
    """
    Return the properties, the application properties and the value of a request to a node.

    Raises:
        DecodeError: If the payload is not an AMQP message.
    """
    properties: list[Any] = []
    application: dict[Any, Any] = {}
    body: Any = None
    for code, _, value, _ in _sections(payload):
        if code == PROPERTIES:
            properties = _expect(list, payload, value)
        elif code == APPLICATION_PROPERTIES:
            application = _expect(dict, payload, value)
        elif code == VALUE:
            body, _ = decode(payload, value)
    return properties, application, body


def write_head(content: Content, *, ttl_ms: int | None, delivery_count: int, annotations: Mapping[str, Any]) -> bytes:
    """Return header and annotations, as the broker sends them in front of `content.bare`."""
    priority = None if content.priority is None else Ubyte(content.priority)
    ttl = None if ttl_ms is None else Uint(ttl_ms)
    # delivery-count is written even when it is 0: the .NET client counts on it.
    header = composite(HEADER, [content.durable, priority, ttl, None, Uint(delivery_count)])
    ours = b"".join([encode(Symbol(name)) + encode(value) for name, value in annotations.items()])
    pairs = map_of_pairs(content.annotations + ours, content.annotation_count + len(annotations))
    return header + b"\x00\x53\x72" + pairs


def write_response(correlation_id: Any, properties: Mapping[str, Any], body: Any) -> bytes:
    """Return the answer to a request."""
    head = composite(PROPERTIES, [None, None, None, None, None, correlation_id])
    return head + b"\x00\x53\x74" + encode(dict(properties)) + b"\x00\x53\x77" + encode(body)


def with_application_properties(bare: bytes, added: Mapping[str, str]) -> bytes:
    """Return a bare message with texts added to its application properties; the others stay as they were sent."""
    pairs = b"".join([encode(name) + encode(value) for name, value in added.items()])
    count = len(added)
    where = before = 0
    for code, start, value, end in _sections(bare):
        if code < APPLICATION_PROPERTIES:
            where = before = end
        elif code == APPLICATION_PROPERTIES:
            kept, kept_count = _pairs_without(bare, value, frozenset(added))
            pairs, count, before, where = kept + pairs, count + kept_count, start, end
            break
        else:
            break
    return bare[:before] + b"\x00\x53\x74" + map_of_pairs(pairs, count) + bare[where:]


def _sections(payload: bytes) -> list[tuple[int, int, int, int]]:
    """Return code, start, start of the value and end of every section, in their order."""
    found = []
    at = 0
    while at < len(payload):
        if payload[at]:
            raise DecodeError(f"no section at byte {at}")
        code, value = decode(payload, at + 1)
        if not isinstance(code, int) or not HEADER <= code <= FOOTER:
            raise DecodeError(f"an unknown section at byte {at}")
        end = skip(payload, value)
        found.append((code, at, value, end))
        at = end
    return found


def _expect(kind: type, payload: bytes, at: int) -> Any:
    value, _ = decode(payload, at)
    if not isinstance(value, kind):
        raise DecodeError(f"a section at byte {at} is not a {kind.__name__}")
    return value


def _senders_annotations(payload: bytes, at: int) -> tuple[bytes, int, int | None]:
    values = _expect(dict, payload, at)
    pairs, count = _pairs_without(payload, at, _OURS)
    scheduled = values.get("x-opt-scheduled-enqueue-time")
    return pairs, count, scheduled if isinstance(scheduled, int) else None


def _pairs_without(payload: bytes, at: int, left_out: frozenset[str]) -> tuple[bytes, int]:
    """Return the pairs of the map at `at` as they are on the wire, without some keys."""
    if payload[at] == 0x40:
        return b"", 0
    narrow = payload[at] == 0xC1
    count = payload[at + 2] if narrow else int.from_bytes(payload[at + 5 : at + 9], "big")
    at += 3 if narrow else 9
    kept = []
    for _ in range(count // 2):
        key, value = decode(payload, at)
        end = skip(payload, value)
        if not (isinstance(key, str) and key in left_out):
            kept.append(payload[at:end])
        at = end
    return b"".join(kept), len(kept)


def _properties(payload: bytes, start: int, value: int, end: int) -> tuple[bytes, str, str | None]:
    """Return the properties section, the message id as a text, and the session id."""
    fields = _expect(list, payload, value)
    message_id = fields[0] if fields else None
    session_id = fields[10] if len(fields) > 10 else None
    if not isinstance(session_id, str):
        session_id = None
    if message_id is not None:
        return payload[start:end], f"{type(message_id).__name__[0]}:{message_id}", session_id
    # Other clients than Python's need an id on every message: the service invents one, and so does this.
    invented = uuid.uuid4().hex
    if not fields:
        return composite(PROPERTIES, [invented]), f"s:{invented}", None
    first = value + (3 if payload[value] == 0xC0 else 9)  # where the null stands that is replaced
    rest = payload[first + 1 : end]
    return b"\x00\x53\x73" + compound(0xC0, len(fields), encode(invented) + rest), f"s:{invented}", session_id
