"""Bind and run a transform on Polars through narwhals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw
import polars as pl

from odibi_core.registry import Registry
from odibi_core.sql import compile_sql
from odibi_core.transforms import TransformContext
from tests.sql.running import run


def context_with(inputs: Mapping[str, pl.LazyFrame]) -> TransformContext:
    """What a transform may use in a node with these inputs."""
    frames = {name: nw.from_native(frame) for name, frame in inputs.items()}
    return TransformContext(sql=run, inputs=frames, compile=lambda text, tables: compile_sql(text, tables=tables))


def applied(
    registry: Registry, name: str, params: Mapping[str, Any], frame: pl.LazyFrame, inputs: Mapping[str, pl.LazyFrame] | None = None
) -> pl.DataFrame:
    """What a transform makes of a frame."""
    function, bound = registry.bind(name, params)
    result = function(nw.from_native(frame), bound, context_with(inputs or {}))
    assert isinstance(result, nw.LazyFrame), f"{name} is not lazy"
    return result.collect().to_native()
