"""`odibi run --dry-run`: what would run, in which order, from where to where. Opens nothing, writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

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
    plans = [(choice.pipeline, plan_of(project, choice.pipeline, choice.nodes)) for choice in chosen]
    found = [_described(pipeline, plan) for pipeline, plan in plans]
    for pipeline in found:
        screen.say("\n".join(_lines(pipeline)))
    screen.say("nothing was opened, read or written (--dry-run)")
    screen.result({"status": "planned", "exit_code": OK, "pipelines": found})
    return OK


def _described(pipeline: PipelineConfig, plan: Plan) -> dict[str, Any]:
    from odibi_core.planning.triggers import blob_sources

    waits = [f"{source.connection}/{source.path}" for source in blob_sources(pipeline)]
    return {
        "pipeline": pipeline.pipeline,
        "files": waits if any(_reads_arrivals(pipeline, pipeline.node(node.name)) for node in plan.nodes) else [],
        "nodes": [_node(pipeline, pipeline.node(node.name), node) for node in plan.nodes],
    }


def _node(pipeline: PipelineConfig, config: NodeConfig, node: PlannedNode) -> dict[str, Any]:
    return {
        "node": node.name,
        "inputs": _inputs(config, node),
        "only_new_files": _reads_arrivals(pipeline, config),
        "target": _target(config.write),
        "mode": config.write.mode if config.write else None,
        "checks": [_check(test.model_dump(exclude_none=True)) for test in config.validation.tests] if config.validation else [],
        "incremental": config.read.incremental.column if config.read and config.read.incremental else None,
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


def _target(write: WriteConfig | None) -> str | None:
    return None if write is None else f"{write.connection}/{write.path or write.table} ({write.format})"


def _check(test: dict[str, Any]) -> str:
    columns = test.get("columns") or ([test["column"]] if "column" in test else [])
    return f"{test['type']}({', '.join(columns)})" if columns else str(test["type"])


def _reads_arrivals(pipeline: PipelineConfig, config: NodeConfig) -> bool:
    """Whether the node reads what landed: then a run gives it the files that are new."""
    from odibi_core.planning.triggers import blob_sources

    return config.read is not None and config.read.connection in {source.connection for source in blob_sources(pipeline)}


def _lines(pipeline: dict[str, Any]) -> list[str]:
    lines = [pipeline["pipeline"]]
    if pipeline["files"]:
        lines.append(f"  runs on the files that are new in {', '.join(pipeline['files'])}")
    width = max((len(node["node"]) for node in pipeline["nodes"]), default=0)
    for number, node in enumerate(pipeline["nodes"], 1):
        goes = f" → {node['target']} {node['mode']}" if node["target"] else " → nowhere but the nodes behind it"
        what = f"skipped: {node['skipped']}" if node["skipped"] else f"{' + '.join(node['inputs']) or 'nothing'}{goes}"
        lines.append(f"  {number} {node['node']:<{width}}  {what}")
        if node["incremental"]:
            lines.append(f"      only rows whose {node['incremental']} is above the high-water mark")
        if node["checks"]:
            lines.append(f"      checks: {', '.join(node['checks'])}")
    return lines
