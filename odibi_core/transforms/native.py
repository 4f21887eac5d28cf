"""What Polars can do and narwhals cannot: the frame inside, and Polars itself, without an import of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from odibi_core.errors import ConfigError
from odibi_core.ports import Frame


@dataclass(frozen=True)
class Native:
    """A Polars frame and its module. Both are `Any` here: only adapters know the types of an engine."""

    pl: Any
    lazy: Any

    @staticmethod
    def back(lazy: Any) -> Frame:
        """A Polars frame as every transform gets and gives it."""
        import narwhals as nw

        frame: Frame = nw.from_native(lazy).lazy()
        return frame


def native_of(frame: Frame, *, who: str) -> Native:
    """
    The Polars frame inside.

    Raises:
        ConfigError: If it is a frame of another engine.
    """
    import narwhals as nw

    if not frame.implementation.is_polars():
        raise ConfigError(f"'{who}' runs on Polars only", code="not_available", hint="Set 'engine: polars' on this node.")
    return Native(nw.get_native_namespace(frame), frame.to_native())
