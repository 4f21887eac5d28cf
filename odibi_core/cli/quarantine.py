"""`odibi quarantine list | show`: which rows were set aside, when and why."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from odibi_core.cli.exits import OK
from odibi_core.cli.project_file import add_project_arguments, open_host
from odibi_core.cli.screen import Screen, aligned
from odibi_core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from odibi_core.config import NodeConfig, PipelineConfig, QuarantineConfig
    from odibi_core.hosts.in_process import InProcess
    from odibi_core.ports import Frame

_COLUMNS = ("pipeline", "node", "dataset", "run", "rows", "oldest", "newest")
_MISSING = frozenset({"missing_table", "missing_file"})
_WIDEST = 40  # letters of a cell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the commands."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="list|show")
    listing = kinds.add_parser("list", help="the batches of rows in each quarantine, the newest first")
    add_project_arguments(listing)
    listing.add_argument("--pipeline", metavar="P", help="of this pipeline only")
    listing.set_defaults(run=list_batches)
    showing = kinds.add_parser("show", help="some rows in the quarantine of a node, masked like the story")
    showing.add_argument("node", help="the node, with or without its pipeline: orders.silver")
    add_project_arguments(showing)
    showing.add_argument("--run", dest="run_id", metavar="RUN_ID", help="that this run set aside")
    showing.add_argument("--limit", type=int, default=20, metavar="N", help="at most so many rows (20)")
    showing.set_defaults(run=show_rows)


def list_batches(given: argparse.Namespace, screen: Screen) -> int:
    """
    Show how many rows each run has set aside, per node.

    Raises:
        ConfigError: If there is no such pipeline, or no node has a quarantine.
    """
    host = open_host(given, screen)
    found = list(_quarantines(host, given.pipeline))
    if not found:
        raise ConfigError("no node has a quarantine", code="no_quarantine", hint="Set 'validation.quarantine' and 'on_fail: quarantine'.")
    batches = [batch for pipeline, node, settings in found for batch in _batches(host, pipeline, node, settings)]
    batches.sort(key=lambda batch: batch["newest"] or "", reverse=True)
    shown = [[str(batch[name] if batch[name] is not None else "–") for name in _COLUMNS] for batch in batches]
    screen.say(aligned(_COLUMNS, shown, right=frozenset({_COLUMNS.index("rows")})) if batches else "nothing is in quarantine")
    screen.result(batches)
    return OK


def show_rows(given: argparse.Namespace, screen: Screen) -> int:
    """
    Show rows with the reasons why they were set aside. What a story would mask is masked.

    Raises:
        ConfigError: If no node of that name has a quarantine, or several have.
    """
    import narwhals as nw

    from odibi_core.cli.planned import plan_of
    from odibi_core.runtime.quarantine import BATCH
    from odibi_core.runtime.sampling import sample_of

    if given.limit < 1:
        raise ConfigError("'--limit' must be at least 1", code="usage")
    host = open_host(given, screen)
    pipeline, node, settings = _named(given.node, list(_quarantines(host, None)))
    frame = _rows(host, settings, node.name)
    if frame is not None and given.run_id:
        known = BATCH in frame.collect_schema().names()
        frame = frame.filter(nw.col(BATCH) == given.run_id) if known else None
    planned = plan_of(host.app.loaded(), pipeline).node(node.name)
    personal = (*planned.personal, *planned.masked)
    sample = None if frame is None else sample_of(frame, node, rows=given.limit, personal=personal)
    if sample is None or not (sample.rows or sample.note):
        screen.say("nothing is in quarantine" if not given.run_id else f"run {given.run_id} has nothing in this quarantine")
    else:
        cells = [[_short(cell) for cell in row] for row in sample.rows]
        screen.say("\n".join(part for part in (aligned(sample.columns, cells) if cells else "", sample.note) if part))
    screen.result(
        {
            "pipeline": pipeline.pipeline,
            "node": node.name,
            "columns": [] if sample is None else list(sample.columns),
            "rows": [] if sample is None else [list(row) for row in sample.rows],
            "masked": [] if sample is None else list(sample.masked),
            "note": "" if sample is None else sample.note,
        }
    )
    return OK


def _quarantines(host: InProcess, pipeline: str | None) -> Iterator[tuple[PipelineConfig, NodeConfig, QuarantineConfig]]:
    """Every node that can set rows aside, and where."""
    from odibi_core.planning.node_inputs import find_pipeline
    from odibi_core.runtime.quarantine import quarantine_of

    project = host.app.loaded()
    for one in project.config.pipelines if pipeline is None else [find_pipeline(project, pipeline)]:
        for node in one.nodes:
            settings = quarantine_of(node)
            if settings is not None:
                yield one, node, settings


def _named(
    name: str, found: list[tuple[PipelineConfig, NodeConfig, QuarantineConfig]]
) -> tuple[PipelineConfig, NodeConfig, QuarantineConfig]:
    meant = [one for one in found if name in (one[1].name, f"{one[0].pipeline}.{one[1].name}")]
    known = ", ".join(f"{pipeline.pipeline}.{node.name}" for pipeline, node, _ in found) or "none"
    if not meant:
        raise ConfigError(f"no node '{name}' has a quarantine", code="unknown_name", hint=f"Those that have one: {known}.")
    if len(meant) > 1:
        raise ConfigError(f"'{name}' means nodes of several pipelines", code="unknown_name", hint=f"Name one of: {known}.")
    return meant[0]


def _rows(host: InProcess, settings: QuarantineConfig, node: str) -> Frame | None:
    """The rows that a node has set aside; None if there is nothing yet. In a place that several share, a column tells whose they are."""
    import narwhals as nw

    from odibi_core.engines.polars.engine import PolarsEngine
    from odibi_core.ports import Source
    from odibi_core.runtime.quarantine import NODE

    location = host.app.connections.locate(settings.connection, settings.table or settings.path or "")
    try:
        frame = PolarsEngine().scan(Source(location=location, format="delta" if settings.table else "parquet")).frame
    except DataError as error:
        if error.error_code in _MISSING:
            return None
        raise
    if NODE in frame.collect_schema().names():
        frame = frame.filter((nw.col(NODE) == node) | nw.col(NODE).is_null())
    return frame


def _batches(host: InProcess, pipeline: PipelineConfig, node: NodeConfig, settings: QuarantineConfig) -> Iterator[dict[str, Any]]:
    import narwhals as nw

    from odibi_core.runtime.quarantine import AT, BATCH

    frame = _rows(host, settings, node.name)
    if frame is None:
        return
    there = frame.collect_schema().names()
    told = frame.select(
        *(nw.col(name) if name in there else nw.lit(None, dtype=nw.String()).alias(name) for name in (BATCH, AT)), nw.lit(1).alias("rows")
    )
    grouped = told.group_by(BATCH).agg(nw.col("rows").sum(), nw.col(AT).min().alias("oldest"), nw.col(AT).max().alias("newest"))
    for row in grouped.collect().rows(named=True):
        yield {
            "pipeline": pipeline.pipeline,
            "node": node.name,
            "dataset": f"{settings.connection}/{settings.table or settings.path}",
            "run": row[BATCH],
            "rows": int(row["rows"]),
            "oldest": row["oldest"],
            "newest": row["newest"],
        }


def _short(cell: str | None) -> str:
    text = "–" if cell is None else cell.replace("\n", " ")
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
