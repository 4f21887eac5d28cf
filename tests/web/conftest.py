"""A real web server on this machine, which answers as a test says and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import polars as pl
import pytest

from odibi_core.engines.polars import PolarsEngine
from odibi_core.ports import Location, Source


@dataclass
class Asked:
    """One request."""

    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: Any = None


@dataclass
class Reply:
    """One answer."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Api:
    """The server. `answer` is called for each request."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Reply] = lambda _: Reply([])
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                params = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
                asked = Asked(parts.path, params, {key.lower(): value for key, value in self.headers.items()}, body)
                api.asked.append(asked)
                reply = api.answer(asked)
                data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET  # noqa: N815  as above

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the signature of http.server
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    yield api
    api.server.shutdown()
    api.server.server_close()


@dataclass
class Reader:
    """An engine whose system store is a folder."""

    engine: PolarsEngine
    api: Api
    system: Path

    def read(
        self, path: str = "/rows", *, run: str = "r1", base: str | None = None, headers: dict[str, str] | None = None, **options: Any
    ) -> pl.DataFrame:
        base = base or self.api.url
        given = {"base_url": base, **{f"header:{name}": value for name, value in (headers or {}).items()}}
        location = Location(connection="web", path=path, uri=f"{base}{path}", options=given)
        source = Source(location=location, format="api", options=options, landing=f"runs/{run}/landed/n/df")
        return self.engine.cache(self.engine.scan(source).frame, {}).frame.to_native().collect()


@pytest.fixture
def reader(api: Api, tmp_path: Path) -> Iterator[Reader]:
    def system(path: str) -> Location:
        return Location(connection="system", path=path, uri=str(tmp_path / "system" / path))

    engine = PolarsEngine(system=system)
    yield Reader(engine, api, tmp_path / "system")
    engine.release()
