"""What would run, in which order, from where to where: `odibi run --dry-run` and `odibi plan`. Opens nothing, writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from odibi_core.cli.arrivals import typical_files
from odibi_core.cli.exits import OK
from odibi_core.cli.planned import plan_of
from odibi_core.cli.screen import Screen
from odibi_core.cli.selection import Chosen

if TYPE_CHECKING:
    from odibi_core.config import LoadedProject, NodeConfig, PipelineConfig, ReadConfig, WriteConfig
    from odibi_core.planning.plan import Plan, PlannedNode


def dry_run(project: LoadedProject, chosen: Sequence[Chosen], screen: Screen) -> int:
    """
    Show the plans.

    Raises:
        ConfigError: If one of the runs would be refused.
    """
    found = described(project, chosen)
    for pipeline in found:
        screen.say("\n".join(lines(pipeline)))
    screen.say("nothing was opened, read or written (--dry-run)")
    screen.result({"status": "planned", "exit_code": OK, "pipelines": found})
    return OK


def described(project: LoadedProject, chosen: Sequence[Chosen]) -> list[dict[str, Any]]:
    """
    The plans, for a program.

    Raises:
        ConfigError: If one of the runs would be refused.
    """
    plans = [(choice.pipeline, plan_of(project, choice.pipeline, choice.nodes)) for choice in chosen]
    return [_described(pipeline, plan) for pipeline, plan in plans]


def _described(pipeline: PipelineConfig, plan: Plan) -> dict[str, Any]:
    from odibi_core.planning.triggers import blob_sources, reads_arrivals

    typical = typical_files(pipeline)
    arrivals = {node.name for node in plan.nodes if reads_arrivals(pipeline.node(node.name), pipeline, typical)}
    waits = [f"{source.connection}/{source.path}" for source in blob_sources(pipeline)]
    return {
        "pipeline": pipeline.pipeline,
        "files": waits if arrivals else [],
        "nodes": [_node(pipeline.node(node.name), node, only_new_files=node.name in arrivals) for node in plan.nodes],
    }


def _node(config: NodeConfig, node: PlannedNode, *, only_new_files: bool) -> dict[str, Any]:
    return {
        "node": node.name,
        "inputs": _inputs(config, node),
        "only_new_files": only_new_files,
        "target": _target(config.write),
        "mode": config.write.mode if config.write else None,
        "checks": [_check(test.model_dump(exclude_none=True)) for test in config.validation.tests] if config.validation else [],
        "incremental": config.read.incremental.column if config.read and config.read.incremental else None,
        "window": _window(config.read),
        "engine": node.engine,
        "skipped": node.skip or None,
    }


def _inputs(config: NodeConfig, node: PlannedNode) -> list[str]:
    if config.read is not None:
        own = [_source(config.read)]
    else:
        own = [text if isinstance(text, str) else _source(text) for text in (config.inputs or {}).values()]
    frames = [name for name in node.frames if not any(text.endswith(f".{name}") for text in own)]
    stored = [f"{name} as it was written last" for name in node.stored if name not in (config.inputs or {})]
    return [*own, *frames, *stored]


def _source(read: ReadConfig) -> str:
    return f"{read.connection}/{read.path or read.table or 'query'} ({read.format})"


def _window(read: ReadConfig | None) -> str | None:
    """Which rows an incremental read takes, once its target is there."""
    incremental = read.incremental if read is not None else None
    if incremental is None:
        return None
    column = incremental.column if incremental.fallback_column is None else f"{incremental.column} or else {incremental.fallback_column}"
    if incremental.mode == "rolling_window":
        return f"only rows whose {column} is in the last {incremental.lookback} {incremental.unit}{'s' if incremental.lookback > 1 else ''}"
    lag = "" if incremental.watermark_lag is None else f" less {incremental.watermark_lag}"
    return f"only rows whose {column} is above the high-water mark{lag}"


def _target(write: WriteConfig | None) -> str | None:
    return None if write is None else f"{write.connection}/{write.path or write.table} ({write.format})"


def _check(test: dict[str, Any]) -> str:
    columns = test.get("columns") or ([test["column"]] if "column" in test else [])
    return f"{test['type']}({', '.join(columns)})" if columns else str(test["type"])


def lines(pipeline: dict[str, Any]) -> list[str]:
    """The plan of a pipeline, for people."""
    told = [pipeline["pipeline"]]
    if pipeline["files"]:
        told.append(f"  runs on the files that are new in {', '.join(pipeline['files'])}")
    width = max((len(node["node"]) for node in pipeline["nodes"]), default=0)
    for number, node in enumerate(pipeline["nodes"], 1):
        goes = f" → {node['target']} {node['mode']}" if node["target"] else " → nowhere but the nodes behind it"
        what = f"skipped: {node['skipped']}" if node["skipped"] else f"{' + '.join(node['inputs']) or 'nothing'}{goes}"
        told.append(f"  {number} {node['node']:<{width}}  {what}")
        if node["window"]:
            told.append(f"      {node['window']}")
        if node["checks"]:
            told.append(f"      checks: {', '.join(node['checks'])}")
    return told
