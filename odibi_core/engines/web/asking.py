"""One request and its whole answer: bounded in time and size, and never to an address that a page of an API has no business with."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode, urljoin, urlsplit

from pydantic import JsonValue

from odibi_core.engines.web.options import Http
from odibi_core.errors import ConfigError, DataError, OdibiError, PermanentServiceError, TransientServiceError
from odibi_core.frozen import Frozen
from odibi_core.outbound import DATA, away, connect

MAX_ANSWER_BYTES = 64 * 1024 * 1024
_LONGEST_WAIT = 120.0  # seconds that an attempt waits; for more, the node is tried again later
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 5


class Request(Frozen):
    """What to ask."""

    url: str
    method: str = "GET"
    params: Mapping[str, JsonValue]
    body: Mapping[str, JsonValue] | None = None

    @property
    def whole_url(self) -> str:
        """With its parameters."""
        if not self.params:
            return self.url
        plain = {key: value if isinstance(value, list) else "" if value is None else _text(value) for key, value in self.params.items()}
        return f"{self.url}{'&' if '?' in self.url else '?'}{urlencode(plain, doseq=True, safe='+:[]')}"


class Reply(Frozen):
    """A whole answer."""

    data: bytes
    link: str = ""  # the header of that name


class Asker(Frozen):
    """Asks one service. Everything it follows stays with that service: its credentials are for nobody else."""

    name: str  # of the connection and path, for errors
    base_url: str
    headers: Mapping[str, str]
    http: Http
    pause: Callable[[float], None] = time.sleep

    def ask(self, request: Request) -> Reply:
        """
        The answer, after as many attempts as are allowed.

        Raises:
            TransientServiceError: If the service is busy or away.
            PermanentServiceError: If it refuses.
            DataError: If the answer is too big.
            ConfigError: If the address is none that may be asked.
        """
        retries = self.http.retries
        for attempt in range(1, retries.max_attempts + 1):
            wait = min(retries.backoff.max_s, retries.backoff.base_s * retries.backoff.exponential_base ** (attempt - 1))
            try:
                status, headers, data = self._once(request)
                error = None if 200 <= status < 300 else self._refused(status, again=status in retries.retry_on_status)
                wait = _retry_after(headers.get("retry-after"), wait)
            except (OSError, http.client.HTTPException) as trouble:
                error = away(self.name, trouble)
            if error is None:
                return Reply(data=data, link=headers.get("link", ""))
            if wait > _LONGEST_WAIT:
                error.retry_after = timedelta(seconds=wait)
            if not error.retryable or attempt == retries.max_attempts or wait > _LONGEST_WAIT:
                raise error
            self.pause(wait)
        raise AssertionError

    def _once(self, request: Request) -> tuple[int, Mapping[str, str], bytes]:
        url = request.whole_url
        body = None if request.body is None else json.dumps(request.body).encode()
        for _ in range(_MAX_REDIRECTS + 1):
            self.check(url)
            status, headers, data = self._exchange(url, request.method, body)
            if status not in _REDIRECTS or "location" not in headers:
                return status, headers, data
            url = urljoin(url, headers["location"])
        raise PermanentServiceError(f"'{self.name}' redirects without end", code="api_refused")

    def check(self, url: str) -> None:
        """
        Raises:
            ConfigError: If an address is not of the connection's own service.
        """
        if _origin(url) != _origin(self.base_url):
            raise ConfigError(
                f"'{self.name}' leads to another host than its connection's",
                hint="Give that host a connection of its own: credentials stay here.",
            )

    def _exchange(self, url: str, method: str, body: bytes | None) -> tuple[int, Mapping[str, str], bytes]:
        parts = urlsplit(url)
        connection = connect(url, reach=DATA, timeout=self.http.timeout_s, name=self.name)
        try:
            headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "odibi_core", **self.headers}
            if body is not None:
                headers.setdefault("Content-Type", "application/json")
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request(method, target, body=body, headers=headers)
            answer = connection.getresponse()
            data = answer.read(MAX_ANSWER_BYTES + 1)
            if len(data) > MAX_ANSWER_BYTES:
                raise DataError(
                    f"'{self.name}' answers with more than {MAX_ANSWER_BYTES} bytes at once", code="too_big", hint="Ask for smaller pages."
                )
            return answer.status, {key.lower(): value for key, value in answer.getheaders()}, data
        finally:
            connection.close()

    def _refused(self, status: int, *, again: bool) -> OdibiError:
        if again:
            return TransientServiceError(f"'{self.name}' answered {status}", code="api_busy")
        if status in (401, 403):
            return PermanentServiceError(f"'{self.name}' answered {status}", code="access_denied", hint="Check the connection's 'auth'.")
        return PermanentServiceError(f"'{self.name}' answered {status}", code="api_refused", hint="Check the path and its params.")


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _retry_after(header: str | None, otherwise: float) -> float:
    """Seconds or a date: RFC 9110, section 10.2.3."""
    if not header:
        return otherwise
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return otherwise


def _text(value: JsonValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
