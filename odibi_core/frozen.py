"""The base of what lives in memory: fields by name, set once, compared by their values. Defining such a class compiles nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from typing import Any, ClassVar, NamedTuple, NoReturn, dataclass_transform


class _Shape(NamedTuple):
    """What a class says about its fields."""

    names: frozenset[str]
    compared: tuple[str, ...]
    shown: tuple[str, ...]
    defaults: Mapping[str, Any]
    makers: tuple[tuple[str, Callable[[], Any]], ...]  # of a fresh default for every instance


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
class Frozen:
    """
    Makes of a subclass what `@dataclass(frozen=True, kw_only=True)` would; `replace` and `fields` of `dataclasses` take it.

    A dataclass writes and compiles the source of six methods for every class, which takes half a millisecond. A process that runs one
    small node defines more than a hundred.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    __shape: ClassVar[_Shape]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        dataclass(init=False, repr=False, eq=False, match_args=False)(cls)  # finds the fields, also those of the classes above
        found = fields(cls)
        cls.__shape = _Shape(
            names=frozenset(one.name for one in found),
            compared=tuple(one.name for one in found if one.compare),
            shown=tuple(one.name for one in found if one.repr),
            defaults={one.name: one.default for one in found if one.default is not MISSING},
            makers=tuple((one.name, one.default_factory) for one in found if one.default_factory is not MISSING),
        )

    def __init__(self, **given: Any) -> None:
        shape = self.__shape
        values = {**shape.defaults, **given}
        for name, make in shape.makers:
            if name not in given:
                values[name] = make()
        if values.keys() != shape.names:
            raise TypeError(f"{type(self).__qualname__}: {_difference(shape.names, values.keys())}")
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to field '{name}'")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete field '{name}'")

    def __values(self) -> tuple[Any, ...]:
        return tuple(self.__dict__[name] for name in self.__shape.compared)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Frozen) or type(other) is not type(self):
            return NotImplemented
        return self.__values() == other.__values()

    def __hash__(self) -> int:
        return hash(self.__values())

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={self.__dict__[name]!r}' for name in self.__shape.shown)})"


def _difference(names: Set[str], given: Set[str]) -> str:
    unknown, missing = sorted(given - names), sorted(names - given)
    return f"unknown field {', '.join(unknown)}" if unknown else f"missing field {', '.join(missing)}"
