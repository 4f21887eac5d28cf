"""Transforms that read other datasets, or change the shape: what does not fit is told before rows are computed."""

from __future__ import annotations

import polars as pl
import pytest

from odibi_core.errors import CheckFailedError, ConfigError, DataError, SchemaMismatchError
from odibi_core.transforms import OPERATIONS, TRANSFORMS
from tests.transforms.running import applied

LEFT = pl.LazyFrame({"id": [1, 2], "t": ["a", "b"]})
RIGHT = pl.LazyFrame({"id": [1], "t": ["x"], "t_right": ["y"]})


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("join", {"right_dataset": "right", "on": "id"}, "'join' gives several columns the name: t_right"),
        ("join", {"right_dataset": "right", "on": {"id": "t"}, "prefix": "r"},
         "'join' cannot compare 'id' of type Int64 with 't' of type String"),
        ("join", {"right_dataset": "right", "on": ["id", "k"]}, "'join' needs missing columns: k"),
        ("join", {"right_dataset": "right", "on": {"t": "k"}}, "'join with right' needs missing columns: k"),
        ("union", {"datasets": ["right"], "by_name": False},
         "'union' by position needs as many columns everywhere: 'df' has 2, 'right' has 3"),
        ("apply_mapping", {"column": "id", "mapping_source": "right", "source_key": "id", "source_value": "t", "default": 0},
         "'apply_mapping' has int as default for 't' of type String"),
        ("apply_mapping", {"column": "id", "mapping_source": "right", "source_key": "t", "source_value": "id"},
         "'apply_mapping' cannot compare 'id' of type Int64 with 't' of type String"),
        ("apply_mapping", {"column": "id", "mapping_source": "right", "source_key": "q", "source_value": "id"},
         "'apply_mapping from right' needs missing columns: q"),
        ("aggregate", {"group_by": ["id"], "aggregations": {"t": "sum"}}, "'aggregate' needs numbers for sum: 't' is String"),
        ("pivot", {"group_by": ["id"], "pivot_col": "id", "agg_col": "t"}, "'pivot' needs numbers for sum: 't' is String"),
        ("pivot", {"group_by": ["id"], "pivot_col": "t", "agg_col": "id", "values": ["id"]}, "'pivot' gives several columns the name: id"),
        ("explode_list_column", {"column": "t"}, "'explode_list_column' needs a list: 't' is String"),
        ("unpack_struct", {"column": "t"}, "'unpack_struct' needs a struct: 't' is String"),
        ("parse_json", {"column": "id", "json_schema": "a INT"}, "'parse_json' needs JSON text: 'id' is Int64"),
        ("normalize_json", {"column": "id"}, "'normalize_json' needs JSON text: 'id' is Int64"),
        ("split_events_by_period", {"start_col": "id", "end_col": "t"}, "'split_events_by_period' needs times: 'id' is Int64"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_a_schema_mismatch(name, params, message):
    """Columns and types are named, values are not."""
    with pytest.raises(SchemaMismatchError) as error:
        applied(TRANSFORMS, name, params, LEFT, {"right": RIGHT})
    assert error.value.message == message


def test_a_field_that_is_called_like_a_column_is_refused():
    """Two columns of one name could be written nowhere."""
    frame = pl.LazyFrame({"a": [1], "s": [{"a": 2}]})
    with pytest.raises(SchemaMismatchError) as error:
        applied(TRANSFORMS, "unpack_struct", {"column": "s"}, frame)
    assert error.value.message == "'unpack_struct' gives several columns the name: a"
    assert applied(TRANSFORMS, "flatten_struct", {"column": "s", "prefix": "s."}, frame).rows() == [(1, 2)]


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("join", {"right_dataset": "r"}, "'on' is needed for how: left"),
        ("join", {"right_dataset": "r", "on": []}, "'on' is needed for how: left"),
        ("join", {"right_dataset": "r", "on": "i", "how": "cross"}, "a cross join has no 'on'"),
        ("join", {"right_dataset": "r", "on": "i", "how": "outer"}, "'how'"),
        ("join", {"on": "i"}, "needs parameter 'right_dataset'"),
        ("union", {"datasets": []}, "'datasets'"),
        ("union", {"dataset": ["a"]}, "has no parameter 'dataset'"),
        ("aggregate", {"group_by": ["a"], "aggregations": {"a": "count"}}, "grouped by and aggregated at once: a"),
        ("aggregate", {"group_by": ["a"], "aggregations": {"b": "median"}}, "'aggregations.b'"),
        ("pivot", {"group_by": ["a"], "pivot_col": "b", "agg_col": "c", "values": []}, "'values'"),
        ("unpivot", {"id_cols": ["value"], "value_vars": ["b"]}, "several columns would have the name: value"),
        ("flatten_struct", {"column": "s", "depth": 0}, "'depth'"),
        ("cross_check", {"type": "row_count_diff", "inputs": ["a"]}, "'inputs'"),
        ("cross_check", {"type": "rows", "inputs": ["a", "b"]}, "'type'"),
        ("apply_mapping", {"column": "a", "mapping_source": "m", "source_key": "k", "source_value": "v", "default": [1]}, "'default'"),
        ("parse_json", {"column": "a", "json_schema": "a INT,"}, "the schema expected more, found its end"),
        ("parse_json", {"column": "a", "json_schema": "a INTT"}, "the schema unknown type INTT"),
        ("parse_json", {"column": "a", "json_schema": "a DECIMAL(3, 5)"}, "decimal(3, 5) is no type"),
        ("parse_json", {"column": "a", "json_schema": "a ARRAY<INT"}, "expected >, found its end"),
        ("parse_json", {"column": "a", "json_schema": "a INT b INT"}, "the schema expected its end, found b"),
        ("parse_json", {"column": "a", "json_schema": "a INT; b"}, "cannot be read at character 6"),
        ("parse_json", {"column": "a", "json_schema": " "}, "the schema is empty"),
        ("split_events_by_period", {"start_col": "a", "end_col": "b", "period": "week"}, "'period'"),
        ("split_events_by_period", {"start_col": "a", "end_col": "b", "period": "shift"}, "'shifts' belong to 'period: shift'"),
        ("split_events_by_period", {"start_col": "a", "end_col": "b", "period": "shift",
                                    "shifts": [{"name": "x", "start": "6", "end": "25:00"}]}, "expected a time such as '06:00'"),
    ],
)  # fmt: skip
def test_wrong_parameters_are_refused_when_they_are_bound(name, params, message):
    """So `odibi validate` finds them."""
    with pytest.raises(ConfigError) as refused:
        TRANSFORMS.bind(name, params)
    assert any(message in str(problem) for problem in refused.value.problems)


def test_texts_that_are_no_objects_are_counted_and_not_quoted():
    """A list, a number and a word are not what columns can be made of."""
    frame = pl.LazyFrame({"p": ['{"a": 1}', "[1]", "7", "secret", None, "null"]})
    with pytest.raises(DataError) as error:
        applied(TRANSFORMS, "normalize_json", {"column": "p"}, frame)
    assert error.value.message == "3 of 6 values of column 'p' are no JSON objects"


def test_the_names_of_datasets_that_a_transform_reads_are_known_to_the_planner():
    """Which hands their frames in."""
    reads = [
        TRANSFORMS.bind("join", {"right_dataset": "r", "on": "i"})[1].reads(),
        TRANSFORMS.bind("union", {"datasets": ["a", "b"]})[1].reads(),
        TRANSFORMS.bind("apply_mapping", {"column": "c", "mapping_source": "m", "source_key": "k", "source_value": "v"})[1].reads(),
        TRANSFORMS.bind("cross_check", {"type": "schema_match", "inputs": ["x", "y"]})[1].reads(),
        OPERATIONS.bind("drop", {"columns": ["a"]})[1].reads(),
    ]
    assert reads == [("r",), ("a", "b"), ("m",), ("x", "y"), ()]


def test_a_dataset_that_is_no_input_is_named_with_those_there_are():
    """And with the nearest of them."""
    with pytest.raises(ConfigError) as error:
        applied(TRANSFORMS, "union", {"datasets": ["rihgt"]}, LEFT, {"right": RIGHT})
    assert error.value.message == "'rihgt' is not an input of this node"
    assert error.value.hint.startswith("Did you mean 'right'? Known: right.")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"type": "row_count_diff", "inputs": ["a", "b"]}, "'b' has 1 rows and 'a' 2 (50.0%, expected as many)"),
        ({"type": "row_count_diff", "inputs": ["b", "a"], "threshold": 0.99}, "'a' has 2 rows and 'b' 1 (100.0%, more than 99.0%)"),
        ({"type": "row_count_diff", "inputs": ["none", "a"], "threshold": 0.5}, "'a' has 2 rows and 'none' 0 (100.0%, more than 50.0%)"),
        ({"type": "schema_match", "inputs": ["a", "b"]}, "'b' adds: t_right, against 'a'"),
        ({"type": "schema_match", "inputs": ["b", "a"]}, "'a' lacks: t_right, against 'b'"),
        ({"type": "schema_match", "inputs": ["a", "none"]}, "'none' lacks: t, differs in: id (String, not Int64), against 'a'"),
    ],
)  # fmt: skip
def test_datasets_that_differ_fail_the_node(params, message):
    """With numbers and names."""
    none = pl.LazyFrame({"id": []}, schema={"id": pl.String})
    with pytest.raises(CheckFailedError) as error:
        applied(TRANSFORMS, "cross_check", params, LEFT, {"a": LEFT, "b": RIGHT, "none": none})
    assert error.value.message == f"'cross_check' found a difference: {message}"
