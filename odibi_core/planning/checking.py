"""The checks of a node before it runs: every one that is wrong, at its place."""

from __future__ import annotations

from collections.abc import Iterator

from odibi_core.config import NodeConfig
from odibi_core.errors import ConfigError


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
        try:
            checks.check_specs([test.model_dump(exclude_none=True, by_alias=True)])
        except ConfigError as error:
            yield path, error
