"""Date patterns: Spark's letters in the words of strftime, which Polars has."""

from __future__ import annotations

import re

TRUNC_UNITS = {
    "YEAR": "year", "YYYY": "year", "YY": "year", "QUARTER": "quarter", "MONTH": "month", "MM": "month", "MON": "month", "WEEK": "week",
    "DAY": "day", "DD": "day", "HOUR": "hour", "MINUTE": "minute", "SECOND": "second", "MILLISECOND": "millisecond",
    "MICROSECOND": "microsecond",
}  # fmt: skip

_LETTERS = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+|'")
_BOTH = {"yyyy": "%Y", "y": "%Y", "yy": "%y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "hh": "%I", "a": "%p",
         "DDD": "%j", "MMM": "%b", "MMMM": "%B", "E": "%a", "EE": "%a", "EEE": "%a", "EEEE": "%A", "uuuu": "%Y"}  # fmt: skip
_READING = {"M": "%m", "d": "%d", "H": "%H", "m": "%M", "s": "%S", "h": "%I", "XXX": "%:z", "Z": "%z", "xxx": "%:z", "X": "%#z"}
_WRITING = {"M": "%-m", "d": "%-d", "H": "%-H", "m": "%-M", "s": "%-S", "h": "%-I", "D": "%-j"}
_FRACTIONS = ("S", "SS", "SSS", "SSSSSS", "SSSSSSSSS")
_QUARTER = "\ue000"  # stands for a quarter, which strftime lacks


def trouble(pattern: str | None, *, reading: bool) -> str:
    """Why a pattern is refused; empty if it is fine."""
    if pattern is None:
        return ""
    try:
        for_reading(pattern) if reading else for_writing(pattern)
    except ValueError as error:
        return f"with the pattern '{pattern}' is not portable: {error}"
    return ""


def for_reading(pattern: str) -> str:
    """
    A pattern that reads text.

    Raises:
        ValueError: If Polars does not read it as Spark does.
    """
    return _translated(pattern, {**_BOTH, **_READING}, dict.fromkeys(_FRACTIONS, "%f"))


def for_writing(pattern: str) -> str:
    """
    A pattern that writes a date.

    Raises:
        ValueError: If Polars does not write it as Spark does.
    """
    return _translated(pattern, {**_BOTH, **_WRITING, "Q": _QUARTER, "q": _QUARTER}, {"SSS": "%3f", "SSSSSS": "%6f", "SSSSSSSSS": "%9f"})


_DIGITS = {"yyyy": r"\d{4}", "uuuu": r"\d{4}", "y": r"\d{4}", "yy": r"\d{2}", "a": "[AaPp][Mm]", "DDD": r"\d{3}"}


def shape(pattern: str) -> str:
    """A regular expression for what a pattern reads: Spark counts the digits, Polars does not."""
    written = ["^"]
    for found in _LETTERS.finditer(pattern):
        part, letter = found[0], found[1]
        if not letter:
            written.append(re.escape((part[1:-1].replace("''", "'") or "'") if part.startswith("'") else part))
        elif part in _DIGITS:
            written.append(_DIGITS[part])
        elif letter in "MdHhms" and len(part) <= 2:
            written.append(r"\d{2}" if len(part) == 2 else r"\d{1,2}")
        elif letter == "S":
            written.append(rf"\d{{{len(part)}}}")
        else:
            written.append(".+")
    return "".join([*written, "$"])


def parts_of(strftime: str) -> list[str]:
    """A pattern cut where a quarter must be put in."""
    return strftime.split(_QUARTER)


def _translated(pattern: str, known: dict[str, str], fractions: dict[str, str]) -> str:
    written: list[str] = []
    for found in _LETTERS.finditer(pattern):
        part = found[0]
        if part == "'":
            raise ValueError("a quote is not closed")
        if part.startswith("'"):
            written.append((part[1:-1].replace("''", "'") or "'").replace("%", "%%"))
        elif not found[1]:
            written.append(part.replace("%", "%%"))
        elif part in known:
            written.append(known[part])
        elif part in fractions and written:
            if written[-1].endswith("."):
                written[-1] = written[-1][:-1]
                written.append("%." + fractions[part].removeprefix("%"))
            else:
                written.append(fractions[part])
        else:
            raise ValueError(f"'{part}' has no counterpart")
    return "".join(written)
