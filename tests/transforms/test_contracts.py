"""Each transform and operation does what its docstring says. Expected rows are written by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import narwhals as nw
import polars as pl
import pytest

from odibi_core.errors import ConfigError, SchemaMismatchError
from odibi_core.sql import compile_sql
from odibi_core.transforms import OPERATIONS, TRANSFORMS
from tests.transforms.cases import CASES, MISSING
from tests.transforms.cases.case import FRAME
from tests.transforms.running import applied, context_with


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_transform_gives_the_rows_that_it_promises(case):
    """Columns, their order and the rows are as its docstring says; nothing is computed before somebody collects."""
    result = applied(case.registry, case.name, case.params, case.frame, case.inputs)
    assert result.columns == case.columns
    assert {name: result.schema[name] for name in case.types} == case.types
    found = result.rows()
    assert found == case.rows if case.ordered else sorted(found, key=str) == sorted(case.rows, key=str)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_transform_does_to_the_number_of_rows_what_it_says(case):
    """The account of a node's rows rests on it."""
    _, params = case.registry.bind(case.name, case.params)
    before, after = len(case.frame.collect()), len(case.rows)
    match params.row_effect():
        case "same":
            assert after == before
        case "filtered" | "deduplicated" | "joined_out":
            assert after <= before
        case effect:
            assert effect == "changed"


@pytest.mark.parametrize("case", [case for case in CASES if "\\" not in str(case.params)], ids=str)  # Spark's own escapes
def test_the_queries_of_a_transform_parse_in_both_dialects(case):
    """Names are quoted so that a project in DuckDB's dialect can use it, too."""
    _, params = case.registry.bind(case.name, case.params)
    for text in params.queries():
        compile_sql(text, tables=["df"], dialect="duckdb")


@pytest.mark.parametrize("registry", [TRANSFORMS, OPERATIONS], ids=lambda registry: registry.kind)
def test_every_transform_is_documented_and_has_a_case(registry):
    """The docstring shows the shape and an example, and there is a case for it here."""
    entries = list(registry)
    assert {entry.name for entry in entries} == {case.name for case in CASES if case.registry is registry}
    for entry in entries:
        assert "Shape: " in entry.function.__doc__, entry.name
        assert "Example: " in entry.function.__doc__, entry.name
        assert entry.params.__doc__, entry.name


@pytest.mark.parametrize(("registry", "name", "params"), MISSING)
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
        ("normalize_schema", {"rename": {"u": "s"}}, "'normalize_schema' gives several columns the name: s"),
        ("replace_values", {"columns": ["u"], "mapping": {"1": "one"}}, "'replace_values' has str for column 'u' of type Int64"),
        ("split_part", {"col": "u", "delimiter": "-", "index": 1}, "'split_part' needs text columns: 'u' is Int64"),
        ("regex_replace", {"column": "u", "pattern": "1", "replacement": ""}, "'regex_replace' needs text columns: 'u' is Int64"),
        (
            "coalesce_columns",
            {"columns": ["u", "day"], "output_col": "o"},
            "'coalesce_columns' needs columns of one type: 'u' is Int64, 'day' is Date",
        ),
        (
            "concat_columns",
            {"columns": ["u", "span"], "output_col": "o"},
            "'concat_columns' needs plain values, and column 'span' is Duration",
        ),
        ("hash_columns", {"columns": ["list"]}, "'hash_columns' needs plain values, and column 'list' is List(Int64)"),
        ("cast_columns", {"casts": {"u": "date"}}, "'cast_columns' cannot make date of column 'u' of type Int64"),
        ("date_trunc", {"col": "u", "unit": "day"}, "'date_trunc' needs a date or timestamp, and column 'u' is Int64"),
        ("sessionize", {"timestamp_col": "u", "user_col": "Id"}, "'sessionize' needs a date or timestamp, and column 'u' is Int64"),
    ],
)
def test_what_does_not_fit_the_frame_is_a_schema_mismatch(name, params, message):
    """A wrong type or a doubled name is told before a row is read."""
    frame = FRAME.with_columns(day=pl.lit(date(2024, 1, 31)), span=pl.lit(timedelta(1)), list=pl.lit([1]))
    with pytest.raises(SchemaMismatchError) as error:
        applied(TRANSFORMS, name, params, frame)
    assert error.value.message.split("(time_unit")[0] == message


@pytest.mark.parametrize(
    ("registry", "name", "params", "message"),
    [
        (TRANSFORMS, "filter_row", {}, "Did you mean 'filter_rows'?"),
        (TRANSFORMS, "filter_rows", {"conditon": "a"}, "has no parameter 'conditon'"),
        (TRANSFORMS, "deduplicate", {"keys": []}, "'keys'"),
        (TRANSFORMS, "limit", {"n": -1}, "'n'"),
        (
            TRANSFORMS,
            "cast_columns",
            {"casts": {"a": "INT) AS b, read_csv('x'"}},
            "'casts.a' of transform 'cast_columns': is not a type that a column",
        ),
        (TRANSFORMS, "cast_columns", {"casts": {"a": "decimal(39, 2)"}}, "needs 1 to 38 digits"),
        (TRANSFORMS, "sample", {"fraction": 1.5}, "'fraction'"),
        (TRANSFORMS, "split_part", {"col": "a", "delimiter": "", "index": 1}, "'delimiter'"),
        (TRANSFORMS, "split_part", {"col": "a", "delimiter": "-", "index": 0}, "counts from 1"),
        (TRANSFORMS, "regex_replace", {"column": "a", "pattern": "(", "replacement": ""}, "is no regular expression"),
        (TRANSFORMS, "regex_replace", {"column": "a", "pattern": "a(?=b)", "replacement": ""}, "has look-around"),
        (TRANSFORMS, "convert_timezone", {"col": "a", "target_tz": "Mars/Olympus"}, "is no time zone"),
        (TRANSFORMS, "convert_timezone", {"col": "a", "target_tz": "/etc/passwd"}, "is no time zone"),
        (TRANSFORMS, "date_add", {"col": "a", "value": 1, "unit": "fortnight"}, "'unit'"),
        (TRANSFORMS, "extract_date_parts", {"source_col": "a", "parts": ["century"]}, "'parts.0'"),
        (TRANSFORMS, "validate_and_flag", {"rules": {}}, "'rules'"),
        (TRANSFORMS, "case_when", {"output_col": "o", "cases": []}, "'cases'"),
        (TRANSFORMS, "hash_columns", {"columns": ["a"], "algorithm": "sha1"}, "'algorithm'"),
        (TRANSFORMS, "unit_convert", {"conversions": {"a": {"from": "smoot", "to": "m"}}}, "'smoot' is no known unit"),
        (TRANSFORMS, "unit_convert", {"conversions": {"a": {"from": "m/(s", "to": "m"}}}, "lacks a ')'"),
        (TRANSFORMS, "unit_convert", {"conversions": {"a": {"from": "m*/s", "to": "m"}}}, "'m*/s' is no unit"),
        (TRANSFORMS, "unit_convert", {"conversions": {"a": {"from": "m^2.5", "to": "m"}}}, "no small whole number"),
        (TRANSFORMS, "unit_convert", {"conversions": {"a": {"from": "m", "to": "kg"}}, "errors": "raise"}, "measure different things"),
        (
            TRANSFORMS,
            "unit_convert",
            {"conversions": {"a": {"from": "psig", "to": "Pa"}}, "gauge_pressure_offset": "1 m"},
            "is no pressure",
        ),
        (TRANSFORMS, "geocode", {"address_col": "a"}, "transform 'geocode' is not available"),
        (TRANSFORMS, "detect_sequential_phases", {}, "transform 'detect_sequential_phases' is not available"),
        (TRANSFORMS, "fluid_properties", {}, "transform 'fluid_properties' is not available"),
        (TRANSFORMS, "saturation_properties", {}, "transform 'saturation_properties' is not available"),
        (TRANSFORMS, "psychrometrics", {}, "transform 'psychrometrics' is not available"),
        (OPERATIONS, "sample", {}, "give either n or frac"),
        (OPERATIONS, "sample", {"n": 1, "frac": 0.5}, "give either n or frac"),
        (OPERATIONS, "sort", {"by": ["a", "b", "c"], "ascending": [True, False]}, "give one direction, or one per column"),
    ],
)
def test_wrong_parameters_are_refused(registry, name, params, message):
    """An unknown, missing or impossible parameter is the author's error, found when it is bound."""
    with pytest.raises(ConfigError) as refused:
        registry.bind(name, params)
    assert any(message in str(problem) for problem in refused.value.problems)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("filter_rows", {"condition": "xxhash64(s) = 1"}),
        ("filter_rows", {"condition": "a IN (SELECT a FROM read_csv('/etc/passwd'))"}),
        ("filter_rows", {"condition": "1 = 1) UNION SELECT * FROM (SELECT * FROM other"}),
        ("deduplicate", {"keys": ["a"], "order_by": "b) AS r FROM other --"}),
        ("derive_columns", {"derivations": {"a": "x FROM other --"}}),
        ("case_when", {"output_col": "o", "cases": [{"condition": "a THEN 1 END FROM other --", "value": 1}]}),
        ("case_when", {"output_col": "o", "cases": [{"condition": "a", "value": "(SELECT 1 FROM read_csv('/etc/passwd'))"}]}),
        ("validate_and_flag", {"rules": {"r": "1 = 1) AS x FROM other --"}}),
        ("window_calculation", {"target_col": "w", "function": "sum(a) OVER () FROM other --"}),
        ("window_calculation", {"target_col": "w", "function": "sum(a)", "order_by": "b) AS w FROM other --"}),
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
    for case in CASES:
        function, bound = case.registry.bind(case.name, case.params)
        planned = {text: compile_sql(text, tables=["df"]) for text in bound.queries()}
        context = replace(context_with(case.inputs), compile=lambda text, _, planned=planned: planned[text])
        function(nw.from_native(case.frame), bound, context).collect()


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
