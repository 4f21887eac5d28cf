"""Read the System Catalog: frames with the declared columns, newest first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from odibi_core.catalog.failures import translated
from odibi_core.catalog.opening import lazy_rows, open_table
from odibi_core.catalog.schema import TableName, polars_schema
from odibi_core.past import NodeId, PastRun
from odibi_core.ports import Location

if TYPE_CHECKING:
    import polars as pl


class CatalogReader:
    """
    The catalog as a few questions.

    A table that is missing has no rows; a column that an older release did not write is null.
    Every method raises TransientServiceError or PermanentServiceError if a table is there and cannot be read.
    """

    def __init__(self, location: Callable[[str], Location]) -> None:
        self._location = location

    def runs(self, limit: int | None = 20, pipeline: str | None = None, status: str | None = None) -> pl.DataFrame:
        """The last runs, by their start."""
        return self._newest("meta_runs", "started_at", limit, kind="run", pipeline=pipeline, status=status)

    def nodes(self, run_id: str | None = None, pipeline: str | None = None, limit: int | None = None) -> pl.DataFrame:
        """The node runs of one run, of a pipeline or of all, by their end."""
        return self._newest("meta_runs", "finished_at", limit, kind="node", run_id=run_id, pipeline=pipeline)

    def row_history(self, node: NodeId, limit: int = 1000) -> tuple[PastRun, ...]:
        """How many rows a node had in its last runs that succeeded, the newest first."""
        import polars as pl

        rows = self._rows("meta_runs", kind="node", status="succeeded", project=node.project, pipeline=node.pipeline, node=node.node)
        there = pl.col("environment").eq_missing(pl.lit(node.environment or None, dtype=pl.String))
        made = pl.sum_horizontal("rows_out", "rows_quarantined", "rows_gated")
        wanted = rows.filter(there, pl.col("rows_out").is_not_null()).sort("finished_at", "run_id", descending=True).head(limit)
        with translated("meta_runs", "read"):
            found = wanted.select("finished_at", "rows_in", made.alias("rows"), "rows_out").collect()
        return tuple(PastRun(at=at, rows_in=taken, rows=rows, kept=kept) for at, taken, rows, kept in found.iter_rows())

    def state(self, pipeline: str | None = None) -> pl.DataFrame:
        """The high-water marks as they are: of each key the row with the highest sequence."""
        moves = self._rows("meta_state", pipeline=pipeline).sort("sequence", "moved_at").group_by("key").last()
        return self._collected("meta_state", moves.sort("moved_at", "key", descending=[True, False]))

    def files(self, pipeline: str | None = None, path: str | None = None, limit: int | None = None) -> pl.DataFrame:
        """The file versions that runs took in; `path` is one file or a folder inside its connection."""
        import polars as pl

        rows = self._rows("meta_files", pipeline=pipeline)
        if path is not None:
            folder = path.rstrip("/") + "/"
            rows = rows.filter((pl.col("path") == path) | pl.col("path").str.starts_with(folder))
        return self._collected("meta_files", rows.sort("processed_at", descending=True, maintain_order=True), limit)

    def tables(self) -> pl.DataFrame:
        """The targets with their columns as they are: of each place the newest row."""
        newest = self._rows("meta_tables").sort("seen_at", maintain_order=True).group_by("uri").last()
        return self._collected("meta_tables", newest.sort("seen_at", "uri", descending=[True, False]))

    def schemas(self, name: str | None = None) -> pl.DataFrame:
        """
        The columns that targets had, the oldest first.

        `name` is a target as `connection/path`, its path or its address, or the node that wrote it, with or without its pipeline.
        """
        import polars as pl

        rows = self._rows("meta_schemas")
        if name is not None:
            node, dataset = pl.col("node"), pl.col("dataset")
            known = (dataset == name) | (pl.col("uri") == name) | dataset.str.ends_with(f"/{name}")
            rows = rows.filter(known | (node == name) | (pl.concat_str("pipeline", "node", separator=".") == name))
        return self._collected("meta_schemas", rows.sort("uri", "schema_version"))

    def _newest(self, table: TableName, by: str, limit: int | None, **equal: str | None) -> pl.DataFrame:
        rows = self._rows(table, **equal).sort(by, "run_id", descending=True, nulls_last=True, maintain_order=True)
        return self._collected(table, rows, limit)

    def _rows(self, table: TableName, **equal: str | None) -> pl.LazyFrame:
        """The rows whose columns have the given values; None does not matter."""
        import polars as pl

        schema = polars_schema(table)
        handle = open_table(table, self._location(table))
        if handle is None:
            return pl.LazyFrame(schema=schema)
        with translated(table, "read"):
            rows = lazy_rows(handle)
            present = set(rows.collect_schema().names())
        whole = rows.select(pl.col(name) if name in present else pl.lit(None, dtype=kind).alias(name) for name, kind in schema.items())
        return whole.filter(*(pl.col(name) == value for name, value in equal.items() if value is not None))

    def _collected(self, table: TableName, rows: pl.LazyFrame, limit: int | None = None) -> pl.DataFrame:
        with translated(table, "read"):
            return (rows if limit is None else rows.head(limit)).select(polars_schema(table).names()).collect()
