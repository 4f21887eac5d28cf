"""The order of nodes: upstream before downstream, and otherwise as written."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter

from odibi_core.errors import ConfigError


def in_run_order(upstream: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """
    Names sorted so that each stands behind everything it depends on; among equals the given order stays.

    Raises:
        ConfigError: If there is a cycle, which is named, or a name that does not exist.
    """
    for name, above in upstream.items():
        for other in above:
            if other not in upstream:
                near = difflib.get_close_matches(other, upstream, n=1)
                hint = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(upstream)}."
                raise ConfigError(f"node '{name}' depends on '{other}', which does not exist", hint=hint)
    sorter = TopologicalSorter(upstream)
    try:
        sorter.prepare()
    except CycleError as error:
        cycle = " → ".join(reversed(error.args[1]))
        raise ConfigError(f"nodes depend on each other in a circle: {cycle}", hint="Remove one of these dependencies.") from None
    place = {name: index for index, name in enumerate(upstream)}
    order: list[str] = []
    waiting: list[str] = []
    while sorter.is_active():
        waiting.extend(sorter.get_ready())
        waiting.sort(key=place.__getitem__)
        name = waiting.pop(0)
        order.append(name)
        sorter.done(name)
    return tuple(order)


def with_upstream(names: Collection[str], upstream: Mapping[str, Collection[str]]) -> frozenset[str]:
    """The names and everything above them."""
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending.extend(upstream.get(name, ()))
    return frozenset(found)
