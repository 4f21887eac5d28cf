"""Send what functions set on their Service Bus and blob outputs."""

from __future__ import annotations

import json
import re
import threading
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from odibi_local.functions_host.settings import resolve_references, service_bus_connection, storage_connection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azure.functions import meta
    from azure.servicebus import ServiceBusClient, ServiceBusSender
    from azure.storage.blob import BlobServiceClient

    from odibi_local.functions_host.app_index import BindingInfo

_EXPRESSION = re.compile(r"\{([^{}]+)\}")


class OutputError(RuntimeError):
    """An output could not be sent."""


class OutputSender:
    """Keeps one client per connection and one sender per queue, because opening one takes half a second."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._lock = threading.Lock()
        self._buses: dict[str, ServiceBusClient] = {}
        self._senders: dict[tuple[str, str], ServiceBusSender] = {}
        self._accounts: dict[str, BlobServiceClient] = {}

    def send(self, binding: BindingInfo, datum: meta.Datum, metadata: Mapping[str, meta.Datum]) -> None:
        """
        Send one encoded output.

        Raises:
            OutputError: If outputs of this type are not sent here.
        """
        value = datum.value
        match binding.type:
            case "serviceBus":
                self._send_message(binding, value)
            case "blob":
                self._write_blob(binding, value, metadata)
            case other:
                raise OutputError(f"output '{binding.name}' has type '{other}', which is not sent here")

    def _send_message(self, binding: BindingInfo, value: str | bytes) -> None:
        from azure.servicebus import ServiceBusClient, ServiceBusMessage

        connection = service_bus_connection(binding.text("connection"), self._environment)
        queue = resolve_references(binding.text("queueName"), self._environment)
        # A sender is not made for two threads at once.
        with self._lock:
            if connection not in self._buses:
                self._buses[connection] = ServiceBusClient.from_connection_string(connection)
            if (connection, queue) not in self._senders:
                self._senders[connection, queue] = self._buses[connection].get_queue_sender(queue)
            self._senders[connection, queue].send_messages([ServiceBusMessage(body) for body in message_bodies(value)])

    def _write_blob(self, binding: BindingInfo, value: str | bytes, metadata: Mapping[str, meta.Datum]) -> None:
        from azure.storage.blob import BlobServiceClient

        connection = storage_connection(binding.text("connection"), self._environment)
        path = fill_path(resolve_references(binding.text("path"), self._environment), metadata)
        container, _, name = path.partition("/")
        with self._lock:
            if connection not in self._accounts:
                self._accounts[connection] = BlobServiceClient.from_connection_string(connection)
        self._accounts[connection].get_blob_client(container, name).upload_blob(value, overwrite=True)

    def close(self) -> None:
        """Close all clients."""
        with self._lock:
            for sender in self._senders.values():
                sender.close()
            for bus in self._buses.values():
                bus.close()
            for account in self._accounts.values():
                account.close()


def message_bodies(value: str | bytes) -> list[str | bytes]:
    """Return the bodies that one output value stands for: the host makes a message of each element of a JSON array."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            elements = json.loads(value)
        except ValueError:
            return [value]
        return [element if isinstance(element, str) else json.dumps(element) for element in elements]
    return [value]


def fill_path(path: str, metadata: Mapping[str, meta.Datum]) -> str:
    """
    Fill the `{names}` of a path from the trigger's metadata, `{rand-guid}` and `{DateTime}`.

    Raises:
        OutputError: If the trigger gives no value for a name.
    """

    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        if name == "rand-guid":
            return str(uuid.uuid4())
        if name == "DateTime":
            return datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
        if name not in metadata:
            raise OutputError(f"the trigger gives no value for '{{{name}}}' in the path '{path}'")
        return str(metadata[name].python_value)

    return _EXPRESSION.sub(value_of, path)
