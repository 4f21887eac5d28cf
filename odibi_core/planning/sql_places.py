"""Where in a node's YAML a problem of its SQL stands: an error of the compiler counts lines and columns in the text that it was given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pydantic import JsonValue

from odibi_core.errors import ConfigError, Place, Problem

Path = tuple[str | int, ...]


def placed(error: ConfigError, *, about: str, text: str, sources: Mapping[Path, str], file: str | None = None, secret: bool) -> ConfigError:
    """
    The error with what it is about, and every problem at its place in the `file`, or in the source that the text was made of.

    The line itself is left out if a value of the environment may stand in it.
    """
    problems = tuple(_placed(problem, about, text, sources, file) for problem in error.problems)
    if secret:
        problems = tuple(replace(one, place=replace(one.place, excerpt="")) if one.place else one for one in problems)
    first = error.problems[0]
    where = f" (line {first.place.line}, column {first.place.column})" if first.place else ""
    return ConfigError(f"{about}: {first.message}{where}", hint=first.hint, code="sql", problems=problems)


def texts_in(value: JsonValue, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every text in a part of the YAML, with its path."""
    match value:
        case str():
            yield path, value
        case list():
            for place, item in enumerate(value):
                yield from texts_in(item, (*path, place))
        case dict():
            for key, item in value.items():
                yield from texts_in(item, (*path, key))
        case _:
            return


def _placed(problem: Problem, about: str, text: str, sources: Mapping[Path, str], file: str | None) -> Problem:
    named = replace(problem, message=f"{about}: {problem.message}")
    place = problem.place
    if place is None:
        return named
    if file is not None:
        return replace(named, place=replace(place, file=file))
    offset = sum(len(line) + 1 for line in text.split("\n")[: place.line - 1]) + place.column - 1
    for path, source in sorted(sources.items(), key=lambda item: -len(item[1])):
        start = text.find(source) if source.strip() else -1
        if 0 <= start <= offset < start + len(source):
            return replace(named, place=_at(offset - start, source, place), path=path)
    return replace(named, place=None) if len(sources) != 1 else replace(named, path=next(iter(sources)))


def _at(offset: int, source: str, place: Place) -> Place:
    line = source.count("\n", 0, offset)
    column = offset - source.rfind("\n", 0, offset)
    return replace(place, line=line + 1, column=column, excerpt=source.split("\n")[line])
