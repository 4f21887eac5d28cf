"""What of `${…}` is in a plan: dates and trigger values, but no variable's value and no secret."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from odibi_core.errors import ConfigError
from odibi_core.messages import BlobArrived, Cause, FileVersion, Requested, StartRun, TimerTicked
from odibi_core.planning.planner import PlannerContext, compile_plan
from odibi_core.sql import SqlCache
from odibi_core.storage.memory import MemoryStore
from tests.planning.conftest import NOW, Load, PlanOf, pipeline

SECRET = "hunter2-and-more"
PROJECT = """\
project: shop
vars: { key: "${TOKEN}", rows: 7 }
connections:
  landing: { type: local, base_path: ./landing }
  lake:
    type: azure_blob
    account_name: "${ACCOUNT:-lakes}"
    container: lake
    auth: { mode: connection_string, connection_string: "${TOKEN}" }
  vault:
    type: azure_blob
    account_name: lakes
    container: vault
    auth: { mode: account_key, account_key: "${secret:lake-key}" }
story: { connection: lake, path: "stories/${TOKEN}" }
"""
FILE = FileVersion(connection="landing", path="in/a b.csv", etag="1", size_bytes=1, parts={"name": "a b"})
BLOB = "[ { blob: { connection: landing, path: 'in/{name}.csv' } } ]"
READ = "read: { connection: landing, format: csv, path: 'in/*.csv' }"


def test_a_plan_holds_variables_as_written(plan_of: PlanOf) -> None:
    """Connections, nodes, the story: the value is put in where the work happens."""
    node = f"      - {{ name: a, {READ}, transformer: fill_nulls, params: {{ values: {{ i: '${{vars.key}}' }} }} }}\n"
    plan = plan_of(PROJECT + pipeline(node, triggers=BLOB), BlobArrived(files=(FILE,)), TOKEN=SECRET)
    assert SECRET not in plan.model_dump_json()
    assert plan.connections["lake"] == {
        "type": "azure_blob",
        "account_name": "${ACCOUNT:-lakes}",
        "container": "lake",
        "auth": {"mode": "connection_string", "connection_string": "${TOKEN}"},
    }
    assert plan.connections["vault"]["auth"] == {"mode": "account_key", "account_key": "${secret:lake-key}"}
    assert plan.story == {"connection": "lake", "path": "stories/${TOKEN}"}
    assert plan.node("a").config == {
        "name": "a",
        "read": {"connection": "landing", "format": "csv", "path": "in/*.csv"},
        "transformer": "fill_nulls",
        "params": {"values": {"i": "${TOKEN}"}},
    }


@pytest.mark.parametrize(
    ("body", "compiled"),
    [
        ("transform: { steps: [\"SELECT * FROM df WHERE k = '${TOKEN}'\", SELECT 1 AS one FROM df] }", ["transform.1"]),
        ("transform: { steps: [\"SELECT * FROM df WHERE k = '${vars.key}'\"] }", []),
        ("transformer: filter_rows, params: { condition: \"k = '${TOKEN}'\" }", []),
        ("transform: { steps: [ { function: filter_rows, params: { condition: \"k = '${TOKEN}'\" } } ] }", []),
    ],
    ids=["a step", "a variable of the project", "a transformer", "a function"],
)
def test_sql_in_a_plan_holds_no_value_of_a_variable(plan_of: PlanOf, body: str, compiled: list[str]) -> None:
    """It is checked when it is planned, and compiled again where it runs: the plan outlives the secret."""
    plan = plan_of(PROJECT + pipeline(f"      - {{ name: a, {READ}, {body} }}\n", triggers=BLOB), BlobArrived(files=(FILE,)), TOKEN=SECRET)
    assert SECRET not in plan.model_dump_json()
    assert list(plan.node("a").sql) == compiled


def test_a_file_of_sql_names_no_variable(plan_of: PlanOf) -> None:
    """Its text is not in the plan, so its value would have to be."""
    node = f"      - {{ name: a, {READ}, transform: {{ steps: [ {{ sql_file: keyed.sql }} ] }} }}\n"
    with pytest.raises(ConfigError) as caught:
        plan_of(PROJECT + pipeline(node, triggers=BLOB), files={"keyed.sql": "SELECT * FROM df WHERE k = '${TOKEN}'"}, TOKEN=SECRET)
    assert caught.value.message == "step 1 of node 'a' reads an environment variable in its sql_file"


def test_the_cache_of_compiled_sql_holds_no_value_of_a_variable(load: Load) -> None:
    """It lies in the system store, or in the home of whoever ran it."""
    steps = "[\"SELECT * FROM df WHERE k = '${TOKEN}'\"]"
    project = load(PROJECT + pipeline(f"      - {{ name: a, {READ}, transform: {{ steps: {steps} }} }}\n", triggers=BLOB), TOKEN=SECRET)
    store = MemoryStore()
    cache = SqlCache(store)
    context = PlannerContext(environment={"TOKEN": SECRET}, compile_sql=lambda text, tables: cache.compile(text, tables=tables))
    compile_plan(project, StartRun(project="shop", pipeline="p", cause=Requested(key="k")), context, now=NOW)
    assert [path for path in store.list("") if SECRET.encode() in store.get(path).data] == []


@pytest.mark.parametrize("key", ["description: '${TOKEN}'", "tags: ['${TOKEN}']"])
def test_the_facts_of_a_plan_hold_no_value_of_a_variable(plan_of: PlanOf, key: str) -> None:
    """They are written down as they stand in the file."""
    plan = plan_of(PROJECT + pipeline(f"      - {{ name: a, {READ}, {key} }}\n", triggers=BLOB), BlobArrived(files=(FILE,)), TOKEN=SECRET)
    assert SECRET not in plan.model_dump_json()


DUE = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cause", "placeholder", "value"),
    [
        (BlobArrived(files=(FILE,)), "path", "in/a b.csv"),
        (BlobArrived(files=(FILE,)), "name", "a b"),  # the pattern's part, before the file's name
        (BlobArrived(files=(FILE,)), "url", "landing/in/a%20b.csv"),
        (TimerTicked(scheduled_time=DUE), "scheduled_time", "2026-03-01T03:00:00+00:00"),
        (Requested(key="again", files=(FILE,), resumes="0" * 32), "name", "a b"),
        pytest.param(BlobArrived(files=(FILE,)), "scheduled_time", "2026-03-04T05:06:07+00:00"),
        pytest.param(Requested(key="by hand"), "scheduled_time", "2026-03-04T05:06:07+00:00"),
    ],
)
def test_what_the_trigger_says_is_in_params_and_sql(plan_of: PlanOf, cause: Cause, placeholder: str, value: str) -> None:
    """In SQL as a literal."""
    node = (
        f"      - {{ name: a, {READ}, transformer: fill_nulls, params: {{ values: {{ origin: '${{trigger.{placeholder}}}' }} }},\n"
        f"          transform: {{ steps: ['SELECT *, ${{trigger.{placeholder}}} AS origin FROM df'] }} }}\n"
    )
    plan = plan_of(pipeline(node, triggers=BLOB[:-1] + ", { schedule: '0 0 3 * * *' } ]"), cause)
    assert plan.node("a").config["params"] == {"values": {"origin": value}}
    assert plan.node("a").sql["transform.0"].text == f"SELECT *, '{value}' AS origin FROM df"


def test_a_file_name_stays_inside_its_literal(plan_of: PlanOf) -> None:
    """However it is written."""
    name = "x' OR '1'='1"
    file = FILE.model_copy(update={"path": f"in/{name}.csv", "parts": {"name": name}})
    node = f"      - {{ name: a, {READ}, transform: {{ steps: [\"SELECT * FROM df WHERE origin = '${{trigger.name}}'\"] }} }}\n"
    compiled = plan_of(pipeline(node, triggers=BLOB), BlobArrived(files=(file,))).node("a").sql["transform.0"]
    assert compiled.tables == ("df",)
    assert f'"type":"text","text":"{name}"' in compiled.polars
