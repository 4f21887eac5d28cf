"""`${vars.…}`: the variables of the project, which may use each other."""

from __future__ import annotations

from pydantic import JsonValue

from odibi_core.config.placeholders import Keep, Placeholder, substituted
from odibi_core.config.places import suggestion
from odibi_core.errors import ConfigError


class VarsLookup:
    """Looks `${vars.name}` up, `${vars.group.name}` in nested mappings. Other placeholders stay."""

    def __init__(self, declared: JsonValue) -> None:
        self._vars: dict[str, JsonValue] = dict(declared) if isinstance(declared, dict) else {}
        self._under_way: list[str] = []

    def __call__(self, found: Placeholder) -> JsonValue | Keep:
        if found.kind != "vars":
            return Keep.KEEP
        if found.name in self._under_way:
            names = [*self._under_way[self._under_way.index(found.name) :], found.name]
            raise ConfigError(f"variables use each other: {' → '.join(names)}")
        self._under_way.append(found.name)
        try:
            return self._complete(self._value(found.name))
        finally:
            self._under_way.pop()

    def _value(self, name: str) -> JsonValue:
        here: JsonValue = self._vars
        for part in name.split("."):
            if not isinstance(here, dict) or part not in here:
                known = self._vars if here is self._vars or not isinstance(here, dict) else here
                raise ConfigError(f"unknown variable 'vars.{name}'", hint=suggestion(part, known, what="Variables"))
            here = here[part]
        return here

    def _complete(self, value: JsonValue) -> JsonValue:
        if isinstance(value, str):
            return substituted(value, self)
        if isinstance(value, list):
            return [self._complete(item) for item in value]
        if isinstance(value, dict):
            return {key: self._complete(item) for key, item in value.items()}
        return value
