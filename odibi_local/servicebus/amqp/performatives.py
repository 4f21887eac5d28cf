"""What peers ask for, read from the fields of their frames and checked: begin, attach, flow, transfer and disposition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from odibi_local.servicebus.amqp.errors import ProtocolViolationError
from odibi_local.servicebus.amqp.values import Described

SETTLED: Final = 1  # snd-settle-mode: everything is sent settled
COORDINATOR: Final = 0x30  # descriptor of the target that stands for transactions


def natural(value: Any, what: str, default: int | None = None) -> int:
    """Return an unsigned 32-bit field."""
    if value is None and default is not None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 0xFFFFFFFF:
        raise ProtocolViolationError("amqp:invalid-field", f"{what} is not an unsigned integer")
    return value


def _optional(value: Any, what: str) -> int | None:
    return None if value is None else natural(value, what)


def mapping(value: Any, what: str) -> dict[Any, Any]:
    """Return a map field; null is the empty map."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ProtocolViolationError("amqp:invalid-field", f"{what} is not a map")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach:
    """A link that the peer wants."""

    name: str
    handle: int
    peer_receives: bool
    sends_settled: bool
    settle_modes: tuple[int | None, int | None]  # of the sender, of the receiver; as asked
    source: str | None  # the address, byte for byte
    target: str | None
    filters: dict[Any, Any]
    has_coordinator: bool
    properties: dict[Any, Any]

    @classmethod
    def read(cls, fields: list[Any]) -> Attach:
        """Return the attach that a frame holds."""
        name, role = fields[0], fields[2]
        if not isinstance(name, str) or not isinstance(role, bool):
            raise ProtocolViolationError("amqp:invalid-field", "an attach needs a name and a role")
        source, target = _terminus(fields[5]), _terminus(fields[6])
        return cls(
            name=name,
            handle=natural(fields[1], "handle"),
            peer_receives=role,
            sends_settled=fields[3] == SETTLED,
            settle_modes=(_optional(fields[3], "snd-settle-mode"), _optional(fields[4], "rcv-settle-mode")),
            source=_address(source),
            target=_address(target),
            filters=mapping(source[7], "filter") if len(source) > 7 else {},
            has_coordinator=isinstance(fields[6], Described) and fields[6].descriptor == COORDINATOR,
            properties=mapping(fields[13], "properties"),
        )


def _terminus(value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, Described) or not isinstance(value.value, list):
        raise ProtocolViolationError("amqp:invalid-field", "a source or target is not a described list")
    return value.value


def _address(terminus: list[Any]) -> str | None:
    address = terminus[0] if terminus else None
    if isinstance(address, bytes):
        return address.decode("utf-8", errors="replace")
    return address if isinstance(address, str) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What the peer is ready to take, for its session and perhaps for one link."""

    next_incoming_id: int | None
    incoming_window: int
    handle: int | None
    delivery_count: int | None
    link_credit: int | None
    drain: bool
    echo: bool

    @classmethod
    def read(cls, fields: list[Any]) -> Flow:
        """Return the flow that a frame holds."""
        return cls(
            next_incoming_id=_optional(fields[0], "next-incoming-id"),
            incoming_window=natural(fields[1], "incoming-window"),
            handle=_optional(fields[4], "handle"),
            delivery_count=_optional(fields[5], "delivery-count"),
            link_credit=_optional(fields[6], "link-credit"),
            drain=fields[8] is True,
            echo=fields[9] is True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A message from the peer, or a part of one."""

    handle: int
    delivery_id: int | None
    message_format: int
    settled: bool
    more: bool
    aborted: bool

    @classmethod
    def read(cls, fields: list[Any]) -> Transfer:
        """Return the transfer that a frame holds."""
        return cls(
            handle=natural(fields[0], "handle"),
            delivery_id=_optional(fields[1], "delivery-id"),
            message_format=natural(fields[3], "message-format", 0),
            settled=fields[4] is True,
            more=fields[5] is True,
            aborted=fields[9] is True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposition:
    """What the peer says about deliveries, from the first to the last."""

    from_receiver: bool
    first: int
    last: int
    settled: bool
    state: Described | None

    @classmethod
    def read(cls, fields: list[Any]) -> Disposition:
        """Return the disposition that a frame holds."""
        first = natural(fields[1], "first")
        return cls(
            from_receiver=fields[0] is True,
            first=first,
            last=natural(fields[2], "last", first),
            settled=fields[3] is True,
            state=fields[4] if isinstance(fields[4], Described) else None,
        )
