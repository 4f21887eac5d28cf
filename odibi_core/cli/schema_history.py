"""`odibi schema history | diff NAME`: the columns that a target had, and what changed when."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import Any

from odibi_core.cli.exits import OK
from odibi_core.cli.project_file import add_project_arguments, open_host
from odibi_core.cli.screen import Screen, aligned
from odibi_core.errors import ConfigError

Row = dict[str, Any]
_NAME = "a target as connection/path, its path, or the node that writes it, with or without its pipeline"
_MOST_NAMES = 4  # of one kind, on a line


def add_history_arguments(parser: argparse.ArgumentParser) -> None:
    """Define `odibi schema history`."""
    _add(parser)
    parser.add_argument("--limit", type=int, default=10, metavar="N", help="at most so many versions, the newest first (10)")
    parser.set_defaults(run=history)


def add_diff_arguments(parser: argparse.ArgumentParser) -> None:
    """Define `odibi schema diff`."""
    _add(parser)
    parser.add_argument("--from-version", "--from", dest="before", type=int, metavar="N", help="without it the one before the other")
    parser.add_argument("--to-version", "--to", dest="after", type=int, metavar="N", help="without it the newest")
    parser.set_defaults(run=diff)


def _add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help=_NAME)
    add_project_arguments(parser)


def history(given: argparse.Namespace, screen: Screen) -> int:
    """
    Show the versions of a target's columns, the newest first.

    Raises:
        ConfigError: If nothing has that name, or several targets have it.
    """
    if given.limit < 1:
        raise ConfigError("'--limit' must be at least 1", code="usage")
    every = _versions(given, screen)
    told = {row["schema_version"]: _told(row, before) for row, before in zip(every, [None, *every], strict=False)}
    rows = every[::-1][: given.limit]
    lines = [
        (str(row["schema_version"]), f"{row['captured_at']:%Y-%m-%d %H:%M:%S}", told[row["schema_version"]], row["run_id"]) for row in rows
    ]
    screen.say(f"{rows[0]['dataset']}\n{aligned(('version', 'since', 'what changed', 'run'), lines, right=frozenset({0}))}")
    screen.result([_as_value(row) for row in rows])
    return OK


def diff(given: argparse.Namespace, screen: Screen) -> int:
    """
    Show column by column how one version differs from another.

    Raises:
        ConfigError: If there are no two versions, or none of a number that is given.
    """
    from odibi_core.catalog.rows import columns_of
    from odibi_core.events import SchemaChange

    rows = _versions(given, screen)
    known = {row["schema_version"]: row for row in rows}
    last = given.after if given.after is not None else max(known)
    first = given.before if given.before is not None else last - 1
    for version in (last, first):
        if version not in known:
            there = ", ".join(map(str, known))
            raise ConfigError(f"'{rows[0]['dataset']}' has no version {version} of its columns", code="usage", hint=f"There is: {there}.")
    before, after = (columns_of(known[version]["columns"]) for version in (first, last))
    change = SchemaChange.between(before, after) or SchemaChange()
    retyped = {column.name: column for column in change.retyped}
    added = {column.name for column in change.added}
    lines = [
        ("~", column.name, f"{retyped[column.name].before} → {column.type}")
        if column.name in retyped
        else ("+" if column.name in added else "", column.name, column.type)
        for column in after
    ]
    lines += [("-", column.name, column.type) for column in change.removed]
    screen.say(f"{rows[0]['dataset']}: version {first} → {last}\n{aligned(('', 'column', 'type'), lines)}")
    screen.result({"dataset": rows[0]["dataset"], "from": first, "to": last, **change.model_dump(mode="json")})
    return OK


def _versions(given: argparse.Namespace, screen: Screen) -> list[Row]:
    """Of one target, the oldest first."""
    rows: list[Row] = open_host(given, screen).app.catalog.schemas(given.name).to_dicts()
    exact = [row for row in rows if given.name in (row["dataset"], row["uri"])]
    rows = exact or rows
    found = sorted({row["dataset"] for row in rows})
    if not found:
        raise ConfigError(
            f"the catalog knows no columns of '{given.name}'",
            code="unknown_name",
            hint="Name a target as 'odibi catalog tables' shows it, or a node; its columns are known after its first run.",
        )
    if len(found) > 1:
        raise ConfigError(f"'{given.name}' means several targets", code="unknown_name", hint=f"Name one of: {', '.join(found)}.")
    return rows


def _told(row: Row, before: Row | None) -> str:
    from odibi_core.catalog.rows import columns_of
    from odibi_core.events import SchemaChange

    if before is None:
        return f"first seen, {len(row['columns_added'])} columns"
    change = SchemaChange.between(columns_of(before["columns"]), columns_of(row["columns"])) or SchemaChange()
    kinds = (
        ("+", [column.name for column in change.added]),
        ("-", [column.name for column in change.removed]),
        ("~", [f"{column.name}: {column.before} → {column.after}" for column in change.retyped]),
    )
    return "; ".join(f"{mark} {_listed(names)}" for mark, names in kinds if names)


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _as_value(row: Row) -> Row:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
