"""Times that a column holds as texts, in the ways that sources write them."""

from __future__ import annotations

import polars as pl

from odibi_core.ports import DateFormat

_ISO = "%Y-%m-%d"
_DAYS: dict[DateFormat | None, str] = {
    None: _ISO,
    "iso": _ISO,
    "sql_server": _ISO,
    "us": "%m/%d/%Y",
    "eu": "%d/%m/%Y",
    "oracle": "%d-%b-%y",
    "oracle_sqlserver": "%d-%b-%y",
}


def time_of_text(text: pl.Expr, date_format: DateFormat | None, *, strict: bool = True) -> pl.Expr:
    """
    The instants of a column of texts. The clock and a zone may be missing: midnight, and UTC. An empty text is null.

    A text that is no time fails when the frame is computed: left out, its row would be in no load. Without `strict` it is null.
    """
    bare = text.str.strip_chars()
    whole = (
        pl.when(bare != "")
        .then(bare)
        .str.replace(r"^(\S{10})[Tt](\d)", "${1} ${2}")
        .str.replace(r"^(\S+)$", "${1} 00:00:00")
        .str.replace(r"^(\S+ +\d{1,2}:\d{2})( *[+-]\d{2}:?\d{2}|[Zz])?$", "${1}:00${2}")
        .str.replace(r" *[Zz]$", "+0000")
        .str.replace(r" *([+-]\d{2})(?::?(\d{2}))?$", "${1}${2}")
        .str.replace(r"(:\d{2}(?:\.\d+)?)([+-]\d{2})$", "${1}${2}00")
        .str.replace(r"(:\d{2}(?:\.\d+)?)$", "${1}+0000")
    )
    return whole.str.to_datetime(f"{_DAYS[date_format]} %H:%M:%S%.f%z", time_unit="us", time_zone="UTC", strict=strict)


def strptime_of(pattern: object) -> str | None:
    """A pattern of times as strptime has it; one with `yyyy` is Spark's and is translated."""
    if pattern is None:
        return None
    text = str(pattern)
    if "%" in text:
        return text
    for theirs, ours in _SPARK:
        text = text.replace(theirs, ours)
    return text.replace("'", "")


_SPARK = (
    ("yyyy", "%Y"),
    ("yy", "%y"),
    ("MMM", "%b"),
    ("MM", "%m"),
    ("dd", "%d"),
    ("HH", "%H"),
    ("mm", "%M"),
    ("ss", "%S"),
    (".SSSSSS", "%.f"),
    (".SSS", "%.f"),
    ("XXX", "%:z"),
)
