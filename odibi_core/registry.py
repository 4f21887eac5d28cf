"""Named functions with typed parameters: transforms, patterns and checks register themselves here."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from odibi_core.errors import ConfigError

Fn = TypeVar("Fn", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Entry(Generic[Fn]):
    """A registered function."""

    name: str
    function: Fn
    params: type[BaseModel]

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]


class Registry(Generic[Fn]):
    """Functions by name. A duplicate name is an error, an unknown one is answered with the nearest known."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry[Fn]] = {}
        self._withheld: dict[str, str] = {}  # name → what to do instead

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
        entry = self._entries.get(name)
        if entry is None and name in self._withheld:
            raise ConfigError(f"{self.kind} '{name}' is not available", code="not_available", hint=self._withheld[name])
        if entry is None:
            near = difflib.get_close_matches(name, self._entries, n=1)
            hint = f"Did you mean '{near[0]}'? " if near else ""
            raise ConfigError(f"unknown {self.kind} '{name}'", hint=f"{hint}Known: {', '.join(sorted(self._entries))}.")
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
            raise ConfigError(self._explain(entry, error)) from None

    def joined(self, other: Registry[Fn]) -> Registry[Fn]:
        """A registry of this kind with the entries of both; those of this one go first."""
        both: Registry[Fn] = Registry(self.kind)
        both._entries = {**other._entries, **self._entries}
        both._withheld = {**other._withheld, **self._withheld}
        return both

    def _explain(self, entry: Entry[Fn], error: ValidationError) -> str:
        known = ", ".join(info.alias or name for name, info in entry.params.model_fields.items()) or "none"
        found = "; ".join(
            f"'{'.'.join(map(str, problem['loc']))}' {problem['msg'][:1].lower()}{problem['msg'][1:]}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        return f"wrong params of {self.kind} '{entry.name}': {found} (known: {known})"

    def __iter__(self) -> Iterator[Entry[Fn]]:
        return iter(self._entries.values())

    def __contains__(self, name: object) -> bool:
        return name in self._entries
