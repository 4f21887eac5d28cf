"""Checks: what must be true of the data. One check is one boolean expression, true for the rows that break it."""

from __future__ import annotations

from odibi_core.checks import conditions, figures, reconcile, relationships, rows, tables  # noqa: F401  they register their checks
from odibi_core.checks.contract import CHECKS, CheckContext, CheckParams, check, selected
from odibi_core.checks.evaluate import FAILED_TESTS, Evaluation, Flagged, evaluate, failed_error, flagged
from odibi_core.checks.gates import gate_error, judge
from odibi_core.checks.specs import CheckSpec, check_specs, distinct

__all__ = [
    "CHECKS",
    "FAILED_TESTS",
    "CheckContext",
    "CheckParams",
    "CheckSpec",
    "Evaluation",
    "Flagged",
    "check",
    "check_specs",
    "distinct",
    "evaluate",
    "failed_error",
    "flagged",
    "gate_error",
    "judge",
    "selected",
]
