"""Rows that break a check, for the story: a few of each, masked like any sample and bounded in bytes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from odibi_core.config import NodeConfig
from odibi_core.errors import OdibiError
from odibi_core.events import CheckResult, FailingRows, Sample
from odibi_core.planning.plan import Plan, PlannedNode
from odibi_core.ports import Engine, Frame
from odibi_core.runtime.sampling import sample_of

MOST_BYTES = 200_000  # of all rows of a node together: they are in its outcome, which the journal keeps
Show = Callable[..., tuple[FailingRows, ...]]  # (results, broken, *, before)
_log = logging.getLogger("odibi.node")


def shows_nothing(*_: object, **__: object) -> tuple[FailingRows, ...]:
    """Where no rows are shown."""
    return ()


def failing_rows(
    results: Sequence[CheckResult],
    broken: Mapping[str, Frame],
    *,
    plan: Plan,
    node: PlannedNode,
    config: NodeConfig,
    engine: Engine,
    before: tuple[FailingRows, ...] = (),
) -> tuple[FailingRows, ...]:
    """
    Some rows for each broken check, the keys and the columns of the check first; `before` are those that the node has already.

    How many is said by `story:`: `failure_sample_size` for a check, `max_failure_samples` in all, `max_sampled_validations` checks.
    A story without such rows is better than none: what cannot be read a second time is left out.
    """
    limits, shown = plan.failure_samples, list(before)
    left = limits.in_all - sum(len(one.sample.rows) for one in shown)
    room = MOST_BYTES - sum(_size(one.sample) for one in shown)
    for result in results:
        rows = min(limits.per_check, left, result.failed_rows)
        if result.name not in broken or rows <= 0 or len(shown) >= limits.checks:
            continue
        try:
            frame = engine.cache(_ordered(broken[result.name], config, result).head(rows), {}).frame
            sample = sample_of(frame, config, rows=rows, personal=(*node.personal, *node.masked))
        except OdibiError:
            _log.warning("no rows can be shown for check '%s' of node '%s'", result.name, node.name, exc_info=True)
            continue
        if sample is not None:
            sample = _within(sample, room)
            left, room = left - len(sample.rows), room - _size(sample)
            shown.append(FailingRows(check=result.name, of=result.of, sample=sample))
    return tuple(shown)


def _ordered(frame: Frame, config: NodeConfig, result: CheckResult) -> Frame:
    """What tells a row from others and what is wrong with it come first: a wide table is cut on the right."""
    columns = frame.collect_schema().names()
    keys = () if config.write is None else config.write.keys
    first = [name for name in dict.fromkeys((*keys, *result.columns)) if name in columns]
    return frame.select(*first, *(name for name in columns if name not in first))


def _within(sample: Sample, room: int) -> Sample:
    """As many of the rows as there is room for."""
    rows: list[tuple[str | None, ...]] = []
    for row in sample.rows:
        room -= _length(row)
        if room < 0:
            break
        rows.append(row)
    return sample.model_copy(update={"rows": tuple(rows)})


def _size(sample: Sample) -> int:
    return sum(map(_length, sample.rows))


def _length(row: tuple[str | None, ...]) -> int:
    return sum(len(cell.encode()) for cell in row if cell is not None)
