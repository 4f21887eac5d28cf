"""A problem of SQL is told where its author wrote it: in a step, in a file, or in a parameter."""

from __future__ import annotations

import pytest

from odibi_core.errors import ConfigError
from tests.planning.conftest import PlanOf, pipeline

READ = "read: { connection: lake, format: delta, path: in }"


def problems_of(plan_of: PlanOf, node: str) -> list[tuple[str, tuple[str | int, ...], int, int]]:
    with pytest.raises(ConfigError) as caught:
        plan_of(pipeline(f"      - {{ name: a, {READ}, {node} }}\n"))
    return [
        (problem.message.partition(": ")[2], problem.path, problem.place.line, problem.place.column)
        for problem in caught.value.problems
        if problem.place is not None
    ]


def test_every_problem_of_every_step_is_told(plan_of: PlanOf) -> None:
    """With the path of the step's text, and line and column in it."""
    steps = 'steps: ["SELECT frob(i) AS x FROM df", { sql: "SELECT\\n  i\\nFROM nowhere" }]'
    assert problems_of(plan_of, f"transform: {{ {steps} }}") == [
        ("function FROB does not run on Polars with Spark's meaning", ("transform", "steps", 0), 1, 8),
        ("SQL reads 'nowhere', which is not an input", ("transform", "steps", 1, "sql"), 3, 6),
    ]


def test_a_problem_in_a_parameter_is_told_in_the_parameter(plan_of: PlanOf) -> None:
    """Not in the query that a transform makes of it."""
    step = 'transform: { steps: [{ function: filter_rows, params: { condition: "i > 1 AND frob(i)" } }] }'
    assert problems_of(plan_of, step) == [
        ("function FROB does not run on Polars with Spark's meaning", ("transform", "steps", 0, "params", "condition"), 1, 11)
    ]


def test_a_problem_in_a_check_is_told_in_its_condition(plan_of: PlanOf) -> None:
    """Each check is named, and each problem has its own place."""
    tests = (
        '{ type: not_null, columns: [i] }, { type: custom_sql, condition: "i > 1 AND frob(i)" }, { type: custom_sql, condition: "i >< 1" }'
    )
    assert problems_of(plan_of, f"validation: {{ tests: [{tests}] }}") == [
        ("function FROB does not run on Polars with Spark's meaning", ("validation", "tests", 1, "condition"), 1, 11),
        ("SQL does not parse near '<'", ("validation", "tests", 2, "condition"), 1, 4),
    ]


def test_a_line_with_a_value_of_the_environment_is_not_shown(plan_of: PlanOf) -> None:
    """It may be a secret."""
    with pytest.raises(ConfigError) as caught:
        plan_of(
            pipeline(f"      - {{ name: a, {READ}, transform: {{ steps: [\"SELECT frob('${{BASE}}') AS x FROM df\"] }} }}\n"), BASE="hush"
        )
    assert [problem.place.excerpt for problem in caught.value.problems if problem.place] == [""]
