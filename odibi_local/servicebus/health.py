"""Answer `GET /health`, as the official emulator does, and `GET /queues` with the counts of every queue."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final

_HEALTHY: Final = {"status": "healthy", "message": "Service is healthy."}
_LONGEST_REQUEST: Final = 16_384  # bytes
_PATIENCE: Final = 10.0  # seconds for a request to come


async def serve_health(port: int, counts: Callable[[], dict[str, dict[str, int]]]) -> asyncio.Server:
    """Listen on the loopback address; port 0 is any free one."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_respond(head, counts))
                await writer.drain()
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever it was, it was not an HTTP client
        finally:
            writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", port, limit=_LONGEST_REQUEST)


def _respond(head: bytes, counts: Callable[[], dict[str, dict[str, int]]]) -> bytes:
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    body: Any
    match method, path:
        case b"GET" | b"HEAD", b"/health":
            status, body = "200 OK", _HEALTHY
        case b"GET" | b"HEAD", b"/queues":
            status, body = "200 OK", counts()
        case b"GET" | b"HEAD", _:
            status, body = "404 Not Found", {"message": "There are /health and /queues."}
        case _:
            status, body = "405 Method Not Allowed", {"message": "Use GET."}
    data = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(data)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode() + (b"" if method == b"HEAD" else data)
