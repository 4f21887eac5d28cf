"""Bind and run a transform on Polars through narwhals."""

from __future__ import annotations

import narwhals as nw
import polars as pl

from odibi_core.registry import Registry
from odibi_core.sql import compile_sql
from odibi_core.transforms import TransformContext
from tests.sql.running import run

CONTEXT = TransformContext(sql=run, inputs={}, compile=lambda text, tables: compile_sql(text, tables=tables))


def applied(registry: Registry, name: str, params: dict, frame: pl.LazyFrame) -> pl.DataFrame:
    """What a transform makes of a frame."""
    function, bound = registry.bind(name, params)
    result = function(nw.from_native(frame), bound, CONTEXT)
    assert isinstance(result, nw.LazyFrame), f"{name} is not lazy"
    return result.collect().to_native()
