"""Polars in this process: lazy scans of files and Delta tables, SQL, and sinks that commit a node's result exactly once."""

from odibi_core.engines.polars.engine import PolarsEngine
from odibi_core.engines.polars.guard import TableGuard

__all__ = ["PolarsEngine", "TableGuard"]
