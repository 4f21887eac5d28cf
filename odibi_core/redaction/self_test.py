"""Before the first text goes out: are secrets still found? One of each layer is tried, made up in this process."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Callable
from typing import Any, Protocol


class Tested(Protocol):
    """What a redactor does."""

    def register(self, value: str) -> None: ...

    def text(self, value: str) -> str: ...

    def record(self, model: Any) -> Any: ...


@functools.cache
def is_sound(make: Callable[[], Tested]) -> bool:
    """Whether every canary is taken out and harmless text stays. Asked once in a process; if not, nothing goes out."""
    redactor = make()
    known = _random("known", 24)
    redactor.register(known)
    try:
        lost = [canary for canary, text in canaries(known) if canary in redactor.text(text)]
        harmless = "12 rows of 'orders' were written to lake/silver in 3.4 s"
        record = redactor.record({"password": _random("field", 12), "rows": [known]})
    except Exception:  # noqa: BLE001  whatever goes wrong here, the answer is no
        return False
    return not lost and redactor.text(harmless) is harmless and set(map(str, record.values())) == {"[REDACTED]", "['[REDACTED]']"}


def canaries(known: str) -> list[tuple[str, str]]:
    """Secrets, each with a text around it: one for each layer."""
    digest = hashlib.sha512(b"canary").digest()
    key = base64.b64encode(digest).decode()
    password = _random("password", 16)
    return [
        (known, f"opening with {known} failed"),
        (base64.b64encode(known.encode()).decode(), f"sent {base64.b64encode(known.encode()).decode()}"),
        (key, f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={key};EndpointSuffix=core.windows.net"),
        (key, f"the key {key} was refused"),
        (password, f"postgres://loader:{password}@db.example.com/x"),
        (password, f'{{"password": "{password}"}}'),
        (password, f"https://a.blob.core.windows.net/c?sv=2024-11-04&sig={password}%3D"),
        (digest.hex()[:40], "ghp" + "_" + digest.hex()[:40]),
    ]


def _random(seed: str, length: int) -> str:
    return hashlib.sha256(seed.encode()).hexdigest()[:length]
