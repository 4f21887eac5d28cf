"""What the language has and this release cannot run: refused before a run, never passed over."""

from __future__ import annotations

import pytest

from odibi_core.errors import ConfigError
from tests.planning.conftest import HEAD, Load, PlanOf, pipeline

READ = "read: { connection: lake, format: delta, path: in }"
WRITE = "write: { connection: lake, format: delta, path: out }"


def with_read(key: str) -> str:
    return READ.replace(" }", f", {key} }}") + ", " + WRITE


def with_write(key: str) -> str:
    return READ + ", " + WRITE.replace(" }", f", {key} }}")


def beside(key: str) -> str:
    return f"{READ}, {WRITE}, {key}"


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (beside("engine: spark"), "engine 'spark' is not available yet"),
        (beside("streaming: true"), "streaming is not available"),
        (with_read("streaming: true"), "streaming is not available"),
        (with_write("streaming: { checkpoint_location: x }"), "streaming is not available"),
        (
            f"{READ}, write: {{ connection: lake, format: parquet, path: out, partition_by: [i] }}",
            "'write.partition_by' needs a Delta table, not parquet",
        ),
        ("read: { connection: lake, format: cloudFiles, path: in }", "read format 'cloudFiles' is not available yet"),
        (f"{READ[:-2]}, incremental: {{ mode: stateful, column: i }} }}", "a stateful load needs a 'write'"),
        (
            "inputs: { a: { connection: lake, format: delta, path: in, incremental: { mode: stateful, column: i } } }, " + WRITE,
            "input 'a' has a high-water mark",
        ),
        ("read: { format: simulation }", "read format 'simulation' is not available yet"),
        (f"{READ}, write: {{ connection: lake, format: sql, table: out }}", "write format 'sql' is not available yet"),
    ],
)
def test_what_cannot_be_run_names_its_node_and_a_way_out(plan_of: PlanOf, node: str, message: str) -> None:
    """The text of the error says where, the hint what to do."""
    with pytest.raises(ConfigError) as caught:
        plan_of(pipeline(f"      - {{ name: a, {node} }}\n"))
    assert (caught.value.message, caught.value.error_code) == (f"node 'a' of pipeline 'p': {message}", "not_available")
    assert caught.value.hint.endswith(".")


@pytest.mark.parametrize(
    ("key", "message", "path"),
    [
        ("pre_sql: [DELETE FROM old]", "pre_sql 1 of node 'a' in pipeline 'p': SQL must be one query, found DELETE", ()),
        (
            "post_sql: [SELECT 1, SELECT * FROM stored]",
            "post_sql 2 of node 'a' in pipeline 'p': SQL reads 'stored', which is not an input",
            ("post_sql", 1),
        ),
    ],
)
def test_sql_around_a_node_is_a_query_or_refused(plan_of: PlanOf, key: str, message: str, path: tuple[str | int, ...]) -> None:
    """What `pre_sql` and `post_sql` would change is not there: they see the inputs of the node and nothing else."""
    with pytest.raises(ConfigError) as caught:
        plan_of(pipeline(f"      - {{ name: a, {beside(key)} }}\n"))
    (problem,) = caught.value.problems
    assert (problem.message, problem.path) == (message, path)
    assert problem.hint.endswith(".")


def test_queries_around_a_node_are_checked_and_not_run(load: Load, plan_of: PlanOf) -> None:
    """Nobody would read what they give, and that is said."""
    text = pipeline(f"      - {{ name: a, {beside('pre_sql: [SELECT COUNT(*) AS n FROM df]')} }}\n")
    assert plan_of(text).node("a").sql == {}
    assert any("pre_sql, post_sql: are checked and not run" in notice for notice in load(text).notices)


def test_a_pipeline_cannot_wait_for_a_node_that_writes_nothing(plan_of: PlanOf) -> None:
    """It would never run."""
    other = f"  - pipeline: q\n    nodes:\n      - {{ name: x, {READ} }}\n"
    with pytest.raises(ConfigError) as caught:
        plan_of(pipeline(f"      - {{ name: a, {READ} }}\n", triggers="[ { dataset: q.x } ]") + other)
    assert caught.value.message == "trigger of pipeline 'p': node 'x' of 'q' writes nothing"
    assert caught.value.hint == "Give 'x' a 'write:', or name a node that has one."


def test_only_what_runs_is_refused(plan_of: PlanOf) -> None:
    """Another pipeline of the project may use what is not available yet."""
    text = pipeline(f"      - {{ name: a, {READ} }}\n") + f"  - pipeline: q\n    nodes:\n      - {{ name: x, {READ}, streaming: true }}\n"
    assert [node.name for node in plan_of(text).nodes] == ["a"]


WITHOUT_EFFECT = {
    "cache": beside("cache: true"),
    "log_level": beside("log_level: DEBUG"),
    "on_overflow": beside("on_overflow: spark"),
    "write.register_table": with_write("register_table: out"),
    "write.options.optimizeWrite": with_write("options: { optimizeWrite: true }"),
    "write.merge_options.batch_size": with_write("mode: merge, merge_keys: [i], merge_options: { batch_size: 3 }"),
    "write.merge_options": with_write("merge_options: { update_condition: source.i > 1 }"),
    "write.overwrite_options": with_write("overwrite_options: { strategy: drop_create }"),
}


@pytest.mark.parametrize("key", WITHOUT_EFFECT)
def test_a_key_that_has_no_effect_is_noticed(load: Load, plan_of: PlanOf, key: str) -> None:
    """Once, and the run goes on. Silence would be a lie."""
    text = pipeline(f"      - {{ name: a, {WITHOUT_EFFECT[key]} }}\n")
    assert [notice.split(":")[0] for notice in load(text).notices] == [f"p.a.{key}"]
    assert [node.name for node in plan_of(text).nodes] == ["a"]


@pytest.mark.parametrize(
    ("body", "message", "path"),
    [
        ("read: { connection: db, format: csv, path: a }", "format 'csv' and connection 'db' of type 'sqlite'", ("read", "format")),
        ("read: { connection: lake, format: sql, table: a }", "format 'sql' and connection 'lake' of type 'local'", ("read", "format")),
        ("read: { connection: db, format: api }", "format 'api' and connection 'db' of type 'sqlite'", ("read", "format")),
        ("read: { connection: web, format: json, path: a }", "format 'json' and connection 'web' of type 'http'", ("read", "format")),
        (
            "inputs: { x: { connection: web, format: delta, path: a } }",
            "format 'delta' and connection 'web' of type 'http'",
            ("inputs", "x", "format"),
        ),
        (
            "read: { connection: lake, format: csv, path: a }, write: { connection: db, format: parquet, path: a }",
            "format 'parquet' and connection 'db' of type 'sqlite'",
            ("write", "format"),
        ),
    ],
)
def test_a_format_and_its_connection_go_together(plan_of: PlanOf, body: str, message: str, path: tuple[str, ...]) -> None:
    """Before anything is opened: files come from folders and containers, rows from databases, answers from web APIs."""
    connections = HEAD + "  db: { type: sqlite, database: a.db }\n  web: { type: http, base_url: 'https://example.com' }\n"
    with pytest.raises(ConfigError) as refused:
        plan_of(connections + pipeline(f"      - {{ name: a, {body} }}\n"))
    (problem,) = refused.value.problems
    assert problem.message == f"node 'a' of pipeline 'p': {message} do not go together"
    assert problem.path == path
    assert refused.value.error_code == "connection_kind"


def test_a_source_query_needs_a_database(plan_of: PlanOf) -> None:
    """A folder knows no SQL; a table or a file of it can be named."""
    params = "params: { mode: sql_compare, keys: [i], source_connection: lake, source_query: SELECT i FROM t }"
    with pytest.raises(ConfigError, match="'detect_deletes' has a 'source_query' and connection 'lake' knows no SQL"):
        plan_of(pipeline(f"      - {{ name: a, {READ}, transformer: detect_deletes, {params} }}\n"))
