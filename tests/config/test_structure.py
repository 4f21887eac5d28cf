"""Rules of single sections and across them; each breach is reported at its line and column."""

from __future__ import annotations

import pytest

from odibi_core.config import ProjectConfig, WriteConfig, problem_text
from odibi_core.errors import ConfigError
from tests.config.conftest import HEAD, Complaints, Load, node

READ = "read: { connection: lake, format: csv, path: a.csv }"
GATE = "{ thresholds: [ { test: pkk, min_pass_rate: 0.9 } ] }"


def test_an_unknown_key_has_a_place_a_suggestion_and_the_known_keys(complaints: Complaints) -> None:
    """All of them at once, on every level."""
    text = node(f"name: load\n{READ}\ntranform: {{ steps: [x] }}\nwrite: {{ connection: lake, format: delta, pth: x, path: y }}")
    found = complaints("ownr: me\n" + text)
    assert found[0].startswith("odibi.yaml:1:1: unknown key 'ownr'. Did you mean 'owner'? Known keys: alerts, connections,")
    assert found[1].startswith("odibi.yaml:10:9: unknown key 'tranform'. Did you mean 'transform'?")
    assert found[2].startswith("odibi.yaml:11:51: unknown key 'pth'. Did you mean 'path'?")
    assert len(found) == 3


def test_a_step_may_call_its_function_transformer(load: Load, complaints: Complaints) -> None:
    """As the reference's pages spell it; both words at once are one too many."""
    steps = "transform: {{ steps: [ {{ {0}: limit, params: {{ n: 3 }} }} ] }}"
    spelled = [load(node(f"name: load\n{READ}\n{steps.format(word)}")).config.pipelines[0].nodes[0] for word in ("function", "transformer")]
    assert spelled[0] == spelled[1]
    assert spelled[1].transform.steps[0].function == "limit"
    [found] = complaints(node(f"name: load\n{READ}\n{steps.format('function: limit, transformer')}"))
    assert "'function' and 'transformer' mean the same" in found


@pytest.mark.parametrize(
    ("wrong", "right"), [("source", "'read'"), ("sink", "'write'"), ("target", "'write'"), ("outputs", "'write'"), ("sql", "'query'")]
)
def test_a_key_of_another_tool_is_answered_with_ours(complaints: Complaints, wrong: str, right: str) -> None:
    """People expect `source:` and `sink:`."""
    [found] = complaints(node(f"name: load\n{READ}\n{wrong}: x"))
    assert f"unknown key '{wrong}'. Write {right}" in found


def test_strict_false_turns_only_what_the_reference_ignores_into_warnings(load: Load, complaints: Complaints) -> None:
    """A typo in a test is a warning then; one in a node is an error still."""
    tests = "validation: { tests: [ { type: not_null, columns: [a], colums: [b] } ], gate: { on_fial: abort } }"
    text = node(f"name: load\n{READ}\n{tests}")
    assert [each.split(". ")[0] for each in complaints(text)] == [
        "odibi.yaml:9:64: unknown key 'colums'",
        "odibi.yaml:9:89: unknown key 'on_fial'",
    ]
    notices = load("strict: false\n" + text).notices
    assert [each.split(". ")[0] for each in notices] == [
        "odibi.yaml:10:64: unknown key 'colums'",
        "odibi.yaml:10:89: unknown key 'on_fial'",
    ]
    [found] = complaints("strict: false\n" + node(f"name: load\n{READ}\nwrit: x"))
    assert "unknown key 'writ'" in found


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("name: load", "7:9: a node needs at least one of 'read', 'inputs', 'transform', 'transformer', 'write'"),
        ("name: 1load\n" + READ, "7:15: a name has letters, digits and underscores and does not begin with a digit. Write '_1load'."),
        ("name: my-load\n" + READ, "7:15: a name has letters, digits and underscores and does not begin with a digit. Write 'my_load'."),
        (
            "name: load\n" + READ + "\ninputs: { a: { connection: lake, format: csv, path: a } }",
            "7:9: 'read' and 'inputs' exclude each other",
        ),
        ("name: load\nread: { connection: lake, format: csv, path: a, table: t }", "8:15: 'table' and 'path' exclude each other"),
        (
            "name: load\nread: { connection: lake, format: csv }",
            "8:15: no source is named. Add one of 'path', 'table', 'query', 'sql_file'.",
        ),
        ("name: load\nread: { format: csv, path: a }", "8:15: 'connection' is missing"),
        (
            "name: load\nread: { connection: lake, format: sql, query: SELECT 1, sql_file: odibi.yaml }",
            "8:15: 'query' and 'sql_file' exclude each other",
        ),
        ("name: load\nread: { connection: lake, format: cvs, path: a }", "8:43: expected 'csv', 'parquet',"),
        ("name: load\nwrite: { connection: lake, format: csv, path: a, table: t }", "8:16: 'table' and 'path' exclude each other"),
        ("name: load\nwrite: { connection: lake, format: csv }", "8:16: no target is named. Add 'path' or 'table'."),
        (
            "name: load\nwrite: { connection: lake, format: delta, path: a, mode: upsert }",
            "8:16: mode 'upsert' needs keys. Name the key columns in 'options.keys'.",
        ),
        ("name: load\nwrite: { connection: lake, format: delta, path: a, mode: append_once }", "8:16: mode 'append_once' needs keys"),
        (
            "name: load\nwrite: { connection: lake, format: delta, path: a, mode: merge }",
            "8:16: mode 'merge' needs keys. Name the key columns in 'merge_keys'.",
        ),
        (f"name: load\n{READ}\nexplanation: a\nexplanation_file: b", "7:9: 'explanation' and 'explanation_file' exclude each other"),
        (f"name: load\n{READ}\npattern: {{ type: a }}\ntransformer: b", "7:9: 'pattern' and 'transformer' exclude each other"),
        (f"name: load\n{READ}\ntransform: {{ steps: [ {{ sql: x, function: y }} ] }}", "9:31: a step has exactly one of"),
        (f"name: load\n{READ}\ntransform: {{ steps: [] }}", "9:29: must not be empty"),
        (f"name: load\n{READ}\ntags: daily", "9:15: expected a list, found text"),
        (f"name: load\n{READ}\nenabled: maybe", "9:18: expected true or false, found text"),
        (f"name: load\n{READ}\ndescription: 5", "9:22: expected text, found a number. Put it in quotes."),
        (f"name: load\n{READ}\nretry: {{ max_attempts: 11 }}", "9:32: must be at most 10"),
        (f"name: load\n{READ}\nretry: {{ max_attempts: many }}", "9:32: expected a whole number, found text"),
        (f"name: load\n{READ}\ntimeout: 5 minutes", "9:18: expected a span of time such as '90s', '30m', '6h', '2d' or '1w'"),
        (f"name: load\n{READ}\non_error: ignroe", "9:19: expected 'fail_fast', 'fail_later' or 'ignore'. Did you mean 'ignore'?"),
        (f"name: load\n{READ}\nsensitive: email", "9:20: expected true, false or a list of columns"),
        (
            "name: load\nread: { connection: lake, format: csv, path: a, incremental: { mode: stateful, column: c, watermark_lag: soon } }",
            "8:114: expected a span of time",
        ),
        (
            "name: load\nread: { connection: lake, format: csv, path: a, incremental: { column: c, key_column: c } }",
            "8:70: 'column' and 'key_column' mean the same. Keep one of them.",
        ),
        (f"name: load\n{READ}\nvalidation: {{ tests: [ {{ type: not_nul, columns: [a] }} ] }}", "9:40: expected 'not_null', 'unique',"),
        (f"name: load\n{READ}\nvalidation: {{ tests: [ {{ columns: [a] }} ] }}", "9:32: key 'type' is missing"),
        (
            f"name: load\n{READ}\nvalidation: {{ tests: [ {{ type: range, column: a }} ] }}",
            "9:32: at least one of 'min' and 'max' is needed",
        ),
        (
            f"name: load\n{READ}\nvalidation: {{ tests: [ {{ type: range, column: a, min: [1] }} ] }}",
            "9:63: expected a whole number or a number or text, found a list",
        ),
        (
            f"name: load\n{READ}\nvalidation: {{ tests: [ {{ type: distribution, column: a, metric: mean, threshold: '10' }} ] }}",
            "9:90: expected a comparison like '>100'",
        ),
        (
            f"name: load\n{READ}\nvalidation: {{ quarantine: {{ connection: lake }} }}",
            "9:35: exactly one of 'path' and 'table' is needed",
        ),
        (
            f"name: load\n{READ}\nvalidation: {{ tests: [ {{ type: not_null, name: pk, columns: [a] }} ], gate: {GATE} }}",
            "9:108: unknown test 'pkk'. Did you mean 'pk'? Tests of this node: not_null, pk.",
        ),
        (f"name: load\n{READ}\ndepends_on: [laod]", "9:22: unknown node 'laod'. Nodes of this pipeline: none."),
        (f"name: load\n{READ}\ndepends_on: [load]", "9:22: nodes depend on each other: load → load"),
        ("name: load\ninputs: { a: bronze.load }", "8:22: expected a reference like '$pipeline.node'"),
        ("name: load\ninputs: { a: $bronz.load }", "8:22: unknown pipeline 'bronz'. Did you mean 'bronze'?"),
        ("name: load\ninputs: { a: $bronze.laod }", "8:22: pipeline 'bronze' has no node 'laod'. Did you mean 'load'?"),
        ("name: load\ninputs: { a: { connection: lak, format: csv, path: x } }", "8:36: unknown connection 'lak'. Did you mean 'lake'?"),
        (
            "name: load\nread: { connection: laek, format: csv, path: a }",
            "8:29: unknown connection 'laek'. Did you mean 'lake'? Known connections: lake.",
        ),
        ("name: load\nwrite: { connection: sea, format: csv, path: a }", "8:30: unknown connection 'sea'. Known connections: lake."),
        (f"name: load\n{READ}\ntransformer: merge\nparams: {{ connection: lak }}", "10:31: unknown connection 'lak'"),
        (
            f"name: load\n{READ}\nvalidation: {{ quarantine: {{ connection: lak, path: x }} }}",
            "9:49: unknown connection 'lak'. Did you mean 'lake'?",
        ),
    ],
)
def test_a_node_that_breaks_a_rule_is_refused_where_it_does(complaints: Complaints, body: str, answer: str) -> None:
    """One problem, at the exact place."""
    found = complaints(node(body))
    assert len(found) == 1, found
    assert found[0].startswith(f"odibi.yaml:{answer}"), found


PIPELINES = """\
pipelines:
  - pipeline: one
    nodes:
      - { name: a, depends_on: [c], read: { connection: lake, format: csv, path: x } }
      - { name: b, inputs: { up: $one.a } }
      - { name: c, depends_on: [b], transformer: x }
"""


def test_a_cycle_is_named(complaints: Complaints) -> None:
    """References to the own pipeline count as dependencies."""
    assert complaints(HEAD + PIPELINES) == [
        "odibi.yaml:7:33: nodes depend on each other: a → c → b → a. Take one of these dependencies out."
    ]


def test_names_are_unique(complaints: Complaints) -> None:
    """Nodes in their pipeline, pipelines in the project; the first one is named."""
    text = HEAD + (
        "pipelines:\n  - pipeline: one\n    nodes:\n      - { name: a, transformer: x }\n      - { name: a, transformer: x }\n"
        "  - pipeline: one\n    nodes: []\n"
    )
    assert complaints(text) == [
        "odibi.yaml:8:17: node 'a' is defined twice. The first one is at odibi.yaml:7.",
        "odibi.yaml:9:15: pipeline 'one' is defined twice. The first one is at odibi.yaml:5.",
    ]


def test_two_reads_cannot_share_a_state_key(complaints: Complaints) -> None:
    """In the reference one of them loses rows."""
    read = "read: { connection: lake, format: csv, path: x, incremental: { mode: stateful, column: c, state_key: hwm } }"
    text = HEAD + "".join(
        f"{'pipelines:' if name == 'one' else ''}\n  - pipeline: {name}\n    nodes:\n      - {{ name: load, {read} }}"
        for name in ("one", "two")
    )
    assert complaints(text) == [
        "odibi.yaml:10:124: state key 'hwm' is used by two reads. Each needs its own watermark; leave the key out to get one."
    ]


def test_story_and_system_need_a_connection_that_holds_files(complaints: Complaints) -> None:
    """They must exist, and cannot be a database."""
    text = HEAD + (
        "  crm: { type: sql_server, host: h, database: d }\n"
        "story: { connection: lak, path: s }\nsystem: { connection: crm }\npipelines: []\n"
    )
    found = complaints(text)
    assert found[0].startswith("odibi.yaml:5:22: unknown connection 'lak'. Did you mean 'lake'?")
    assert found[1].startswith("odibi.yaml:6:23: connection 'crm' of type 'sql_server' cannot hold files")


def test_pipelines_cannot_trigger_each_other_without_end(complaints: Complaints) -> None:
    """A circle of dataset triggers would run for ever."""
    text = HEAD + (
        "pipelines:\n"
        "  - { pipeline: one, triggers: [ { dataset: two.b } ], nodes: [ { name: a, transformer: x } ] }\n"
        "  - { pipeline: two, triggers: [ { dataset: one.a } ], nodes: [ { name: b, transformer: x } ] }\n"
    )
    assert complaints(text) == [
        "odibi.yaml:5:45: pipelines trigger each other without end: one → two → one. Take one of these triggers out."
    ]


def test_all_problems_are_reported_at_once(complaints: Complaints) -> None:
    """Syntax aside: typos, types, names, variables and graphs in one answer."""
    text = node(f"name: load\n{READ}\ntranform: x\ntags: daily\ndepends_on: [nobody]\nowner: x")
    found = complaints("owner: ${MISSING}\nversion: 1\n" + text.replace("connection: lake", "connection: leak"))
    assert [each.split(":")[1] for each in found] == ["1", "2", "10", "11", "12", "13", "14"]


def test_missing_required_keys_are_named(complaints: Complaints) -> None:
    """At the section that lacks them."""
    assert complaints("engine: spark\n") == [
        "odibi.yaml:1:1: key 'project' is missing",
        "odibi.yaml:1:1: key 'connections' is missing",
        "odibi.yaml:1:1: key 'pipelines' is missing",
    ]


def test_a_problem_reads_well(load: Load) -> None:
    """Place and message, the line with a caret under the column, the hint."""
    with pytest.raises(ConfigError) as caught:
        load(node(f"name: load\n{READ}\ntransfrm: x"))
    text = problem_text(caught.value.problems[0])
    lines = text.splitlines()
    assert lines[0] == "odibi.yaml:9:9: unknown key 'transfrm'"
    assert lines[1] == "    9 |         transfrm: x"
    assert lines[2] == "      |         ^"
    assert lines[3].startswith("  hint: Did you mean 'transform'? Known keys: ")
    assert str(caught.value).startswith("odibi.yaml:9:9: unknown key 'transfrm'. Did you mean")


def test_values_do_not_appear_in_messages(complaints: Complaints) -> None:
    """What was found is described, not quoted."""
    text = HEAD + '  crm: { type: sql_server, host: h, database: d, port: "${PORT}" }\npipelines: []\n'
    assert complaints(text, PORT="s3cret") == [
        "odibi.yaml:4:56: expected a whole number, found text",
    ]


def test_models_refuse_unknown_keys_without_the_loader() -> None:
    """Tests and tools build sections directly."""
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        WriteConfig.model_validate({"connection": "lake", "format": "csv", "path": "x", "pth": "y"})
    project = ProjectConfig.model_validate({"project": "p", "connections": {}, "pipelines": []})
    with pytest.raises(ValueError, match="frozen"):
        project.project = "other"  # type: ignore[misc]  # that is the point


def test_pattern_is_another_spelling_of_transformer_and_params(load: Load) -> None:
    """The pattern's params win over the node's."""
    text = node(f"name: load\n{READ}\npattern: {{ type: dimension, params: {{ a: 1 }} }}\nparams: {{ a: 2, b: 3 }}")
    found = load(text).config.pipeline("bronze").node("load")
    assert (found.transformer, found.params) == ("dimension", {"a": 1, "b": 3})


def test_switches_may_be_sections(load: Load) -> None:
    """`auto_optimize` and `add_metadata` take true, false or settings."""
    write = "write: { connection: lake, format: delta, path: x, auto_optimize: true, add_metadata: { source_table: true } }"
    found = load(node(f"name: load\n{READ}\n{write}")).config.pipeline("bronze").node("load").write
    assert (found.auto_optimize.vacuum_retention_hours, found.add_metadata.source_table) == (168, True)
    assert WriteConfig(connection="lake", format="csv", path="x", auto_optimize=False).auto_optimize is None


def test_what_has_no_effect_is_said_once(load: Load) -> None:
    """Never silence."""
    text = "engine: pandas\nsemantic: {}\nperformance: { use_arrow: true, spark_config: { a: b } }\n" + node(
        f"name: load\n{READ.replace('csv, path', 'parquet, schema_ddl: x, path')}\nstreaming: true\nvalidation: {{ on_fail: ignore }}"
    )
    loaded = load(text)
    assert loaded.config.engine == "polars"
    assert [notice.split(":")[0] for notice in loaded.notices] == [
        "engine",
        "semantic",
        "performance.use_arrow",
        "performance.spark_config",
        "bronze.load.validation.on_fail",
        "bronze.load.streaming",
        "bronze.load.read.schema_ddl",
    ]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("format: csv, zorder_by: [i], merge_schema: true, table_properties: { a: b }", ["zorder_by", "table_properties", "merge_schema"]),
        (
            "format: csv, overwrite_schema: true, auto_optimize: true, skip_if_unchanged: true",
            ["overwrite_schema", "auto_optimize", "skip_if_unchanged"],
        ),
        ("format: delta, zorder_by: [i], skip_if_unchanged: true, auto_optimize: true", []),
        ("format: delta, register_table: t", ["register_table"]),
        ("format: delta, auto_optimize: { vacuum_retention_hours: 48 }", ["auto_optimize.vacuum_retention_hours"]),
        ("format: delta, auto_optimize: { vacuum_retention_hours: 0 }", []),
    ],
)
def test_what_a_write_cannot_do_is_said(load: Load, settings: str, said: list[str]) -> None:
    """Where it stands, once."""
    notices = load(node(f"name: load\n{READ}\nwrite: {{ connection: lake, path: x, {settings} }}")).notices
    assert [notice.split(":")[0] for notice in notices] == [f"bronze.load.write.{key}" for key in said]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("schema_policy: { mode: evolve }", ["bronze.load.schema_policy"]),
        (
            "schema_policy: { rescue_column: r }\nwrite: { connection: lake, format: delta, path: x }",
            ["bronze.load.schema_policy.rescue_column"],
        ),
        ("schema_policy: { rescue_column: r, on_new_columns: rescue }\nwrite: { connection: lake, format: delta, path: x }", []),
    ],
)
def test_a_policy_that_rules_on_nothing_is_said(load: Load, settings: str, said: list[str]) -> None:
    """Without a target, or a column that nothing goes into."""
    assert [notice.split(": ")[0] for notice in load(node(f"name: load\n{READ}\n{settings}")).notices] == said


def test_an_archive_of_what_always_parses_is_said(load: Load) -> None:
    """A Parquet file has no such rows, a CSV file may have."""
    archive = "archive_options: { badRecordsPath: bad }"
    read = "read: {{ connection: lake, format: {}, path: x, {} }}"
    assert load(node(f"name: load\n{read.format('csv', archive)}")).notices == ()
    (notice,) = load(node(f"name: load\n{read.format('parquet', archive)}")).notices
    assert notice.startswith("bronze.load.read.archive_options: a parquet source has no rows that do not parse")


def test_properties_of_a_table_may_be_numbers_and_switches(load: Load) -> None:
    """A table has texts."""
    write = "write: { connection: lake, format: delta, path: x, table_properties: { a: true, b: 7, c: x } }"
    config = load("performance: { delta_table_properties: { d: false } }\n" + node(f"name: load\n{READ}\n{write}")).config
    assert config.pipeline("bronze").node("load").write.table_properties == {"a": "true", "b": "7", "c": "x"}
    assert config.performance.delta_table_properties == {"d": "false"}
