"""What a node's rows must be like before they may be written: the checks of its `validation:`, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from odibi_core.config import NodeConfig
from odibi_core.events import CheckResult
from odibi_core.past import PastRun
from odibi_core.planning.checking import relationship_checks, validation_checks
from odibi_core.planning.compiling import compiled_here
from odibi_core.planning.plan import Plan, PlannedNode
from odibi_core.planning.refusals import query_place
from odibi_core.ports import Cached, CompiledSql, Engine, Frame
from odibi_core.runtime.datasets import SOURCE_FILE
from odibi_core.runtime.outgoing import wants_file_of_each_row

if TYPE_CHECKING:
    from odibi_core.checks import CheckContext, Evaluation


def check_context(
    plan: Plan,
    node: PlannedNode,
    config: NodeConfig,
    engine: Engine,
    past: Callable[[], Sequence[PastRun]],
    *,
    datasets: Mapping[str, Frame] | None = None,
) -> CheckContext:
    """What the checks of a node may know and use; `datasets` are its inputs and the dimensions of its foreign keys."""
    from odibi_core.checks import CheckContext

    def compile_text(text: str, known: Collection[str]) -> CompiledSql:
        return node.sql.get(query_place(text)) or compiled_here(text, known, plan.sql_dialect, plan.logical_time)

    return CheckContext(
        now=plan.logical_time,
        declared={name: column.type for name, column in config.columns.items()},
        hidden=frozenset({SOURCE_FILE}) if wants_file_of_each_row(config) else frozenset(),
        compute=lambda frame: engine.cache(frame, {}).frame,
        sql=engine.sql,
        compile=compile_text,
        past=past,
        datasets=datasets or {},
    )


def validate(cached: Cached, config: NodeConfig, context: CheckContext) -> Evaluation:
    """
    What the checks and foreign keys of a node say of its rows. With `mode: warn` a check that would fail the node warns.

    Raises:
        SchemaMismatchError: If a check reads a column that is missing, or whose type it cannot be compared with.
    """
    from odibi_core.checks import Evaluation, distinct, evaluate

    specs, keys = validation_checks(config), relationship_checks(config)
    if not specs and not keys:
        frame, rows = cached.frame, cached.rows
        return Evaluation(results=(), rows=rows, passed_rows=rows, rejected_rows=0, kept=frame, valid=frame, broken={}, rejected=None)
    if config.validation is not None and config.validation.mode == "warn":
        specs = tuple(spec.warning() for spec in specs)
    return evaluate(cached.frame, distinct((*specs, *keys)), context)


def told(results: Sequence[CheckResult], config: NodeConfig) -> tuple[CheckResult, ...]:
    """The results to tell: with `fail_fast` none behind the first that fails the node."""
    if config.validation is None or not config.validation.fail_fast:
        return tuple(results)
    first = next((number for number, result in enumerate(results) if not result.passed and result.severity == "fail"), len(results))
    return tuple(results[: first + 1])


def refuse(results: Sequence[CheckResult]) -> None:
    """
    Raises:
        CheckFailedError: If a check that fails the node is broken.
    """
    if all(result.passed for result in results):
        return
    from odibi_core.checks import failed_error

    error = failed_error(results)
    if error is not None:
        raise error
