"""Write a small project and plan a run of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from odibi_core.config import LoadedProject, load_project
from odibi_core.messages import Cause, Requested, StartRun
from odibi_core.planning.plan import Plan
from odibi_core.planning.planner import PlannerContext, compile_plan
from odibi_core.sql import compile_sql

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
HEAD = """\
project: shop
connections:
  landing: { type: local, base_path: ./landing }
  lake: { type: local, base_path: ./lake }
"""
Load = Callable[..., LoadedProject]
PlanOf = Callable[..., Plan]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a project: the text of its pipelines, or all of it, beside other files given by name."""

    def loaded(text: str, *, files: Mapping[str, str] | None = None, environment: str | None = None, **variables: str) -> LoadedProject:
        main = tmp_path / "odibi.yaml"
        main.write_text(text if text.startswith("project:") else HEAD + text, encoding="utf-8")
        for name, content in (files or {}).items():
            (tmp_path / name).write_text(content, encoding="utf-8")
        return load_project(main, environment=environment, variables=variables)

    return loaded


@pytest.fixture
def plan_of(load: Load) -> PlanOf:
    """Plan a run of the pipeline `p` of a project."""

    def planned(
        text: str,
        cause: Cause | None = None,
        *,
        pipeline: str = "p",
        files: Mapping[str, str] | None = None,
        environment: str | None = None,
        **variables: str,
    ) -> Plan:
        project = load(text, files=files, environment=environment, **variables)
        command = StartRun(
            project=project.config.project, environment=project.environment, pipeline=pipeline, cause=cause or Requested(key="k")
        )
        dialect = project.config.sql_dialect
        context = PlannerContext(
            environment=variables, compile_sql=lambda text, tables: compile_sql(text, tables=tables, dialect=dialect, engine="polars")
        )
        return compile_plan(project, command, context, now=NOW)

    return planned


def reading(name: str, path: str = "in.csv", *, extra: str = "") -> str:
    """A node that reads a CSV file."""
    return f"      - {{ name: {name}, read: {{ connection: lake, format: csv, path: '{path}' }}{extra} }}\n"


def pipeline(*nodes: str, triggers: str = "[]", name: str = "p") -> str:
    """The section `pipelines:` with one pipeline."""
    return f"pipelines:\n  - pipeline: {name}\n    triggers: {triggers}\n    nodes:\n{''.join(nodes)}"
