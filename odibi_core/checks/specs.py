"""Checks as a plan has them: named, typed, with what happens when they are broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count

from pydantic import JsonValue

from odibi_core.checks.contract import CHECKS, CheckFunction, CheckParams
from odibi_core.errors import ConfigError, Problem
from odibi_core.events import Severity
from odibi_core.frozen import Frozen

_SEVERITIES: Mapping[str, Severity] = {"fail": "fail", "warn": "warn", "quarantine": "quarantine"}


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

    def failing(self) -> CheckSpec:
        """The same where rows cannot be set aside."""
        return replace(self, severity="fail") if self.severity == "quarantine" else self

    def warning(self) -> CheckSpec:
        """The same, but it fails no node."""
        return replace(self, severity="warn") if self.severity == "fail" else self


def check_specs(tests: Sequence[Mapping[str, JsonValue]]) -> tuple[CheckSpec, ...]:
    """
    The checks of a `validation.tests` or `contracts` list; a check without a name is called like its type.

    Of two checks with the same name the second one is called `name_2`.

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
    return distinct(specs)


def distinct(specs: Sequence[CheckSpec]) -> tuple[CheckSpec, ...]:
    """The checks, the name of each with the next free number behind it if an earlier one has the same."""
    names = [spec.name for spec in specs]
    taken = set(names)
    given: list[str] = []
    for name in names:
        free = name
        if name in given:
            free = next(f"{name}_{number}" for number in count(2) if f"{name}_{number}" not in taken)
        taken.add(free)
        given.append(free)
    return tuple(replace(spec, name=name) for spec, name in zip(specs, given, strict=True))


def _spec(test: Mapping[str, JsonValue]) -> CheckSpec:
    kind = test.get("type")
    if not isinstance(kind, str):
        raise ConfigError("a check has no type", hint=f"Known: {', '.join(sorted(entry.name for entry in CHECKS))}.")
    _, params = CHECKS.bind(kind, {key: value for key, value in test.items() if key not in ("type", "name", "on_fail")})
    on_fail = str(test.get("on_fail", params.on_fail))
    if on_fail not in _SEVERITIES:
        raise ConfigError(f"unknown 'on_fail: {on_fail}' of check '{kind}'", hint="Known: fail, warn, quarantine.")
    if on_fail == "quarantine" and params.counts == "table":
        raise ConfigError(
            f"check '{kind}' looks at the table as a whole, so there are no rows to set aside",
            hint="Set 'on_fail' to 'fail' or 'warn'.",
            path=("on_fail",),
        )
    return CheckSpec(name=str(test.get("name") or kind), kind=kind, severity=_SEVERITIES[on_fail], params=params)
