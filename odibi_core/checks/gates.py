"""The gate of a node: what its rows must reach as a whole, before any of them is written."""

from __future__ import annotations

from odibi_core.checks.evaluate import Evaluation
from odibi_core.config import GateConfig
from odibi_core.config.validation import GateRowCount
from odibi_core.errors import GateFailedError
from odibi_core.events import CheckResult, GateResult


def judge(gate: GateConfig, found: Evaluation, *, last_rows: int | None) -> GateResult:
    """
    What the gate says of a node's rows.

    The pass rate is the rows that break no check of rows, by all rows before the quarantine; of no rows it is 1.

    Args:
        gate: What must be reached.
        found: What the checks found.
        last_rows: How many rows the node had in its last run, before the quarantine; None if there was none.
    """
    rate = found.passed_rows / found.rows if found.rows else 1.0
    reasons = (
        [] if rate >= gate.require_pass_rate else [f"{_share(rate)} of the rows pass all checks, not {_share(gate.require_pass_rate)}"]
    )
    for threshold in gate.thresholds:
        reasons += _below(threshold.test, threshold.min_pass_rate, found)
    notes: list[str] = []
    if gate.row_count is not None:
        reasons += _outside(gate.row_count, found.rows)
        if gate.row_count.change_threshold is not None:
            changed, note = _changed(gate.row_count.change_threshold, found.rows, last_rows)
            reasons += changed
            notes += note
    return GateResult(
        passed=not reasons,
        action=gate.on_fail,
        pass_rate=rate,
        rows=found.rows,
        passed_rows=found.passed_rows,
        reasons=tuple(reasons),
        notes=tuple(notes),
    )


def gate_error(result: GateResult) -> GateFailedError | None:
    """The error of a node whose gate is shut; None if it lets rows pass."""
    if result.passed or result.action != "abort":
        return None
    return GateFailedError(
        f"the gate is shut: {'; '.join(result.reasons)}",
        hint="Nothing was written. Mend the data, or set the gate's 'on_fail' to 'warn_and_write' or 'write_valid_only'.",
    )


def _below(test: str, rate: float, found: Evaluation) -> list[str]:
    """A check is meant by its name; a type means every check of it."""
    meant = [result for result in found.results if result.name == test] or [result for result in found.results if result.kind == test]
    return [f"check '{result.name}' passes {_share(got)}, not {_share(rate)}" for result in meant if (got := _rate(result, found)) < rate]


def _rate(result: CheckResult, found: Evaluation) -> float:
    """The share of rows that pass a check; a check of the table passes whole or not at all."""
    if result.failed_rows == 0 or not found.rows:
        return 1.0 if result.passed else 0.0
    return (found.rows - result.failed_rows) / found.rows


def _outside(bounds: GateRowCount, rows: int) -> list[str]:
    if bounds.min is not None and rows < bounds.min:
        return [f"{rows} rows, expected at least {bounds.min}"]
    if bounds.max is not None and rows > bounds.max:
        return [f"{rows} rows, expected at most {bounds.max}"]
    return []


def _changed(threshold: float, rows: int, last_rows: int | None) -> tuple[list[str], list[str]]:
    """A change is measured by the last run; a first run, and one after a run without rows, has nothing to be measured by."""
    if not last_rows:
        told = "there is no earlier run" if last_rows is None else "the last run had no rows"
        return [], [f"the change of the row count was not judged: {told}"]
    change = (rows - last_rows) / last_rows
    if abs(change) <= threshold:
        return [], []
    return [f"{rows} rows, {change:+.1%} from the last run's {last_rows}; at most {_share(threshold)} is allowed"], []


def _share(rate: float) -> str:
    """As a percentage, with as many digits as tell it from the bound that it misses."""
    return f"{rate:.4%}".rstrip("%").rstrip("0").rstrip(".") + "%"
