"""Compile a text that must not be remembered: a value of the environment stands in it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Literal

from odibi_core.ports import CompiledSql

Dialect = Literal["spark", "duckdb"]
Compile = Callable[[str, Collection[str]], CompiledSql]  # (text, tables)


def compiled_here(text: str, tables: Collection[str], dialect: Dialect, now: datetime) -> CompiledSql:
    """
    The query, compiled where it is needed: neither a plan nor a cache may hold it.

    Raises:
        ConfigError: As `compile_sql`.
    """
    from odibi_core.sql import compile_sql

    return compile_sql(text, tables=tables, dialect=dialect).model_copy(update={"at": now})


def compile_spark(text: str, tables: Collection[str]) -> CompiledSql:
    """A query of a run that has no plan, at the present moment."""
    return compiled_here(text, tables, "spark", datetime.now(UTC))
