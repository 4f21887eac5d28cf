"""Answer HTTP: the app's routes, and the admin routes that Core Tools has."""

from __future__ import annotations

import json
import re
import socket
import threading
from dataclasses import dataclass
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from odibi_local.functions_host import datums
from odibi_local.functions_host.in_work import InWork

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from azure.functions import meta

    from odibi_local.functions_host.app_index import IndexedFunction
    from odibi_local.functions_host.invocation import Invoker

_ANSWER_SECONDS = 230.0  # the load balancer of every plan gives up then
_LARGEST_BODY = 100 * 1024 * 1024  # the host's maxRequestBodySize
_ADMIN_FUNCTION = re.compile(r"^/admin/functions/([^/]+)$")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP response."""

    status: int
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""

    @classmethod
    def of_json(cls, status: int, content: object) -> Answer:
        """Return a JSON answer."""
        return cls(status=status, headers=[("Content-Type", "application/json")], body=json.dumps(content).encode())


@dataclass(frozen=True, kw_only=True)
class Route:
    """One HTTP function and the requests it takes."""

    function: IndexedFunction
    path: re.Pattern[str]
    methods: frozenset[str]  # empty: all
    literal_parts: int  # of two routes that fit, the one with more literal parts wins

    @classmethod
    def of(cls, function: IndexedFunction, prefix: str) -> Route:
        """Return the route of an HTTP function under the app's prefix."""
        template = "/".join(part for part in (prefix, function.trigger.text("route", function.name).strip("/")) if part)
        methods = function.trigger.properties.get("methods") or []
        parts = [part for part in template.split("/") if part]
        return cls(
            function=function,
            path=re.compile("^" + "".join(_part_pattern(part) for part in parts) + "/?$", re.IGNORECASE),
            methods=frozenset(str(method).upper() for method in methods),
            literal_parts=sum("{" not in part for part in parts),
        )


def _part_pattern(part: str) -> str:
    """Return the pattern of one part of a route template: literal, `{name}`, `{name:int}`, `{name?}` or `{*rest}`."""
    if part.startswith("{*") and part.endswith("}"):
        return f"(?:/(?P<{part[2:-1].strip('*')}>.*))?"
    optional = part.endswith("?}")
    pattern = ""
    for index, piece in enumerate(re.split(r"\{([^{}]+)\}", part)):
        if index % 2 == 0:
            pattern += re.escape(piece)
            continue
        name, _, constraint = piece.rstrip("?").partition(":")
        kind = r"-?\d+" if constraint in {"int", "long"} else r"[0-9a-fA-F-]{36}" if constraint == "guid" else "[^/]+"
        pattern += f"(?P<{name.split('=')[0]}>{kind})"
    return f"(?:/{pattern})?" if optional else f"/{pattern}"


class Site(Protocol):
    """What the front end needs to know of the app behind it."""

    def status(self) -> Mapping[str, Any]:
        """Return what GET /admin/host/status says."""

    def functions(self) -> Mapping[str, IndexedFunction]:
        """Return the functions by name; empty while the app is broken."""

    def fire(self, function: IndexedFunction, typed_in: str) -> str | None:
        """Invoke a function by hand, without waiting for it. Return why not, or None."""


class HttpFront:
    """Serves a socket that is bound already, so that the port outlives a child process."""

    def __init__(self, *, listening: socket.socket, site: Site, routes: Sequence[Route], invoker: Invoker | None) -> None:
        self.site = site
        self.routes = sorted(routes, key=lambda route: -route.literal_parts)
        self._invoker = invoker
        self.in_work = InWork()
        address = listening.getsockname()
        # Two children share the socket while one drains; the one that comes too late must not wait in accept().
        listening.setblocking(False)
        front = self

        class Handler(_Handler):
            in_work = front.in_work

            def answer(self, body: bytes) -> Answer:
                return front.answer(self, body)

        self._server = ThreadingHTTPServer(address, Handler, bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = listening
        self._server.server_name, self._server.server_port = address[:2]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="http", daemon=True)

    def start(self) -> None:
        """Start to accept requests."""
        self._thread.start()

    def stop_accepting(self) -> None:
        """Take no new connection; requests in work go on."""
        self._server.shutdown()

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        """Return the answer to one request."""
        address = urlsplit(request.path)
        if address.path.startswith("/admin/"):
            return self._admin(request.command, address.path, body)
        fitting = [(route, match) for route in self.routes if (match := route.path.match(unquote(address.path)))]
        chosen = next(((route, match) for route, match in fitting if not route.methods or request.command in route.methods), None)
        if chosen is None or self._invoker is None:
            broken = self.site.status()["state"] != "Running"
            return Answer.of_json(503, {"error": "the app is not running"}) if broken else Answer(status=404)
        route, match = chosen
        data, metadata = datums.http_request(
            method=request.command,
            url=f"http://{request.headers.get('Host', '127.0.0.1')}{request.path}",
            headers={name.lower(): value for name, value in request.headers.items()},
            query=dict(parse_qsl(address.query, keep_blank_values=True)),
            route={name: value for name, value in match.groupdict().items() if value is not None},
            body=body,
        )
        try:
            outcome = self._invoker.submit(route.function, data, metadata).result(timeout=_ANSWER_SECONDS)
        except TimeoutError:
            return Answer(status=504)
        return http_answer(outcome.response) if outcome.ok else Answer(status=500)

    def _admin(self, method: str, path: str, body: bytes) -> Answer:
        functions = self.site.functions()
        named = _ADMIN_FUNCTION.match(path)
        match method, path:
            case "GET", "/admin/host/status":
                return Answer.of_json(200, self.site.status())
            case "GET", "/admin/host/ping":
                return Answer(status=200)
            case "GET", "/admin/functions":
                listed = [{"name": name, "config": {"bindings": [dict(one.trigger.properties)]}} for name, one in functions.items()]
                return Answer.of_json(200, listed)
            case "POST", _ if named is not None:
                return self._fire(functions.get(named.group(1)), body)
            case _:
                return Answer(status=404)

    def _fire(self, function: IndexedFunction | None, body: bytes) -> Answer:
        if function is None:
            return Answer.of_json(404, {"error": "there is no such function"})
        try:
            given = json.loads(body or b"{}").get("input") or ""
        except (ValueError, AttributeError):
            return Answer.of_json(400, {"error": 'the body must be {"input": ...}'})
        refused = self.site.fire(function, given if isinstance(given, str) else json.dumps(given))
        return Answer(status=202) if refused is None else Answer.of_json(400, {"error": refused})


def http_answer(response: meta.Datum | None) -> Answer:
    """Return the answer that an encoded `$return` stands for; without one it is 204, as the host answers."""
    if response is None:
        return Answer(status=204)
    if response.type == "string":
        return Answer(status=200, headers=[("Content-Type", "text/plain; charset=utf-8")], body=response.value.encode())
    value = response.value
    headers = [(name, datum.value) for name, datum in value["headers"].items()]
    cookies: Sequence[SimpleCookie] = value["cookies"] or []
    headers += [("Set-Cookie", morsel.OutputString()) for cookie in cookies for morsel in cookie.values()]
    return Answer(status=int(value["status_code"].value), headers=headers, body=value["body"].value)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20  # seconds that an idle connection is kept

    in_work: InWork

    def answer(self, body: bytes) -> Answer:
        raise NotImplementedError

    def _handle(self) -> None:
        self.in_work.enter()
        try:
            self._read_and_answer()
        finally:
            self.in_work.leave()

    def _read_and_answer(self) -> None:
        given = self.headers.get("Content-Length") or "0"
        size = int(given) if given.isdecimal() else -1
        refusal = 411 if "Transfer-Encoding" in self.headers else 400 if size < 0 else 413 if size > _LARGEST_BODY else None
        if refusal is not None:
            self.close_connection = True
            self._send(Answer(status=refusal))
            return
        self._send(self.answer(self.rfile.read(size) if size else b""))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _handle  # noqa: N815  # names that http.server looks up

    def log_message(self, *_arguments: object) -> None:
        """Say nothing: the invocation has a line of its own."""
