"""The checks of a node before it runs: every one that is wrong, at its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from odibi_core.config import CheckConfig, NodeConfig
from odibi_core.errors import ConfigError
from odibi_core.events import Severity

if TYPE_CHECKING:
    from odibi_core.checks import CheckSpec


Path = tuple[str | int, ...]


def wrong_checks(config: NodeConfig) -> Iterator[tuple[Path, ConfigError]]:
    """What cannot be in `validation.tests` or in `contracts`, with its path in the node."""
    if config.contracts and not (config.read or config.inputs or config.depends_on):
        hint = "Add 'read', 'inputs' or 'depends_on', or make them 'validation.tests'."
        yield ("contracts",), ConfigError("contracts look at the input of a node, and this one has none", hint=hint)
    for number, test in enumerate(config.contracts):
        yield from ((("contracts", number), error) for error in _wrong(test, contract=True))
    yield from _wrong_relationships(config)
    if config.validation is not None:
        for number, test in enumerate(config.validation.tests):
            yield from ((("validation", "tests", number), error) for error in _wrong(test, contract=False))


def _wrong_relationships(config: NodeConfig) -> Iterator[tuple[Path, ConfigError]]:
    for number, one in enumerate(config.relationships):
        path = ("relationships", number)
        if one.fact not in (None, config.name):
            hint = f"Write it on node '{one.fact}'."
            yield path, ConfigError(f"the relationship is about '{one.fact}', not about this node", hint=hint, path=("fact",))
        if one.dimension == config.name:
            hint = "Write 'validation.tests' over its rows, or a node of its own behind it."
            yield path, ConfigError("a node cannot be its own dimension", hint=hint, path=("dimension",))
        if one.on_violation == "quarantine" and (config.validation is None or config.validation.quarantine is None):
            hint = "Add 'validation.quarantine' with 'connection' and 'table' or 'path', or set 'on_violation' to 'error' or 'warn'."
            yield path, ConfigError("'on_violation: quarantine' needs a place for the rows", hint=hint, path=("on_violation",))


def _wrong(test: CheckConfig, *, contract: bool) -> Iterator[ConfigError]:
    from odibi_core.checks import check_specs

    if test.on_fail == "quarantine" and contract:
        hint = "Set 'on_fail' to 'fail' or 'warn', or make it one of 'validation.tests'."
        yield ConfigError("a contract sets no rows aside: it is about the input as it came", hint=hint, path=("on_fail",))
    if test.type == "reconcile" and contract:
        hint = "Make it one of 'validation.tests'."
        yield ConfigError("check 'reconcile' compares the output with an input, so it is no contract", hint=hint)
    try:
        check_specs([_as_given(test)])
    except ConfigError as error:
        yield error


def validation_checks(config: NodeConfig) -> tuple[CheckSpec, ...]:
    """
    The checks of `validation.tests`, ready to be evaluated. Without a `quarantine:` rows that would go there fail the node.

    Raises:
        ConfigError: If one is wrong (the planner refuses it before a run).
    """
    if config.validation is None:
        return ()
    specs = _specs(config.validation.tests)
    return specs if config.validation.quarantine is not None else tuple(spec.failing() for spec in specs)


def contract_checks(config: NodeConfig) -> tuple[CheckSpec, ...]:
    """
    The checks of `contracts`, ready to be evaluated on the input.

    Raises:
        ConfigError: As `validation_checks`.
    """
    return _specs(config.contracts)


def sound_checks(test: CheckConfig) -> tuple[CheckSpec, ...]:
    """One check, ready to be evaluated; none if something is wrong with it, which is told elsewhere."""
    from odibi_core.checks import check_specs

    try:
        return check_specs([test.model_dump(exclude_none=True, by_alias=True)])
    except ConfigError:
        return ()


def check_sources(config: NodeConfig) -> tuple[str, ...]:
    """The inputs that the checks of a node compare its rows with."""
    tests = () if config.validation is None else config.validation.tests
    return tuple(test.source for test in tests if test.type == "reconcile")


def relationship_checks(config: NodeConfig) -> tuple[CheckSpec, ...]:
    """The foreign keys of a node as checks of its output."""
    if not config.relationships:
        return ()
    from odibi_core.checks import CHECKS, CheckSpec

    severities: dict[str, Severity] = {"error": "fail", "warn": "warn", "quarantine": "quarantine"}
    return tuple(
        CheckSpec(
            name=one.name or f"{'_'.join(one.keys)}_in_{one.dimension}",
            kind="relationship",
            severity=severities[one.on_violation],
            params=CHECKS.bind(
                "relationship",
                {
                    "columns": list(one.keys),
                    "dimension": one.dimension,
                    "dimension_columns": list(one.dimension_keys),
                    "nullable": one.nullable,
                },
            )[1],
        )
        for one in config.relationships
    )


def check_queries(config: NodeConfig) -> Iterator[tuple[str, str]]:
    """What the checks of a node ask SQL for: what asks, and its query."""
    for what, specs in (("contract", contract_checks(config)), ("check", validation_checks(config))):
        for spec in specs:
            if spec.params.query is not None:
                from odibi_core.checks import selected

                yield f"{what} '{spec.name}'", selected(spec.params.query)


def _specs(tests: Sequence[CheckConfig]) -> tuple[CheckSpec, ...]:
    if not tests:
        return ()
    from odibi_core.checks import check_specs

    return check_specs([_as_given(test) for test in tests])


def _as_given(test: CheckConfig) -> dict[str, Any]:
    return test.model_dump(exclude_none=True, by_alias=True)
