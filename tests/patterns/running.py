"""Apply patterns to frames and to real tables, as the runtime does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from odibi_core.engines.polars.engine import PolarsEngine
from odibi_core.patterns import PATTERNS, Made, PatternContext
from odibi_core.ports import Location, Source, Target
from odibi_core.sql import compile_sql
from odibi_core.transforms import TransformContext

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENGINE = PolarsEngine()


@dataclass
class Applied:
    """What came out."""

    made: Made
    warnings: list[str]

    @property
    def output(self) -> pl.DataFrame:
        return native(self.made.output)

    @property
    def table(self) -> pl.DataFrame:
        assert self.made.table is not None
        return native(self.made.table)

    @property
    def aside(self) -> pl.DataFrame:
        assert self.made.aside is not None
        return native(self.made.aside)


def native(frame: Any) -> pl.DataFrame:
    """The computed rows of a frame."""
    return frame.to_native().collect()


def framed(frame: pl.DataFrame | pl.LazyFrame) -> Any:
    return nw.from_native(frame.lazy())


def applied(
    name: str,
    params: dict[str, Any],
    frame: pl.DataFrame | None,
    *,
    present: pl.DataFrame | None = None,
    now: datetime = NOW,
    inputs: dict[str, pl.DataFrame] | None = None,
    places: dict[str, pl.DataFrame | None] | None = None,
    marks: dict[str, int] | None = None,
) -> Applied:
    """What a pattern makes of a frame and of what its target holds."""
    function, bound = PATTERNS.bind(name, params)
    warnings: list[str] = []
    tables = {name: framed(table) for name, table in (inputs or {}).items()}
    context = PatternContext(
        transforms=TransformContext(
            sql=ENGINE.sql,
            inputs=tables,
            compile=lambda text, known: compile_sql(text, tables=known),
            compute=lambda small: ENGINE.cache(small, {}).frame.collect().rows(),
        ),
        now=now,
        present=None if present is None else framed(present),
        keep=lambda kept: ENGINE.cache(kept, {}).frame,
        one_row=lambda: framed(pl.DataFrame({"__one": [1]})),
        mark=(marks or {}).get,
        warn=warnings.append,
        places={role: None if table is None else framed(table) for role, table in (places or {}).items()},
    )
    return Applied(function(None if frame is None else framed(frame), bound, context), warnings)


@dataclass
class TableOf:
    """A real table that a pattern keeps, run after run."""

    folder: Path
    name: str
    params: dict[str, Any]
    format: str = "delta"
    runs: int = 0
    marks: dict[str, int] = field(default_factory=dict)

    def run(self, frame: pl.DataFrame, *, now: datetime | None = None) -> pl.DataFrame:
        """One run: open the target, apply the pattern to what it holds, commit over exactly that. The rows that are there after it."""
        self.runs += 1
        target = Target(
            location=self.location,
            format=self.format,
            mode="overwrite",
            transaction=f"odibi/{self.runs}/n",
            merge_schema=True,
            over_present=True,
        )
        sink = ENGINE.open(target)
        present = sink.present()
        done = applied(
            self.name,
            {"target": "lake.t", **self.params},
            frame,
            present=None if present is None else native(present.frame),
            now=now or NOW + timedelta(days=self.runs),
            marks={name: mark for name in ("odibi/aggregated",) if (mark := sink.transaction(name)) is not None},
        )
        if done.made.table is not None and done.made.changed:
            sink.write(done.made.table, {}, marks=done.made.marks)
        return self.rows()

    def rows(self) -> pl.DataFrame:
        """What the table holds."""
        return native(ENGINE.scan(Source(location=self.location, format=self.format)).frame)

    @property
    def location(self) -> Location:
        """Where it lies."""
        path = "t.parquet" if self.format == "parquet" else "t"
        return Location(connection="lake", path=path, uri=str(self.folder / path))


def rows_of(frame: pl.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    """The rows in the order of their columns, NULL first."""
    chosen = frame.select(columns) if columns else frame
    return chosen.sort(chosen.columns, nulls_last=False).rows()
