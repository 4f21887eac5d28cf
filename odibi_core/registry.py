"""Named functions with typed parameters: transforms, patterns and checks register themselves here."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from odibi_core.errors import ConfigError, Problem
from odibi_core.frozen import Frozen

Fn = TypeVar("Fn", bound=Callable[..., Any])


class Entry(Frozen, Generic[Fn]):
    """A registered function."""

    name: str
    function: Fn
    params: type[BaseModel]

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]


class Registry(Generic[Fn]):
    """
    Functions by name. A duplicate name is an error, an unknown one is answered with the nearest known.

    `homes` names the modules that register functions, each with the names: a module is imported when one of them is asked for, so that a
    worker pays for what its nodes use.
    """

    def __init__(self, kind: str, homes: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self.kind = kind
        self._homes = {name: module for module, names in (homes or {}).items() for name in names}
        self._entries: dict[str, Entry[Fn]] = {}
        self._withheld: dict[str, str] = {}  # name → what to do instead
        self._parts: tuple[Registry[Fn], ...] = ()  # of a joined one

    def withhold(self, name: str, *, hint: str) -> None:
        """Make a name known that is not to be had, with what to do instead: it is refused as such, not as a typing error."""
        self._withheld[name] = hint

    def register(self, name: str, params: type[BaseModel]) -> Callable[[Fn], Fn]:
        """Decorator: make a function known under a name, with the model of its parameters."""

        def remember(function: Fn) -> Fn:
            if name in self._entries:
                raise ValueError(f"{self.kind} '{name}' is registered twice")
            self._entries[name] = Entry(name=name, function=function, params=params)
            return function

        return remember

    def get(self, name: str) -> Entry[Fn]:
        """
        Look a name up.

        Raises:
            ConfigError: If nothing is registered under it.
        """
        if name not in self._entries and name in self._homes:
            import_module(self._homes[name])  # it registers with the registry of its own package, which may be a part of this one
            for part in self._parts:
                if name in part:
                    self._entries[name] = part.get(name)
                    break
        entry = self._entries.get(name)
        if entry is None and name in self._withheld:
            raise ConfigError(f"{self.kind} '{name}' is not available", code="not_available", hint=self._withheld[name])
        if entry is None:
            near = difflib.get_close_matches(name, self.names, n=1)
            hint = f"Did you mean '{near[0]}'? " if near else ""
            raise ConfigError(f"unknown {self.kind} '{name}'", hint=f"{hint}Known: {', '.join(sorted(self.names))}.")
        return entry

    def bind(self, name: str, params: Mapping[str, JsonValue]) -> tuple[Fn, Any]:
        """
        The function and its validated parameters.

        Raises:
            ConfigError: If the name is unknown or a parameter is missing, unknown or of the wrong type.
        """
        entry = self.get(name)
        try:
            return entry.function, entry.params.model_validate(params)
        except ValidationError as error:
            known = tuple(info.alias or key for key, info in entry.params.model_fields.items())
            problems = _problems_of(error, params, f"{self.kind} '{name}'", known)
        raise ConfigError.of(problems)

    def joined(self, other: Registry[Fn]) -> Registry[Fn]:
        """A registry of this kind with the entries of both; those of this one go first."""
        both: Registry[Fn] = Registry(self.kind)
        both._homes = {**other._homes, **self._homes}
        both._entries = {**other._entries, **self._entries}
        both._withheld = {**other._withheld, **self._withheld}
        both._parts = (self, other)
        return both

    @property
    def names(self) -> frozenset[str]:
        """Every name that can be looked up."""
        return frozenset((*self._homes, *self._entries))

    def __iter__(self) -> Iterator[Entry[Fn]]:
        return iter([self.get(name) for name in (*self._homes, *(name for name in self._entries if name not in self._homes))])

    def __contains__(self, name: object) -> bool:
        return name in self._homes or name in self._entries


def _problems_of(error: ValidationError, params: Mapping[str, JsonValue], who: str, known: tuple[str, ...]) -> tuple[Problem, ...]:
    """One problem for each parameter that is wrong; branches of a union complain about the same one."""
    from odibi_core.config.places import suggestion
    from odibi_core.config.problems import explained

    found: dict[tuple[tuple[str | int, ...], bool], Problem] = {}
    for item in error.errors(include_input=False, include_url=False):
        path, value = _present(params, item["loc"])
        subject = f"parameter '{'.'.join(map(str, path))}' of {who}" if path else who
        name = ".".join(map(str, item["loc"]))
        match item["type"]:
            case "missing":
                problem = Problem(message=f"{who} needs parameter '{name}'", hint=f"Known: {', '.join(known) or 'none'}.", path=path)
            case "extra_forbidden":
                problem = Problem(message=f"{who} has no parameter '{name}'", hint=suggestion(name, known), path=path, on_key=True)
            case "value_error":
                problem = Problem(message=f"{subject}: {item['ctx']['error']}", hint=f"Known: {', '.join(known)}.", path=path)
            case _:
                message, hint = explained({**item}, value)
                problem = Problem(message=f"{subject}: {message}", hint=hint, path=path)
        found.setdefault((path, item["type"] == "missing"), problem)
    return tuple(found.values())


def _present(params: Mapping[str, JsonValue], path: tuple[int | str, ...]) -> tuple[tuple[str | int, ...], JsonValue]:
    """As much of a path as is there, and what stands at its end: branches of a union are in it, too."""
    here: Any = params
    present: list[str | int] = []
    for part in path:
        is_key = isinstance(here, Mapping) and part in here
        if is_key or (isinstance(here, list | tuple) and isinstance(part, int) and part < len(here)):
            here = here[part]
            present.append(part)
    return tuple(present), here
