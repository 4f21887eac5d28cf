"""The SQL of reads: compiled over files when the run is planned, left alone for databases, and no value of the environment in a plan."""

from __future__ import annotations

import pytest

from odibi_core.errors import ConfigError
from tests.planning.conftest import HEAD, Load, PlanOf, pipeline

WRITE = "write: { connection: lake, format: delta, path: out }"


def _node(read: str) -> str:
    return pipeline(f"      - {{ name: a, read: {{ connection: lake, {read} }}, {WRITE} }}\n")


def test_a_query_and_a_filter_over_a_table_are_compiled(plan_of: PlanOf) -> None:
    """The source is called `df`, by the node's name or by the table's."""
    plan = plan_of(_node("format: delta, table: silver.orders, query: SELECT i FROM Orders, filter: i > 1"))
    sql = plan.node("a").sql
    assert {place: query.tables for place, query in sql.items()} == {"read.df.query": ("orders",), "read.df.filter": ("df",)}


def test_a_sql_file_is_part_of_the_plan(plan_of: PlanOf) -> None:
    """For a database too, as it is written there."""
    files = {"rows.sql": "SELECT i FROM a -- ${date:today}\n"}
    assert plan_of(_node("format: csv, path: in.csv, sql_file: rows.sql"), files=files).node("a").sql["read.df.query"].tables == ("a",)


def test_a_sql_file_for_a_database_is_passed_on(plan_of: PlanOf) -> None:
    """As it is written there, with its placeholders."""
    files = {"rows.sql": "SELECT TOP 3 [i] FROM a -- ${date:today}\n"}
    node = _node("format: sql, sql_file: rows.sql").replace("read: { connection: lake", "read: { connection: shop")
    text = plan_of(HEAD + "  shop: { type: sqlite, database: a.db }\n" + node, files=files).node("a").sql["read.df.query"].text
    assert text == "SELECT TOP 3 [i] FROM a -- 2026-03-04\n"


@pytest.mark.parametrize(
    ("read", "says"),
    [
        ("format: delta, path: in, query: SELECT * FROM nowhere", "nowhere"),
        ("format: delta, path: in, filter: i >", "'read' of node 'a' in pipeline 'p'"),
        ("format: csv, path: in.csv, query: DELETE FROM df", "'read' of node 'a' in pipeline 'p'"),
    ],
)
def test_sql_that_does_not_compile_is_refused_before_the_run(plan_of: PlanOf, read: str, says: str) -> None:
    """With the node and the key."""
    with pytest.raises(ConfigError) as caught:
        plan_of(_node(read))
    assert says in f"{caught.value.message} {caught.value.hint}"


def test_a_value_of_the_environment_stays_out_of_the_plan(plan_of: PlanOf) -> None:
    """It is checked now and compiled again where it runs."""
    plan = plan_of(_node("format: delta, path: in, filter: \"t = '${NAME}'\""), NAME="top-secret")
    assert "top-secret" not in plan.model_dump_json()
    assert plan.node("a").sql == {}
    with pytest.raises(ConfigError, match="reads an environment variable in its sql_file"):
        plan_of(_node("format: delta, path: in, sql_file: rows.sql"), files={"rows.sql": "SELECT * FROM df WHERE t = '${NAME}'"}, NAME="x")


QUOTED = {"O'Brien": "'O''Brien'", "a\\": "'a\\'", "x' OR 1=1 --": "'x'' OR 1=1 --'", "\\' OR 1=1 --": "'\\'' OR 1=1 --'"}


@pytest.mark.parametrize("key", ["query: \"SELECT * FROM t WHERE n = '${NAME}'\"", "table: t, filter: \"n = '${NAME}'\""])
@pytest.mark.parametrize(("name", "quoted"), QUOTED.items())
def test_values_in_the_sql_of_a_database_are_quoted_as_the_standard_says(load: Load, key: str, name: str, quoted: str) -> None:
    """There a backslash is nothing special; in Spark's SQL it would be."""
    read = load(_node(f"format: sql, {key}"), NAME=name).config.pipelines[0].nodes[0].read
    assert read is not None
    assert quoted in (read.query or read.filter or "")


@pytest.mark.parametrize(
    ("read", "says"),
    [
        ("format: sql, table: t, path: p", "'table' and 'path' exclude each other"),
        ("format: sql, query: SELECT 1, sql_file: rows.sql", "'query' and 'sql_file' exclude each other"),
        ("format: delta, path: t, time_travel: { as_of_version: 1, as_of_timestamp: '2026-01-01' }", "exactly one of"),
        ("format: delta, path: t, time_travel: { as_of_timestamp: tomorrow }", "'as_of_timestamp' is no time"),
        ("format: csv", "no source is named"),
        ("format: csv, path: a, incremental: { mode: stateful }", "column"),
        ("format: csv, path: a, incremental: { column: i, watermark_lag: soon }", "expected a span of time"),
        ("format: csv, path: a, incremental: { column: i, lookback: 0 }", "must be at least 1"),
        ("format: csv, path: a, incremental: { column: i, unit: weeks }", "expected 'hour', 'day', 'month' or 'year'"),
        ("format: csv, path: a, incremental: { column: i, key_column: i }", "mean the same"),
    ],
)
def test_contradictions_and_missing_partners(load: Load, read: str, says: str) -> None:
    """Each is said with its place."""
    with pytest.raises(ConfigError) as caught:
        load(_node(read), files={"rows.sql": "SELECT 1"})
    assert says in str(caught.value)


def test_a_read_beside_inputs_is_refused(load: Load) -> None:
    """A node has one or the other."""
    with pytest.raises(ConfigError, match="exclude"):
        load(pipeline(f"      - {{ name: a, read: {{ connection: lake, format: csv, path: a }}, inputs: {{ b: $p.a }}, {WRITE} }}\n"))
