"""What a transform says of its columns before it runs is what it gives when it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from odibi_core.errors import OdibiError
from odibi_core.outline import UNKNOWN, Known, Origin, Outline
from odibi_core.sql import compile_sql
from odibi_core.sql.outlines import outline_of
from odibi_core.transforms import OPERATIONS, TRANSFORMS, Params
from tests.transforms.cases import CASES, MISSING
from tests.transforms.cases.case import FRAME
from tests.transforms.running import applied

DEPENDS_ON_DATA = {"normalize_json", "unpack_struct", "flatten_struct"}  # their new columns are fields that nobody has declared


@dataclass(kw_only=True)
class Listening:
    """What a transform may ask, and what it reported."""

    datasets: Mapping[str, Outline] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def need(self, outline, names, *, at, of=""):
        self.missing += [name for name in names if outline.lacks(name)]

    def dataset(self, name):
        return self.datasets.get(name.lower(), UNKNOWN)

    def query(self, text, tables):
        outline, missing = outline_of(compile_sql(text, tables=list(tables)).polars, tables)
        self.missing += [one.name for one in missing]
        return outline


def known(frame, name="df"):
    return Outline.of(name, frame.collect_schema().names())


def described(registry, name, params, given, datasets=None):
    """The outline that a transform gives, and which names it misses."""
    _, bound = registry.bind(name, params)
    around = Listening(datasets=datasets or {})
    return bound.outline(given, around), around.missing


def is_open(case):
    """Whether new names depend on the data: nobody can know them."""
    if case.name in DEPENDS_ON_DATA:
        return True
    return (case.name == "pivot" and case.params.get("values") is None) or case.params.get("errors") == "ignore"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_outline_of_a_transform_is_what_it_gives(case):
    """Names, their spelling and their order; where names depend on the data, those that do not are known."""
    datasets = {name: known(frame, name) for name, frame in case.inputs.items()}
    outline, missing = described(case.registry, case.name, case.params, known(case.frame), datasets)
    assert missing == []
    if is_open(case):
        assert outline.others is not None
        assert set(outline.names) <= set(case.columns)
    else:
        assert outline.names == tuple(case.columns)
        assert outline.others is None


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_a_transform_calls_missing_is_missing(case):
    """Take any column away: the transform fails if its outline complains, and complains if it does not give what it says."""
    for column in case.frame.collect_schema().names():
        less = case.frame.drop(column)
        datasets = {name: known(frame, name) for name, frame in case.inputs.items()}
        outline, missing = described(case.registry, case.name, case.params, known(less), datasets)
        try:
            result = applied(case.registry, case.name, case.params, less, case.inputs)
        except OdibiError:
            continue
        assert missing == [], column
        assert is_open(case) or list(outline.names) == result.columns, column


@pytest.mark.parametrize("case", CASES, ids=str)
def test_nothing_is_said_of_what_nobody_knows(case):
    """With unknown inputs nothing is called missing, and what is said to be there is there."""
    outline, missing = described(case.registry, case.name, case.params, Outline.of("df", None))
    assert missing == []
    assert {name.lower() for name in outline.names} <= {name.lower() for name in case.columns}
    assert outline.others is not None or [name.lower() for name in outline.names] == [name.lower() for name in case.columns]


@pytest.mark.parametrize(("registry", "name", "params"), MISSING)
def test_a_missing_column_is_seen_before_the_run(registry, name, params):
    """Every transform that needs a column says so."""
    assert described(registry, name, params, known(FRAME))[1] == ["key"]


@pytest.mark.parametrize(
    ("name", "params", "column"),
    [
        ("filter_rows", {"condition": "key > 1"}, "key"),
        ("derive_columns", {"derivations": {"a": "u + 1", "b": "a + key"}}, "key"),
        ("case_when", {"output_col": "o", "cases": [{"condition": "u > key", "value": "1"}]}, "key"),
        ("validate_and_flag", {"rules": {"r": "key > 0"}}, "key"),
        ("window_calculation", {"target_col": "w", "function": "sum(u)", "partition_by": ["s"], "order_by": "key"}, "key"),
        ("deduplicate", {"keys": ["Id"], "order_by": "key DESC"}, "key"),
    ],
)
def test_a_name_in_the_sql_of_a_parameter_is_seen(name, params, column):
    """As in a step of SQL."""
    assert described(TRANSFORMS, name, params, known(FRAME))[1] == [column]


def test_every_transform_says_which_columns_it_gives():
    """Nothing here is left to the default, which knows nothing."""
    for registry in (TRANSFORMS, OPERATIONS):
        for entry in registry:
            assert entry.params.outline is not Params.outline, entry.name


@pytest.mark.parametrize(
    ("name", "params", "column", "origins"),
    [
        ("rename_columns", {"mapping": {"s": "mail"}}, "mail", {("df", "s", "value")}),
        ("add_prefix", {"prefix": "p_"}, "p_s", {("df", "s", "value")}),
        ("concat_columns", {"columns": ["Id", "s"], "output_col": "o"}, "o", {("df", "id", "value"), ("df", "s", "value")}),
        ("hash_columns", {"columns": ["s"]}, "s", {("df", "s", "computed")}),
        ("aggregate", {"group_by": ["s"], "aggregations": {"u": "count", "Id": "max"}}, "u", {("df", "u", "counted")}),
        ("aggregate", {"group_by": ["s"], "aggregations": {"u": "count", "Id": "max"}}, "Id", {("df", "id", "value")}),
        ("derive_columns", {"derivations": {"a": "UPPER(s)", "b": "a || '!'"}}, "b", {("df", "s", "value")}),
        ("derive_columns", {"derivations": {"a": "Id * 2"}}, "a", {("df", "id", "computed")}),
        ("unpivot", {"id_cols": ["Id"], "value_vars": ["u", "s"]}, "value", {("df", "u", "value"), ("df", "s", "value")}),
        ("join", {"right_dataset": "other", "on": {"Id": "Id"}}, "s_right", {("other", "s", "value")}),
        ("union", {"datasets": ["other"]}, "s", {("df", "s", "value"), ("other", "s", "value")}),
        ("distinct", {}, "s", {("df", "s", "value")}),
    ],
)
def test_a_column_knows_what_it_is_made_of(name, params, column, origins):
    """The value itself, something computed of it, or only a number of rows."""
    outline, _ = described(TRANSFORMS, name, params, known(FRAME), {"other": known(FRAME, "other")})
    assert {(origin.source, origin.column, origin.how) for origin in outline.column(column).origins} == origins


def test_a_rename_of_what_nobody_knows_is_known():
    """A file of unknown columns: what is renamed is there under its new name, and not under its old one."""
    outline, _ = described(TRANSFORMS, "rename_columns", {"mapping": {"email": "mail"}}, Outline.of("p.raw", None))
    assert outline.columns == (Known(name="mail", origins=frozenset({Origin(source="p.raw", column="email")})),)
    assert outline.column("email").origins == frozenset()
    assert outline.column("city").origins == {Origin(source="p.raw", column="city")}


def test_a_function_of_the_authors_may_do_anything():
    """It says nothing, so nothing is known, and nothing is refused."""
    assert Params().outline(known(FRAME), Listening()) is UNKNOWN
    assert UNKNOWN.lacks("a") is False


def test_a_name_whose_case_is_not_known_is_one_column():
    """`ID` was asked of a file that may have `id`: a new column `id` takes its place, and SQL finds one of them."""
    outline, _ = described(TRANSFORMS, "select_columns", {"columns": ["ID", "s"]}, Outline.of("p.raw", None))
    outline, _ = described(TRANSFORMS, "case_when", {"output_col": "id", "cases": [{"condition": "s = 'a'", "value": "1"}]}, outline)
    assert outline.names == ("id", "s")
    outline, missing = described(TRANSFORMS, "union", {"datasets": ["other"]}, outline, {"other": known(FRAME, "other")})
    assert (outline.names, missing) == (("id", "s", "Id", "u"), [])
    assert described(TRANSFORMS, "filter_rows", {"condition": "id > 1"}, outline)[1] == []
