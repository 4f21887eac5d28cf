"""`odibi catalog runs | nodes | state | files | tables`: what the System Catalog knows, as a table or as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from odibi_core.cli.exits import OK
from odibi_core.cli.project_file import add_project_arguments, open_host
from odibi_core.cli.screen import Screen, aligned
from odibi_core.errors import ConfigError

if TYPE_CHECKING:
    from odibi_core.catalog import CatalogReader

Row = dict[str, Any]
WIDEST = 60  # letters of a cell

# What a table shows; JSON has every column.
_SHOWN: Mapping[str, tuple[str, ...]] = {
    "runs": ("started_at", "pipeline", "status", "cause", "seconds", "rows_written", "rows_quarantined", "error_code", "run_id"),
    "nodes": (
        "finished_at",
        "pipeline",
        "node",
        "status",
        "attempts",
        "rows_in",
        "rows_out",
        "rows_quarantined",
        "target",
        "table_version",
        "seconds",
        "error_code",
    ),
    "state": ("moved_at", "pipeline", "node", "column", "value_before", "value_after", "sequence"),
    "files": ("processed_at", "pipeline", "status", "connection", "path", "size_bytes", "rows", "run_id"),
    "tables": ("seen_at", "dataset", "format", "version", "pipeline", "node", "columns"),
}
_HELP = {
    "runs": "the last runs",
    "nodes": "the last node runs, or those of one run",
    "state": "the high-water marks as they are",
    "files": "the file versions that runs took in",
    "tables": "the targets and their columns as they are",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="|".join(_SHOWN))
    for kind, text in _HELP.items():
        command = kinds.add_parser(kind, help=text)
        add_project_arguments(command)
        command.add_argument("--pipeline", metavar="P", help="of this pipeline only")
        command.add_argument("--run", dest="run_id", metavar="RUN_ID", help="of this run only")
        command.add_argument("--limit", type=int, default=20, metavar="N", help="at most so many rows (20)")
        command.set_defaults(run=catalog)


def catalog(given: argparse.Namespace, screen: Screen) -> int:
    """
    Show rows of the catalog, newest first.

    Raises:
        ConfigError: If the limit makes no sense.
    """
    if given.limit < 1:
        raise ConfigError("'--limit' must be at least 1", code="usage")
    rows = _rows(open_host(given, screen).app.catalog, given)
    if rows:
        screen.say(_table(_SHOWN[given.kind], rows))
    else:
        screen.say("nothing yet" if not (given.pipeline or given.run_id) else "nothing that fits")
    screen.result([{name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()} for row in rows])
    return OK


def _rows(reader: CatalogReader, given: argparse.Namespace) -> list[Row]:
    limit = None if given.run_id else given.limit  # rows of one run are few, but may be old
    match given.kind:
        case "runs":
            frame = reader.runs(limit=limit, pipeline=given.pipeline)
        case "nodes":
            frame = reader.nodes(run_id=given.run_id, pipeline=given.pipeline, limit=limit)
        case "state":
            frame = reader.state(pipeline=given.pipeline)
        case "files":
            frame = reader.files(pipeline=given.pipeline, limit=limit)
        case _:
            frame = reader.tables()
    rows: list[Row] = frame.to_dicts()
    wanted = {"run_id": given.run_id, "pipeline": given.pipeline}
    return [row for row in rows if all(value is None or row[name] == value for name, value in wanted.items())][: given.limit]


def _table(names: Sequence[str], rows: Sequence[Row]) -> str:
    numbers = frozenset(column for column, name in enumerate(names) if any(isinstance(row[name], int | float) for row in rows))
    return aligned(names, [[_cell(name, row[name]) for name in names] for row in rows], right=numbers)


def _cell(name: str, value: object) -> str:
    match value:
        case None:
            return "–"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case float():
            return f"{value:,.2f}"
        case int():
            return f"{value:,}"
        case str() if name == "columns":
            text = ", ".join(column["name"] for column in json.loads(value))
        case str() if name.startswith("value_"):
            text = str(json.loads(value).get("v"))  # typed JSON text: {"t": "int", "v": 7}
        case _:
            text = str(value)
    text = text.replace("\n", " ")
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"
