"""Commands to Azure Service Bus. Azure's library is imported with the first message, not with this module."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, assert_never

from odibi_core.errors import ConfigError, PermanentServiceError, ServiceError, TransientServiceError
from odibi_core.messages import FinishRun, QueuedCommand, RunNode, TakeFiles
from odibi_core.ports import Clock

if TYPE_CHECKING:
    from typing import Self

    from azure.core.credentials import TokenCredential
    from azure.core.exceptions import AzureError
    from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSender

CONNECTION = "ServiceBusConnection"  # the name that the triggers use, too
NODE_RUNS = "node-runs"
RUN_FINISHED = "run-finished"
_SEND_SECONDS = 30.0  # for one send with all its retries


def _now() -> datetime:
    return datetime.now(UTC)


class _Line:
    """One queue: its sender, once it is open, and the lock that makes callers take turns."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lock = threading.Lock()
        self.sender: ServiceBusSender | None = None


class ServiceBusQueue:
    """
    A MessageQueue over Service Bus. Safe to share between threads, and meant to live as long as the process.

    Opening a sender takes about half a second, a send on an open one milliseconds. After a failure the sender is given up and the
    next call opens another. A send that failed may have arrived: the message id lets the service drop the second copy.

    Source of the timing: one TCP connection for each sender of azure-servicebus 7.15, with polling while it opens.
    """

    def __init__(
        self,
        connect: Callable[[], ServiceBusClient],
        *,
        node_runs: str = NODE_RUNS,
        run_finished: str = RUN_FINISHED,
        clock: Clock = _now,
    ) -> None:
        self._connect = connect
        self._client: ServiceBusClient | None = None
        self._client_lock = threading.Lock()
        self._node_runs = _Line(node_runs)
        # Two kinds of commands may share one queue; then they share its sender.
        self._run_finished = self._node_runs if run_finished == node_runs else _Line(run_finished)
        self._clock = clock

    @classmethod
    def from_connection_string(cls, text: str, *, node_runs: str = NODE_RUNS, run_finished: str = RUN_FINISHED) -> Self:
        """A queue reached with a connection string, the emulator's included."""

        def connect() -> ServiceBusClient:
            from azure.servicebus import ServiceBusClient

            try:
                return ServiceBusClient.from_connection_string(text, retry_backoff_max=10)
            except ValueError:
                # Without the cause: its text may quote the connection string.
                raise ConfigError(f"{CONNECTION} is not a connection string", hint="It starts with Endpoint=sb://.") from None

        return cls(connect, node_runs=node_runs, run_finished=run_finished)

    @classmethod
    def from_environment(
        cls,
        environment: Mapping[str, str],
        *,
        credential: Callable[[str | None], TokenCredential] | None = None,
        node_runs: str = NODE_RUNS,
        run_finished: str = RUN_FINISHED,
    ) -> Self:
        """
        A queue reached as the settings of the triggers say.

        `ServiceBusConnection` is a connection string; `ServiceBusConnection__fullyQualifiedNamespace` means the identity of this
        process, with `ServiceBusConnection__clientId` a user-assigned one.

        Raises:
            ConfigError: If neither is set.
        """
        text = environment.get(CONNECTION)
        if text:
            return cls.from_connection_string(text, node_runs=node_runs, run_finished=run_finished)
        namespace = environment.get(f"{CONNECTION}__fullyQualifiedNamespace")
        if not namespace:
            raise ConfigError(f"neither {CONNECTION} nor {CONNECTION}__fullyQualifiedNamespace is set", hint="Set one of the two.")
        client_id = environment.get(f"{CONNECTION}__clientId")

        def connect() -> ServiceBusClient:
            from azure.servicebus import ServiceBusClient

            who = credential(client_id) if credential else _identity(client_id, environment)
            return ServiceBusClient(namespace, who, retry_backoff_max=10)

        return cls(connect, node_runs=node_runs, run_finished=run_finished)

    def send(self, commands: Sequence[QueuedCommand], *, delay: timedelta = timedelta(0)) -> None:
        """
        Send commands, each to the queue of its kind and in the given order, as few messages at a time as fit.

        Raises:
            TransientServiceError: If it may work in a moment; some of the commands may have been sent.
            PermanentServiceError: If a queue is missing, disabled or refuses us.
        """
        due = self._clock() + delay if delay > timedelta(0) else None
        for line, wanted in self._by_line(commands):
            with line.lock:
                self._send(line, [_message(command, due) for command in wanted])

    def close(self) -> None:
        """Close what is open. A later send opens it again."""
        for line in (self._node_runs, self._run_finished):
            with line.lock:
                self._give_up(line)
        with self._client_lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _by_line(self, commands: Sequence[QueuedCommand]) -> list[tuple[_Line, list[QueuedCommand]]]:
        sorted_out: dict[str, tuple[_Line, list[QueuedCommand]]] = {}
        for command in commands:
            match command:
                case RunNode() | TakeFiles():
                    line = self._node_runs
                case FinishRun():
                    line = self._run_finished
                case _:
                    assert_never(command)
            sorted_out.setdefault(line.name, (line, []))[1].append(command)
        return list(sorted_out.values())

    def _send(self, line: _Line, messages: list[ServiceBusMessage]) -> None:
        from azure.core.exceptions import AzureError

        done = False
        try:
            sender = line.sender = line.sender or self._open(line.name)
            if len(messages) == 1:
                sender.send_messages(messages[0], timeout=_SEND_SECONDS)
            else:
                _send_batches(sender, messages)
            done = True
        except AzureError as error:
            raise _translated(error, line.name) from error
        except (OSError, ValueError) as error:  # what the library lets through when its connection broke or was closed
            raise TransientServiceError(f"sending to queue '{line.name}' failed: {type(error).__name__}") from error
        finally:
            if not done:
                self._give_up(line)

    def _open(self, queue: str) -> ServiceBusSender:
        with self._client_lock:
            self._client = self._client or self._connect()
            return self._client.get_queue_sender(queue)

    @staticmethod
    def _give_up(line: _Line) -> None:
        from azure.core.exceptions import AzureError

        sender, line.sender = line.sender, None
        if sender is not None:
            with suppress(AzureError, OSError, ValueError):  # it is of no use any more, whether it closes well or not
                sender.close()


def _message(command: QueuedCommand, due: datetime | None) -> ServiceBusMessage:
    from azure.servicebus import ServiceBusMessage

    return ServiceBusMessage(
        command.model_dump_json(),
        message_id=command.message_id,
        content_type="application/json",
        subject=command.kind,
        scheduled_enqueue_time_utc=due,
    )


def _send_batches(sender: ServiceBusSender, messages: Sequence[ServiceBusMessage]) -> None:
    from azure.servicebus.exceptions import MessageSizeExceededError

    batch = sender.create_message_batch()
    for message in messages:
        try:
            batch.add_message(message)
        except MessageSizeExceededError:
            if not len(batch):
                raise
            sender.send_messages(batch, timeout=_SEND_SECONDS)
            batch = sender.create_message_batch()
            batch.add_message(message)
    sender.send_messages(batch, timeout=_SEND_SECONDS)


def _identity(client_id: str | None, environment: Mapping[str, str]) -> TokenCredential:
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

    if environment.get("IDENTITY_ENDPOINT"):
        return ManagedIdentityCredential(client_id=client_id)
    return DefaultAzureCredential(managed_identity_client_id=client_id)


def _translated(error: AzureError, queue: str) -> ServiceError:
    """Our error for one of the library's. A full queue counts as passing: its receivers drain it."""
    from azure.core.exceptions import ClientAuthenticationError
    from azure.servicebus import exceptions as bus

    message = f"sending to queue '{queue}' failed: {type(error).__name__}"
    match error:
        case bus.MessagingEntityNotFoundError():
            return PermanentServiceError(message, code="missing_queue", hint="Create the queue, or correct its name.")
        case bus.MessagingEntityDisabledError():
            return PermanentServiceError(message, code="queue_disabled", hint="Enable the queue.")
        case bus.MessageSizeExceededError():
            return PermanentServiceError(message, code="message_too_large")
        case bus.ServiceBusAuthenticationError() | bus.ServiceBusAuthorizationError() | ClientAuthenticationError():
            return PermanentServiceError(
                message, code="not_authorized", hint="Check the connection string, or that the identity is a Service Bus Data Sender."
            )
        case _:
            return TransientServiceError(message)
