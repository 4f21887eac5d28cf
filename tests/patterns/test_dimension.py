"""Dimensions: keys that stay, three ways of change, the unknown member, audit columns. Expected rows are written by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from odibi_core.errors import ConfigError, SchemaMismatchError
from odibi_core.patterns import PATTERNS
from tests.patterns.running import NOW, TableOf, applied, rows_of

N = None
LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
WALL = datetime.fromisoformat("2024-01-01")  # a clock without a zone


def things(*rows: tuple[object, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=["id", "city"], orient="row")


def params(scd_type: int, **more: object) -> dict[str, object]:
    track = {} if scd_type == 0 else {"track_cols": ["city"]}
    return {"natural_key": "id", "surrogate_key": "sk", "scd_type": scd_type, "target": "lake.t", **track, **more}


@pytest.mark.parametrize("scd_type", [0, 1])
def test_new_things_get_keys_in_the_order_of_the_natural_key(scd_type: int) -> None:
    """From 1 on; the key is a 64-bit integer."""
    made = applied("dimension", params(scd_type), things(("c", "x"), ("a", "y"), ("b", "z")))
    assert rows_of(made.table, "id", "sk") == [("a", 1), ("b", 2), ("c", 3)]
    assert made.table.schema["sk"] == pl.Int64


def test_type_0_only_adds() -> None:
    """What is known stays as it is, whatever the source says."""
    present = pl.DataFrame({"id": ["a", "b"], "city": ["x", "y"], "sk": [4, 9]})
    made = applied("dimension", params(0), things(("c", "new"), ("a", "other"), ("0", "new")), present=present)
    assert rows_of(made.table) == [("0", "new", 10), ("a", "x", 4), ("b", "y", 9), ("c", "new", 11)]
    assert applied("dimension", params(0), things(("a", "other")), present=present).made.changed is False


def test_type_1_takes_over_what_the_source_says() -> None:
    """All columns of it, not only those that are tracked; the key stays, what is not mentioned too, and a column of the target as well."""
    present = pl.DataFrame({"id": ["a", "b"], "city": ["x", "y"], "note": ["n", "m"], "sk": [4, 9]})
    source = pl.DataFrame({"id": ["a", "c"], "city": ["z", "w"], "size": [1, 2]})
    made = applied("dimension", params(1), source, present=present)
    assert made.table.columns == ["id", "city", "note", "sk", "size"]
    assert rows_of(made.table, "id", "city", "note", "size", "sk") == [("a", "z", "n", 1, 4), ("b", "y", "m", N, 9), ("c", "w", N, 2, 10)]


def test_type_2_keeps_versions_each_with_its_key() -> None:
    """The time is that of the run; a version that was there keeps its key."""
    first = applied("dimension", params(2), things((1, "x"), (2, "y")))
    assert rows_of(first.table, "id", "city", "valid_from", "valid_to", "is_current", "sk") == [
        (1, "x", NOW, N, True, 1),
        (2, "y", NOW, N, True, 2),
    ]
    second = applied("dimension", params(2), things((1, "z"), (2, "y"), (3, "w")), present=first.table, now=LATER)
    assert rows_of(second.table, "id", "city", "valid_from", "valid_to", "is_current", "sk") == [
        (1, "x", NOW, LATER, False, 1),
        (1, "z", LATER, N, True, 3),
        (2, "y", NOW, N, True, 2),
        (3, "w", LATER, N, True, 4),
    ]
    assert applied("dimension", params(2), things((1, "z"), (2, "y")), present=second.table, now=LATER).made.changed is False


def test_own_names_for_the_columns_of_type_2() -> None:
    names = {"valid_from_col": "von", "valid_to_col": "bis", "is_current_col": "gilt"}
    made = applied("dimension", params(2, unknown_member=True, **names), things((1, "x")))
    assert rows_of(made.table, "id", "von", "bis", "gilt", "sk") == [(-1, LONG_AGO, N, True, 0), (1, NOW, N, True, 1)]


def test_without_a_target_everything_is_numbered_from_1() -> None:
    """In each run; nothing is written but by `write:`."""
    made = applied("dimension", {"natural_key": "id", "surrogate_key": "sk", "scd_type": 0}, things(("b", "x"), ("a", "y")))
    assert made.made.table is None
    assert rows_of(made.output, "id", "sk") == [("a", 1), ("b", 2)]


@pytest.mark.parametrize(("scd_type", "city"), [(0, "first"), (1, "last"), (2, "last")])
def test_a_thing_that_is_there_twice_is_one_thing(scd_type: int, city: str) -> None:
    """Type 0 takes the first, the others the last."""
    made = applied("dimension", params(scd_type), things((1, "first"), (1, "last")))
    assert rows_of(made.table, "id", "city", "sk") == [(1, city, 1)]


def test_a_natural_key_of_several_columns() -> None:
    source = pl.DataFrame({"a": [1, 1, None], "b": ["x", "y", "x"], "city": ["p", "q", "r"]})
    wanted = {**params(1), "natural_key": ["a", "b"]}
    first = applied("dimension", wanted, source).table
    assert rows_of(first, "a", "b", "sk") == [(N, "x", 1), (1, "x", 2), (1, "y", 3)]
    assert rows_of(applied("dimension", wanted, source, present=first, now=LATER).table) == rows_of(first)


def test_the_unknown_member_has_a_value_of_every_type() -> None:
    """It comes once, does not count for the keys, and is the same in the next run."""
    source = pl.DataFrame(
        {
            "id": ["a"], "name": ["x"], "n": [5], "f": [1.5], "b": [True], "d": [date(2024, 1, 1)], "t": [WALL],
            "u": [datetime(2024, 1, 1, tzinfo=UTC)], "l": [[1]],
        }
    )  # fmt: skip
    wanted = params(1, unknown_member=True, audit={"source_system": "crm"}, track_cols=["name"])
    first = applied("dimension", wanted, source).table
    unknown = first.filter(pl.col("sk") == 0).to_dicts()
    expected = {
        "id": "-1", "name": "Unknown", "n": 0, "f": 0.0, "b": False, "d": date(1900, 1, 1), "t": LONG_AGO.replace(tzinfo=N), "u": LONG_AGO,
        "l": None, "sk": 0, "load_timestamp": NOW, "source_system": "crm",
    }  # fmt: skip
    assert unknown == [expected]
    second = applied("dimension", wanted, source, present=first, now=LATER).table
    assert second.filter(pl.col("sk") == 0).to_dicts() == [{**expected, "load_timestamp": LATER}]
    assert second.height == 2


def test_the_unknown_member_of_a_numeric_key() -> None:
    made = applied("dimension", params(2, unknown_member=True), things((7, "x")))
    assert rows_of(made.table, "id", "city", "valid_from", "valid_to", "is_current", "sk") == [
        (-1, "Unknown", LONG_AGO, N, True, 0),
        (7, "x", NOW, N, True, 1),
    ]


def test_audit_columns_stamp_every_row() -> None:
    """`load_timestamp` is on where the section is there; without it there are none."""
    present = applied("dimension", params(1, audit={}), things(("a", "x"), ("b", "y"))).table
    assert present.columns == ["id", "city", "sk", "load_timestamp"]
    made = applied("dimension", params(1, audit={}), things(("a", "z")), present=present, now=LATER).table
    assert made["load_timestamp"].to_list() == [LATER, LATER]
    system = applied("dimension", params(1, audit={"load_timestamp": False, "source_system": "crm"}), things(("a", "x"))).table
    assert rows_of(system) == [("a", "x", 1, "crm")]


def test_a_target_without_our_key_is_refused() -> None:
    """Type 1 cannot tell which key a thing has there; type 2 numbers all versions."""
    with pytest.raises(SchemaMismatchError, match="the target of dimension' needs missing columns: sk"):
        applied("dimension", params(1), things(("a", "x")), present=things(("a", "x")))
    there = applied("dimension", params(2), things((1, "x"))).table.drop("sk")
    assert rows_of(applied("dimension", params(2), things((2, "y")), present=there, now=LATER).table, "id", "sk") == [(1, 1), (2, 2)]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"surrogate_key": "sk"}, "needs parameter 'natural_key'"),
        ({"natural_key": "id"}, "needs parameter 'surrogate_key'"),
        ({"natural_key": "id", "surrogate_key": "sk"}, "'track_cols' is needed for scd_type: 1"),
        ({"natural_key": "id", "surrogate_key": "sk", "scd_type": 2, "track_cols": ["a"]}, "'target' is needed for scd_type: 2"),
        ({"natural_key": "id", "surrogate_key": "sk", "scd_type": 3}, "parameter 'scd_type' of pattern 'dimension': expected 0, 1 or 2"),
        ({**params(0), "audit": {"load_time": True}}, "has no parameter 'audit.load_time'"),
        ({**params(0), "unknown": True}, "has no parameter 'unknown'"),
    ],
)
def test_wrong_params_are_named(given: dict, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        PATTERNS.bind("dimension", given)
    assert any(problem in found.message for found in refused.value.problems)


@pytest.mark.parametrize("form", ["delta", "parquet"])
@pytest.mark.parametrize("scd_type", [0, 1, 2])
def test_keys_are_stable_in_a_real_table(tmp_path: Path, form: str, scd_type: int) -> None:
    """Run after run, with types that each format keeps in its own way."""
    table = TableOf(tmp_path, "dimension", params(scd_type, unknown_member=True, audit={}), format=form)
    at = datetime.fromisoformat("2024-01-01T08:00")
    table.run(pl.DataFrame({"id": [2, 1], "city": ["a", "b"], "seen": [at, at]}))
    rows = table.run(pl.DataFrame({"id": [1, 3], "city": ["b", "c"], "seen": [at, at]}))
    assert rows_of(rows, "id", "city", "sk") == [(-1, "Unknown", 0), (1, "b", 1), (2, "a", 2), (3, "c", 3)]
