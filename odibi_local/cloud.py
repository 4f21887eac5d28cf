"""Run the whole cloud on a laptop: storage, Service Bus, Event Grid and the Functions host, for one app folder."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient

from odibi_local.azurite import AzuriteProcess
from odibi_local.azurite.launcher import HOST, free_port
from odibi_local.event_source import Chaos, EventSource
from odibi_local.functions_host import FunctionsHost, LogSink

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from odibi_local.servicebus import EmulatorProcess

BLOB_EVENTS = "blob-events"
QUEUES = (BLOB_EVENTS, "node-runs", "run-finished")


class LocalCloud:
    """
    Everything that the app needs of Azure, started in the order of need and stopped in reverse. A context manager.

    The app sees `AzureWebJobsStorage` and `ODIBI_STORAGE` (Azurite), `ServiceBusConnection` (the emulator), and what `environment` adds.
    State lives below `folder`: a second cloud there goes on where the first one stopped.
    """

    def __init__(
        self,
        app_folder: Path,
        *,
        folder: Path,
        containers: Sequence[str] = ("landing",),
        watched: Sequence[str] | None = None,
        service_bus_config: Path | None = None,
        environment: Mapping[str, str] | None = None,
        chaos: int | None = None,
        http_port: int = 0,
        sink: LogSink | None = None,
        watch_source: bool = True,
    ) -> None:
        """
        Prepare a cloud; `start` or `with` starts it.

        `containers` are created; `watched` (default: the first of them) send BlobCreated events. `service_bus_config` is a Config.json of
        the official emulator (default: one with the queues of `QUEUES`). `chaos` is a seed: events get lost, late, doubled and early.
        """
        self._app_folder = app_folder
        self._folder = folder.resolve()
        self._containers = tuple(containers)
        self._watched = tuple(self._containers[:1] if watched is None else watched)
        self._config = service_bus_config
        self._environment = dict(environment or {})
        self._chaos = None if chaos is None else Chaos(chaos)
        self._http_port = http_port
        self._sink = sink
        self._watch_source = watch_source
        self._running = ExitStack()
        self._stopping = threading.Lock()
        self.azurite = AzuriteProcess(location=self._folder / "blobs", port=_port_to_keep(self._folder / "azurite-port"))
        self.service_bus: EmulatorProcess | None = None
        self.event_source: EventSource | None = None
        self.host: FunctionsHost | None = None

    @property
    def base_url(self) -> str:
        """Where the app answers HTTP."""
        if self.host is None:
            raise RuntimeError("the local cloud is not running")
        return self.host.base_url

    @property
    def service_bus_connection(self) -> str:
        """The emulator's connection string."""
        if self.service_bus is None:
            raise RuntimeError("the local cloud is not running")
        return self.service_bus.connection_string

    @property
    def storage_connection(self) -> str:
        """Azurite's connection string."""
        return self.azurite.connection_string

    def start(self) -> None:
        """Start everything and return when the app listens. What was started is stopped when something fails."""
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            self._start_services()
            self._start_app()
        except BaseException:
            self.stop()
            raise

    def _start_services(self) -> None:
        from odibi_local.servicebus import EmulatorProcess

        config = self._config or write_queues(self._folder / "service-bus.json", QUEUES)
        self.service_bus = EmulatorProcess(config=config, state=self._folder / "service-bus.sqlite")
        with ThreadPoolExecutor(max_workers=2) as both:
            storage = both.submit(self.azurite.__enter__)
            bus = both.submit(self.service_bus.__enter__)
            # What started is remembered before the other's failure is raised.
            for started, service in ((storage, self.azurite), (bus, self.service_bus)):
                if started.exception() is None:
                    self._running.callback(service.stop)
            storage.result()
            bus.result()
        with BlobServiceClient.from_connection_string(self.azurite.connection_string) as account:
            for container in self._containers:
                try:
                    account.create_container(container)
                except ResourceExistsError:
                    continue

    def _start_app(self) -> None:
        environment = {
            **os.environ,
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "AzureWebJobsStorage": self.azurite.connection_string,
            "ODIBI_STORAGE": self.azurite.connection_string,
            "ServiceBusConnection": self.service_bus_connection,
            **self._environment,
        }
        self.host = FunctionsHost(
            self._app_folder,
            environment,
            port=self._http_port,
            state=self._folder / "functions-host",
            sink=self._sink,
            watch=self._watch_source,
        )
        self.event_source = EventSource(
            storage=self.azurite.connection_string,
            containers=self._watched,
            service_bus=self.service_bus_connection,
            queue=environment.get("ODIBI_BLOB_EVENTS_QUEUE", BLOB_EVENTS),
            state=self._folder / "event-source.sqlite",
            chaos=self._chaos,
        )
        self._running.callback(self.host.stop)
        self.host.start()
        # Stopped first: no event needs to come any more while the host drains.
        self._running.callback(self.event_source.stop)
        self.event_source.start()
        self.host.wait_ready()

    def stop(self) -> None:
        """Stop everything in reverse order. Safe to call twice."""
        with self._stopping:
            self._running.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def _port_to_keep(path: Path) -> int:
    """Return the port of the last time, so that the addresses of blobs stay the same; another one when it is taken."""
    with contextlib.suppress(OSError, ValueError), socket.socket() as probe:
        port = int(path.read_text())
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        return port
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(port := free_port()))
    return port


def write_queues(path: Path, names: Iterable[str], **other: object) -> Path:
    """
    Write a Config.json of the official emulator with these queues, and return its path.

    Every property is spelled out: as on Azure, as far as the emulator's limits allow. `other` replaces some, under their real names.
    """
    properties: dict[str, object] = {
        "DeadLetteringOnMessageExpiration": False,
        "DefaultMessageTimeToLive": "PT1H",
        "DuplicateDetectionHistoryTimeWindow": "PT5M",
        "ForwardDeadLetteredMessagesTo": "",
        "ForwardTo": "",
        "LockDuration": "PT1M",
        "MaxDeliveryCount": 10,
        "RequiresDuplicateDetection": True,
        "RequiresSession": False,
        **other,
    }
    queues = [{"Name": name, "Properties": properties} for name in names]
    namespace = {"Name": "sbemulatorns", "Queues": queues, "Topics": []}
    content = {"UserConfig": {"Namespaces": [namespace], "Logging": {"Type": "File"}}}
    path.write_text(json.dumps(content, indent=2))
    return path
