"""Between the product's frames and polars' own."""

from __future__ import annotations

from collections.abc import Callable

import narwhals as nw
import polars as pl

from odibi_core.ports import Frame

Collect = Callable[[Frame, str], pl.DataFrame]  # computes a frame; the text says what for, in its errors


def native(frame: Frame) -> pl.LazyFrame:
    """The polars frame inside."""
    lazy = nw.to_native(frame)
    return lazy if isinstance(lazy, pl.LazyFrame) else lazy.lazy()


def framed(frame: pl.LazyFrame) -> Frame:
    """A polars frame as everything above the engine sees it."""
    return nw.from_native(frame)
