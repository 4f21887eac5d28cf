"""What a plan holds: the order, the inputs, the files, the policies, the compiled SQL."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from odibi_core.errors import ConfigError
from odibi_core.events import PlannedNodeFacts
from odibi_core.messages import BlobArrived, FileVersion, Requested, TimerTicked
from odibi_core.planning.plan import Plan, PlannedNode, RetryPolicy, StoredInput
from odibi_core.ports import CompiledSql
from tests.planning.conftest import HEAD, NOW, PlanOf, pipeline, reading

FILE = FileVersion(connection="landing", path="orders/2026-03-01/a.csv", etag="e1", size_bytes=9, parts={"day": "2026-03-01", "name": "a"})
OTHER = FILE.model_copy(update={"path": "orders/2026-03-02/b.csv", "parts": {"day": "2026-03-02", "name": "b"}})
ARRIVED = BlobArrived(files=(FILE,))
TRIGGER = "[ { blob: { connection: landing, path: 'orders/{day:%Y-%m-%d}/{name}.csv' } } ]"
TO = "write: {{ connection: lake, format: delta, path: {0} }}"


def writing(name: str, body: str) -> str:
    """A node that writes a table of its own name."""
    return f"      - {{ name: {name}, {body}, {TO.format(name)} }}\n"


def test_a_whole_plan(plan_of: PlanOf) -> None:
    """Every field of a plan of two nodes, one of which reads the other's frame in SQL."""
    plan = plan_of(
        pipeline(
            "      - { name: b, description: counted, tags: [x], depends_on: [a], on_error: fail_fast,\n"
            "          transform: { steps: ['SELECT COUNT(*) AS n FROM a'] } }\n",
            reading("a"),
        )
    )
    assert plan == Plan(
        run_id=plan.run_id,
        project="shop",
        pipeline="p",
        cause=Requested(key="k"),
        logical_time=NOW,
        planned_at=NOW,
        nodes=(
            PlannedNode(
                name="a",
                config={"name": "a", "read": {"connection": "lake", "format": "csv", "path": "in.csv"}},
                keep_frame=True,
                retry=RetryPolicy(max_attempts=3, backoff="exponential"),
            ),
            PlannedNode(
                name="b",
                upstream=("a",),
                frames=("a",),
                config={
                    "name": "b",
                    "description": "counted",
                    "tags": ["x"],
                    "depends_on": ["a"],
                    "on_error": "fail_fast",
                    "transform": {"steps": ["SELECT COUNT(*) AS n FROM a"]},
                },
                sql={
                    "transform.0": CompiledSql(
                        text="SELECT COUNT(*) AS n FROM a",
                        polars=plan.node("b").sql["transform.0"].polars,  # the compiler's tests say what it is
                        spark=plan.node("b").sql["transform.0"].spark,
                        tables=("a",),
                    )
                },
                on_error="fail_fast",
            ),
        ),
        facts=(PlannedNodeFacts(name="a"), PlannedNodeFacts(name="b", upstream=("a",), description="counted", tags=("x",))),
        connections={"landing": {"type": "local", "base_path": "./landing"}, "lake": {"type": "local", "base_path": "./lake"}},
        fingerprint=plan.fingerprint,
    )


def test_a_plan_survives_its_own_json(plan_of: PlanOf) -> None:
    """What a worker reads is what the planner wrote."""
    plan = plan_of(pipeline(reading("a"), "      - { name: b, depends_on: [a], transformer: limit, params: { n: 1 } }\n"), ARRIVED)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


# ── which frames a node reads ──


@pytest.mark.parametrize(
    ("node", "upstream", "frames"),
    [
        ("depends_on: [a, b], transformer: limit, params: { n: 1 }", ("a", "b"), ("a",)),
        ("depends_on: [b, a], transformer: limit, params: { n: 1 }", ("b", "a"), ("b",)),
        ("depends_on: [a, b], transform: { steps: ['SELECT * FROM a JOIN B USING (i)'] }", ("a", "b"), ("a", "b")),
        ("depends_on: [a, b], transform: { steps: ['SELECT * FROM df'] }", ("a", "b"), ("a",)),
        ("inputs: { x: $p.b, y: $p.a }, transform: { steps: ['SELECT * FROM y'] }", ("b", "a"), ("b", "a")),
        ("depends_on: [a], inputs: { x: $p.b }, transform: { steps: ['SELECT * FROM x'] }", ("a", "b"), ("b",)),
        ("depends_on: [a], read: { connection: lake, format: csv, path: z.csv }", ("a",), ()),
        (
            "depends_on: [a], read: { connection: lake, format: csv, path: z.csv }, transform: { steps: ['SELECT * FROM df, a'] }",
            ("a",),
            ("a",),
        ),
        ("depends_on: [a, b], transform: { steps: [ { sql_file: both.sql } ] }", ("a", "b"), ("a", "b")),
        ("depends_on: [a, b], transformer: join, params: { right_dataset: B, on: i }", ("a", "b"), ("a", "b")),
        ("depends_on: [a, b], transformer: fill_nulls, params: { values: { i: b } }", ("a", "b"), ("a",)),
        ("depends_on: [b, a], transform: { steps: [ { function: union, params: { datasets: [a] } } ] }", ("b", "a"), ("b", "a")),
    ],
)
def test_the_frames_of_a_node_are_its_input_and_what_its_steps_name(
    plan_of: PlanOf, node: str, upstream: tuple[str, ...], frames: tuple[str, ...]
) -> None:
    """Others above it only have to be done before. Letter case does not matter in SQL."""
    plan = plan_of(
        pipeline(reading("a"), reading("b"), f"      - {{ name: c, {node} }}\n"), files={"both.sql": "SELECT * FROM a JOIN b USING (i)"}
    )
    assert (plan.node("c").upstream, plan.node("c").frames) == (upstream, frames)
    assert {name: plan.node(name).keep_frame for name in "abc"} == {"a": "a" in frames, "b": "b" in frames, "c": False}


def test_a_name_inside_another_name_is_no_mention(plan_of: PlanOf) -> None:
    """`orders_old` and `x.orders` do not read `orders`."""
    plan = plan_of(
        pipeline(
            reading("first"),
            reading("orders"),
            "      - { name: c, depends_on: [first, orders], transform: { steps: ['SELECT orders_old, df.orders FROM df'] } }\n",
        )
    )
    assert plan.node("c").frames == ("first",)


# ── the arrived files ──


@pytest.mark.parametrize(
    ("path", "files"),
    [
        ("orders/*/*.csv", (FILE,)),
        ("orders/{day:%Y-%m-%d}/{name}.csv", (FILE,)),
        ("**/*.csv", (FILE,)),
        ("${trigger.path}", (FILE,)),
        ("orders/${trigger.day}/${trigger.name}", (FILE,)),
        ("customers/*.csv", None),
        ("orders/2026-03-09/a.csv", None),
    ],
)
def test_a_node_reads_exactly_the_files_that_arrived(plan_of: PlanOf, path: str, files: tuple[FileVersion, ...] | None) -> None:
    """If its path points at them; others read what lies there when they run."""
    node = f"      - {{ name: a, read: {{ connection: landing, format: csv, path: '{path}' }} }}\n"
    if path.endswith("{trigger.name}"):  # the pattern's own part `name` hides the file's name
        node = node.replace("${trigger.name}", "${trigger.name}.csv")
    assert plan_of(pipeline(node, triggers=TRIGGER), ARRIVED).node("a").files == files


def test_a_request_reads_all_files_that_wait(plan_of: PlanOf) -> None:
    """Each in the version that was listed."""
    node = "      - { name: a, read: { connection: landing, format: csv, path: 'orders/*/*.csv' } }\n"
    plan = plan_of(pipeline(node, triggers=TRIGGER), Requested(key="k", files=(FILE, OTHER)))
    assert plan.node("a").files == (FILE, OTHER)


def test_a_name_with_a_placeholder_in_it_is_data(plan_of: PlanOf) -> None:
    """A file cannot smuggle a variable into the plan."""
    strange = FILE.model_copy(update={"path": "orders/2026-03-01/${SECRET}.csv", "parts": {"day": "2026-03-01", "name": "${SECRET}"}})
    node = (
        "      - { name: a, read: { connection: landing, format: csv, path: 'orders/*/*.csv' },\n"
        "          transform: { steps: [\"SELECT *, '${trigger.name}' AS origin FROM df\"] } }\n"
    )
    plan = plan_of(pipeline(node, triggers=TRIGGER), BlobArrived(files=(strange,)), SECRET="not-to-be-seen")
    assert "not-to-be-seen" not in plan.model_dump_json()
    assert plan.node("a").config["transform"] == {"steps": ["SELECT *, '$${SECRET}' AS origin FROM df"]}
    assert plan.node("a").sql["transform.0"].text == "SELECT *, '${SECRET}' AS origin FROM df"


# ── inputs from outside the run ──

OUTSIDE = (
    pipeline(
        writing("a", "read: { connection: lake, format: csv, path: a.csv }"),
        writing("b", "read: { connection: lake, format: csv, path: b.csv }"),
        writing("c", "inputs: { left: $p.a, right: $p.b, far: $q.x }, transform: { steps: ['SELECT * FROM left, right, far'] }"),
        writing("d", "depends_on: [c], transformer: limit, params: { n: 1 }"),
    )
    + "  - pipeline: q\n    nodes:\n"
    + "      - { name: x, read: { connection: lake, format: csv, path: x.csv },"
    + " write: { connection: lake, format: parquet, path: there/x } }\n"
)
STORED_A = StoredInput(dataset="p.a", connection="lake", path="a", format="delta")
STORED_B = StoredInput(dataset="p.b", connection="lake", path="b", format="delta")
STORED_X = StoredInput(dataset="q.x", connection="lake", path="there/x", format="parquet")


@pytest.mark.parametrize(
    ("nodes", "planned"),
    [
        (None, {"a": ((), ()), "b": ((), ()), "c": (("a", "b"), ("far",)), "d": (("c",), ())}),
        (("c",), {"c": ((), ("far", "left", "right"))}),
        (("a", "c"), {"a": ((), ()), "c": (("a",), ("far", "right"))}),
        (("d",), {"d": ((), ("c",))}),
        (("d", "a"), {"a": ((), ()), "d": ((), ("c",))}),
    ],
)
def test_what_is_not_part_of_the_run_is_read_as_it_was_written_last(
    plan_of: PlanOf, nodes: tuple[str, ...] | None, planned: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
) -> None:
    """Nodes of other pipelines always, those above only when they were not selected."""
    plan = plan_of(OUTSIDE, Requested(key="k", nodes=nodes))
    assert {node.name: (node.frames, tuple(sorted(node.stored))) for node in plan.nodes} == planned
    assert all(node.upstream == node.frames for node in plan.nodes)
    everything = {alias: stored for node in plan.nodes for alias, stored in node.stored.items()}
    known = {"left": STORED_A, "right": STORED_B, "far": STORED_X, "c": STORED_A.model_copy(update={"dataset": "p.c", "path": "c"})}
    assert everything == {alias: known[alias] for alias in everything}


def test_a_stored_node_is_known_by_each_of_its_aliases(plan_of: PlanOf) -> None:
    """As it is when it is part of the run."""
    text = pipeline(
        writing("a", "read: { connection: lake, format: csv, path: a.csv }"),
        writing("b", "inputs: { x: $p.a, y: $p.a }, transform: { steps: ['SELECT x.i FROM x JOIN y USING (i)'] }"),
    )
    assert plan_of(text, Requested(key="k", nodes=("b",))).node("b").stored == {"x": STORED_A, "y": STORED_A}


def test_a_node_that_wrote_nothing_cannot_be_read_later(plan_of: PlanOf) -> None:
    """The way out is to let it write."""
    text = pipeline(reading("a"), writing("b", "depends_on: [a], transformer: limit, params: { n: 1 }"))
    with pytest.raises(ConfigError) as caught:
        plan_of(text, Requested(key="k", nodes=("b",)))
    assert caught.value.message == "node 'b' reads 'a', which writes nothing and is not part of this run"
    assert caught.value.hint == "Give 'a' a 'write:'."


def test_a_selection_names_nodes_that_exist(plan_of: PlanOf) -> None:
    """The nearest name is offered."""
    with pytest.raises(ConfigError) as caught:
        plan_of(pipeline(reading("bronze"), reading("silver")), Requested(key="k", nodes=("silvr",)))
    assert caught.value.message == "pipeline 'p' has no node 'silvr'"
    assert caught.value.hint == "Did you mean 'silver'? Known: bronze, silver."


def test_a_request_names_a_pipeline_that_exists(plan_of: PlanOf) -> None:
    """The nearest name is offered."""
    with pytest.raises(ConfigError) as caught:
        plan_of(pipeline(reading("a"), name="orders"), pipeline="order")
    assert (caught.value.message, caught.value.hint) == ("unknown pipeline 'order'", "Did you mean 'orders'? Known: orders.")


# ── policies, time ──


def test_a_disabled_node_is_planned_as_skipped(plan_of: PlanOf) -> None:
    """It stays in the graph, so that what stands behind it is skipped with a reason."""
    plan = plan_of(
        pipeline(reading("a", extra=", enabled: false"), "      - { name: b, depends_on: [a], transformer: limit, params: { n: 1 } }\n")
    )
    assert [(node.name, node.skip, node.upstream) for node in plan.nodes] == [("a", "disabled (enabled: false)", ()), ("b", "", ("a",))]


@pytest.mark.parametrize(
    ("project", "node", "policy"),
    [
        ("", "", RetryPolicy()),
        ("retry: { max_attempts: 5, backoff: linear }", "", RetryPolicy(max_attempts=5, backoff="linear")),
        ("retry: { max_attempts: 5 }", ", retry: { backoff: constant }", RetryPolicy(max_attempts=3, backoff="constant")),
        ("retry: { enabled: false }", "", RetryPolicy(max_attempts=1)),
        ("", ", retry: { enabled: false, max_attempts: 7 }", RetryPolicy(max_attempts=1)),
    ],
)
def test_the_retry_policy_is_the_nodes_or_else_the_projects(plan_of: PlanOf, project: str, node: str, policy: RetryPolicy) -> None:
    """Switched off means one attempt."""
    plan = plan_of(HEAD + project + "\n" + pipeline(reading("a", extra=node)))
    assert plan.node("a").retry == policy


def test_dates_are_those_of_the_schedule(plan_of: PlanOf) -> None:
    """A run that is late belongs to the day for which it was due."""
    node = reading("a", "in/${date:today}.csv", extra=", transformer: filter_rows, params: { condition: \"d = '${date:yesterday}'\" }")
    due = datetime(2025, 12, 31, 23, 0, tzinfo=UTC)
    plan = plan_of(pipeline(node), TimerTicked(scheduled_time=due))
    assert (plan.logical_time, plan.planned_at) == (due, NOW)
    assert plan.node("a").config["read"] == {"connection": "lake", "format": "csv", "path": "in/2025-12-31.csv"}
    assert plan.node("a").config["params"] == {"condition": "d = '2025-12-30'"}


# ── SQL at plan time ──


def test_every_query_is_compiled_with_the_plan(plan_of: PlanOf) -> None:
    """The steps by their place, files included, and what transforms will ask for by its text."""
    node = (
        "      - { name: a, read: { connection: lake, format: csv, path: in.csv },\n"
        "          transformer: filter_rows, params: { condition: i > 1 },\n"
        "          transform: { steps: [ 'SELECT i FROM df', { function: sort, params: { by: i } }, { sql_file: last.sql },\n"
        "            { function: filter_rows, params: { condition: j < 9 } } ] } }\n"
    )
    sql = plan_of(pipeline(node), files={"last.sql": "SELECT i AS j FROM df"}).node("a").sql
    texts = {place: compiled.text for place, compiled in sql.items()}
    assert {place: text for place, text in texts.items() if place.startswith("transform.")} == {
        "transform.0": "SELECT i FROM df",
        "transform.2": "SELECT i AS j FROM df",
    }
    assert sorted(text.replace("\n", "") for place, text in texts.items() if place.startswith("query.")) == [
        "SELECT * FROM df WHERE (i > 1)",
        "SELECT * FROM df WHERE (j < 9)",
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("transform: { steps: ['SELEC 1'] }", "step 1 of node 'a' in pipeline 'p': "),
        ("transform: { steps: ['SELECT * FROM df', 'SELECT * FROM nowhere'] }", "step 2 of node 'a' in pipeline 'p': SQL reads 'nowhere'"),
        ("transform: { steps: ['DROP TABLE df'] }", "step 1 of node 'a' in pipeline 'p': "),
        ("transform: { steps: [ { sql_file: wrong.sql } ] }", "step 1 of node 'a' in pipeline 'p': "),
        ("transformer: filter_rows, params: { condition: 'i >' }", "node 'a' in pipeline 'p': "),
        ("transformer: dedupe", "node 'a' of pipeline 'p': unknown transform 'dedupe'"),
        ("transformer: limit, params: { m: 1 }", "node 'a' of pipeline 'p': transform 'limit' needs parameter 'n'"),
        ("transform: { steps: [ { function: nope } ] }", "node 'a' of pipeline 'p': unknown transform 'nope'"),
        ("transform: { steps: [ { operation: nope } ] }", "node 'a' of pipeline 'p': unknown operation 'nope'"),
        ("validation: { tests: [ { type: custom_sql, condition: i > } ] }", "check 'custom_sql' of node 'a' in pipeline 'p': "),
        ("contracts: [ { type: custom_sql, condition: i > } ]", "contract 'custom_sql' of node 'a' in pipeline 'p': "),
        (
            "contracts: [ { type: not_null, columns: [i], on_fail: quarantine } ]",
            "node 'a' of pipeline 'p': a contract sets no rows aside",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_node_and_pipeline(plan_of: PlanOf, body: str, message: str) -> None:
    """Before the first message is sent."""
    with pytest.raises(ConfigError) as caught:
        plan_of(pipeline(reading("a", extra=f", {body}")), files={"wrong.sql": "SELECT FROM WHERE"})
    assert caught.value.message.startswith(message)


def test_a_plan_of_nothing_is_not_started_by_mistake(plan_of: PlanOf) -> None:
    """An unknown engine, a bad transformer below a disabled node: what is planned is checked, also when it is skipped."""
    with pytest.raises(ConfigError, match="unknown transform 'nope'"):
        plan_of(pipeline(reading("a", extra=", enabled: false, transformer: nope")))
