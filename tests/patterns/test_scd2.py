"""Versions over time: what is new, what changed, what came late, what is gone. Expected rows are written by hand."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from odibi_core.errors import ConfigError, DataError, SchemaMismatchError
from odibi_core.patterns import PATTERNS
from tests.patterns.running import TableOf, applied, native, rows_of

N = None
PARAMS = {"target": "lake.t", "keys": ["id"], "track_cols": ["city"], "effective_time_col": "at"}
VERSIONS = ("id", "city", "valid_from", "valid_to", "is_current")


def day(number: int) -> date:
    return date(2024, 1, number)


def batch(*rows: tuple[object, ...], columns: tuple[str, ...] = ("id", "city", "at")) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=list(columns), orient="row")


def versions(*batches: pl.DataFrame, **params: object) -> list[tuple[object, ...]]:
    """The versions after some batches."""
    present = None
    for rows in batches:
        present = applied("scd2", {**PARAMS, **params}, rows, present=present).table
    assert present is not None
    return rows_of(present, *VERSIONS)


def test_the_first_load_begins_a_version_of_each_key() -> None:
    """The columns of the source stay, and three stand behind them."""
    made = applied("scd2", PARAMS, batch((1, "Bern", day(1)), (2, "Ulm", day(2))))
    assert made.table.columns == ["id", "city", "at", "valid_from", "valid_to", "is_current"]
    assert made.table.schema["valid_to"] == pl.Date
    assert rows_of(made.table) == [(1, "Bern", day(1), day(1), N, True), (2, "Ulm", day(2), day(2), N, True)]
    assert rows_of(made.output) == rows_of(made.table)


def test_a_change_ends_a_version_and_begins_the_next() -> None:
    """Unchanged and absent keys stay as they are, columns that are not watched too."""
    first = batch((1, "CA", day(1)), (2, "Ulm", day(1)), (3, "Rom", day(1)))
    second = batch((1, "NY", day(5)), (2, "Ulm", day(5)), (4, "Oslo", day(5)))
    assert versions(first, second) == [
        (1, "CA", day(1), day(5), False),
        (1, "NY", day(5), N, True),
        (2, "Ulm", day(1), N, True),
        (3, "Rom", day(1), N, True),
        (4, "Oslo", day(5), N, True),
    ]


def test_several_rows_of_a_key_become_versions_in_their_order() -> None:
    """Whatever order they come in; what repeats the version before is none."""
    rows = [(1, "c", day(3)), (1, "a", day(1)), (1, "b", day(2)), (1, "c", day(4))]
    expected = [(1, "a", day(1), day(2), False), (1, "b", day(2), day(3), False), (1, "c", day(3), N, True)]
    assert versions(batch(*rows)) == expected
    assert versions(batch(rows[1]), batch(rows[3], rows[0], rows[2])) == expected


def test_a_late_row_is_put_where_its_time_belongs() -> None:
    """Between two versions, before the first, or as an earlier beginning of one."""
    there = batch((1, "a", day(2)), (1, "b", day(6)))
    assert versions(there, batch((1, "x", day(4)))) == [
        (1, "a", day(2), day(4), False),
        (1, "b", day(6), N, True),
        (1, "x", day(4), day(6), False),
    ]
    assert versions(there, batch((1, "a", day(1)))) == [(1, "a", day(1), day(6), False), (1, "b", day(6), N, True)]
    assert versions(there, batch((1, "b", day(4)))) == [(1, "a", day(2), day(4), False), (1, "b", day(4), N, True)]


def test_a_row_at_the_time_of_a_version_takes_its_place() -> None:
    """No version of no length; and the same again changes nothing."""
    there = batch((1, "a", day(1)), (1, "b", day(2)))
    assert versions(there, batch((1, "x", day(2)))) == [(1, "a", day(1), day(2), False), (1, "x", day(2), N, True)]
    assert versions(there, batch((1, "a", day(2)))) == [(1, "a", day(1), N, True)]
    present = applied("scd2", PARAMS, there).table
    assert applied("scd2", PARAMS, there, present=present).made.changed is False


def test_of_rows_of_one_time_the_last_counts() -> None:
    """As read."""
    assert versions(batch((1, "a", day(1)), (1, "b", day(1)))) == [(1, "b", day(1), N, True)]


def test_a_deletion_ends_a_version_and_a_later_row_begins_one() -> None:
    """With a gap between them. The deletion itself is no version, and one of an unknown key is nothing."""
    columns = ("id", "city", "at", "gone")
    first = batch((1, "a", day(1), False), (2, "b", day(1), None), columns=columns)
    second = batch((1, "a", day(3), True), (3, "c", day(3), True), columns=columns)
    third = batch((1, "a", day(5), False), columns=columns)
    ended = [(1, "a", day(1), day(3), False), (2, "b", day(1), N, True)]
    assert versions(first, second, delete_col="gone") == ended
    assert versions(first, second, second, delete_col="gone") == ended
    assert versions(first, second, third, delete_col="gone") == [ended[0], (1, "a", day(5), N, True), ended[1]]
    late = batch((1, "z", day(5), False), columns=columns)
    assert versions(first, late, second, delete_col="gone") == [ended[0], (1, "z", day(5), N, True), ended[1]]


@pytest.mark.parametrize(("value", "dtype"), [("yes", pl.String), ("TRUE", pl.String), (1, pl.Int64)])
def test_a_deletion_may_be_a_word_or_a_number(value: object, dtype: type[pl.DataType]) -> None:
    """As files without types have them."""
    rows = batch((1, "a", day(1)), (1, "a", day(2))).with_columns(gone=pl.Series([None, value], dtype=dtype()))
    assert versions(rows, delete_col="gone") == [(1, "a", day(1), day(2), False)]


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, None), (float("nan"), float("nan")), (None, float("nan")), (0.1 + 0.2, 0.3), (0.0, -0.0), (float("inf"),) * 2],
)
def test_floats_and_nulls_make_no_false_versions(before: float | None, after: float | None) -> None:
    """NULL and NaN are no news, and neither is the last bit of a sum."""
    params = {**PARAMS, "track_cols": ["v"]}
    rows = [
        pl.DataFrame({"id": [1], "v": [value], "at": [day(at)]}, schema_overrides={"v": pl.Float64})
        for value, at in ((before, 1), (after, 2))
    ]
    present = applied("scd2", params, rows[0]).table
    assert applied("scd2", params, rows[1], present=present).made.changed is False


@pytest.mark.parametrize("after", [1.0, float("-inf"), None])
def test_infinity_is_a_value_like_any_other(after: float | None) -> None:
    """Nothing is a hair apart from it."""
    rows = [
        pl.DataFrame({"id": [1], "v": [value], "at": [day(at)]}, schema_overrides={"v": pl.Float64})
        for value, at in ((float("inf"), 1), (after, 2))
    ]
    params = {**PARAMS, "track_cols": ["v"]}
    assert applied("scd2", params, rows[1], present=applied("scd2", params, rows[0]).table).table["v"].to_list() == [float("inf"), after]


@pytest.mark.parametrize("key", [None, float("nan"), -0.0])
def test_a_key_that_is_hard_to_compare_is_a_key(key: float | None) -> None:
    """NULL is a key like any other, and NaN is itself."""
    rows = [pl.DataFrame({"id": [key, 1.0], "city": [city, "z"], "at": [day(at), day(at)]}) for city, at in (("a", 1), ("b", 2))]
    present = applied("scd2", PARAMS, rows[0]).table
    made = applied("scd2", PARAMS, rows[1], present=present).table.filter(pl.col("city") != "z")
    assert made.sort("valid_from").select("city", "valid_to", "is_current").rows() == [("a", day(2), False), ("b", None, True)]


def test_columns_come_and_go() -> None:
    """A new column is NULL in older versions, one that is missing in newer ones; a key of ours stays."""
    present = applied("scd2", PARAMS, batch((1, "a", day(1)))).table.with_columns(sk=pl.lit(7))
    made = applied("scd2", PARAMS, batch((1, "b", day(2), "n"), columns=("id", "city", "at", "note")), present=present).table
    assert made.columns == ["id", "city", "at", "valid_from", "valid_to", "is_current", "sk", "note"]
    assert made.sort("valid_from").select("city", "sk", "note").rows() == [("a", 7, None), ("b", None, "n")]


def test_own_names_for_the_three_columns() -> None:
    """By the names of the transform and by those of the pattern."""
    names = {"start_time_col": "von", "end_time_col": "bis", "current_flag_col": "gilt"}
    other = {"valid_from_col": "von", "valid_to_col": "bis", "is_current_col": "gilt"}
    for given in (names, other):
        assert applied("scd2", {**PARAMS, **given}, batch((1, "a", day(1)))).table.columns == ["id", "city", "at", "von", "bis", "gilt"]


def test_the_effective_time_may_be_the_beginning_itself() -> None:
    """Then there is one column for both."""
    made = applied("scd2", {**PARAMS, "effective_time_col": "valid_from"}, batch((1, "a", day(1)), columns=("id", "city", "valid_from")))
    assert rows_of(made.table, *VERSIONS) == [(1, "a", day(1), None, True)]


def test_two_current_versions_of_a_key_are_healed() -> None:
    """A table that another program broke: the earlier one ends where the later one begins."""
    present = pl.DataFrame(
        {
            "id": [1, 1],
            "city": ["a", "b"],
            "at": [day(1), day(2)],
            "valid_from": [day(1), day(2)],
            "valid_to": [None, None],
            "is_current": [True] * 2,
        },
        schema_overrides={"valid_to": pl.Date},
    )
    made = applied("scd2", PARAMS, batch((1, "c", day(3))), present=present).table
    assert rows_of(made, *VERSIONS) == [(1, "a", day(1), day(2), False), (1, "b", day(2), day(3), False), (1, "c", day(3), None, True)]


def test_a_far_end_of_current_versions_stays() -> None:
    """Tables of others may say 9999-12-31 instead of NULL."""
    end = date(9999, 12, 31)
    present = pl.DataFrame(
        {"id": [1, 2], "city": ["a", "b"], "at": [day(1)] * 2, "valid_from": [day(1)] * 2, "valid_to": [end] * 2, "is_current": [True] * 2}
    )
    made = applied("scd2", PARAMS, batch((1, "x", day(3)), (1, "y", day(2))), present=present).table
    assert rows_of(made, *VERSIONS) == [
        (1, "a", day(1), day(2), False),
        (1, "x", day(3), None, True),
        (1, "y", day(2), day(3), False),
        (2, "b", day(1), end, True),
    ]


def test_a_row_without_a_time_is_refused() -> None:
    """It belongs nowhere; the count is told and no value."""
    with pytest.raises(DataError, match="1 rows of 'scd2' have no effective time"):
        applied("scd2", PARAMS, batch((1, "secret", None), (2, "b", day(1))))


def test_a_target_of_another_shape_is_refused() -> None:
    """Columns that are missing there, or types whose values would change."""
    with pytest.raises(SchemaMismatchError, match="the target of scd2' needs missing columns: valid_to, is_current"):
        applied("scd2", PARAMS, batch((1, "a", day(1))), present=pl.DataFrame({"id": [1], "city": ["a"], "valid_from": [day(1)]}))
    present = applied("scd2", PARAMS, batch((1, "a", day(1)))).table
    with pytest.raises(SchemaMismatchError, match="'id' is String and the target has Int64"):
        applied("scd2", PARAMS, batch(("1", "a", day(2))), present=present)


def test_a_missing_column_is_told() -> None:
    """With those that there are."""
    with pytest.raises(SchemaMismatchError, match="'scd2' needs missing columns: at"):
        applied("scd2", PARAMS, pl.DataFrame({"id": [1], "city": ["a"]}))


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"keys": ["id"], "track_cols": ["a"]}, "needs parameter 'effective_time_col'"),
        ({**PARAMS, "track_col": ["a"]}, "has no parameter 'track_col'"),
        ({**PARAMS, "connection": "lake", "path": "x"}, "name it once"),
        ({**{k: v for k, v in PARAMS.items() if k != "target"}, "connection": "lake"}, "'connection' and 'path' belong together"),
    ],
)
def test_wrong_params_are_named(params: dict, problem: str) -> None:
    """With the names that are known."""
    with pytest.raises(ConfigError) as refused:
        PATTERNS.bind("scd2", params)
    assert any(problem in found.message for found in refused.value.problems)
    assert {"target", "keys", "track_cols", "effective_time_col"} <= set(re.split(r"[,.] ?", refused.value.hint.partition("Known: ")[2]))


@pytest.mark.parametrize("form", ["delta", "parquet"])
def test_a_real_table_goes_on_from_what_it_holds(tmp_path: Path, form: str) -> None:
    """Wall clocks become instants in Delta, and stay what they are in Parquet: the next batch fits either."""
    table = TableOf(tmp_path, "scd2", {key: value for key, value in PARAMS.items() if key != "target"}, format=form)
    at = [datetime.fromisoformat("2024-01-01T08:00"), datetime.fromisoformat("2024-01-02T09:00")]
    table.run(pl.DataFrame({"id": [1, 2], "city": ["a", "b"], "at": [at[0], at[0]]}))
    rows = table.run(pl.DataFrame({"id": [1], "city": ["c"], "at": [at[1]]}))
    if form == "delta":
        at = [moment.replace(tzinfo=UTC) for moment in at]
    assert rows_of(rows, *VERSIONS) == [(1, "a", at[0], at[1], False), (1, "c", at[1], None, True), (2, "b", at[0], None, True)]


def test_nothing_is_computed_to_a_table_that_is_not_asked_for() -> None:
    """The frames stay lazy until the runtime writes them."""
    made = applied("scd2", PARAMS, batch((1, "a", day(1)))).made
    assert isinstance(made.table.to_native(), pl.LazyFrame)
    assert native(made.table).height == 1
