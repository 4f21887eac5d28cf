"""Run broker, sockets and clock on one event loop. In every turn: hand out messages, commit, and only then write to the sockets."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from odibi_local.servicebus.amqp.connection import Connection
from odibi_local.servicebus.amqp.errors import AmqpError
from odibi_local.servicebus.amqp.links import ReceivingLink, SendingLink
from odibi_local.servicebus.broker.broker import Broker
from odibi_local.servicebus.broker.store import StateError, Store
from odibi_local.servicebus.config import QueueSettings
from odibi_local.servicebus.health import serve_health
from odibi_local.servicebus.nodes.directory import Directory

_BEAT: Final = 1.0  # seconds between looks at idle connections

log = logging.getLogger(__name__)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Server:
    """The emulator in this process. It listens on the loopback address only."""

    def __init__(self, queues: Sequence[QueueSettings], state: Path | None) -> None:
        """
        Open the state.

        Raises:
            StateError: If the state file cannot be used.
        """
        self.port = 0
        self.health_port = 0
        self._store = Store(state)
        self._connections: set[Connection] = set()
        self._with_output: set[Connection] = set()
        self._servers: list[asyncio.Server] = []
        self._is_awake = False
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_ms: int | None = None
        self._failed: asyncio.Future[None] | None = None
        self._broker = Broker(queues, self._store, self._wake)
        self._directory = Directory(self._broker, _now_ms)

    async def start(self, port: int, health_port: int) -> None:
        """Listen; port 0 is any free one. Afterwards `port` and `health_port` say which."""
        loop = asyncio.get_running_loop()
        self._failed = loop.create_future()
        amqp = await loop.create_server(lambda: Connection(self), "127.0.0.1", port)
        self._servers.append(amqp)
        health = await serve_health(health_port, self._broker.counts)
        self._servers.append(health)
        self.port = amqp.sockets[0].getsockname()[1]
        self.health_port = health.sockets[0].getsockname()[1]
        self._beat()
        self._wake()

    async def failure(self) -> None:
        """
        Wait until the emulator cannot go on.

        Raises:
            StateError: Always, with the reason.
        """
        if self._failed is not None:
            await self._failed

    async def stop(self) -> None:
        """Close all connections politely and the state file."""
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.close(AmqpError(condition="amqp:connection:forced", description="The emulator is stopping."))
        self._flush()
        await asyncio.sleep(0.05)  # lets the transports write
        for connection in list(self._connections):
            connection.abort()
        self._store.close()

    # ---- what connections tell

    def sender_attached(self, link: ReceivingLink) -> None:
        """Connect a link on which the client sends."""
        self._directory.connect_sender(link)

    def receiver_attached(self, link: SendingLink) -> None:
        """Connect a link on which the client receives."""
        self._directory.connect_receiver(link)

    def room_made(self, link: SendingLink) -> None:
        """Hand out more messages."""
        if link.source is not None:
            link.source.credit_changed(link)

    def has_output(self, connection: Connection) -> None:
        """Write it in the next turn."""
        self._with_output.add(connection)
        self._wake()

    def connected(self, connection: Connection) -> None:
        """Watch over a new connection."""
        self._connections.add(connection)

    def disconnected(self, connection: Connection) -> None:
        """Forget a connection."""
        self._connections.discard(connection)
        self._with_output.discard(connection)

    # ---- turns

    def _wake(self) -> None:
        if not self._is_awake:
            self._is_awake = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._is_awake = False
        if self._failed is None or self._failed.done():
            return
        try:
            self._broker.pump(_now_ms())
            self._flush()
        except sqlite3.Error as error:
            # Nothing that was not stored may be acknowledged: drop everybody, who then send again, and give up.
            log.exception("the state file cannot be written")
            self._failed.set_exception(StateError(f"the state file cannot be written: {error}"))
            for connection in list(self._connections):
                connection.abort()
            return
        self._set_alarm()

    def _flush(self) -> None:
        self._broker.commit()
        connections, self._with_output = self._with_output, set()
        for connection in connections:
            connection.flush()

    def _set_alarm(self) -> None:
        due = self._broker.next_due()
        if due == self._alarm_ms:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_ms = due
        delay = 0.0 if due is None else min(max(0.0, (due - _now_ms()) / 1000), 60.0)
        self._alarm = None if due is None else asyncio.get_running_loop().call_later(delay, self._ring)

    def _ring(self) -> None:
        self._alarm_ms = None
        self._broker.tick(_now_ms())
        self._wake()

    def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        for connection in list(self._connections):
            connection.beat(loop.time())
        loop.call_later(_BEAT, self._beat)
