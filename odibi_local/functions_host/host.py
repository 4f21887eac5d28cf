"""The host: keep one child process of the app running, replace it when the code changes, restart it when it dies."""

from __future__ import annotations

import os
import queue
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from odibi_local.functions_host.child_process import ChildProcess
from odibi_local.functions_host.control import AppBroken, AppIndexed, AppReady, Message, Warned
from odibi_local.functions_host.invocation import InvocationFinished, InvocationStarted
from odibi_local.functions_host.log_line import LogLine, LogSink, printing_sink
from odibi_local.functions_host.settings import SettingsError, with_local_settings
from odibi_local.functions_host.source_watch import SourceWatch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_LOOK_SECONDS = 0.1
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 10.0
_LIVED_SECONDS = 10.0  # a child that lived this long crashed by accident, not by its code: the next one starts at once


class FunctionsHost:
    """
    Runs the app of a folder as Azure would. A context manager.

    The host itself loads no app code. Its child listens and invokes; the host replaces the child when files change, restarts it when
    it dies (with a growing pause), and kills it when an invocation runs longer than the functionTimeout of host.json.
    """

    def __init__(
        self,
        app_folder: Path,
        environment: Mapping[str, str] | None = None,
        *,
        port: int = 0,
        state: Path | None = None,
        sink: LogSink | None = None,
        watch: bool = True,
        drain_seconds: float = 15.0,
    ) -> None:
        """
        Prepare a host; `start` or `with` starts it.

        `environment` is what the app sees (default: this process's), completed from local.settings.json. `state` keeps timer status and
        blob receipts (default: `.local/functions-host` in the app folder). `drain_seconds` is how long a child may finish its work.
        """
        self._folder = app_folder.resolve()
        self._environment = dict(os.environ if environment is None else environment)
        self._port = port
        self._state = state or self._folder / ".local" / "functions-host"
        self._sink = sink or printing_sink(log_format=self._environment.get("ODIBI_LOG_FORMAT", "text"))
        self._watch = SourceWatch(self._folder, self._files_changed) if watch else None
        self._drain_seconds = drain_seconds
        self._changed = threading.Condition()
        self._child: ChildProcess | None = None
        self._ready_child: ChildProcess | None = None
        self._broken: str | None = None
        self._draining: list[ChildProcess] = []
        self._requests: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._pause = _FIRST_PAUSE_SECONDS
        self._stopping = False
        self._listening: socket.socket | None = None
        self._thread = threading.Thread(target=self._supervise, name="functions-host", daemon=True)

    @property
    def base_url(self) -> str:
        """Where HTTP is answered, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def child_pid(self) -> int | None:
        """The process id of the child that takes new work, or None between two children."""
        child = self._child
        return child.pid if child is not None and child.takes_work else None

    @property
    def broken(self) -> str | None:
        """Why the app could not be loaded, or None."""
        return self._broken

    def start(self) -> None:
        """Take the port and start the first child; `wait_ready` waits for it."""
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", self._port))
        listening.listen(64)
        self._listening, self._port = listening, listening.getsockname()[1]
        self._state.mkdir(parents=True, exist_ok=True)
        self._start_child()
        self._thread.start()
        if self._watch is not None:
            self._watch.start()

    def wait_ready(self, timeout: float = 30.0) -> None:
        """
        Wait until the present child's listeners are open.

        Raises:
            TimeoutError: If they are not in time (seconds); with the reason when the app is broken.
        """
        with self._changed:
            if not self._changed.wait_for(self._is_ready, timeout):
                raise TimeoutError(f"the app was not ready within {timeout:.0f} s: {self._broken or 'it still starts'}")

    def _is_ready(self) -> bool:
        child = self._child
        return child is not None and child is self._ready_child and child.takes_work

    def wait_broken(self, timeout: float = 30.0) -> str:
        """
        Wait until the present child found that the app cannot be loaded, and return why.

        Raises:
            TimeoutError: If that does not happen in time (seconds).
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._broken is not None, timeout):
                raise TimeoutError(f"the app was not broken within {timeout:.0f} s")
            return str(self._broken)

    def reload(self) -> None:
        """Replace the child as a change of a file does; returns when the new one has started."""
        with self._changed:
            before = self._child
            self._requests.put("reload")
            self._changed.wait_for(lambda: self._child is not before, 30)

    def kill_child(self) -> None:
        """Kill the child as a crash would; the host starts another."""
        child = self._child
        if child is not None:
            child.kill()
            child.wait(10)

    def stop(self) -> None:
        """Drain all children and end. Safe to call twice."""
        if self._stopping:
            return
        self._stopping = True
        if self._watch is not None:
            self._watch.stop()
        self._requests.put("stop")
        if self._thread.is_alive():
            self._thread.join()
        if self._listening is not None:
            self._listening.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    # The supervisor's thread: the only one that starts and ends children.

    def _supervise(self) -> None:
        while True:
            try:
                request = self._requests.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                request = ""
            if request == "stop":
                break
            if request == "reload":
                self._drain_child()
                self._pause = _FIRST_PAUSE_SECONDS
                self._start_child()
            elif request == "restart":
                self._restart_dead_child()
            self._kill_overdue()
        self._drain_child()
        deadline = time.monotonic() + self._drain_seconds
        for child in self._draining:
            if not child.wait(max(0.0, deadline - time.monotonic())):
                self._log("WARNING", f"the app did not drain within {self._drain_seconds:.0f} s and was killed")
                child.kill()
                child.wait(10)

    def _start_child(self) -> None:
        assert self._listening is not None
        try:
            environment = with_local_settings(self._folder, self._environment)
        except SettingsError as error:
            self._log("ERROR", str(error))
            environment = dict(self._environment)
        child = ChildProcess(
            app_folder=self._folder,
            environment=environment,
            listening=self._listening,
            state=self._state,
            sink=self._sink,
            on_message=self._heard,
            on_exit=self._ended,
        )
        with self._changed:
            self._child, self._broken = child, None
            self._changed.notify_all()

    def _drain_child(self) -> None:
        self._draining = [child for child in self._draining if child.exit_code is None]
        child = self._child
        if child is not None and child.exit_code is None:
            child.ask_to_end()
            self._draining.append(child)
            if not self._stopping:
                threading.Thread(target=self._kill_when_late, args=(child,), daemon=True).start()

    def _kill_when_late(self, child: ChildProcess) -> None:
        if not child.wait(self._drain_seconds):
            self._log("WARNING", f"the former version did not drain within {self._drain_seconds:.0f} s and was killed")
            child.kill()

    def _restart_dead_child(self) -> None:
        child = self._child
        if child is None or child.exit_code is None or child.asked_to_end:
            return
        if time.monotonic() - child.began > _LIVED_SECONDS:
            self._pause = _FIRST_PAUSE_SECONDS
        self._log("ERROR", f"the app's process ended with code {child.exit_code}; another starts in {self._pause:.1f} s")
        # A stop or a change of a file must not wait for the pause.
        pause, self._pause = self._pause, min(self._pause * 2, _LONGEST_PAUSE_SECONDS)
        deadline = time.monotonic() + pause
        while time.monotonic() < deadline and self._requests.empty():
            time.sleep(0.02)
        if self._requests.empty():
            self._start_child()

    def _kill_overdue(self) -> None:
        for child in (self._child, *self._draining):
            function = child.overdue() if child is not None and child.exit_code is None else None
            if child is not None and function is not None:
                child.kill()
                child.wait(10)
                self._log("ERROR", f"{function} ran longer than the functionTimeout: its process was killed with everything in flight")

    # Called from the threads that read what the children say.

    def _files_changed(self, names: list[str]) -> None:
        self._log("INFO", f"changed: {', '.join(names)}; loading the app again")
        self._requests.put("reload")

    def _ended(self, child: ChildProcess) -> None:
        if not child.asked_to_end:
            self._requests.put("restart")

    def _heard(self, child: ChildProcess, message: Message) -> None:
        match message:
            case AppIndexed():
                self._log("INFO", f"{len(message.functions)} functions loaded: {', '.join(message.functions)}")
                for text in message.warnings:
                    self._log("WARNING", text)
                for text in message.errors:
                    self._log("ERROR", text)
            case AppReady():
                with self._changed:
                    self._ready_child = child
                    self._changed.notify_all()
            case AppBroken():
                self._log("ERROR", f"0 functions loaded: {message.reason}")
                with self._changed:
                    if child is self._child:
                        self._broken = message.reason
                    self._changed.notify_all()
            case Warned():
                self._log("WARNING", message.message)
            case InvocationStarted():
                pass
            case InvocationFinished():
                self._sink(invocation_line(message))

    def _log(self, level: str, message: str) -> None:
        self._sink(LogLine(kind="host", level=level, message=message))


def invocation_line(finished: InvocationFinished) -> LogLine:
    """Return the line of an invocation: `run_node ok 41 ms`, or `run_node failed 41 ms` with the error and its traceback."""
    took = round(finished.milliseconds)
    verdict = "ok" if finished.ok else "failed"
    message = f"{finished.function} {verdict} {took} ms"
    if not finished.ok:
        message += f" {finished.error}"
    fields = {
        "function": finished.function,
        "invocation_id": finished.invocation_id,
        "ok": finished.ok,
        "milliseconds": took,
        "error": finished.error,
        "trace": finished.trace,
    }
    return LogLine(kind="function", level="INFO" if finished.ok else "ERROR", message=message, fields=fields)
