"""`odibi plan`: what would run, where, and why there. It opens no connection; with `--live` it looks, and still changes nothing."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from odibi_core.cli.dry_run import described, lines
from odibi_core.cli.exits import OK
from odibi_core.cli.project_file import add_project_arguments, open_host, read_project
from odibi_core.cli.screen import Screen
from odibi_core.errors import ConfigError

if TYPE_CHECKING:
    from odibi_core.cli.selection import Chosen
    from odibi_core.config import LoadedProject, PipelineConfig
    from odibi_core.hosts.in_process import InProcess

_FILES_SHOWN = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command."""
    add_project_arguments(parser)
    parser.add_argument("--pipeline", action="append", default=[], metavar="P", help="only this pipeline; may be repeated")
    parser.add_argument("--node", action="append", default=[], metavar="[+]N", help="exactly this node, or with '+' also what is above it")
    parser.add_argument("--tag", action="append", default=[], metavar="T", help="only nodes with this tag; may be repeated")
    parser.add_argument("--live", action="store_true", help="open the connections: files that wait, high-water marks, targets as they are")
    parser.set_defaults(run=plan)


def plan(given: argparse.Namespace, screen: Screen) -> int:
    """
    Show the plans.

    Raises:
        ConfigError: If a run would be refused.
        TransientServiceError: With `--live`, if a store stays away.
    """
    from odibi_core.cli.selection import choose

    host = open_host(given, screen) if given.live else None
    project = read_project(given, screen) if host is None else host.app.loaded()
    for notice in project.notices:
        screen.complain(f"warning: {notice}")
    chosen = choose(project, pipelines=given.pipeline, nodes=given.node, tags=given.tag)
    found = described(project, chosen)
    for pipeline, choice in zip(found, chosen, strict=True):
        _with_reasons(pipeline, choice, project)
        if host is not None:
            _with_findings(pipeline, choice, host)
        screen.say("\n".join(_lines(pipeline)))
    screen.say("looked at, not changed" if given.live else "nothing was opened; --live looks at files, marks and tables")
    screen.result({"status": "planned", "exit_code": OK, "live": given.live, "pipelines": found})
    return OK


def _with_reasons(pipeline: dict[str, Any], choice: Chosen, project: LoadedProject) -> None:
    for node in pipeline["nodes"]:
        own = choice.pipeline.node(node["node"]).engine
        asked, where = (own, "the node") if own is not None else (project.config.engine, "the project")
        node["why"] = f"{where} says so" if asked == node["engine"] else f"{where} says {asked}, and it fits"


def _with_findings(pipeline: dict[str, Any], choice: Chosen, host: InProcess) -> None:
    if pipeline["files"]:
        pipeline["new_files"] = _new_files(choice.pipeline, host)
    for node in pipeline["nodes"]:
        node["mark"] = _mark(choice.pipeline, node["node"], host)
        node["table"] = _table(choice.pipeline, node["node"], host)


def _new_files(pipeline: PipelineConfig, host: InProcess) -> list[dict[str, Any]]:
    from odibi_core.cli.planned import command_for
    from odibi_core.hosts.requests import landed

    app = host.app
    files = app.coordinator.ledger.unclaimed(command_for(app.loaded(), pipeline, ()), landed(app, pipeline))
    return [{"connection": file.connection, "path": file.path, "size_bytes": file.size_bytes} for file in files]


def _mark(pipeline: PipelineConfig, node: str, host: InProcess) -> str | None:
    from odibi_core.runtime.watermark import Mark, MarkKey, parse_scalar

    read = pipeline.node(node).read
    if read is None or read.incremental is None or read.incremental.mode != "stateful":
        return None
    project = host.app.loaded()
    name = read.incremental.state_key or node
    key = MarkKey(project=project.config.project, environment=project.environment, pipeline=pipeline.pipeline, name=name)
    stored = host.app.store.get(key.path)
    value = None if stored is None else parse_scalar(Mark.model_validate_json(stored.data).value)
    return "none yet" if value is None else str(value)


def _table(pipeline: PipelineConfig, node: str, host: InProcess) -> str | None:
    write = pipeline.node(node).write
    if write is None or write.format != "delta":
        return None
    from odibi_core.engines.polars.table_facts import table_facts

    try:
        facts = table_facts(host.app.connections.locate(write.connection, write.path or write.table or ""))
    except ConfigError as error:
        return f"cannot be looked at: {error.message}"
    if facts is None:
        return "is not there yet"
    return f"version {facts.version}, {facts.rows:,} rows, {_bytes(facts.size_bytes)} in {facts.files} files"


def _bytes(count: int) -> str:
    return f"{count:,} bytes" if count < 10_000 else f"{count / 1e6:,.1f} MB"


def _lines(pipeline: dict[str, Any]) -> list[str]:
    told = lines(pipeline)
    if "new_files" in pipeline:
        told[2:2] = _file_lines(pipeline["new_files"])
    for node in pipeline["nodes"]:
        at = next(place for place, line in enumerate(told) if line.split()[1:2] == [node["node"]] and not line.startswith("      "))
        found = [f"engine: {node['engine']} ({node['why']})"]
        found += [f"high-water mark: {node['mark']}"] if node.get("mark") else []
        found += [f"target: {node['table']}"] if node.get("table") else []
        told[at + 1 : at + 1] = [f"      {line}" for line in found]
    return told


def _file_lines(files: Sequence[dict[str, Any]]) -> list[str]:
    if not files:
        return ["      no file waits"]
    shown = [f"      {file['connection']}/{file['path']}  {_bytes(file['size_bytes'])}" for file in files[:_FILES_SHOWN]]
    more = [f"      … and {len(files) - _FILES_SHOWN} more"] if len(files) > _FILES_SHOWN else []
    return [*shown, *more]
