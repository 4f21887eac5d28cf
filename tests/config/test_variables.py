"""`${…}` is put into parsed scalars: it can inject nothing (threats T4, T5, T6, T15)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odibi_core.config import Scope, load_project, resolve, resolve_sql
from odibi_core.errors import ConfigError
from tests.config.conftest import HEAD, Complaints, Load, node

NOW = datetime(2024, 3, 31, 10, 20, 30, tzinfo=UTC)
SQL_CONNECTION = """\
project: shop
connections:
  crm: { type: sql_server, host: h, database: crm, auth: { mode: sql_login, username: u, password: "${PW}" } }
  lake: { type: local, base_path: "./${PW}/x" }
pipelines: []
"""


def scope(**settings: object) -> Scope:
    return Scope(**{"environment": {}, "now": NOW, **settings})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    secret=st.text(min_size=1)
    | st.sampled_from(
        [
            "x\n  type: local\n  base_path: /etc",
            "0123456",
            "yes",
            "2024-01-01",
            "abc #def",
            "a: b",
            "true",
            "null",
            "1e3",
            "{a: 1}",
            "[1]",
            "*x",
            "&x y",
            "!!python/name:os",
            '"',
            "'",
            "\\",
            "${PW}",
            "${vars.x}",
            "$${PW}",
            "\t",
            "a\x00b",
            "<<: *x",
        ]
    )
)
def test_an_environment_value_arrives_as_it_is_and_changes_nothing_else(tmp_path: Path, secret: str) -> None:
    """For any text: the loaded value is that text, and the rest of the project is what it was."""
    path = tmp_path / "odibi.yaml"
    path.write_text(SQL_CONNECTION)
    loaded = load_project(path, variables={"PW": secret})
    plain = load_project(path, variables={"PW": "plain"})
    assert loaded.config.connections["crm"].auth.password == secret
    assert loaded.config.connections["lake"].base_path == f"./{secret}/x"
    assert loaded.tree == plain.tree
    assert loaded.fingerprint == plain.fingerprint

    def without(project: object) -> object:
        dump = project.config.model_dump()
        dump["connections"]["crm"]["auth"]["password"] = dump["connections"]["lake"]["base_path"] = None
        return dump

    assert without(loaded) == without(plain)


def test_the_tree_keeps_placeholders_and_the_project_knows_its_secrets(load: Load) -> None:
    """A plan may store the tree; the redactor gets what the variables held."""
    loaded = load(SQL_CONNECTION, PW="s3cret")
    assert "s3cret" not in json.dumps(loaded.tree)
    assert loaded.tree["connections"]["crm"]["auth"]["password"] == "${PW}"
    assert loaded.secrets == {"s3cret"}
    assert "s3cret" not in repr(loaded)
    assert "s3cret" not in repr(loaded.config.connections["crm"])


def test_a_missing_variable_is_reported_where_it_stands(complaints: Complaints) -> None:
    """And nothing that follows from it is reported besides."""
    text = HEAD + '  crm: { type: sql_server, host: h, database: d, port: "${PORT}" }\npipelines: []\n'
    assert complaints(text) == [
        "odibi.yaml:4:56: missing environment variable 'PORT'. Set it, or write '${PORT:-default}'.",
    ]


def test_comments_are_never_looked_at(load: Load) -> None:
    """The reference fails on a variable in a comment."""
    assert load(HEAD + "# password: ${NOT_SET}\npipelines: []  # ${NOR_THIS}\n").config.pipelines == ()


@pytest.mark.parametrize(
    ("text", "environment", "value"),
    [
        ("${A:-x}", {}, "x"),
        ("${A:-x}", {"A": ""}, "x"),
        ("${A:-x}", {"A": "a"}, "a"),
        ("${A:-}", {}, ""),
        ("${env:A}", {"A": "a"}, "a"),
        ("${env:A:-b}", {}, "b"),
        ("<${A}|${B:-c:d}>", {"A": "1"}, "<1|c:d>"),
        ("${A}", {"A": "5"}, "5"),
        ("$${A}", {"A": "5"}, "${A}"),
        ("a ${ not ours } b", {}, "a ${ not ours } b"),
        ("${secret:db-password}", {}, "${secret:db-password}"),
        ("${date:now}", {}, "2024-03-31 10:20:30"),
        ("${date:today}", {}, "2024-03-31"),
        ("${date:yesterday}", {}, "2024-03-30"),
        ("${date:start_of_month}", {}, "2024-03-01"),
        ("${date:end_of_month:%d.%m.%Y}", {}, "31.03.2024"),
        ("${date:start_of_year}", {}, "2024-01-01"),
        ("${date:-7d}", {}, "2024-03-24"),
        ("${date:+1w}", {}, "2024-04-07"),
        ("${date:-1m}", {}, "2024-02-29"),
        ("${date:-1y}", {}, "2023-03-31"),
        ("${date:now:%H:%M}", {}, "10:20"),
        ("orders_${date:today:%Y%m%d}.csv", {}, "orders_20240331.csv"),
    ],
)
def test_placeholders_resolve(text: str, environment: dict[str, str], value: str) -> None:
    """Every form, alone and inside a text."""
    assert resolve(text, scope(environment=environment)) == value


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("${var.x}", "unknown placeholder '${var.…}'. Did you mean 'vars'?"),
        ("${date:tomorow}", "unknown date 'tomorow'"),
        ("${secret:}", "not the name of a secret"),
        ("${A:-${B}}", "placeholders cannot be nested"),
        ("${trigger.pth}", "the trigger of this run has no value 'pth'. Did you mean 'path'?"),
        ("${MISSING}", "missing environment variable 'MISSING'"),
    ],
)
def test_a_wrong_placeholder_is_refused(text: str, answer: str) -> None:
    """A typo never passes as literal text."""
    with pytest.raises(ConfigError) as caught:
        resolve({"deep": [text]}, scope(trigger={"path": "a"}))
    assert str(caught.value).startswith(answer)


def test_a_whole_value_keeps_its_type(load: Load) -> None:
    """A variable alone stays a number, a list, a mapping; inside a text it becomes text."""
    body = """
name: load
read: { connection: lake, format: csv, path: "f_${vars.number}_${vars.flag}.csv" }
transformer: x
params: { n: "${vars.number}", l: "${vars.list}", m: "${vars.map}", d: "${vars.map.deep}", f: "${vars.flag}", s: "${vars.again}" }
"""
    head = "vars: { number: 15, list: [1, a], map: { deep: 2 }, flag: true, again: '${vars.number}+${vars.map.deep}' }\n" + HEAD
    found = load(node(body.strip(), head=head)).config.pipeline("bronze").node("load")
    assert found.params == {"n": 15, "l": [1, "a"], "m": {"deep": 2}, "d": 2, "f": True, "s": "15+2"}
    assert found.read is not None
    assert found.read.path == "f_15_true.csv"
    assert resolve({"n": "${trigger.n}"}, scope(trigger={"n": 7})) == {"n": 7}


def test_an_undefined_variable_lists_the_candidates(complaints: Complaints) -> None:
    """The reference puts an empty text in its place."""
    text = "vars: { threshold: 1, other: 2 }\n" + HEAD + 'owner: "${vars.treshold}"\npipelines: []\n'
    assert complaints(text) == [
        "odibi.yaml:5:8: unknown variable 'vars.treshold'. Did you mean 'threshold'? Variables: other, threshold.",
    ]


def test_variables_that_use_each_other_in_a_circle_are_named(complaints: Complaints) -> None:
    """No endless recursion."""
    found = complaints("vars: { a: '${vars.b}', b: '${vars.a}' }\n" + HEAD + "pipelines: []\n")
    assert "variables use each other: b → a → b" in found[0]


def test_a_list_cannot_stand_inside_a_text(complaints: Complaints) -> None:
    """It has no one obvious spelling."""
    found = complaints("vars: { list: [1] }\n" + HEAD + "owner: 'x ${vars.list}'\npipelines: []\n")
    assert "'${vars.list}' is a list and cannot stand inside a text" in found[0]


@pytest.mark.parametrize(
    ("text", "value", "sql"),
    [
        ("a = '${trigger.v}'", "' OR 1=1 --", "a = '\\' OR 1=1 --'"),
        ("a = ${trigger.v}", "' OR 1=1 --", "a = '\\' OR 1=1 --'"),
        ("a = '${trigger.v}'", "\\' OR 1=1 --", "a = '\\\\\\' OR 1=1 --'"),
        ("a = '${trigger.v}'", "\\", "a = '\\\\'"),
        ("a = 'it\\'s ${trigger.v}'", "'", "a = 'it\\'s \\''"),
        ("a = 'it''s ${trigger.v}'", "'", "a = 'it''s \\''"),
        ("a > ${trigger.v}", 5, "a > 5"),
        ("a > ${trigger.v}", "5", "a > 5"),
        ("a > ${trigger.v}", "2024-01-01", "a > '2024-01-01'"),
        ("a = ${trigger.v}", "orders", "a = 'orders'"),
        ("a = ${trigger.v} -- ${trigger.v}", "x", "a = 'x' -- x"),
        ("a = ${trigger.v}", True, "a = TRUE"),
        ("a = ${trigger.v}", None, "a = NULL"),
        ("`${trigger.v}` = 1", "order date", "`order date` = 1"),
    ],
)
def test_a_value_in_sql_is_a_literal(text: str, value: object, sql: str) -> None:
    """A file name cannot change a statement."""
    assert resolve_sql(text, scope(trigger={"v": value})) == sql
    assert resolve({"sql": text}, scope(trigger={"v": value})) == {"sql": sql}


def test_a_value_in_duckdb_sql_doubles_its_quotes() -> None:
    """There a backslash is an ordinary character."""
    found = resolve_sql("a = '${trigger.v}'", scope(trigger={"v": "\\' OR 1=1 --"}, sql_dialect="duckdb"))
    assert found == "a = '\\'' OR 1=1 --'"


@pytest.mark.parametrize(("text", "value"), [("`${trigger.v}`", "a`b"), ('"${trigger.v}"', 'a"b'), ("1 -- ${trigger.v}", "a\nDROP")])
def test_a_value_that_could_leave_its_quotes_is_refused(text: str, value: str) -> None:
    """There is no safe way to write it."""
    with pytest.raises(ConfigError, match="cannot stand inside"):
        resolve_sql(text, scope(trigger={"v": value}))


@settings(deadline=None)
@given(st.text(), st.sampled_from(["spark", "duckdb"]), st.booleans())
def test_sql_with_any_value_is_still_one_comparison_with_one_literal(value: str, dialect: str, quoted: bool) -> None:
    """Parsed by an independent parser, the statement has the same shape and the literal is the value."""
    sqlglot = pytest.importorskip("sqlglot")
    value = "_" + value  # never a number
    template = "SELECT 1 FROM t WHERE a = " + ("'${trigger.v}'" if quoted else "${trigger.v}")
    text = resolve_sql(template, Scope(environment={}, now=NOW, trigger={"v": value}, sql_dialect=dialect))
    [statement] = sqlglot.parse(text, read=dialect)
    where = statement.args["where"].this
    assert isinstance(where, sqlglot.exp.EQ)
    assert isinstance(where.expression, sqlglot.exp.Literal)
    if not any(escape in value for escape in "\\"):
        assert where.expression.this == value


def test_variables_of_the_project_in_sql_cannot_end_a_text(load: Load) -> None:
    """Numbers and names stay what they are; a text that stands in quotes stays in them."""
    body = """
name: load
read: { connection: lake, format: csv, path: a.csv }
transform:
  steps:
    - "SELECT * FROM ${vars.table} WHERE n > ${vars.number} AND s = '${vars.text}'"
    - sql: "SELECT * FROM df WHERE s = ${vars.text} AND p = ${vars.env} AND q = '${PW}'"
"""
    head = "vars: { table: ev, number: 15, text: \"' OR 1=1 --\", env: '${PW}' }\n" + HEAD
    steps = load(node(body.strip(), head=head), PW="' OR 'x").config.pipeline("bronze").node("load").transform.steps
    assert steps[0].sql == "SELECT * FROM ev WHERE n > 15 AND s = '\\' OR 1=1 --'"
    assert steps[1].sql == "SELECT * FROM df WHERE s = '\\' OR 1=1 --' AND p = '\\' OR \\'x' AND q = '\\' OR \\'x'"


def test_a_plan_may_be_resolved_twice() -> None:
    """A file name that looks like a placeholder does not fetch a secret when the plan is resolved at last."""
    tree = {"path": "${trigger.path}", "text": "<${trigger.path}> ${PW}", "kept": "$${PW}"}
    full = scope(environment={"PW": "s3cret"}, trigger={"path": "in/${PW}.csv"})
    planned = resolve(tree, full.for_plan())
    assert "s3cret" not in json.dumps(planned)
    assert resolve(planned, full) == {"path": "in/${PW}.csv", "text": "<in/${PW}.csv> s3cret", "kept": "${PW}"}


def test_a_trigger_placeholder_must_be_given_by_a_trigger(complaints: Complaints, load: Load) -> None:
    """Named parts and the values every arrival has; a typo is refused before the first run."""
    text = HEAD + (
        "pipelines:\n"
        "  - pipeline: bronze\n"
        "    triggers:\n"
        '      - blob: { connection: lake, path: "orders/{order_date:%Y-%m-%d}/{name}.csv" }\n'
        "    nodes:\n"
        "      - name: load\n"
        '        read: { connection: lake, format: csv, path: "${trigger.path}" }\n'
        "        transformer: derive_columns\n"
        '        params: { derivations: { d: "${trigger.order_date}" } }\n'
    )
    config = load(text).config.pipeline("bronze").node("load")
    assert config.read is not None
    assert config.read.path == "${trigger.path}"
    wrong = complaints(text.replace("trigger.order_date", "trigger.orderdate"))
    assert wrong == [
        (
            "odibi.yaml:12:37: '${trigger.orderdate}' is not given by a trigger of this pipeline. "
            "Did you mean 'order_date'? Given: name, order_date, path, scheduled_time, url."
        )
    ]
    outside = complaints(HEAD + "owner: ${trigger.path}\npipelines: []\n")
    assert outside == ["odibi.yaml:4:8: '${trigger.path}' stands outside of a pipeline"]


def test_a_key_cannot_hold_a_placeholder(complaints: Complaints) -> None:
    """Values only are resolved."""
    assert complaints(HEAD + "vars: { '${A}': 1 }\npipelines: []\n", A="x") == [
        "odibi.yaml:4:9: a key cannot hold a placeholder. Write the key as it is."
    ]


def test_dotenv_wins_on_a_laptop_and_is_not_read_in_azure(load: Load) -> None:
    """As the reference does; but a file that was deployed by accident must not override the app's settings."""
    text = HEAD + 'owner: "${A} ${B}"\npipelines: []\n'
    dotenv = "# local\nexport A=one # comment\nB='two words'\n"
    assert load(text, files={".env": dotenv}, A="process").config.owner == "one two words"
    for sign in ("WEBSITE_INSTANCE_ID", "WEBSITE_SKU", "IDENTITY_ENDPOINT"):  # each plan sets its own
        assert load(text, A="x", B="y", **{sign: "1"}).config.owner == "x y"


def test_dotenv_understands_quotes_and_says_where_it_does_not(complaints: Complaints, load: Load) -> None:
    """The line is not shown: it may hold a secret."""
    text = HEAD + 'owner: "${A}|${B}|${C}|${D}"\npipelines: []\n'
    dotenv = 'A="a\\nb"\nB=\'$x\'\nC=a#b\nD="line 1\nline 2"\n'
    assert load(text, files={".env": dotenv}).config.owner == "a\nb|$x|a#b|line 1\nline 2"
    assert complaints(text, files={".env": "A=1\nthis is s3cret\n"}) == [".env:2:1: not a 'NAME=value' line. Quote values with spaces."]
