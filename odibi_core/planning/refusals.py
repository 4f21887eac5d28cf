"""What the language has and this release cannot run yet: refused before a run, with the node's name and a way out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from odibi_core.config import DatasetTrigger, LoadedProject, NodeConfig, PipelineConfig
from odibi_core.errors import ConfigError, Problem
from odibi_core.messages import digest
from odibi_core.planning.checking import wrong_checks
from odibi_core.planning.reading import reads_of

if TYPE_CHECKING:
    from odibi_core.transforms import Library, Params
    from odibi_core.transforms.library import CallKind

READABLE = ("csv", "json", "ndjson", "parquet", "delta", "excel", "avro", "sql", "sql_server", "azure_sql", "api")
WRITABLE = ("csv", "json", "parquet", "delta")


def refuse_unavailable(config: NodeConfig, engine: str, *, path: str, library: Library) -> None:
    """
    Raises:
        ConfigError: If the node uses something that this release accepts in a file but cannot do.
    """
    for complaint, hint in _complaints(config, engine):
        raise ConfigError(f"{path}: {complaint}", code="not_available", hint=hint, path=_key_in(complaint))
    _refuse_unknown_functions(config, path, library)


def refuse_triggers(project: LoadedProject, pipeline: PipelineConfig) -> None:
    """
    Raises:
        ConfigError: If a trigger of the pipeline can never start it.
    """
    written = {f"{other.pipeline}.{node.name}": node for other in project.config.pipelines for node in other.nodes}
    for trigger in pipeline.triggers:
        if isinstance(trigger, DatasetTrigger) and not _writes(written[trigger.dataset]):
            raise ConfigError(
                f"trigger of pipeline '{pipeline.pipeline}': node '{trigger.node}' of '{trigger.pipeline}' writes nothing",
                hint=f"Give '{trigger.node}' a 'write:', or name a node that has one.",
            )


def _complaints(config: NodeConfig, engine: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if engine == "spark":
        found.append(("engine 'spark' is not available yet", "Set 'engine: polars' on the node or the project."))
    streams = any(read.streaming for read in reads_of(config).values())
    if config.streaming or streams or (config.write is not None and config.write.streaming is not None):
        found.append(("streaming is not available", "Remove 'streaming: true'; files are taken in as they arrive."))
    found.extend(
        (f"read format '{read.format}' is not available yet", f"Available: {', '.join(READABLE)}.")
        for read in reads_of(config).values()
        if read.format not in READABLE
    )
    stateful = config.read is not None and config.read.incremental is not None and config.read.incremental.mode == "stateful"
    if stateful and config.write is None and not keeps_a_table(config):
        found.append(("a stateful load needs a 'write'", "The mark moves when the rows are written: add 'write:' to this node."))
    if config.privacy is not None and keeps_a_table(config):
        found.append(("'privacy' would come after the pattern has written its target", "Set 'privacy' on the node above this one."))
    for alias, source in (config.inputs or {}).items():
        if not isinstance(source, str) and source.incremental is not None and source.incremental.mode == "stateful":
            found.append((f"input '{alias}' has a high-water mark", "Only 'read' has one: give this source a node of its own."))
    if config.write is not None and config.write.format not in WRITABLE:
        found.append((f"write format '{config.write.format}' is not available yet", f"Available: {', '.join(WRITABLE)}."))
    if config.write is not None and config.write.partition_by and config.write.format != "delta":
        hint = "Set 'format: delta': a folder of many files is seen half-written, and a table is not."
        found.append((f"'write.partition_by' needs a Delta table, not {config.write.format}", hint))
    return found


def query_place(text: str) -> str:
    """The key of a transform's query in the plan."""
    return f"query.{digest(text)}"


def calls_of(config: NodeConfig, library: Library) -> tuple[Params, ...]:
    """The parameters of a node's transforms, in their order: what queries they will ask for and which datasets they read."""
    return tuple(bind_call(kind, name, params, library)[1] for _, kind, name, params in calls_by_place(config))


def bind_call(kind: CallKind, name: str, params: Mapping[str, JsonValue], library: Library) -> tuple[Callable[..., Any], Any]:
    """
    A pattern or a transform by its name, and its validated parameters.

    Raises:
        ConfigError: If there is none, or a parameter is wrong.
    """
    from odibi_core.patterns import PATTERNS

    if name in PATTERNS:
        return PATTERNS.bind(name, params)
    try:
        return library.bind(kind, name, params)
    except ConfigError as error:
        near = difflib.get_close_matches(name, PATTERNS.names, n=1)
        if near and error.message.startswith("unknown") and "Did you mean" not in error.hint:
            raise ConfigError(error.message, hint=f"Did you mean '{near[0]}'? {error.hint}") from None
        raise


def keeps_a_table(config: NodeConfig) -> bool:
    """Whether a pattern of the node writes a target, so that a high-water mark can move with it."""
    known = patterns_known()
    return any(name in known and ("target" in params or "path" in params) for _, _, name, params in calls_by_place(config))


def _writes(config: NodeConfig) -> bool:
    return config.write is not None or keeps_a_table(config)


def patterns_known() -> frozenset[str]:
    """The names of all patterns."""
    from odibi_core.patterns import PATTERNS

    return PATTERNS.names


def calls_by_place(config: NodeConfig) -> list[tuple[str, CallKind, str, dict[str, JsonValue]]]:
    """What a node calls, in order, each with its place: "transformer", "transform.0" …"""
    calls: list[tuple[str, CallKind, str, dict[str, JsonValue]]] = []
    if config.transformer is not None:
        calls.append(("transformer", "transformer", config.transformer, config.params))
    for number, step in enumerate(config.transform.steps if config.transform is not None else ()):
        if step.function is not None:
            calls.append((f"transform.{number}", "function", step.function, step.params))
        elif step.operation is not None:
            calls.append((f"transform.{number}", "operation", step.operation, step.params))
    return calls


def _key_in(complaint: str) -> tuple[str | int, ...]:
    """The key that a complaint names first, as a path in the node."""
    found = re.search(r"'([a-z_.]+)'", complaint)
    return tuple(found[1].split(".")) if found else ()


def _refuse_unknown_functions(config: NodeConfig, path: str, library: Library) -> None:
    """Every call and every check that is wrong, at its place."""
    problems: list[Problem] = []
    codes: list[str] = []

    def noted(error: ConfigError, *home: str | int) -> None:
        problems.extend(error.within(*home, saying=f"{path}: ").problems)
        codes.append(error.error_code)

    for place, kind, name, params in calls_by_place(config):
        home = ("transform", "steps", int(place.partition(".")[2])) if "." in place else ()
        try:
            bind_call(kind, name, params, library)
        except ConfigError as error:
            if error.error_code == "functions":  # the authors' files: it says where, and it is not this node's fault
                raise
            about_params = any(problem.path for problem in error.problems) or "needs parameter" in error.message
            noted(error, *home, "params" if about_params else kind)
    for path_in_node, wrong in wrong_checks(config):
        noted(wrong, *path_in_node)
    if problems:
        raise ConfigError.of(tuple(problems), code=codes[0])
