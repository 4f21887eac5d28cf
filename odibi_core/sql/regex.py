"""Regular expressions: Java's, which Spark has, in the words of Rust's, which Polars has."""

from __future__ import annotations

import re

# Java's classes are ASCII, Rust's are Unicode.
_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": r" \t\n\x0B\f\r"}
_LOOK_AROUND = re.compile(r"\(\?<?[=!]|\(\?>|[*+?}]\+")


def trouble(pattern: str) -> str:
    """Why a pattern is refused; empty if it is fine."""
    bare = re.sub(r"\\\\", "", pattern)
    if _LOOK_AROUND.search(bare) or re.search(r"\\[1-9]|\\k<", bare):
        return "with look-around, possessive or back references does not run on Polars"
    if re.search(r"\\[GXRQEZ]|\\p\{(?:java|Is)", bare):
        return "with this escape does not run on Polars"
    try:
        re.compile(re.sub(r"\\p\{[^}]*\}|\\[hHvV]|\\z|\(\?<(?![=!])", lambda found: "(?:" if found[0].startswith("(") else "a", pattern))
    except (re.error, RecursionError):
        return "has a pattern that is not a regular expression"
    return ""


def replacement_trouble(text: str) -> str:
    """Why a replacement is refused; empty if it is fine."""
    bare = re.sub(r"\\.", "", text)
    return "has a '$' in its replacement that is not a group: write '\\$'" if re.search(r"\$(?![0-9{])", bare) else ""


def translated(pattern: str) -> str:
    """The pattern for Rust."""
    written: list[str] = []
    depth = 0
    position = 0
    while position < len(pattern):
        sign = pattern[position]
        if sign == "\\" and position + 1 < len(pattern):
            written.append(_escape(pattern[position + 1], inside=depth > 0))
            position += 2
            continue
        if sign == "[":
            if depth == 0 and pattern[position + 1 : position + 2] == "]":
                written.append(r"[\]")
                position += 2
                depth = 1
                continue
            depth += 1
        elif sign == "]" and depth:
            depth -= 1
        written.append(sign)
        position += 1
    return "".join(written)


def _escape(sign: str, *, inside: bool) -> str:
    members = _CLASSES.get(sign.lower())
    if members is None:
        if sign.isalpha() or sign.isdigit() or sign in "\\.+*?()|[]{}^$#&-~/":
            return "/" if sign == "/" else f"\\{sign}"
        return sign  # Java takes a needless backslash before any sign
    if sign.isupper():
        return f"[^{members}]"
    return members if inside else f"[{members}]"


def replacement(text: str) -> str:
    """The replacement for Rust: `$1` is a group, `\\$` a dollar."""
    written: list[str] = []
    position = 0
    while position < len(text):
        sign = text[position]
        if sign == "\\" and position + 1 < len(text):
            written.append("$$" if text[position + 1] == "$" else text[position + 1])
            position += 2
        elif sign == "$" and (found := re.match(r"\$(\d+)", text[position:])):
            written.append(f"${{{found[1]}}}")
            position += len(found[0])
        else:
            written.append(sign)
            position += 1
    return "".join(written)


def like(pattern: str, escape: str = "\\") -> str:
    """A LIKE pattern as a regular expression over the whole text."""
    written: list[str] = []
    position = 0
    while position < len(pattern):
        sign = pattern[position]
        if sign == escape and position + 1 < len(pattern):
            written.append(re.escape(pattern[position + 1]))
            position += 2
            continue
        written.append(".*" if sign == "%" else "." if sign == "_" else re.escape(sign))
        position += 1
    return f"(?s)^(?:{''.join(written)})$"
