"""Checks as a plan has them: named, typed, with what happens when they are broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from odibi_core.checks.contract import CHECKS, CheckFunction, CheckParams
from odibi_core.errors import ConfigError, Problem
from odibi_core.events import Severity
from odibi_core.frozen import Frozen

_PLANNED = frozenset({"custom_sql", "volume_drop", "freshness", "schema", "distribution", "quarantine", "gate"})
_SEVERITIES: Mapping[str, Severity] = {"fail": "fail", "warn": "warn"}


class CheckSpec(Frozen):
    """One check, ready to be evaluated."""

    name: str
    kind: str
    severity: Severity
    params: CheckParams

    @property
    def function(self) -> CheckFunction:
        """The expression of its kind."""
        return CHECKS.get(self.kind).function


def unsupported(kind: str) -> str | None:
    """Why a kind of check, or `quarantine` or `gate`, cannot be used in this release; None if it can."""
    return f"'{kind}' is not available yet" if kind in _PLANNED else None


def check_specs(tests: Sequence[Mapping[str, JsonValue]]) -> tuple[CheckSpec, ...]:
    """
    The checks of a `validation.tests` or `contracts` list; a check without a name is called like its type.

    Raises:
        ConfigError: If a type is unknown or not available yet, or a parameter is wrong. Carries every problem.
    """
    specs: list[CheckSpec] = []
    problems: list[Problem] = []
    for test in tests:
        try:
            specs.append(_spec(test))
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError.of(tuple(problems))
    return tuple(specs)


def _spec(test: Mapping[str, JsonValue]) -> CheckSpec:
    kind = test.get("type")
    if not isinstance(kind, str):
        raise ConfigError("a check has no type", hint=f"Known: {', '.join(sorted(entry.name for entry in CHECKS))}.")
    on_fail = str(test.get("on_fail", "fail"))
    if reason := unsupported(kind) or unsupported(on_fail):
        raise ConfigError(f"check {reason}" if unsupported(kind) else f"'on_fail: {on_fail}' is not available yet", code="unsupported")
    if on_fail not in _SEVERITIES:
        raise ConfigError(f"unknown 'on_fail: {on_fail}' of check '{kind}'", hint="Known: fail, warn, quarantine.")
    _, params = CHECKS.bind(kind, {key: value for key, value in test.items() if key not in ("type", "name", "on_fail")})
    return CheckSpec(name=str(test.get("name") or kind), kind=kind, severity=_SEVERITIES[on_fail], params=params)
