"""Columns that cannot be there are refused before a run, each at its place; and nothing is refused that may be there."""

from __future__ import annotations

import pytest

from odibi_core.errors import ConfigError
from odibi_core.messages import BlobArrived, FileVersion, Requested
from odibi_core.planning.declared import columns_of_ddl
from tests.planning.conftest import PlanOf, pipeline

RAW = "      - { name: raw, read: { connection: lake, format: csv, path: in.csv, schema_ddl: 'id BIGINT, Name STRING, at TIMESTAMP' } }\n"
FILE = "      - { name: raw, read: { connection: lake, format: csv, path: in.csv } }\n"


def node(body: str, name: str = "n") -> str:
    return f"      - {{ name: {name}, {body} }}\n"


def behind(body: str) -> str:
    does = (
        "" if "transform" in body or "pattern" in body or "write:" in body else ", transformer: distinct, params: { columns: [ID, NAME] }"
    )
    return node(f"depends_on: [raw], {body}{does}")


def sql(text: str) -> str:
    return f'transform: {{ steps: ["{text}"] }}'


WRITE = "write: { connection: lake, format: delta, path: t, "


def faults(plan_of: PlanOf, *nodes: str) -> list[tuple[str, tuple[str | int, ...]]]:
    """What a plan is refused for: message and path of each problem."""
    with pytest.raises(ConfigError) as refused:
        plan_of(pipeline(*nodes))
    assert refused.value.error_code == "unknown_column"
    return [(problem.message.partition(": ")[2], problem.path) for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("body", "message", "path"),
    [
        (sql("SELECT idd FROM raw"), "SQL reads the unknown column 'idd'", ("transform", "steps", 0)),
        ("transform: { steps: [{ sql: 'SELECT idd FROM df' }] }", "SQL reads the unknown column 'idd'", ("transform", "steps", 0, "sql")),
        (
            "transform: { steps: [{ function: drop_columns, params: { columns: [id, nam] } }] }",
            "'drop_columns' reads the unknown column 'nam'",
            ("transform", "steps", 0, "params", "columns", 1),
        ),
        ("transformer: sort, params: { by: nam }", "'sort' reads the unknown column 'nam'", ("params", "by")),
        (
            "transformer: rename_columns, params: { mapping: { nam: n } }",
            "'rename_columns' reads the unknown column 'nam'",
            ("params", "mapping", "nam"),
        ),
        (
            "transformer: row_number, params: { order_by: [nam DESC] }",
            "'row_number' reads the unknown column 'nam'",
            ("params", "order_by", 0),
        ),
        ("transformer: filter_rows, params: { condition: nam > 1 }", "SQL reads the unknown column 'nam'", ("params", "condition")),
        (
            "pattern: { type: dimension, params: { natural_key: [idd], surrogate_key: sk, scd_type: 0 } }",
            "'dimension' reads the unknown column 'idd'",
            ("pattern", "params", "natural_key", 0),
        ),
        (
            "transform: { steps: [{ operation: pivot, params: { group_by: [id], pivot_col: nam, agg_col: at } }] }",
            "'pivot' reads the unknown column 'nam'",
            ("transform", "steps", 0, "params", "pivot_col"),
        ),
        (
            "validation: { tests: [{ type: range, column: idd, min: 1 }] }",
            "check 'range' reads the unknown column 'idd'",
            ("validation", "tests", 0, "column"),
        ),
        (
            "validation: { tests: [{ type: unique, columns: [id, nam] }] }",
            "check 'unique' reads the unknown column 'nam'",
            ("validation", "tests", 0, "columns", 1),
        ),
        (
            "validation: { tests: [{ type: custom_sql, condition: 'id > idd' }] }",
            "SQL reads the unknown column 'idd'",
            ("validation", "tests", 0, "condition"),
        ),
        (
            "validation: { tests: [{ type: freshness, column: att, max_age: 1d }] }",
            "check 'freshness' reads the unknown column 'att'",
            ("validation", "tests", 0, "column"),
        ),
        (
            WRITE + "mode: upsert, options: { keys: [idd] } }",
            "'write' by keys names the unknown column 'idd'",
            ("write", "options", "keys", 0),
        ),
        (WRITE + "mode: merge, merge_keys: [idd] }", "'write' by keys names the unknown column 'idd'", ("write", "merge_keys", 0)),
        (WRITE + "partition_by: [day] }", "'write.partition_by' names the unknown column 'day'", ("write", "partition_by", 0)),
        (WRITE + "zorder_by: [day] }", "'write.zorder_by' names the unknown column 'day'", ("write", "zorder_by", 0)),
        ("sensitive: [ssn]", "'sensitive' names the unknown column 'ssn'", ("sensitive", 0)),
        (
            "privacy: { method: mask, declassify: [ssn] }",
            "'privacy.declassify' names the unknown column 'ssn'",
            ("privacy", "declassify", 0),
        ),
    ],
)
def test_a_column_that_cannot_be_there_is_refused(plan_of: PlanOf, body: str, message: str, path: tuple[str | int, ...]) -> None:
    """At the word itself, or at the text that it stands in."""
    assert faults(plan_of, RAW, behind(body)) == [(message, path)]


def test_a_window_over_a_column_that_is_not_read_is_refused(plan_of: PlanOf) -> None:
    """`incremental.column` is one of the source, after its query."""
    read = "read: { connection: lake, format: parquet, path: a, query: 'SELECT id, at AS t FROM df', incremental: { column: at } }"
    assert faults(plan_of, node(read)) == [
        ("'read.incremental' names the unknown column 'at'", ("read", "incremental", "column")),
    ]


def test_knowledge_goes_down_the_graph(plan_of: PlanOf) -> None:
    """Through SQL, transforms and other nodes; every problem of every node is told, each with what is known where it stands."""
    text = pipeline(
        RAW,
        behind("transform: { steps: ['SELECT id, UPPER(name) AS label FROM raw', { function: add_prefix, params: { prefix: a_ } }] }"),
        node("depends_on: [n, raw], " + sql("SELECT r.id, n.label FROM raw r JOIN n ON r.id = n.a_id"), "m"),
        node("inputs: { left: $p.n }, transformer: join, params: { right_dataset: left, on: id }", "o"),
    )
    with pytest.raises(ConfigError) as refused:
        plan_of(text)
    assert [str(problem.message).partition(": ")[2] for problem in refused.value.problems] == [
        "SQL reads the unknown column 'n.label'",
        "'join' reads the unknown column 'id'",
        "'join' reads the unknown column 'id' of 'left'",
    ]
    assert refused.value.problems[0].hint == "Did you mean 'a_label'? Known columns: Name, a_id, a_label, at, id."


@pytest.mark.parametrize(
    "body",
    [
        sql("SELECT ID, name FROM raw"),
        sql("SELECT name.first FROM raw"),
        "transformer: select_columns, params: { columns: [NAME] }",
        "validation: { tests: [{ type: not_null, columns: [ID] }] }",
        WRITE + "add_metadata: true, partition_by: [_source_file] }",
        WRITE + "mode: append, schema_policy: {} }".replace("schema_policy: {} ", ""),
        WRITE + "mode: append, zorder_by: [of_the_table] }",
        "sensitive: [name], transform: { steps: ['SELECT id FROM raw'] }",  # it is read here, and not handed on
        "enabled: false, " + sql("SELECT unfinished FROM raw"),
        "transform: { steps: [{ function: explode_list_column, params: { column: name } }, 'SELECT name FROM df'] }",
        "transform: { steps: [{ function: normalize_json, params: { column: name } }, 'SELECT whatever FROM df'] }",
        "schema_policy: { on_missing_columns: fill_null }, " + WRITE + "mode: upsert, options: { keys: [of_the_table] } }",
        "pattern: { type: scd2, params: { target: lake.t, keys: [id], track_cols: [name], effective_time_col: at } }, "
        + sql("SELECT of_the_table FROM df"),
    ],
)
def test_what_may_be_there_is_not_refused(plan_of: PlanOf, body: str) -> None:
    """Case, fields of structs, columns that are added on the way out, columns that the target has or that depend on the data."""
    plan_of(pipeline(RAW, behind(body)))


@pytest.mark.parametrize(
    "nodes",
    [
        (FILE, behind(sql("SELECT anything FROM raw"))),
        (FILE, behind("transform: { steps: ['SELECT *, 1 AS one FROM raw', 'SELECT anything, one FROM df'] }")),
        (FILE, behind("transformer: join, params: { right_dataset: raw, on: anything }")),
        (
            FILE.replace("format: csv", "format: delta").replace(
                "in.csv }", "in, query: 'SELECT a FROM df' }, " + WRITE + "merge_schema: true }"
            ),
            behind(sql("SELECT of_earlier_runs FROM raw")),
        ),
        (
            RAW.replace(
                " } }\n",
                ", query: 'SELECT id FROM df' }, write: { connection: lake, format: delta, path: t, "
                "first_run_query: 'SELECT id, name FROM df' } }\n",
            ),
            behind(sql("SELECT name FROM raw")),
        ),
        (RAW.replace("name: raw", "name: raw, enabled: false"), behind(sql("SELECT unfinished FROM raw"))),
    ],
)
def test_nothing_is_refused_of_what_nobody_knows(plan_of: PlanOf, nodes: tuple[str, ...]) -> None:
    """A file whose header nobody has read, a table that keeps columns of earlier runs, a first run with a query of its own."""
    plan_of(pipeline(*nodes))


def test_a_value_of_the_environment_is_not_looked_into(plan_of: PlanOf) -> None:
    """SQL that holds one is compiled to be checked only, so nothing is known behind it."""
    plan_of(
        pipeline(RAW, behind("transform: { steps: [\"SELECT id AS a FROM raw WHERE name = '${WHO}'\", 'SELECT b FROM df'] }")), WHO="ada"
    )


def test_a_value_of_the_trigger_is_a_name_when_the_run_is_planned(plan_of: PlanOf) -> None:
    """Columns may be called by parts of the path: the plan knows them by what they are in this run."""
    triggers = "[ { blob: { connection: lake, path: '{col}/in.csv' } } ]"
    body = "transform: { steps: [ { function: rename_columns, params: { mapping: { id: '${trigger.col}' } } }, 'SELECT %s FROM df' ] }"
    cause = BlobArrived(files=(FileVersion(connection="lake", path="key/in.csv", etag="1", size_bytes=1, parts={"col": "key"}),))
    plan_of(pipeline(RAW, behind(body % "key"), triggers=triggers), cause)
    with pytest.raises(ConfigError) as refused:
        plan_of(pipeline(RAW, behind(body % "id"), triggers=triggers), cause)
    assert refused.value.hint == "Known columns: Name, at, key."


def test_a_contract_is_about_the_input(plan_of: PlanOf) -> None:
    """And the tests of `validation:` about what comes out."""
    tests = "[{ type: not_null, columns: [%s] }]"
    body = sql("SELECT id AS key FROM raw") + f", contracts: {tests % 'key'}, validation: {{ tests: {tests % 'id'} }}"
    assert faults(plan_of, RAW, behind(body)) == [
        ("check 'not_null' reads the unknown column 'key'", ("contracts", 0, "columns", 0)),
        ("check 'not_null' reads the unknown column 'id'", ("validation", "tests", 0, "columns", 0)),
    ]


def test_a_table_of_another_run_may_have_other_columns(plan_of: PlanOf) -> None:
    """Of a node that is not selected, or stands in another pipeline, there is what was written last."""
    upper = RAW.replace(" } }\n", " }, write: { connection: lake, format: delta, path: r } }\n")
    text = pipeline(upper, behind(sql("SELECT older FROM raw")))
    plan_of(text, Requested(key="k", nodes=("n",)))
    with pytest.raises(ConfigError, match="unknown column 'older'"):
        plan_of(text)
    other = "  - pipeline: q\n    nodes:\n      - { name: out, inputs: { r: $p.raw }, transform: { steps: [ 'SELECT older FROM r' ] } }\n"
    plan_of(pipeline(upper) + other, pipeline="q")


def test_a_place_inside_of_sql_is_told(plan_of: PlanOf) -> None:
    """With line and column in the text, or in the file that it comes from."""
    with pytest.raises(ConfigError) as refused:
        plan_of(pipeline(RAW, behind("transform: { steps: [{ sql_file: a.sql }] }")), files={"a.sql": "SELECT id,\n       nme\nFROM raw"})
    (problem,) = refused.value.problems
    assert problem.place is not None
    assert (problem.place.file, problem.place.line, problem.place.column) == ("a.sql", 2, 8)
    assert str(refused.value.message) == "step 1 of node 'n' in pipeline 'p': SQL reads the unknown column 'nme' (line 2, column 8)"


@pytest.mark.parametrize(
    ("read", "columns"),
    [
        ("format: csv, path: a, options: { usecols: [a, B] }", "B, a"),
        ("format: csv, path: a, schema_ddl: 'a INT, b STRING', options: { columns: [b] }", "b"),
        ("format: ndjson, path: a, schema_ddl: 'a INT, b DECIMAL(10, 2)'", "a, b"),
        ("format: excel, path: a, options: { columns: [a], add_source_file: true }", "a"),
        (
            "format: csv, path: a, schema_ddl: 'a INT', options: { columnNameOfCorruptRecord: raw_text, rescuedDataColumn: rest }",
            "a, raw_text, rest",
        ),
        ("format: parquet, path: a, query: 'SELECT x, y AS z FROM df'", "x, z"),
    ],
)
def test_a_read_may_declare_its_columns(plan_of: PlanOf, read: str, columns: str) -> None:
    """By a schema, by options of the reader, or by its query."""
    with pytest.raises(ConfigError) as refused:
        plan_of(pipeline(node(f"read: {{ connection: lake, {read} }}, " + sql("SELECT nothing FROM df"))))
    assert refused.value.hint == f"Known columns: {columns}."


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("id BIGINT NOT NULL, amount DECIMAL(10,2) COMMENT 'a, b',", ("id", "amount")),
        ('`a b` STRING, "c d" INT, e: date', ("a b", "c d", "e")),
        ("id", None),
        ("id INT, ${MORE} INT", None),
    ],
)
def test_a_ddl_is_read_as_the_readers_read_it(text: str, names: tuple[str, ...] | None) -> None:
    """What is not understood is not known."""
    assert columns_of_ddl(text) == names
