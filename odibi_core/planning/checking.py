"""The checks of a node before it runs: every one that is wrong, at its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from odibi_core.config import NodeConfig
from odibi_core.errors import ConfigError

if TYPE_CHECKING:
    from odibi_core.checks import CheckSpec


def wrong_checks(config: NodeConfig) -> Iterator[tuple[tuple[str | int, ...], ConfigError]]:
    """What cannot be in `validation.tests`, with its path in the node."""
    validation = config.validation
    if validation is None or not validation.tests:
        return
    from odibi_core import checks

    for number, test in enumerate(validation.tests):
        path = ("validation", "tests", number)
        if test.on_fail == "quarantine" and validation.quarantine is None:
            hint = "Add 'validation.quarantine' with 'connection' and 'table' or 'path', or set 'on_fail' to 'fail' or 'warn'."
            yield path, ConfigError("'on_fail: quarantine' needs a place for the rows", hint=hint, path=("on_fail",))
        if test.type == "schema" and not config.columns:
            hint = "List the columns: 'columns: {id: {}, name: {}}' on the node."
            yield path, ConfigError("check 'schema' compares with the 'columns' of the node, and it has none", hint=hint)
        try:
            checks.check_specs([test.model_dump(exclude_none=True, by_alias=True)])
        except ConfigError as error:
            yield path, error


def validation_checks(config: NodeConfig) -> tuple[CheckSpec, ...]:
    """
    The checks of `validation.tests`, ready to be evaluated.

    Raises:
        ConfigError: If one is wrong (the planner refuses it before a run).
    """
    if config.validation is None or not config.validation.tests:
        return ()
    from odibi_core.checks import check_specs

    return check_specs([test.model_dump(exclude_none=True, by_alias=True) for test in config.validation.tests])


def check_queries(config: NodeConfig) -> Iterator[tuple[str, str]]:
    """What the checks of a node ask SQL for: the name of the check and its query."""
    specs = validation_checks(config)
    if not specs:
        return
    from odibi_core.checks import selected

    for spec in specs:
        if spec.params.query is not None:
            yield spec.name, selected(spec.params.query)
