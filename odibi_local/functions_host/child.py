"""The child process: load the app, listen, invoke, and drain when asked to end."""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odibi_local.functions_host import datums
from odibi_local.functions_host.app_index import IndexedApp, IndexedFunction, IndexingError, index_app
from odibi_local.functions_host.control import AppBroken, AppIndexed, AppReady, ControlWriter, Warned
from odibi_local.functions_host.host_json import HostJson, HostJsonError, read_host_json
from odibi_local.functions_host.http_front import HttpFront
from odibi_local.functions_host.invocation import Invoker
from odibi_local.functions_host.listeners import HostPlace, Listeners
from odibi_local.functions_host.outputs import OutputSender
from odibi_local.functions_host.stop_signals import set_on_stop_signal

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPEN_SECONDS = 15.0  # how long ready waits for queues that do not answer


class ChildSite:
    """What the HTTP front end shows of this process."""

    def __init__(self, app: IndexedApp | None, *, invoker: Invoker | None, errors: list[str]) -> None:
        self._app = app
        self._invoker = invoker
        self._errors = errors
        self._began = time.monotonic()

    def status(self) -> Mapping[str, Any]:
        """Return the state with the names that the real host uses."""
        state = "Running" if self._app is not None else "Error"
        uptime_milliseconds = int((time.monotonic() - self._began) * 1000)
        return {"id": "local", "state": state, "version": "4.local", "errors": self._errors, "processUptime": uptime_milliseconds}

    def functions(self) -> Mapping[str, IndexedFunction]:
        """Return the functions by name; empty while the app is broken."""
        return self._app.functions if self._app is not None else {}

    def fire(self, function: IndexedFunction, typed_in: str) -> str | None:
        """Invoke a timer, or a queue function with the text as its message."""
        if self._invoker is None:
            return "the app is not running"
        match function.trigger.type:
            case "timerTrigger":
                data, metadata = datums.timer(past_due=False, last=None, following=None, updated=None)
            case "serviceBusTrigger" if function.trigger.text("cardinality").upper() != "MANY":
                data, metadata = datums.admin_message(typed_in)
            case other:
                return f"functions with trigger '{other}' of this kind cannot be fired by hand here"
        self._invoker.submit(function, data, metadata)
        return None


def main() -> None:
    """Run one child until it is asked to drain or its host is gone. Ends the process itself: a function that hangs must not keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("app_folder", type=Path)
    parser.add_argument("--listen-fd", type=int, required=True)
    parser.add_argument("--control-fd", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    given = parser.parse_args()
    drain = threading.Event()
    set_on_stop_signal(drain)
    threading.Thread(target=_drain_without_parent, args=(drain,), name="parent", daemon=True).start()
    _replace_root_handlers()
    control = ControlWriter(given.control_fd)
    listening = socket.socket(fileno=given.listen_fd)
    try:
        host_json = read_host_json(given.app_folder)
        app = index_app(given.app_folder)
    except (HostJsonError, IndexingError) as error:
        _explain_until(drain, listening, control, str(error))
    else:
        place = HostPlace(environment=os.environ, state=given.state, warn=lambda text: control.tell(Warned(message=text)))
        _serve_until(drain, listening, control, app=app, host_json=host_json, place=place)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _drain_without_parent(drain: threading.Event) -> None:
    """Drain when the host's end of our standard input closes: it died without a chance to tell us."""
    while sys.stdin.buffer.read(1024):
        pass
    drain.set()


def _replace_root_handlers() -> None:
    """Send what the app logs to standard error, replacing root handlers as the worker does."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s", force=True)
    logging.getLogger("azure").setLevel(logging.WARNING)


def _explain_until(drain: threading.Event, listening: socket.socket, control: ControlWriter, reason: str) -> None:
    front = HttpFront(listening=listening, site=ChildSite(None, invoker=None, errors=[reason]), routes=[], invoker=None)
    front.start()
    control.tell(AppBroken(reason=reason))
    drain.wait()
    front.stop_accepting()
    front.in_work.wait_until_none()


def _serve_until(
    drain: threading.Event, listening: socket.socket, control: ControlWriter, *, app: IndexedApp, host_json: HostJson, place: HostPlace
) -> None:
    outputs = OutputSender(place.environment)
    invoker = Invoker(report=control.tell, send_output=outputs.send)
    listeners = Listeners.of(app, host_json=host_json, invoker=invoker, place=place)
    timeout = host_json.function_timeout
    control.tell(
        AppIndexed(
            functions=list(app.functions),
            warnings=list(app.warnings),
            errors=listeners.errors,
            function_timeout_seconds=timeout.total_seconds() if timeout is not None else None,
        )
    )
    site = ChildSite(app, invoker=invoker, errors=listeners.errors)
    front = HttpFront(listening=listening, site=site, routes=listeners.routes, invoker=invoker)
    listeners.start()
    front.start()
    patience = time.monotonic() + _OPEN_SECONDS
    while not listeners.wait_opened(0.05) and time.monotonic() < patience and not drain.is_set():
        pass
    control.tell(AppReady())
    drain.wait()
    front.stop_accepting()
    listeners.stop()
    front.in_work.wait_until_none()
    invoker.in_work.wait_until_none()


if __name__ == "__main__":
    main()
