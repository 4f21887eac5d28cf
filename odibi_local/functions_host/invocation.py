"""Invoke one function: build its arguments, run it in a thread or on the loop, send its outputs, and report how it went."""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
import time
import traceback
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import azure.functions as func
from azure.functions import meta

from odibi_local.functions_host.app_index import RETURN, BindingInfo, IndexedFunction
from odibi_local.functions_host.in_work import InWork

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    SendOutput = Callable[[BindingInfo, meta.Datum, Mapping[str, meta.Datum]], None]


@dataclass(frozen=True, kw_only=True)
class InvocationStarted:
    """An invocation was handed to the function; from here the functionTimeout counts."""

    invocation_id: str
    function: str


@dataclass(frozen=True, kw_only=True)
class InvocationFinished:
    """An invocation ended; with the error when it failed."""

    invocation_id: str
    function: str
    ok: bool
    milliseconds: float
    error: str | None  # type and message
    trace: str | None  # the traceback, without the host's own frames


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an invocation gave."""

    ok: bool
    response: meta.Datum | None  # the encoded $return of an HTTP function
    error: str | None


class OutValue(func.Out[Any]):
    """An output argument that remembers what the function set."""

    def __init__(self) -> None:
        self._value: Any = None
        self.is_set = False

    def set(self, val: Any) -> None:
        """Remember the value."""
        self._value, self.is_set = val, True

    def get(self) -> Any:
        """Return what was set, or None."""
        return self._value


@dataclass(frozen=True, kw_only=True)
class InvocationContext:
    """What a function sees that asks for `context`."""

    invocation_id: str
    function_name: str
    function_directory: str
    thread_local_storage: threading.local
    trace_context: None = None
    retry_context: None = None


def default_thread_count() -> int:
    """Return how many sync functions run at once. Source: the worker's PYTHON_THREADPOOL_THREAD_COUNT."""
    given = os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT", "")
    return int(given) if given.isdecimal() and int(given) > 0 else min(32, (os.cpu_count() or 1) + 4)


class Invoker:
    """
    Runs invocations: sync functions in a thread pool, async functions on one loop of their own.

    The listeners' loop is another one, so that an async function that blocks stalls its own kind only.
    """

    def __init__(
        self,
        *,
        report: Callable[[InvocationStarted | InvocationFinished], None],
        send_output: SendOutput,
        threads: int | None = None,
    ) -> None:
        self._report = report
        self._send_output = send_output
        self.in_work = InWork()
        self._local = threading.local()
        self._threads = ThreadPoolExecutor(max_workers=threads or default_thread_count(), thread_name_prefix="function")
        self._loop = asyncio.new_event_loop()
        self._loop_thread = threading.Thread(target=self._loop.run_forever, name="async-functions", daemon=True)
        self._loop_thread.start()

    def submit(self, function: IndexedFunction, data: meta.Datum, metadata: Mapping[str, meta.Datum]) -> Future[Outcome]:
        """Start one invocation. The future never raises: a failure is an outcome."""
        invocation_id = str(uuid.uuid4())
        self.in_work.enter()
        self._report(InvocationStarted(invocation_id=invocation_id, function=function.name))
        invocation = _Invocation(function, invocation_id, data, metadata, time.perf_counter())
        if function.is_async:
            return asyncio.run_coroutine_threadsafe(self._run_async(invocation), self._loop)
        return self._threads.submit(self._run, invocation)

    def call(self, function: IndexedFunction, data: meta.Datum, metadata: Mapping[str, meta.Datum]) -> Outcome:
        """Run one invocation and wait for its outcome."""
        return self.submit(function, data, metadata).result()

    def close(self) -> None:
        """Stop taking invocations; those that run may go on."""
        self._threads.shutdown(wait=False)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._loop_thread.join(timeout=5)

    def _run(self, invocation: _Invocation) -> Outcome:
        self._local.invocation_id = invocation.invocation_id
        try:
            returned = invocation.function.call(**self._arguments(invocation))
            response = self._send_outputs(invocation, returned)
        except BaseException as error:  # noqa: BLE001  # a panic of a native library is no Exception; its message must be abandoned, too
            return self._failed(invocation, error)
        return self._succeeded(invocation, response)

    async def _run_async(self, invocation: _Invocation) -> Outcome:
        try:
            returned = await invocation.function.call(**self._arguments(invocation))
            # Sending outputs talks to a service and waits, so it leaves the loop.
            response = await asyncio.get_running_loop().run_in_executor(self._threads, self._send_outputs, invocation, returned)
        except BaseException as error:  # noqa: BLE001  # as above
            return self._failed(invocation, error)
        return self._succeeded(invocation, response)

    def _arguments(self, invocation: _Invocation) -> dict[str, Any]:
        function = invocation.function
        converter = meta.get_binding_registry().get(function.trigger.type)  # type: ignore[no-untyped-call]  # the library has no hint there
        arguments = {function.trigger.name: converter.decode(invocation.data, trigger_metadata=invocation.metadata)}
        for binding in function.outputs:
            if binding.name != RETURN:
                arguments[binding.name] = invocation.outputs.setdefault(binding.name, OutValue())
        if function.takes_context:
            arguments["context"] = InvocationContext(
                invocation_id=invocation.invocation_id,
                function_name=function.name,
                function_directory=str(Path(inspect.getsourcefile(function.call) or ".").parent),
                thread_local_storage=self._local,
            )
        return arguments

    def _send_outputs(self, invocation: _Invocation, returned: object) -> meta.Datum | None:
        """Encode and send what the function set and returned, in the order of the bindings. Only after success, as the host does."""
        function, response = invocation.function, None
        names = {binding.name for binding in function.outputs}
        if returned is not None and RETURN not in names:
            raise RuntimeError(f"function '{function.name}' without a $return binding returned a value that is not None")
        for binding in function.outputs:
            if binding.name == RETURN:
                value = returned
            else:
                out = invocation.outputs[binding.name]
                value = out.get() if out.is_set else None
            if value is None:
                continue
            converter = meta.get_binding_registry().get(binding.type)  # type: ignore[no-untyped-call]  # the library has no hint there
            datum = converter.encode(value, expected_type=None)
            if binding.type == "http":
                response = datum
            else:
                self._send_output(binding, datum, invocation.metadata)
        return response

    def _succeeded(self, invocation: _Invocation, response: meta.Datum | None) -> Outcome:
        self._end(invocation.finished(ok=True, error=None, trace=None))
        return Outcome(ok=True, response=response, error=None)

    def _failed(self, invocation: _Invocation, error: BaseException) -> Outcome:
        said = f"{type(error).__name__}: {error}"
        # The first frame is this module's own.
        frames = error.__traceback__.tb_next if error.__traceback__ is not None else None
        trace = "".join(traceback.format_exception(type(error), error, frames))
        self._end(invocation.finished(ok=False, error=said, trace=trace))
        return Outcome(ok=False, response=None, error=said)

    def _end(self, finished: InvocationFinished) -> None:
        self._report(finished)
        self.in_work.leave()


class _Invocation:
    """One invocation while it runs."""

    def __init__(
        self, function: IndexedFunction, invocation_id: str, data: meta.Datum, metadata: Mapping[str, meta.Datum], began: float
    ) -> None:
        self.function = function
        self.invocation_id = invocation_id
        self.data = data
        self.metadata = metadata
        self.began = began
        self.outputs: dict[str, OutValue] = {}

    def finished(self, *, ok: bool, error: str | None, trace: str | None) -> InvocationFinished:
        """Say how it went, with the time since it was handed over."""
        took = (time.perf_counter() - self.began) * 1000
        return InvocationFinished(
            invocation_id=self.invocation_id, function=self.function.name, ok=ok, milliseconds=took, error=error, trace=trace
        )
