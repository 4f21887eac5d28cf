"""A list of tests becomes typed checks, or every reason why not."""

from __future__ import annotations

import pytest

from odibi_core.checks import CheckSpec, check_specs
from odibi_core.checks.rows import ColumnsParams
from odibi_core.errors import ConfigError


def test_a_check_has_a_name_a_severity_and_typed_parameters():
    """A name is the type unless one is given; a check fails its node unless it only warns."""
    assert check_specs(
        [{"type": "not_null", "columns": ["a", "b"]}, {"type": "unique", "columns": ["a"], "name": "key", "on_fail": "warn"}]
    ) == (
        CheckSpec(name="not_null", kind="not_null", severity="fail", params=ColumnsParams(columns=("a", "b"))),
        CheckSpec(name="key", kind="unique", severity="warn", params=ColumnsParams(columns=("a",))),
    )


def test_rows_that_break_a_check_may_be_set_aside():
    """A check of the table has no rows to set aside."""
    (spec,) = check_specs([{"type": "not_null", "columns": ["a"], "on_fail": "quarantine"}])
    assert spec.severity == "quarantine"
    with pytest.raises(ConfigError, match="check 'row_count' looks at the table as a whole, so there are no rows to set aside"):
        check_specs([{"type": "row_count", "min": 1, "on_fail": "quarantine"}])


def test_each_check_of_a_node_has_a_name_of_its_own():
    """Of two with one name the second gets a number that is free."""
    tests = [{"type": "unique", "columns": ["a"], "name": name} for name in ("unique_2", None, None, "key", "key")]
    assert [spec.name for spec in check_specs(tests)] == ["unique_2", "unique", "unique_3", "key", "key_2"]


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ({"type": "not_nul", "columns": ["a"]}, "unknown check 'not_nul'. Did you mean 'not_null'?"),
        ({"columns": ["a"]}, "a check has no type"),
        ({"type": "not_null"}, "needs parameter 'columns'"),
        ({"type": "not_null", "columns": []}, "'columns'"),
        ({"type": "not_null", "column": "a"}, "has no parameter 'column'"),
        ({"type": "range", "column": "a"}, "give min, max or both"),
        ({"type": "row_count"}, "give min, max or both"),
        ({"type": "row_count", "min": -1}, "'min'"),
        ({"type": "accepted_values", "column": "a", "values": []}, "'values'"),
        ({"type": "regex_match", "column": "a", "pattern": "("}, "is not a regular expression"),
        ({"type": "regex_match", "column": "a", "pattern": "a(?!b)"}, "look-around"),
        ({"type": "regex_match", "column": "a", "pattern": "(a)\\1"}, "a back reference"),
        ({"type": "regex_match", "column": "a", "pattern": "a++"}, "possessive"),
        ({"type": "regex_match", "column": "a", "pattern": "a\\Z"}, "is not a regular expression: unrecognized escape sequence"),
        ({"type": "regex_match", "column": "a", "pattern": "(a{1000}){1000}"}, "is too large: its repetitions multiply"),
        ({"type": "regex_match", "column": "a", "pattern": "a" * 5001}, "is longer than 5000 characters"),
        ({"type": "unique", "columns": ["a"], "on_fail": "explode"}, "unknown 'on_fail: explode'"),
    ],
)
def test_a_wrong_test_is_refused_with_its_reason(test, message):
    """The reason names what is wrong and what is known."""
    with pytest.raises(ConfigError) as refused:
        check_specs([test])
    assert any(message in str(problem) for problem in refused.value.problems)


def test_every_wrong_test_is_named_at_once():
    """An author does not fix one error per run."""
    with pytest.raises(ConfigError) as refused:
        check_specs([{"type": "nope"}, {"type": "unique", "columns": ["a"]}, {"type": "not_null"}, {"type": "volume_drop", "threshold": 2}])
    assert len(refused.value.problems) == 3
