"""Find `${…}` in a text and put values in their place. What the values are, the caller's lookup says."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import Literal

from pydantic import JsonValue

from odibi_core.config.places import suggestion
from odibi_core.config.sql_text import Dialect, as_sql, quoting_at
from odibi_core.errors import ConfigError
from odibi_core.frozen import Frozen

Kind = Literal["environment", "vars", "recipe", "trigger", "date", "secret"]
_PLACEHOLDER = re.compile(r"(?P<escape>\$\$\{)|\$\{(?P<inside>[^}]*)\}")
_VARIABLE = re.compile(r"(?:env:)?(?P<name>[A-Za-z0-9_]+)(?::-(?P<default>.*))?", re.DOTALL)
_MEMBER = re.compile(r"(?P<space>[A-Za-z_][A-Za-z0-9_]*)\.(?P<name>[A-Za-z0-9_.-]+)")
_DATE = re.compile(r"date:(?P<name>[^:]*)(?::(?P<format>.*))?", re.DOTALL)
_SECRET = re.compile(r"secret:(?P<name>[A-Za-z0-9][A-Za-z0-9_./-]*)")
_SPACES: dict[str, Kind] = {"vars": "vars", "recipe": "recipe", "trigger": "trigger"}


class Keep(Enum):
    """The answer of a lookup that leaves a placeholder as it is written."""

    KEEP = "keep"


class Placeholder(Frozen):
    """One `${…}`."""

    kind: Kind
    name: str
    text: str  # as written
    default: str | None = None  # of `${NAME:-default}`
    layout: str | None = None  # of `${date:today:%Y}`


Lookup = Callable[[Placeholder], JsonValue | Keep]


def substituted(text: str, lookup: Lookup, *, sql: Dialect | None = None, final: bool = False) -> JsonValue:
    """
    The text with its placeholders replaced; what a lookup put in is not looked at again.

    A text that is one placeholder becomes its value, with its type. Inside a text a value becomes text; inside SQL (`sql` names
    the dialect) it becomes a literal, or an escaped part of the literal it stands in, and can never end it.
    `$${` stands for a literal `${` and is written so with `final`.

    Raises:
        ConfigError: If a placeholder cannot be understood, or as the lookup does.
    """
    if "${" not in text:
        return text
    whole = _PLACEHOLDER.fullmatch(text)
    if whole and whole["inside"] is not None:
        found = parse(whole["inside"])
        value = Keep.KEEP if found is None else lookup(found)
        return text if isinstance(value, Keep) else value
    pieces: list[str] = []
    position = 0
    for match in _PLACEHOLDER.finditer(text):
        pieces.append(text[position : match.start()])
        position = match.end()
        if match["escape"]:
            pieces.append("${" if final else "$${")
            continue
        found = parse(match["inside"])
        value = Keep.KEEP if found is None else lookup(found)
        if isinstance(value, Keep) or found is None:
            pieces.append(match[0])
        elif sql is None or (found.kind in ("vars", "recipe") and _is_one_placeholder(value)):
            pieces.append(as_text(value, found))
        else:
            quoting = quoting_at(text, match.start(), sql)
            pieces.append(as_sql(value, found.text, quoting, sql, names_allowed=found.kind in ("environment", "vars")))
    return "".join([*pieces, text[position:]])


def parse(inside: str) -> Placeholder | None:
    """
    What stands between `${` and `}`. None if it is not ours: it stays as it is.

    Raises:
        ConfigError: If it looks like ours but is misspelled.
    """
    text = f"${{{inside}}}"
    if "${" in inside:
        raise ConfigError("placeholders cannot be nested", hint="Give the inner value a name in 'vars'.")
    if match := _DATE.fullmatch(inside):
        return Placeholder(kind="date", name=match["name"].strip(), layout=match["format"], text=text)
    if inside.startswith("secret:"):
        match = _SECRET.fullmatch(inside)
        if match is None:
            raise ConfigError("not the name of a secret", hint="Write it like '${secret:name}'.")
        return Placeholder(kind="secret", name=match["name"], text=text)
    if match := _VARIABLE.fullmatch(inside):
        return Placeholder(kind="environment", name=match["name"], default=match["default"], text=text)
    if match := _MEMBER.fullmatch(inside):
        if match["space"] not in _SPACES:
            known = ["vars", "trigger", "recipe", "date", "secret", "env"]
            raise ConfigError(
                f"unknown placeholder '${{{match['space']}.…}}'",
                hint=f"{suggestion(match['space'], known)} Write '$${{' for a literal '${{'.",
            )
        return Placeholder(kind=_SPACES[match["space"]], name=match["name"], text=text)
    return None


def names_of(text: str) -> list[Placeholder]:
    """
    The placeholders in a text, in order.

    Raises:
        ConfigError: If one of them is misspelled.
    """
    found = [parse(match["inside"]) for match in _PLACEHOLDER.finditer(text) if match["inside"] is not None]
    return [placeholder for placeholder in found if placeholder is not None]


def as_text(value: JsonValue, placeholder: Placeholder) -> str:
    """
    A value inside a longer text.

    Raises:
        ConfigError: If it is a list or a mapping.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return ""
        case str() | int() | float():
            return str(value)
        case _:
            kind = "list" if isinstance(value, list) else "mapping"
            raise ConfigError(
                f"'{placeholder.text}' is a {kind} and cannot stand inside a text",
                hint="Let it be the whole value, without text around it.",
            )


def protected(value: JsonValue) -> JsonValue:
    """
    A value written so that a later pass over the text finds no placeholder in it, and gives back the same value.

    Raises:
        ConfigError: If it ends with `$`: with a brace behind it, it would become one.
    """
    if not isinstance(value, str):
        return value
    if value.endswith("$"):
        raise ConfigError("a value that ends with '$' cannot be put into a plan")
    return value.replace("${", "$${")


def _is_one_placeholder(value: JsonValue) -> bool:
    """A variable that is itself `${NAME}`: its value is put in later, with the quoting of the place where it stands then."""
    match = _PLACEHOLDER.fullmatch(value) if isinstance(value, str) else None
    return match is not None and match["inside"] is not None
