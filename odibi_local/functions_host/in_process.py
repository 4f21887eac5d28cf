"""Index an app and invoke its functions in this process: for tests of an app that need no queue and no port."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self

from odibi_local.functions_host import datums
from odibi_local.functions_host.app_index import BindingInfo, IndexedFunction, index_app
from odibi_local.functions_host.http_front import Answer, http_answer
from odibi_local.functions_host.invocation import InvocationFinished, InvocationStarted, Invoker, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from azure.functions import meta


class InProcessHost:
    """
    The functions of one app folder, invoked by name through azure.functions' own converters. A context manager.

    Outputs are not sent: `sent` lists them as (binding name, value). Leaving the context forgets the app's modules.
    """

    def __init__(self, app_folder: Path) -> None:
        self._folder = app_folder.resolve()
        self._functions: Mapping[str, IndexedFunction] = {}
        self._invoker: Invoker | None = None
        self.sent: list[tuple[str, Any]] = []
        self.finished: list[InvocationFinished] = []

    @property
    def functions(self) -> Mapping[str, IndexedFunction]:
        """The app's functions by name."""
        return self._functions

    def __enter__(self) -> Self:
        try:
            self._functions = index_app(self._folder).functions
        except BaseException:
            self._forget_modules()
            raise
        self._invoker = Invoker(report=self._note, send_output=self._keep)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._invoker is not None:
            self._invoker.close()
        self._forget_modules()

    def _forget_modules(self) -> None:
        folder = str(self._folder)
        sys.path[:] = [entry for entry in sys.path if entry != folder]
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(folder):
                del sys.modules[name]

    def queue_message(self, name: str, body: str | bytes, /, **properties: Any) -> Outcome:
        """Invoke a queue function with one message. Properties have the host's names: `DeliveryCount=3`, `MessageId="a"`."""
        text = body if isinstance(body, str) else body.decode("utf-8", "replace")
        data, metadata = datums.admin_message(text)
        given = {key: datums.text(value) if isinstance(value, str) else datums.as_json(value) for key, value in properties.items()}
        return self._call(name, data, metadata | given)

    def timer(self, name: str, *, past_due: bool = False) -> Outcome:
        """Invoke a timer function."""
        data, metadata = datums.timer(past_due=past_due, last=None, following=None, updated=None)
        return self._call(name, data, metadata)

    def blob(self, name: str, path: str, content: bytes, /, **parts: str) -> Outcome:
        """Invoke a blob function with the content of container/name; `parts` are the values of the path's `{names}`."""
        properties = {"ContentLength": len(content), "Length": len(content)}
        data, metadata = datums.blob(
            content=content, path=path, uri=f"http://127.0.0.1/{path}", properties=properties, metadata={}, parts=parts
        )
        return self._call(name, data, metadata)

    def http(
        self,
        name: str,
        *,
        method: str = "GET",
        route: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """Invoke an HTTP function; a failure is an answer with status 500, as on Azure."""
        data, metadata = datums.http_request(
            method=method, url=f"http://127.0.0.1/api/{name}", headers=headers or {}, query=query or {}, route=route or {}, body=body
        )
        outcome = self._call(name, data, metadata)
        return http_answer(outcome.response) if outcome.ok else Answer(status=500)

    def _call(self, name: str, data: meta.Datum, metadata: Mapping[str, meta.Datum]) -> Outcome:
        function = self._functions[name]
        if self._invoker is None:
            raise RuntimeError("enter the host before you invoke a function")
        return self._invoker.call(function, data, metadata)

    def _note(self, event: InvocationStarted | InvocationFinished) -> None:
        if isinstance(event, InvocationFinished):
            self.finished.append(event)

    def _keep(self, binding: BindingInfo, datum: meta.Datum, _metadata: Mapping[str, meta.Datum]) -> None:
        self.sent.append((binding.name, datum.value))
