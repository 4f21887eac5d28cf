"""Compiled queries on Polars: the tree of a query becomes one lazy frame, with Spark's types and Spark's NULLs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import polars as pl

from odibi_core.engines.polars.sql.projection import result
from odibi_core.engines.polars.sql.queries import Runner
from odibi_core.engines.polars.sql.scope import Work, input_relation
from odibi_core.ports import CompiledSql
from odibi_core.sql import tree

__all__ = ["query"]


def query(compiled: CompiledSql, frames: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """
    One SELECT over the given frames and nothing else.

    Raises:
        SchemaMismatchError: If a column is missing, or types do not fit.
        ConfigError: If a constant in it is none.
    """
    now = compiled.at or datetime.now(UTC)
    work = Work(text=compiled.text, now=now)
    tables = {name.lower(): input_relation(name, frame, work) for name, frame in frames.items()}
    return result(Runner(tables=tables, work=work).run(tree.decoded(compiled.polars)))
