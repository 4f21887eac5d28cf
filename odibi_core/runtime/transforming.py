"""Run the transformation of a node: its transformer, then its steps, each on the result of the one before."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from odibi_core.config import NodeConfig
from odibi_core.errors import ConfigError
from odibi_core.events import StepRecord
from odibi_core.planning.compiling import Dialect, compiled_here
from odibi_core.planning.plan import PlannedNode
from odibi_core.planning.refusals import bind_call, query_place
from odibi_core.ports import CompiledSql, Engine, Frame, RowEffect

if TYPE_CHECKING:
    from odibi_core.runtime.accounting import RowTrail
    from odibi_core.runtime.pattern_targets import PatternRun
    from odibi_core.transforms import Library
    from odibi_core.transforms.library import CallKind


def transform(
    config: NodeConfig,
    node: PlannedNode,
    *,
    engine: Engine,
    primary: Frame | None,
    named: Mapping[str, Frame],
    trail: RowTrail,
    now: datetime,
    dialect: Dialect = "spark",
    library: Library | None = None,
    patterns: PatternRun | None = None,
) -> Frame:
    """
    The node's output as a lazy frame.

    In a step `df` is the frame of the step before, in its SQL and among the inputs of its function.

    Raises:
        ConfigError: If a step names nothing known or has wrong params (the planner refuses these before a run).
        SchemaMismatchError: If a step needs a column that is not there.
    """
    frame = primary
    tables = dict(named)

    def compile_text(text: str, known: Collection[str]) -> CompiledSql:
        return node.sql.get(query_place(text)) or compiled_here(text, known, dialect, now)

    def compute(small: Frame) -> list[tuple[Any, ...]]:
        return engine.cache(small, {}).frame.collect().rows()

    def call(place: str, kind: CallKind, name: str, params: Mapping[str, JsonValue]) -> Frame:
        from odibi_core.patterns import PATTERNS
        from odibi_core.transforms import Library, TransformContext

        function, arguments = bind_call(kind, name, params, library or Library())
        if frame is None and getattr(arguments, "needs_input", True):
            raise _no_input(node)
        given = tables if frame is None else {**tables, "df": frame}
        context = TransformContext(sql=engine.sql, inputs=given, compile=compile_text, compute=compute)
        if name in PATTERNS:
            if patterns is None:
                raise ConfigError(f"pattern '{name}' cannot run here", code="internal")
            made: Frame = patterns(place, function, arguments, frame, context=context)
        else:
            made = function(frame, arguments, context)
        trail.step(arguments.row_effect(), made)
        return made

    if config.transformer is not None:
        frame = call("transformer", "transformer", config.transformer, config.params or {})
    for place, step in enumerate(config.transform.steps if config.transform is not None else ()):
        compiled = node.sql.get(sql_place(place))
        if compiled is None and step.sql is not None:
            compiled = compiled_here(step.sql, {"df", *tables}, dialect, now)
        if compiled is not None:
            given = tables if frame is None else {**tables, "df": frame}
            made = engine.sql(compiled, given)
            trail.step(effect_of(compiled, [name for name, table in given.items() if table is frame]), made)
            frame = made
        elif step.function is not None:
            frame = call(sql_place(place), "function", step.function, step.params)
        elif step.operation is not None:
            frame = call(sql_place(place), "operation", step.operation, step.params)
        else:
            raise ConfigError(f"step {place + 1} of node '{node.name}' was not compiled", hint="The plan is of another release.")
    if frame is None:
        raise _no_input(node)
    return frame


def _no_input(node: PlannedNode) -> ConfigError:
    return ConfigError(f"node '{node.name}' has no input", hint="Give it 'read:', 'inputs:' or 'depends_on:'.")


def effect_of(compiled: CompiledSql, rows: Collection[str]) -> RowEffect:
    """What a query does to the number of rows of the input that has these names in it."""
    from odibi_core.sql import tree
    from odibi_core.sql.row_effect import row_effect

    return row_effect(tree.decoded(compiled.polars), rows)


def sql_place(step: int) -> str:
    """The key of a step's compiled SQL in the plan."""
    return f"transform.{step}"


def step_records(config: NodeConfig, node: PlannedNode) -> tuple[StepRecord, ...]:
    """The steps as a reader of the story sees them."""
    records: list[StepRecord] = []
    if config.transformer is not None:
        records.append(StepRecord(kind="transformer", text=_call_text(config.transformer, config.params or {})))
    for place, step in enumerate(config.transform.steps if config.transform is not None else ()):
        compiled = node.sql.get(sql_place(place))
        text = compiled.text if compiled is not None else step.sql
        if text is not None:
            records.append(StepRecord(kind="sql", text=text.strip()))
        else:
            name = step.function or step.operation or PurePosixPath(step.sql_file or "").name
            records.append(StepRecord(kind="function" if step.function else "operation", text=_call_text(name, step.params)))
    if config.privacy is not None and node.personal:
        records.append(StepRecord(kind="privacy", text=f"{config.privacy.method} of {', '.join(node.personal)}"))
    return tuple(records)


def _call_text(name: str, params: Mapping[str, JsonValue]) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in params.items())})"
