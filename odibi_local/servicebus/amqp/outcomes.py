"""What can become of a delivery: accepted, rejected, released or modified (part 3.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from odibi_local.servicebus.amqp.errors import ERROR, AmqpError
from odibi_local.servicebus.amqp.values import Described

_ACCEPTED: Final = 0x24
_REJECTED: Final = 0x25
_RELEASED: Final = 0x26
_MODIFIED: Final = 0x27


@dataclass(frozen=True, slots=True)
class Accepted:
    """The message is done with."""

    def on_the_wire(self) -> Described:
        """Return the outcome as it is written."""
        return Described(_ACCEPTED, [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The message cannot be processed; with an error from this server, a request was refused."""

    error: AmqpError | None = None
    reason: str | None = None  # what the peer gave for the dead-letter queue
    description: str | None = None

    def on_the_wire(self) -> Described:
        """Return the outcome as it is written. A confirmation carries no error: clients take any error as a refusal."""
        return Described(_REJECTED, [self.error.on_the_wire() if self.error else None])


@dataclass(frozen=True, slots=True)
class Released:
    """The message was not looked at."""

    def on_the_wire(self) -> Described:
        """Return the outcome as it is written."""
        return Described(_RELEASED, [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Modified:
    """The message comes back (abandoned), or not to this receiver (deferred)."""

    failed: bool
    undeliverable_here: bool

    def on_the_wire(self) -> Described:
        """Return the outcome as it is written."""
        return Described(_MODIFIED, [self.failed, self.undeliverable_here])


Outcome = Accepted | Rejected | Released | Modified


def read_outcome(state: Described | None) -> Outcome | None:
    """Return the outcome that a delivery state says, or None if it says nothing final."""
    if state is None or not isinstance(state.value, list):
        return None
    fields = [*state.value, None, None]
    match state.descriptor:
        case 0x24:
            return Accepted()
        case 0x25:
            return _rejected(fields[0])
        case 0x26:
            return Released()
        case 0x27:
            return Modified(failed=fields[0] is True, undeliverable_here=fields[1] is True)
        case _:
            return None


def _rejected(error: Any) -> Rejected:
    """Read why: from the info map, where every client of Service Bus puts it."""
    if not isinstance(error, Described) or error.descriptor != ERROR or not isinstance(error.value, list):
        return Rejected()
    _, description, info, *_ = [*error.value, None, None, None]
    known: dict[Any, Any] = info if isinstance(info, dict) else {}
    reason = known.get("DeadLetterReason")
    explanation = known.get("DeadLetterErrorDescription", description)
    return Rejected(
        reason=reason if isinstance(reason, str) else None,
        description=explanation if isinstance(explanation, str) else None,
    )
