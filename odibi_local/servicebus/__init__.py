"""A Service Bus emulator: AMQP 1.0 queues on this machine for the unmodified Azure clients, with messages in a SQLite file.

Run it with `python -m odibi_local.servicebus --config Config.json --state state.db`, or as a child with `EmulatorProcess`.
"""

from __future__ import annotations

from odibi_local.servicebus.config import ConfigError, QueueSettings, parse_config, read_config
from odibi_local.servicebus.process import EmulatorError, EmulatorProcess, connection_string

__all__ = [
    "ConfigError",
    "EmulatorError",
    "EmulatorProcess",
    "QueueSettings",
    "connection_string",
    "parse_config",
    "read_config",
]
