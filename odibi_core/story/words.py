"""Numbers, spans, sizes and instants as people read them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

UNKNOWN = "–"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
# Controls, line separators, surrogates, and the marks that turn the direction of writing (Unicode TR 36, "Bidirectional Text Spoofing").
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufff9-\ufffb\ufffe\uffff]"
)


def visible(text: str) -> str:
    """The same text with nothing hidden in it: colour codes are gone, control and direction marks are spelled out."""
    if text.isascii() and text.isprintable():
        return text
    return _INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", _ANSI.sub("", text).replace("\r\n", "\n"))


def shortened(text: str, length: int) -> str:
    """At most `length` characters."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def number(value: int | None) -> str:
    """1,204"""
    return UNKNOWN if value is None else f"{value:,}"


def counted(value: int, noun: str, plural: str = "") -> str:
    """1 row, 2 rows"""
    return f"{value:,} {noun if value == 1 else plural or noun + 's'}"


def listed(words: Sequence[str], most: int = 3) -> str:
    """a, b and c"""
    shown = list(words) if len(words) <= most else [*words[: most - 1], f"{len(words) - most + 1:,} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else ""


def duration(seconds: float | None) -> str:
    """12 ms, 0.8 s, 42 s, 3 min 5 s, 2 h 10 min"""
    if seconds is None:
        return UNKNOWN
    if seconds < 0.0995:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    minutes = round(seconds / 60)
    return f"{minutes // 60:,} h" + (f" {minutes % 60} min" if minutes % 60 else "")


def size(size_bytes: int) -> str:
    """512 bytes, 1.2 MB"""
    if size_bytes < 1000:
        return counted(size_bytes, "byte")
    value, unit = next(
        ((size_bytes / scale, unit) for scale, unit in ((1e3, "kB"), (1e6, "MB")) if size_bytes < scale * 999.5), (size_bytes / 1e9, "GB")
    )
    return f"{value:,.1f} {unit}" if value < 99.95 else f"{value:,.0f} {unit}"


def instant(at: datetime | None) -> str:
    """22 Nov 2026, 10:00:03 UTC"""
    if at is None:
        return UNKNOWN
    moment = at.astimezone(UTC)
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment:%Y, %H:%M:%S} UTC"


def clock(at: datetime | None) -> str:
    """10:00:03"""
    return UNKNOWN if at is None else f"{at.astimezone(UTC):%H:%M:%S}"


def offset(at: datetime | None, start: datetime) -> str:
    """+3.2 s"""
    return UNKNOWN if at is None else f"+{duration((at - start).total_seconds())}"
