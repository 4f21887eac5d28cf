"""Each transform and operation does what its docstring says. Expected rows are written by hand."""

from __future__ import annotations

from decimal import Decimal

import narwhals as nw
import polars as pl
import pytest

from odibi_core.errors import ConfigError, SchemaMismatchError
from odibi_core.sql import compile_sql
from odibi_core.transforms import OPERATIONS, TRANSFORMS
from tests.transforms.running import CONTEXT, applied

N = None
ALL = ["Id", "u", "s"]
FRAME = pl.LazyFrame({"Id": [1, 1, 2, N, N], "u": [1, N, 3, 4, 5], "s": [" A ", "b", N, "c", "a b "]})
ROWS = [(1, 1, " A "), (1, N, "b"), (2, 3, N), (N, 4, "c"), (N, 5, "a b ")]

CASES = [
    # rows
    (TRANSFORMS, "filter_rows", {"condition": "id = 1 OR u > 4"}, ALL, [ROWS[0], ROWS[1], ROWS[4]]),
    (TRANSFORMS, "filter_rows", {"condition": "NOT s LIKE 'b%' -- and not NULL"}, ALL, [ROWS[0], ROWS[3], ROWS[4]]),
    (TRANSFORMS, "deduplicate", {"keys": ["Id"], "order_by": "u DESC, s"}, ALL, [ROWS[0], ROWS[2], ROWS[4]]),
    (TRANSFORMS, "deduplicate", {"keys": "Id", "order_by": ["u"]}, ALL, [ROWS[1], ROWS[2], ROWS[3]]),
    (TRANSFORMS, "deduplicate", {"keys": ["Id"], "order_by": ["U NULLS LAST", "s desc"]}, ALL, [ROWS[0], ROWS[2], ROWS[3]]),
    (TRANSFORMS, "deduplicate", {"keys": ["Id"]}, ALL, [ROWS[0], ROWS[2], ROWS[3]]),
    (TRANSFORMS, "limit", {"n": 2}, ALL, ROWS[:2]),
    (TRANSFORMS, "limit", {"n": 2, "offset": 3}, ALL, ROWS[3:]),
    (TRANSFORMS, "sort", {"by": "u"}, ALL, [ROWS[1], ROWS[0], ROWS[2], ROWS[3], ROWS[4]]),
    (TRANSFORMS, "sort", {"by": ["Id", "u"], "ascending": False}, ALL, [ROWS[2], ROWS[0], ROWS[1], ROWS[4], ROWS[3]]),
    (TRANSFORMS, "distinct", {"columns": ["Id"]}, ["Id"], [(1,), (2,), (N,)]),
    (TRANSFORMS, "distinct", {}, ALL, ROWS),
    # columns
    (TRANSFORMS, "select_columns", {"columns": ["s", "Id"]}, ["s", "Id"], [(" A ", 1), ("b", 1), (N, 2), ("c", N), ("a b ", N)]),
    (TRANSFORMS, "drop_columns", {"columns": ["s", "u"]}, ["Id"], [(1,), (1,), (2,), (N,), (N,)]),
    (TRANSFORMS, "rename_columns", {"mapping": {"Id": "u", "u": "Id"}}, ["u", "Id", "s"], ROWS),
    (TRANSFORMS, "derive_columns", {"derivations": {"twice": "u * 2", "U2": "twice + ID"}}, [*ALL, "twice", "U2"],
     [(1, 1, " A ", 2, 3), (1, N, "b", N, N), (2, 3, N, 6, 8), (N, 4, "c", 8, N), (N, 5, "a b ", 10, N)]),
    (TRANSFORMS, "derive_columns", {"derivations": {"u": "u + 1", "old": "u"}}, [*ALL, "old"],
     [(1, 2, " A ", 1), (1, N, "b", N), (2, 4, N, 3), (N, 5, "c", 4), (N, 6, "a b ", 5)]),
    (TRANSFORMS, "cast_columns", {"casts": {"u": "str", "Id": "DECIMAL(5, 1)"}}, ALL,
     [(Decimal("1.0"), "1", " A "), (Decimal("1.0"), N, "b"), (Decimal("2.0"), "3", N), (N, "4", "c"), (N, "5", "a b ")]),
    (TRANSFORMS, "fill_nulls", {"values": {"Id": 0, "s": "?"}}, ALL, [ROWS[0], ROWS[1], (2, 3, "?"), (0, 4, "c"), (0, 5, "a b ")]),
    # text
    (TRANSFORMS, "clean_text", {"columns": ["s"], "case": "upper"}, ALL, [(1, 1, "A"), (1, N, "B"), (2, 3, N), (N, 4, "C"), (N, 5, "A B")]),
    (TRANSFORMS, "clean_text", {"columns": "s", "trim": False, "case": "lower"}, ALL, [(1, 1, " a "), *ROWS[1:]]),
    (TRANSFORMS, "trim_whitespace", {"columns": ["s"]}, ALL, [(1, 1, "A"), *ROWS[1:4], (N, 5, "a b")]),
    (TRANSFORMS, "trim_whitespace", {}, ALL, [(1, 1, "A"), *ROWS[1:4], (N, 5, "a b")]),
    # operations
    (OPERATIONS, "drop_duplicates", {"subset": ["Id"]}, ALL, [ROWS[0], ROWS[2], ROWS[3]]),
    (OPERATIONS, "drop_duplicates", {}, ALL, ROWS),
    (OPERATIONS, "fillna", {"value": 0}, ALL, [ROWS[0], (1, 0, "b"), ROWS[2], (0, 4, "c"), (0, 5, "a b ")]),
    (OPERATIONS, "fillna", {"value": {"s": "?"}}, ALL, [*ROWS[:2], (2, 3, "?"), *ROWS[3:]]),
    (OPERATIONS, "drop", {"columns": ["u", "s"]}, ["Id"], [(1,), (1,), (2,), (N,), (N,)]),
    (OPERATIONS, "rename", {"columns": {"s": "name"}}, ["Id", "u", "name"], ROWS),
    (OPERATIONS, "sort", {"by": ["Id", "u"], "ascending": [True, False]}, ALL, [ROWS[4], ROWS[3], ROWS[0], ROWS[1], ROWS[2]]),
    (OPERATIONS, "sort", {"by": ["Id", "u"], "ascending": False}, ALL, [ROWS[2], ROWS[0], ROWS[1], ROWS[4], ROWS[3]]),
    (OPERATIONS, "sample", {"n": 9, "random_state": 1}, ALL, ROWS),
    (OPERATIONS, "sample", {"frac": 0}, ALL, []),
]  # fmt: skip
UNORDERED = {"filter_rows", "deduplicate", "distinct", "sample"}


@pytest.mark.parametrize(("registry", "name", "params", "columns", "expected"), CASES, ids=[f"{case[1]} {case[2]}" for case in CASES])
def test_a_transform_gives_the_rows_that_it_promises(registry, name, params, columns, expected):
    """Columns, their order and the rows are as its docstring says; nothing is computed before somebody collects."""
    result = applied(registry, name, params, FRAME)
    assert result.columns == columns
    found = result.rows()
    assert sorted(found, key=str) == sorted(expected, key=str) if name in UNORDERED else found == expected


@pytest.mark.parametrize("registry", [TRANSFORMS, OPERATIONS], ids=lambda registry: registry.kind)
def test_every_transform_is_documented_and_has_a_case(registry):
    """The docstring shows the shape and an example, and there is a case for it here."""
    entries = list(registry)
    assert {entry.name for entry in entries} == {case[1] for case in CASES if case[0] is registry}
    for entry in entries:
        assert "Shape: " in entry.function.__doc__, entry.name
        assert "Example: " in entry.function.__doc__, entry.name
        assert entry.params.__doc__, entry.name


@pytest.mark.parametrize(
    ("registry", "name", "params"),
    [
        (TRANSFORMS, "deduplicate", {"keys": ["Id", "key"]}),
        (TRANSFORMS, "sort", {"by": ["key"]}),
        (TRANSFORMS, "distinct", {"columns": ["key"]}),
        (TRANSFORMS, "select_columns", {"columns": ["Id", "key"]}),
        (TRANSFORMS, "drop_columns", {"columns": ["key"]}),
        (TRANSFORMS, "rename_columns", {"mapping": {"key": "k"}}),
        (TRANSFORMS, "cast_columns", {"casts": {"key": "int"}}),
        (TRANSFORMS, "fill_nulls", {"values": {"key": 1}}),
        (TRANSFORMS, "clean_text", {"columns": ["key"]}),
        (TRANSFORMS, "trim_whitespace", {"columns": ["key"]}),
        (OPERATIONS, "drop_duplicates", {"subset": ["key"]}),
        (OPERATIONS, "fillna", {"value": {"key": 1}}),
        (OPERATIONS, "drop", {"columns": ["key"]}),
        (OPERATIONS, "rename", {"columns": {"key": "k"}}),
        (OPERATIONS, "sort", {"by": ["key"]}),
    ],
)
def test_a_missing_column_is_named_with_those_there_are(registry, name, params):
    """The error says who needs which column, and what is available."""
    with pytest.raises(SchemaMismatchError) as error:
        applied(registry, name, params, FRAME)
    assert str(error.value) == f"'{name}' needs missing columns: key. Available: Id, u, s."


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("fill_nulls", {"values": {"u": "none"}}, "'fill_nulls' has str for column 'u' of type Int64"),
        ("fill_nulls", {"values": {"u": 0.5}}, "'fill_nulls' has float for column 'u' of type Int64"),
        ("clean_text", {"columns": ["u"]}, "'clean_text' needs text columns: 'u' is Int64"),
        ("rename_columns", {"mapping": {"u": "s"}}, "'rename_columns' gives several columns the name: s"),
    ],
)
def test_what_does_not_fit_the_frame_is_a_schema_mismatch(name, params, message):
    """A wrong type or a doubled name is told before a row is read."""
    with pytest.raises(SchemaMismatchError) as error:
        applied(TRANSFORMS, name, params, FRAME)
    assert error.value.message == message


@pytest.mark.parametrize(
    ("registry", "name", "params", "message"),
    [
        (TRANSFORMS, "filter_row", {}, "Did you mean 'filter_rows'?"),
        (TRANSFORMS, "filter_rows", {"conditon": "a"}, "'conditon' extra inputs are not permitted"),
        (TRANSFORMS, "deduplicate", {"keys": []}, "'keys'"),
        (TRANSFORMS, "limit", {"n": -1}, "'n'"),
        (OPERATIONS, "sample", {}, "give either n or frac"),
        (OPERATIONS, "sample", {"n": 1, "frac": 0.5}, "give either n or frac"),
        (OPERATIONS, "sort", {"by": ["a", "b", "c"], "ascending": [True, False]}, "give one direction, or one per column"),
    ],
)
def test_wrong_parameters_are_refused(registry, name, params, message):
    """An unknown, missing or impossible parameter is the author's error, found when it is bound."""
    with pytest.raises(ConfigError) as refused:
        registry.bind(name, params)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("filter_rows", {"condition": "md5(s) = 'x'"}),
        ("filter_rows", {"condition": "a IN (SELECT a FROM read_csv('/etc/passwd'))"}),
        ("filter_rows", {"condition": "1 = 1) UNION SELECT * FROM (SELECT * FROM other"}),
        ("deduplicate", {"keys": ["a"], "order_by": "b) AS r FROM other --"}),
        ("derive_columns", {"derivations": {"a": "x FROM other --"}}),
        ("cast_columns", {"casts": {"a": "INT) AS b, read_csv('x'"}}),
    ],
)
def test_the_sql_in_parameters_can_be_checked_when_the_run_is_planned(name, params):
    """A transform says which queries it will ask for; what is hostile or not portable in them never gets as far as the run."""
    _, bound = TRANSFORMS.bind(name, params)
    (text,) = bound.queries()
    with pytest.raises(ConfigError):
        compile_sql(text, tables=["df"])


def test_a_transform_asks_for_no_other_sql_than_it_said():
    """What `queries()` lists is all that is compiled, so that a planned node needs no SQL parser when it runs."""
    for registry, name, params, *_ in CASES:
        function, bound = registry.bind(name, params)
        planned = {text: compile_sql(text, tables=["df"]) for text in bound.queries()}
        context = type(CONTEXT)(sql=CONTEXT.sql, inputs={}, compile=lambda text, _, planned=planned: planned[text])
        function(nw.from_native(FRAME), bound, context).collect()


def test_a_sample_is_repeatable_about_as_large_as_asked_and_different_for_another_seed():
    """Ten percent of 20,000 rows are about 2,000, spread over the whole frame."""
    frame = pl.LazyFrame({"x": range(20_000)})

    def drawn(seed):
        return applied(OPERATIONS, "sample", {"frac": 0.1, "random_state": seed}, frame)["x"].to_list()

    first = drawn(1)
    assert first == drawn(1)
    assert 1_800 < len(first) < 2_200
    assert all(140 < sum(low <= x < low + 2_000 for x in first) < 260 for low in range(0, 20_000, 2_000))
    assert len(set(first) & set(drawn(2))) < 300
    assert len(set(applied(OPERATIONS, "sample", {"n": 50}, frame)["x"])) == 50
