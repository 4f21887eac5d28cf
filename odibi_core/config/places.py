"""Show people where something stands: excerpts of the YAML without literal secrets, and the text of a problem."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from odibi_core.config.marks import Mark
from odibi_core.errors import Place, Problem

_LONGEST_EXCERPT = 600
_SENSITIVE = (
    r"[\w-]{0,40}(?:pass(?:word|wd)?|pwd|secret|token|api_?key|account_?key|access_?key|connection_?string|salt|sas|signature)[\w-]{0,40}"
)
_LITERAL_SECRET = re.compile(rf"""(?ix) (?P<key> ["']? \b {_SENSITIVE} ["']? \s* : \s+ | ["']{_SENSITIVE}["']:)
        (?P<value> "(?:[^"\\]|\\.)*" | '(?:[^']|'')*' | [^\s,}}\]\[{{#&*|>][^,}}\]#]* )""")
_URL_LOGIN = re.compile(r"(?<=://)[^/@\s\"'$]+:[^/@\s\"'$]+(?=@)")
_URL_SIGNATURE = re.compile(r"(?i)(?<=[?&](?:sig|key)=)[^&\s\"']+|(?<=[?&]code=)[^&\s\"']+")
_NAMES_A_SECRET = re.compile(r"(?i)\b(?:key_?vault|secret_name|key_vault_name)\b")


class Sources:
    """The lines of every file that was read, for excerpts."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}

    def add(self, file: str, text: str) -> None:
        """Remember a file."""
        self._lines[file] = text.splitlines()

    def place(self, mark: Mark) -> Place:
        """The place of a mark, with its line."""
        lines = self._lines.get(mark.file, [])
        line = lines[mark.line - 1] if 0 < mark.line <= len(lines) else ""
        return Place(file=mark.file, line=mark.line, column=mark.column, excerpt=masked(line[:_LONGEST_EXCERPT]).rstrip())


def masked(line: str) -> str:
    """A line with literal secrets replaced by as many stars, so that columns stay; `${NAME}` stays readable."""

    def starred(match: re.Match[str]) -> str:
        value = match["value"]
        if "${" in value or _NAMES_A_SECRET.search(match["key"]):
            return match[0]
        return match["key"] + "*" * len(value)

    line = _LITERAL_SECRET.sub(starred, line)
    line = _URL_LOGIN.sub(lambda match: "*" * len(match[0]), line)
    return _URL_SIGNATURE.sub(lambda match: "*" * len(match[0]), line)


def problem_text(problem: Problem) -> str:
    """The problem as a person reads it: place and message, the line with a caret under it, the hint."""
    place = problem.place
    if place is None:
        return problem.message + (f"\n  hint: {problem.hint}" if problem.hint else "")
    lines = [f"{place}: {problem.message}"]
    if place.excerpt:
        margin = f"{place.line:>5} | "
        lines.append(margin + place.excerpt)
        if place.column <= len(place.excerpt) + 1:
            indent = "".join("\t" if character == "\t" else " " for character in place.excerpt[: place.column - 1])
            lines.append(" " * (len(margin) - 2) + "| " + indent + "^")
    if problem.hint:
        lines.append(f"  hint: {problem.hint}")
    return "\n".join(lines)


def suggestion(word: str, known: Iterable[str], *, what: str = "Known") -> str:
    """A hint for a name that is not known: the nearest one, and all there are."""
    names = sorted({name for name in known if not name.startswith("_")})
    meant = near(word, names)
    listed = ", ".join(names) if names else "none"
    return (f"Did you mean '{meant}'? " if meant else "") + f"{what}: {listed}."


def near(word: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6) or [name for name in names if name.lower() == word.lower()]
    return close[0] if close else None
