"""What the tests of checks share: a run's context with the real engine, and one check of one frame."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import narwhals as nw
import polars as pl

from odibi_core.checks import CheckContext, Evaluation, check_specs, evaluate
from odibi_core.engines.polars import PolarsEngine
from odibi_core.events import CheckResult
from odibi_core.planning.compiling import compiled_here

NOW = datetime(2024, 5, 10, 12, tzinfo=UTC)


def context(**given: Any) -> CheckContext:
    """A run at NOW, on Polars."""
    engine = PolarsEngine()
    return replace(
        CheckContext(
            now=NOW,
            compute=lambda frame: engine.cache(frame, {}).frame,
            sql=engine.sql,
            compile=lambda text, tables: compiled_here(text, tables, "spark", NOW),
        ),
        **given,
    )


def evaluated(data: Any, *tests: dict[str, Any], **given: Any) -> Evaluation:
    """What checks say of some rows."""
    frame = data if isinstance(data, pl.LazyFrame) else pl.LazyFrame(data)
    return evaluate(nw.from_native(frame), check_specs(tests), context(**given))


def result(data: Any, test: dict[str, Any], **given: Any) -> CheckResult:
    """What one check says of some rows."""
    (one,) = evaluated(data, test, **given).results
    return one


def values(column: Any) -> list[Any]:
    """A column of the rows that were kept or rejected."""
    return list(column.collect().to_native().to_series())
