"""Say what went wrong on an AMQP connection, in the three fields that every client can read."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

from odibi_local.servicebus.amqp.values import Described, Symbol

ERROR: Final = 0x1D  # descriptor of the error type, AMQP 1.0 part 2.8.14


@dataclass(frozen=True, kw_only=True)
class AmqpError:
    """A condition and what it means. Sent with a tracking id, because the Python client reads the third field without looking."""

    condition: str
    description: str

    def on_the_wire(self) -> Described:
        """Return the AMQP error: condition, description, and an info map that is never empty."""
        return Described(ERROR, [Symbol(self.condition), self.description, {Symbol("tracking-id"): str(uuid.uuid4())}])


class DecodeError(ValueError):
    """Bytes that are not AMQP, or that ask for more memory or time than they are worth."""


class ProtocolViolationError(Exception):
    """The peer broke the protocol; the connection has to be closed with `error`."""

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(f"{condition}: {description}")
        self.error = AmqpError(condition=condition, description=description)
