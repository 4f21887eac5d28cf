"""The functions that a node may call: the built-in ones, and those that the project's authors wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import JsonValue

from odibi_core.registry import Registry
from odibi_core.transforms.contract import OPERATIONS, TRANSFORMS, Transform

CallKind = Literal["transformer", "function", "operation"]


def _none() -> Registry[Transform]:
    return Registry("transform")


class Library:
    """Functions by name. The authors' own are loaded when a name is asked for that is not built in."""

    def __init__(self, own: Callable[[], Registry[Transform]] = _none) -> None:
        self._own = own

    def bind(self, kind: CallKind, name: str, params: Mapping[str, JsonValue]) -> tuple[Transform, Any]:
        """
        The function and its validated parameters. An operation may also be any transform.

        Raises:
            ConfigError: If the name is unknown, a parameter is wrong, or the authors' files cannot be loaded.
        """
        if kind == "operation" and name in OPERATIONS:
            return OPERATIONS.bind(name, params)
        if name in TRANSFORMS:
            return TRANSFORMS.bind(name, params)
        own = self._own()
        if name in own:
            return own.bind(name, params)
        known = OPERATIONS if kind == "operation" else TRANSFORMS
        return known.joined(own).bind(name, params)
