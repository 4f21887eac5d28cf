"""Watch containers and send a BlobCreated event for each new version of a blob."""

from __future__ import annotations

import heapq
import itertools
import json
import logging
import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.exceptions import ServiceBusError
from azure.storage.blob import BlobServiceClient

from odibi_local.event_source.blob_event import blob_created
from odibi_local.event_source.chaos import Chaos
from odibi_local.event_source.seen import SeenBlobs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from azure.servicebus import ServiceBusSender
    from azure.storage.blob import BlobProperties

_log = logging.getLogger(__name__)

_AT_ONCE = 100  # events per send; 100 of them stay far below the 256 KB of a message
_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class _Arrival:
    """A version of a blob that nobody was told of yet."""

    container: str
    name: str
    etag: str
    event: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Delivery:
    """One message: an event and the message id it goes under."""

    event: dict[str, Any]
    message_id: str

    @classmethod
    def first(cls, event: dict[str, Any]) -> _Delivery:
        """Return the ordinary delivery of an event."""
        return cls(event=event, message_id=event["id"])

    @classmethod
    def again(cls, event: dict[str, Any]) -> _Delivery:
        """Return a second delivery that the queue's duplicate detection does not catch, as one outside of its window."""
        return cls(event=event, message_id=str(uuid.uuid4()))


class EventSource:
    """
    A thread that lists containers and sends what is new to a queue, one event per message, the event id as message id. A context manager.

    It remembers what it sent: after a restart it sends what arrived meanwhile, and nothing twice. An event is remembered after it was
    sent, so one that was sent just before a crash is sent again, under the same id. With chaos, everything that Event Grid does not
    promise happens: see `Chaos`.
    """

    def __init__(
        self,
        *,
        storage: str,
        containers: Sequence[str],
        service_bus: str,
        queue: str = "blob-events",
        state: Path,
        chaos: Chaos | None = None,
        poll_seconds: float = 0.2,
    ) -> None:
        """Prepare a source; `storage` and `service_bus` are connection strings, `state` is the file it remembers in."""
        self._account = BlobServiceClient.from_connection_string(storage, retry_total=1)
        self._containers = tuple(containers)
        self._service_bus = service_bus
        self._queue = queue
        self._seen = SeenBlobs(state)
        self._chaos = chaos
        self._poll_seconds = poll_seconds
        self._sequence = itertools.count(time.time_ns())
        self._later: list[tuple[float, int, _Delivery]] = []  # a heap: due, sequence, what is sent then
        self._announced_early: set[tuple[str, str]] = set()
        self._stop = threading.Event()
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._run, name="event-source", daemon=True)

    def start(self) -> None:
        """Start the thread; returns when its sender is open, or after five seconds when the queue cannot be reached yet."""
        self._thread.start()
        self._opened.wait(5)

    def stop(self) -> None:
        """End the thread. Events that chaos holds back are sent first."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._seen.close()
        self._account.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with (
                    ServiceBusClient.from_connection_string(self._service_bus) as client,
                    # One sender for good: opening one takes half a second.
                    client.get_queue_sender(self._queue) as sender,
                ):
                    self._opened.set()
                    self._watch(sender)
            except (ServiceBusError, AzureError, ValueError, OSError) as error:
                _log.warning("no events for now: %s: %s", type(error).__name__, error)
                self._stop.wait(_PAUSE_SECONDS)

    def _watch(self, sender: ServiceBusSender) -> None:
        while True:
            began = time.monotonic()
            for container in self._containers:
                arrivals = self._arrivals(container)
                if arrivals:
                    self._announce(sender, arrivals)
            self._send_due(sender)
            took = time.monotonic() - began
            # Rests at least as long as it listed, however many blobs there are.
            if self._stop.wait(max(self._poll_seconds - took, took)):
                self._send_due(sender, all_of_them=True)
                return

    def _arrivals(self, container: str) -> list[_Arrival]:
        """Return the versions in a container that were not announced, oldest first."""
        client = self._account.get_container_client(container)
        try:
            listed = list(client.list_blobs(include=["copy"]))
            if self._chaos is not None:
                present = {blob.name for blob in listed}
                uploading = [blob for blob in client.list_blobs(include=["uncommittedblobs"]) if blob.name not in present]
                self._announce_early(self._chaos, container, uploading)
        except ResourceNotFoundError:
            return []  # a container that does not exist yet has no blobs
        self._seen.forget_missing(container, {blob.name for blob in listed})
        fresh = [blob for blob in listed if not self._seen.has(container, blob.name, str(blob.etag))]
        fresh.sort(key=lambda blob: (blob.last_modified, blob.name))
        return [_Arrival(container=container, name=blob.name, etag=str(blob.etag), event=self._event(container, blob)) for blob in fresh]

    def _event(self, container: str, blob: BlobProperties) -> dict[str, Any]:
        url = self._account.get_blob_client(container, blob.name).url
        account = str(self._account.account_name)
        return blob_created(account=account, container=container, blob=blob, url=url, sequence=next(self._sequence))

    def _announce_early(self, chaos: Chaos, container: str, uploading: list[BlobProperties]) -> None:
        """Let chaos announce blobs of which only blocks have arrived: who reads such a blob finds nothing."""
        for blob in uploading:
            key = (container, blob.name)
            if key not in self._announced_early:
                self._announced_early.add(key)
                if chaos.comes_early():
                    self._hold(0.0, _Delivery.first(self._event(container, blob)))

    def _announce(self, sender: ServiceBusSender, arrivals: list[_Arrival]) -> None:
        at_once = []
        for arrival in arrivals:
            delays = (0.0,) if self._chaos is None else self._chaos.fate().delays_seconds
            for index, delay in enumerate(delays):
                delivery = _Delivery.again(arrival.event) if index else _Delivery.first(arrival.event)
                if delay > 0.0:
                    self._hold(delay, delivery)
                else:
                    at_once.append(delivery)
            if not delays:
                _log.info("chaos: the event of %s/%s is lost", arrival.container, arrival.name)
        self._send(sender, at_once)
        self._seen.add((arrival.container, arrival.name, arrival.etag) for arrival in arrivals)

    def _hold(self, delay_seconds: float, delivery: _Delivery) -> None:
        heapq.heappush(self._later, (time.monotonic() + delay_seconds, next(self._sequence), delivery))

    def _send_due(self, sender: ServiceBusSender, *, all_of_them: bool = False) -> None:
        now = time.monotonic()
        while self._later and (all_of_them or self._later[0][0] <= now):
            self._send(sender, [self._later[0][2]])
            heapq.heappop(self._later)

    def _send(self, sender: ServiceBusSender, deliveries: list[_Delivery]) -> None:
        for first in range(0, len(deliveries), _AT_ONCE):
            messages = [
                ServiceBusMessage(json.dumps(one.event), message_id=one.message_id, content_type="application/json")
                for one in deliveries[first : first + _AT_ONCE]
            ]
            sender.send_messages(messages)
