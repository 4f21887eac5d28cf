"""Start a listener for each trigger of an app, and stop them all."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from odibi_local.functions_host.http_front import Route
from odibi_local.functions_host.schedule import Schedule, ScheduleError
from odibi_local.functions_host.settings import SettingsError, resolve_references, service_bus_connection, storage_connection
from odibi_local.functions_host.timer_listener import TimerListener, TimerMonitor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from odibi_local.functions_host.app_index import IndexedApp, IndexedFunction
    from odibi_local.functions_host.blob_listener import BlobListener, BlobReceipts
    from odibi_local.functions_host.host_json import HostJson
    from odibi_local.functions_host.invocation import Invoker
    from odibi_local.functions_host.service_bus_listener import ServiceBusListener


@dataclass(frozen=True, kw_only=True)
class HostPlace:
    """Where a host runs: its settings, its state folder, and whom to tell."""

    environment: Mapping[str, str]
    state: Path
    warn: Callable[[str], None]


@dataclass(kw_only=True)
class Listeners:
    """The listeners of one app. Queues and timers run on one loop, blobs in a thread each, HTTP elsewhere."""

    routes: list[Route] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)  # functions that cannot listen, and why; the others do
    _queues: list[ServiceBusListener] = field(default_factory=list)
    _timers: list[TimerListener] = field(default_factory=list)
    _blobs: list[BlobListener] = field(default_factory=list)
    _receipts: BlobReceipts | None = None
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _threads: list[threading.Thread] = field(default_factory=list)
    _stop_blobs: threading.Event = field(default_factory=threading.Event)
    _stop: asyncio.Event | None = None
    _opened: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(cls, app: IndexedApp, *, host_json: HostJson, invoker: Invoker, place: HostPlace) -> Listeners:
        """Return the listeners of all functions. A function whose settings are wrong is an error of its own, as on Azure."""
        listeners = cls()
        for function in app.functions.values():
            try:
                listeners._add(function, host_json=host_json, invoker=invoker, place=place)
            except (SettingsError, ScheduleError) as error:
                listeners.errors.append(f"The '{function.name}' function is in error: {error}")
        return listeners

    def _add(self, function: IndexedFunction, *, host_json: HostJson, invoker: Invoker, place: HostPlace) -> None:
        match function.trigger.type:
            case "httpTrigger":
                self.routes.append(Route.of(function, host_json.route_prefix))
            case "timerTrigger":
                self._timers.append(_timer(function, invoker, place))
            case "serviceBusTrigger" if function.trigger.text("queueName") and not function.trigger.properties.get("isSessionsEnabled"):
                self._queues.append(_queue(function, host_json, invoker, place))
            case "blobTrigger":
                self._blobs.append(self._blob(function, host_json, invoker, place))
            case _:
                pass  # the index has warned of it

    def _blob(self, function: IndexedFunction, host_json: HostJson, invoker: Invoker, place: HostPlace) -> BlobListener:
        from azure.storage.blob import BlobServiceClient

        from odibi_local.functions_host.blob_listener import BlobListener, BlobReceipts

        connection = storage_connection(function.trigger.text("connection"), place.environment)
        if self._receipts is None:
            self._receipts = BlobReceipts(place.state / "blob-receipts.sqlite")
        return BlobListener(
            function=function,
            path=resolve_references(function.trigger.text("path"), place.environment),
            account=BlobServiceClient.from_connection_string(connection),
            receipts=self._receipts,
            options=host_json.blobs,
            invoker=invoker,
            warn=place.warn,
        )

    def start(self) -> None:
        """Start to listen; returns at once."""
        self._start_thread("listeners", lambda: self._loop.run_until_complete(self._run()))
        for listener in self._blobs:
            self._start_thread("blobs", partial(listener.run, self._stop_blobs))

    def _start_thread(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    async def _run(self) -> None:
        self._stop = stop = asyncio.Event()
        queues, timers = [queue.run(stop) for queue in self._queues], [timer.run(stop) for timer in self._timers]
        await asyncio.gather(self._notice_opened(), *queues, *timers)

    async def _notice_opened(self) -> None:
        for listener in self._queues:
            await listener.opened.wait()
        self._opened.set()

    def wait_opened(self, timeout: float) -> bool:
        """Wait until each queue was opened or failed to open once; tell whether that came true in time (seconds)."""
        return self._opened.wait(timeout)

    def stop(self) -> None:
        """Take nothing new, and return when the messages and blobs in work are done with."""
        self._stop_blobs.set()
        if self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        for thread in self._threads:
            thread.join()
        if self._receipts is not None:
            self._receipts.close()


def _queue(function: IndexedFunction, host_json: HostJson, invoker: Invoker, place: HostPlace) -> ServiceBusListener:
    from odibi_local.functions_host.service_bus_listener import QueueSource, ServiceBusListener

    return ServiceBusListener(
        function=function,
        source=QueueSource.of(
            connection_string=service_bus_connection(function.trigger.text("connection"), place.environment),
            queue_name=resolve_references(function.trigger.text("queueName"), place.environment),
        ),
        options=host_json.service_bus,
        invoker=invoker,
        warn=place.warn,
    )


def _timer(function: IndexedFunction, invoker: Invoker, place: HostPlace) -> TimerListener:
    schedule = Schedule(resolve_references(function.trigger.text("schedule"), place.environment))
    monitored = schedule.is_monitored(use_monitor=function.trigger.properties.get("useMonitor"))
    monitor = TimerMonitor(place.state / "timers" / f"Host.Functions.{function.name}.status.json") if monitored else None
    return TimerListener(function=function, schedule=schedule, monitor=monitor, invoker=invoker)
