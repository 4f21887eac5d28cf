"""The path pattern of a blob trigger: literal text, named parts and globs."""

from __future__ import annotations

import re
from dataclasses import field
from datetime import datetime
from typing import Self

from pydantic import JsonValue

from odibi_core.errors import ConfigError
from odibi_core.frozen import Frozen

MAX_LENGTH = 1024  # of a blob name: Azure Storage, "Naming containers and blobs"
MAX_WILDCARDS = 12  # bounds the work of a match
RESERVED_PARTS = ("path", "url", "scheduled_time")
_TOKEN = re.compile(r"\{(?P<name>[^{}:]*)(?::(?P<format>[^{}]*))?\}|(?P<deep>\*\*/?)|(?P<star>\*)|(?P<any>\?)|(?P<brace>[{}])")
_DIRECTIVES = {
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "m": r"\d{2}",
    "d": r"\d{2}",
    "H": r"\d{2}",
    "M": r"\d{2}",
    "S": r"\d{2}",
    "j": r"\d{3}",
    "f": r"\d{1,6}",
}
_WITH_TIME = frozenset("HMSf")


class BlobPattern(Frozen):
    """
    Which blobs start a run, and what their paths say.

    `orders/{order_date:%Y-%m-%d}/{name}.csv` has two named parts; a part matches inside one folder, unless its date format
    holds a slash. `*` matches inside a folder, `**` across folders, `?` one character. Case matters.
    """

    text: str
    prefix: str  # the literal beginning: what a listing may start with
    glob: str  # the same set of paths, or a little more, without names
    parts: tuple[str, ...]
    _formats: tuple[str, ...] = field(repr=False)  # "" for a part without a date format
    _regex: re.Pattern[str] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read a pattern.

        Raises:
            ConfigError: If it is absolute, leaves its folder, or holds a part that cannot be understood.
        """
        _check_text(text)
        regex, glob = "", ""
        names: list[str] = []
        formats: list[str] = []
        prefix: str | None = None
        position = 0
        tokens = list(_TOKEN.finditer(text))
        if len(tokens) > MAX_WILDCARDS:
            raise ConfigError(f"path pattern has more than {MAX_WILDCARDS} variable parts")
        for token in tokens:
            literal = text[position : token.start()]
            regex, glob, position = regex + re.escape(literal), glob + literal, token.end()
            prefix = text[: token.start()] if prefix is None else prefix
            if token["name"] is not None:
                name, layout = token["name"], token["format"]
                _check_part(name, layout, names)
                names.append(name)
                formats.append(layout or "")
                regex += f"(?P<{name}>{_layout_regex(layout) if layout else '[^/]+'})"
                glob += re.sub(r"[^/]+", "*", layout) if layout else "*"
            elif token["brace"]:
                raise ConfigError("path pattern has a brace without its partner", hint="Write named parts as '{name}'.")
            else:
                glob += token[0]
                regex += {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}[token[0]]
        literal = text[position:]
        return cls(
            text=text,
            prefix=text if prefix is None else prefix,
            glob=glob + literal,
            parts=tuple(names),
            _formats=tuple(formats),
            _regex=re.compile(regex + re.escape(literal), re.DOTALL),
        )

    def matches(self, blob_path: str) -> dict[str, JsonValue] | None:
        """
        The named parts of a path, or None if the pattern does not match it.

        A part with a date format is ISO text: a date, or a date with time when the format has one.
        """
        if len(blob_path) > MAX_LENGTH or any(segment in (".", "..") for segment in blob_path.split("/")):
            return None
        match = self._regex.fullmatch(blob_path)
        if match is None:
            return None
        found: dict[str, JsonValue] = {}
        for name, layout in zip(self.parts, self._formats, strict=True):
            value = match[name]
            if layout:
                try:
                    instant = datetime.strptime(value, layout)  # noqa: DTZ007 - the text of a path has no zone
                except ValueError:
                    return None
                value = instant.isoformat() if _WITH_TIME & _directives(layout) else instant.date().isoformat()
            found[name] = value
        return found


def _directives(layout: str) -> set[str]:
    return set(re.findall(r"%(.)", layout))


def _check_text(text: str) -> None:
    if not text or len(text) > MAX_LENGTH:
        raise ConfigError(f"path pattern must have 1 to {MAX_LENGTH} characters")
    if "://" in text or re.match(r"^[A-Za-z]:", text):
        raise ConfigError("path pattern must not name a scheme or drive", hint="Write the path inside the connection.")
    if text.startswith("/") or "\\" in text or "//" in text:
        raise ConfigError("path pattern must be relative, with single forward slashes", hint="Write it like 'orders/*.csv'.")
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ConfigError("path pattern holds a control character")
    decoded = re.sub(r"%2e", ".", _TOKEN.sub("x", text), flags=re.IGNORECASE)
    if any(segment in (".", "..") for segment in decoded.split("/")):
        raise ConfigError("path pattern must not hold '.' or '..' as a folder")


def _check_part(name: str, layout: str | None, names: list[str]) -> None:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ConfigError("named part must be a word", hint="Write it like '{order_date:%Y-%m-%d}' or '{name}'.")
    if name in names:
        raise ConfigError(f"named part '{name}' stands twice in the path pattern")
    if name in RESERVED_PARTS:
        raise ConfigError(f"named part '{name}' has a fixed meaning", hint=f"'${{trigger.{name}}}' is always there; choose another name.")
    if layout is None:
        return
    used = re.findall(r"%(.?)", layout)
    strange = [directive for directive in used if directive not in _DIRECTIVES]
    if strange or not used:
        raise ConfigError(
            f"date format of part '{name}' cannot be used", hint=f"Known directives: {', '.join('%' + d for d in _DIRECTIVES)}."
        )
    if not {"Y", "y"} & set(used):
        raise ConfigError(f"date format of part '{name}' has no year")
    if len(set(used)) != len(used):
        raise ConfigError(f"date format of part '{name}' repeats a directive")
    if any(segment in (".", "..") for segment in layout.split("/")):
        raise ConfigError("path pattern must not hold '.' or '..' as a folder")


def _layout_regex(layout: str) -> str:
    pieces = re.split(r"%(.)", layout)
    return "".join(_DIRECTIVES[piece] if index % 2 else re.escape(piece) for index, piece in enumerate(pieces))
