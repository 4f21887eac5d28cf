"""
The declared SQL dialect → each engine's: one SELECT is parsed, checked and compiled when a run is planned.

sqlglot is imported by the first compilation and by nothing else; with an `SqlCache` a text that was compiled before needs no sqlglot.
"""

from __future__ import annotations

from odibi_core.sql.cache import SqlCache
from odibi_core.sql.compiler import COMPILER_VERSION, compile_sql, expression, tables_of
from odibi_core.sql.dialect import Dialect

__all__ = ["COMPILER_VERSION", "Dialect", "SqlCache", "compile_sql", "expression", "tables_of"]
