"""What is not one pure query over the inputs is refused, by name, before anything runs."""

from __future__ import annotations

import pytest

from odibi_core.errors import ConfigError
from odibi_core.sql import compile_sql, expression, tables_of

HOSTILE = [
    ("SELECT * FROM read_csv('/etc/passwd')", "table function 'read_csv'"),
    ("SELECT * FROM read_parquet('http://169.254.169.254/metadata')", "table function 'read_parquet'"),
    ("SELECT * FROM df JOIN scan_ndjson('x') AS s ON df.id = s.id", "table function 'scan_ndjson'"),
    ("SELECT * FROM csv.`/etc/passwd`", "'csv./etc/passwd', which is not an input"),
    ("SELECT * FROM '/etc/passwd'", "'/etc/passwd', which is not an input"),
    ("SELECT * FROM information_schema.tables", "'information_schema.tables', which is not an input"),
    ("CREATE TABLE t AS SELECT * FROM df", "found CREATE TABLE"),
    ("DROP TABLE df", "found DROP TABLE"),
    ("DELETE FROM df", "found DELETE"),
    ("INSERT INTO df SELECT * FROM df", "found INSERT"),
    ("WITH x AS (SELECT 1 AS a) INSERT INTO df SELECT * FROM x", "found INSERT"),
    ("UPDATE df SET a = 1", "found UPDATE"),
    ("MERGE INTO df USING df AS s ON df.id = s.id WHEN MATCHED THEN DELETE", "found MERGE"),
    ("TRUNCATE TABLE df", "found TRUNCATE"),
    ("SHOW TABLES", "found SHOW"),
    ("EXPLAIN SELECT * FROM df", "found EXPLAIN"),
    ("SET x = 1", "found SET"),
    ("USE other", "found USE"),
    ("SELECT 1 AS a; DROP TABLE df", "2 statements"),
    ("SELECT a INTO stolen FROM df", "SELECT INTO"),
    ("SELECT TRANSFORM(a) USING 'cat /etc/passwd' FROM df", "TRANSFORM … USING"),
    ("SELECT reflect('java.lang.System', 'getenv') FROM df", "function REFLECT"),
    ("SELECT * FROM df TABLESAMPLE (10 PERCENT)", "TABLESAMPLE"),
    ("SELECT * FROM df VERSION AS OF 3", "VERSION AS OF"),
    ("SELECT * FROM df, LATERAL (SELECT 1 AS x)", "LATERAL"),
    ("SELECT a FROM df WHERE b = :value", "a placeholder"),
    ("SELECT a FROM df WHERE b = ${value}", "a parameter"),
    ("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r", "RECURSIVE"),
    ("SELECT * FROM (SELECT * FROM (SELECT * FROM secret) AS a) AS b", "'secret', which is not an input"),
    ("SELECT a FROM df WHERE a IN (SELECT password FROM users)", "'users', which is not an input"),
    ("WITH a AS (WITH b AS (SELECT 1 AS x) SELECT * FROM b) SELECT * FROM b", "'b', which is not an input"),
    ("", "is empty"),
]

NOT_PORTABLE = [
    ("SELECT my_function(s) AS r FROM df", "function MY_FUNCTION"),
    ("SELECT from_json(s, 'a INT') AS r FROM df", "function FROM_JSON"),
    ("SELECT xxhash64(s) AS r FROM df", "function XXHASH64"),
    ("SELECT uuid() AS r FROM df", "function UUID"),
    ("SELECT rand() AS r FROM df", "function RAND"),
    ("SELECT monotonically_increasing_id() AS r FROM df", "function MONOTONICALLY_INCREASING_ID"),
    ("SELECT stack(2, a, b) AS r FROM df", "function STACK"),
    ("SELECT * FROM df LATERAL VIEW json_tuple(s, 'a') t AS r", "function JSON_TUPLE"),
    ("SELECT UPPER(explode(s)) AS r FROM df", "EXPLODE inside another expression"),
    ("SELECT SUM(a) OVER w AS r FROM df", "'w' is not defined"),
    ("SELECT ROW_NUMBER() OVER (PARTITION BY b) AS r FROM df", "ROW_NUMBER needs ORDER BY"),
    ("SELECT ROW_NUMBER() AS r FROM df", "function ROW_NUMBER needs a window"),
    ("SELECT a FROM df WHERE SUM(a) > 1", "cannot hold an aggregate"),
    ("SELECT a FROM df SORT BY a", "SORT BY"),
    ("SELECT s LIKE t AS r FROM df", "needs a literal as argument 2"),
    ("SELECT s RLIKE '(?=a)b' AS r FROM df", "look-around"),
    ("SELECT s RLIKE '(a' AS r FROM df", "not a regular expression"),
    ("SELECT to_date(s, 'dd. LLLL yyyy') AS r FROM df", "'LLLL' has no counterpart"),
    ("SELECT date_format(d, f) AS r FROM df", "needs a literal as argument 2"),
    ("SELECT CAST(s AS MAP<STRING, INT>) AS r FROM df", "MAP<STRING, INT>"),
    ("SELECT * FROM df JOIN other ON df.id = other.id", "two columns 'id'"),
    ("SELECT 'it''s' AS r FROM df", "neighbouring texts"),
    ("SELECT (a, b) IN (SELECT 1, 2) AS r FROM df", "a tuple"),
    ("SELECT ROUND(a, b, c) AS r FROM df", "takes 1 to 2 arguments, found 3"),
]


ONLY_POLARS_LACKS = {"TABLESAMPLE", "VERSION AS OF", "LATERAL", "RECURSIVE"}  # they read nothing but the inputs
HOSTILE_ON = [
    (*case, engine) for case in HOSTILE for engine in ("polars", "spark") if engine == "polars" or case[1] not in ONLY_POLARS_LACKS
]


@pytest.mark.parametrize(("text", "construct", "engine"), HOSTILE_ON, ids=[f"{case[2]}: {case[0][:50]}" for case in HOSTILE_ON])
def test_a_hostile_statement_is_refused_by_the_name_of_its_construct(text, construct, engine):
    """No engine ever sees a statement that reads or changes anything but the node's inputs."""
    with pytest.raises(ConfigError) as refused:
        compile_sql(text, tables=["df"], engine=engine)
    assert construct in str([str(problem) for problem in refused.value.problems])


@pytest.mark.parametrize(("text", "construct"), NOT_PORTABLE, ids=[text[:50] for text, _ in NOT_PORTABLE])
def test_what_polars_computes_differently_is_refused_and_spark_may_have_it(text, construct):
    """A node for Polars is refused with the name and a way out; the same text compiles for Spark."""
    with pytest.raises(ConfigError) as refused:
        compile_sql(text, tables=["df", "other"])
    assert construct in refused.value.message
    assert refused.value.hint
    compiled = compile_sql(text, tables=["df", "other"], engine="spark")
    assert (compiled.polars, bool(compiled.spark)) == ("", True)


def test_every_problem_of_a_text_is_named_with_its_place():
    """All problems come at once, each with line and column inside the text, and an unknown input with the nearest known one."""
    with pytest.raises(ConfigError) as refused:
        compile_sql("SELECT mdd5(a) AS x,\n       from_json(b, 'c INT') AS y\nFROM custmers", tables=["customers", "orders"])
    assert [str(problem) for problem in refused.value.problems] == [
        "SQL:3:6: SQL reads 'custmers', which is not an input. Did you mean 'customers'? Known inputs: customers, orders.",
        (
            "SQL:1:8: function MDD5 does not run on Polars with Spark's meaning. Did you mean 'MD5'? "
            "Set 'engine: spark' on the node where Spark is available, or use a transformer."
        ),
        (
            "SQL:2:8: function FROM_JSON does not run on Polars with Spark's meaning. "
            "Use the transformer 'parse_json', or GET_JSON_OBJECT(x, '$.field')."
        ),
    ]
    assert refused.value.problems[1].place.excerpt == "SELECT mdd5(a) AS x,"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT a,\nFROM WHERE", "SQL:2:6: SQL does not parse near 'WHERE'"),
        ("SELECT (a FROM df", "SQL:1:11: SQL does not parse near 'FROM'"),
        ("SELECT 'abc FROM df", "SQL does not parse"),
        ("SELECT " + "(" * 3000 + "1" + ")" * 3000, "SQL is nested too deeply"),
    ],
)
def test_a_syntax_error_says_where(text, message):
    """A text that does not parse is refused with the token and its place."""
    with pytest.raises(ConfigError) as refused:
        compile_sql(text, tables=["df"])
    assert refused.value.message == message


@pytest.mark.parametrize(
    "text", ["a > 1; DROP TABLE df", "a > 1 UNION SELECT 1", "SELECT 1", "1) OR (1 = 1", "a AS b", "a > 1 ORDER BY 2", "", "a > 1 LIMIT 1"]
)
def test_a_condition_is_one_expression(text):
    """Nothing gets out of the WHERE that a condition is put into."""
    with pytest.raises(ConfigError):
        expression(text)


def test_a_condition_may_not_read_an_unknown_column():
    """With the columns given, a typing error shows before the run."""
    with pytest.raises(ConfigError) as refused:
        expression("ammount > 1 AND ID = 2", columns=["Amount", "id"])
    assert str(refused.value) == "SQL reads the unknown column 'ammount'. Did you mean 'Amount'? Known: Amount, id."
    assert expression("amount > 1 -- net", columns=["Amount"]).tables == ("df",)


def test_the_tables_of_a_text_are_its_relations_without_its_ctes():
    """A CTE hides an input of its name only where it is in scope."""
    text = "WITH Orders AS (SELECT * FROM orders), b AS (SELECT * FROM Customers) SELECT * FROM b JOIN orders USING (id)"
    assert tables_of(text) == ("customers", "orders")
    assert tables_of("SELECT 1 AS a") == ()
