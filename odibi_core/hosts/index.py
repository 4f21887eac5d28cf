"""
What the Functions app needs to know of the project when it is indexed: its schedules and its landing containers.

Runs at every cold start, before anything else: it reads the YAML as a tree, builds no models and opens nothing. A YAML that is broken
gives an empty index and the reason; the app itself always indexes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from odibi_core.errors import ConfigError
from odibi_core.frozen import Frozen


class DueAt(Frozen):
    """A pipeline and one of its schedules."""

    name: str  # of the function
    pipeline: str
    schedule: str  # NCRONTAB


class Index(Frozen):
    """What the triggers are made from."""

    timers: tuple[DueAt, ...] = ()
    containers: tuple[str, ...] = ()  # that a polling blob trigger watches where there is no Event Grid
    problem: str = ""


def index_of(project_file: Path, environment_name: str | None, environment: Mapping[str, str]) -> Index:
    """The index of a project. Never raises: one bad function, or one bad file, must not take the whole app down."""
    try:
        from odibi_core.config.tree import read_tree

        tree = read_tree(project_file, environment=environment_name, variables=environment)
        return Index(timers=_timers(tree), containers=_containers(tree))
    except ConfigError as error:
        return Index(problem=str(error))
    except Exception as error:  # noqa: BLE001  # the border to the host: whatever is wrong, health and the log say so later
        return Index(problem=f"unexpected {type(error).__name__}")


def _timers(tree: Mapping[str, JsonValue]) -> tuple[DueAt, ...]:
    found: list[DueAt] = []
    for pipeline, trigger in _triggers(tree):
        schedule = trigger.get("schedule")
        if isinstance(schedule, str) and "${" not in schedule:
            fields = schedule.split()
            count = sum(timer.pipeline == pipeline for timer in found)
            name = _function_name(pipeline, count, {timer.name for timer in found})
            found.append(DueAt(name=name, pipeline=pipeline, schedule=" ".join(fields if len(fields) == 6 else ["0", *fields])))
    return tuple(found)


def _function_name(pipeline: str, count: int, taken: set[str]) -> str:
    """A name that no other timer has and that the host accepts: two functions of one name, and it indexes none."""
    plain = f"timer_{pipeline.lower()}" + (f"_{count + 1}" if count else "")
    if plain not in taken and re.fullmatch(r"[a-z0-9_-]{1,128}", plain):
        return plain
    told_apart = hashlib.sha256(f"{pipeline}/{count}".encode()).hexdigest()[:12]
    return f"{re.sub(r'[^a-z0-9_-]', '_', plain)[:100]}_{told_apart}"


def _containers(tree: Mapping[str, JsonValue]) -> tuple[str, ...]:
    connections = _mapping(tree.get("connections"))
    found: dict[str, None] = {}
    for _, trigger in _triggers(tree):
        container = _mapping(connections.get(str(_mapping(trigger.get("blob")).get("connection")))).get("container")
        if isinstance(container, str) and "${" not in container:
            found[container] = None
    return tuple(found)


def _triggers(tree: Mapping[str, JsonValue]) -> list[tuple[str, Mapping[str, JsonValue]]]:
    return [
        (str(pipeline.get("pipeline")), _mapping(trigger))
        for pipeline in map(_mapping, _list(tree.get("pipelines")))
        for trigger in _list(pipeline.get("triggers"))
    ]


def _mapping(value: JsonValue | None) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _list(value: JsonValue | None) -> list[JsonValue]:
    return value if isinstance(value, list) else []
