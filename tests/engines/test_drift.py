"""Values under another type than the target's: what fits exactly stays, what is wider widens, and the rest is refused or rescued."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import polars as pl
import pytest

from odibi_core.engines.polars.drift import common_type
from odibi_core.errors import SchemaMismatchError
from odibi_core.events import Column
from odibi_core.ports import WriteConflictError
from tests.engines.conftest import Lake, frame

RESCUE = {"on_changed": "rescue", "rescue_column": "r", "merge_schema": True}


def column(values: list[Any], dtype: Any) -> pl.DataFrame:
    return pl.DataFrame({"v": pl.Series(values, dtype=dtype, strict=False)})


@pytest.mark.parametrize(
    ("have", "want", "both"),
    [
        (pl.Int32(), pl.Int64(), pl.Int64()),
        (pl.Int64(), pl.Int8(), pl.Int64()),
        (pl.Float32(), pl.Float64(), pl.Float64()),
        (pl.Int32(), pl.Float32(), pl.Float64()),
        (pl.Int64(), pl.Float64(), None),  # not every one is exact
        (pl.Decimal(10, 2), pl.Decimal(8, 4), pl.Decimal(12, 4)),
        (pl.Decimal(38, 0), pl.Decimal(38, 10), None),
        (pl.Int32(), pl.Decimal(10, 2), pl.Decimal(12, 2)),
        (pl.Int64(), pl.String(), None),
        (pl.Date(), pl.Datetime("us", "UTC"), None),
        (pl.Boolean(), pl.Int64(), None),
        (pl.List(pl.Int32()), pl.List(pl.Int64()), pl.List(pl.Int64())),
        (pl.List(pl.Int32()), pl.Int32(), None),
        (
            pl.Struct({"a": pl.Int64(), "n": pl.String()}),
            pl.Struct({"b": pl.Date(), "a": pl.Int32()}),
            pl.Struct({"b": pl.Date(), "a": pl.Int64(), "n": pl.String()}),
        ),
        (pl.Struct({"a": pl.String()}), pl.Struct({"a": pl.Int32()}), None),
    ],
)
def test_a_type_for_both(have: pl.DataType, want: pl.DataType, both: pl.DataType | None) -> None:
    """The narrowest that loses nothing of either, whichever comes first."""
    assert common_type(have, want) == both
    other = common_type(want, have)
    assert (other is None) == (both is None)


@pytest.mark.parametrize(
    ("before", "after", "dtype", "values"),
    [
        (column([1], pl.Int32), column([2**40], pl.Int64), pl.Int64(), [1, 2**40]),
        (column([1], pl.Int64), column([0.5], pl.Float64), pl.Float64(), [0.5, 1.0]),
        (
            column([Decimal("1.5")], pl.Decimal(5, 1)),
            column([Decimal("2.25")], pl.Decimal(6, 2)),
            pl.Decimal(6, 2),
            [Decimal("1.50"), Decimal("2.25")],
        ),
        (
            column([{"a": 1}], pl.Struct({"a": pl.Int32})),
            column([{"a": 2, "b": "x"}], pl.Struct({"a": pl.Int64, "b": pl.String})),
            pl.Struct({"a": pl.Int64, "b": pl.String}),
            [{"a": 1, "b": None}, {"a": 2, "b": "x"}],
        ),
        (
            column([{"a": 1, "b": "x"}], pl.Struct({"a": pl.Int64, "b": pl.String})),
            column([{"a": 2}], pl.Struct({"a": pl.Int64})),
            pl.Struct({"a": pl.Int64, "b": pl.String}),
            [{"a": 1, "b": "x"}, {"a": 2, "b": None}],
        ),
        (column([[1]], pl.List(pl.Int32)), column([[2**40]], pl.List(pl.Int64)), pl.List(pl.Int64), [[1], [2**40]]),
    ],
)
def test_a_table_widens(lake: Lake, before: pl.DataFrame, after: pl.DataFrame, dtype: pl.DataType, values: list[Any]) -> None:
    """With the rows that are there."""
    lake.write(before)
    lake.write(after, on_changed="evolve")
    table = pl.read_delta(str(lake.root / "t"))
    assert table.schema["v"] == dtype
    assert sorted(table["v"].to_list(), key=str) == sorted(values, key=str)


def test_a_partitioned_table_keeps_its_partitions_and_properties(lake: Lake) -> None:
    """The rewrite is of types only."""
    lake.write(
        pl.DataFrame({"v": [1], "p": ["x"]}).cast({"v": pl.Int32}),
        partition_by=("p",),
        properties={"delta.logRetentionDuration": "interval 9 days"},
    )
    lake.write(pl.DataFrame({"v": [2**40], "p": ["y"]}), on_changed="evolve", partition_by=("p",))
    table = lake.table()
    assert table.metadata().partition_columns == ["p"]
    assert table.metadata().configuration["delta.logRetentionDuration"] == "interval 9 days"
    assert lake.read().rows() == [(1, "x"), (2**40, "y")]


def test_an_overwrite_widens_in_its_own_commit(lake: Lake) -> None:
    """No old row stays, so none is rewritten; the other columns and the partitions keep what they have."""
    before = pl.DataFrame({"v": [1], "w": [2**40], "p": ["x"]}, schema_overrides={"v": pl.Int32})
    lake.write(before, partition_by=("p",))
    after = pl.DataFrame({"v": [2**40], "w": [1], "p": ["y"]}, schema_overrides={"w": pl.Int8})
    receipt = lake.write(after, on_changed="evolve", mode="overwrite")
    table = lake.table()
    assert (table.version(), table.metadata().partition_columns) == (2, ["p"])
    assert lake.read().schema == {"v": pl.Int64(), "w": pl.Int64(), "p": pl.String()}
    assert lake.read().rows() == [(2**40, 1, "y")]
    assert receipt.before[0] == Column(name="v", type="Int32")


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_a_parquet_file_widens(lake: Lake, mode: str) -> None:
    """It is put back whole anyway; a struct gets the fields of both."""
    one = pl.DataFrame({"k": [1], "v": [1], "s": [{"a": 1}]}, schema_overrides={"v": pl.Int32})
    two = pl.DataFrame({"k": [2], "v": [0.5], "s": [{"b": "x"}]})
    for rows in (one, two):
        lake.write(rows, "t.parquet", format="parquet", mode=mode, keys=("k",), on_changed="evolve", watched=True)
    found = pl.read_parquet(lake.root / "t.parquet").sort("k")
    assert found.rows() == [(1, 1.0, {"a": 1, "b": None}), (2, 0.5, {"a": None, "b": "x"})]


def test_narrow_rows_change_nothing(lake: Lake) -> None:
    """They fit, or have no value that does not."""
    lake.write(column([2**40], pl.Int64))
    lake.write(column([1], pl.Int8), on_changed="evolve")
    lake.write(column([None], pl.Int64), on_changed="evolve", path="t")
    assert (lake.table().version(), lake.read().schema["v"]) == (3, pl.Int64())
    lake.write(column([1], pl.Int32), path="u")
    lake.write(column([None], pl.Int64), path="u", on_changed="evolve")
    assert lake.read("u").schema["v"] == pl.Int32()


def test_who_dies_between_the_two_commits_leaves_the_old_rows(lake: Lake) -> None:
    """Wider, and none twice: the next attempt writes once."""
    lake.write(column([1], pl.Int32))
    target = lake.target(on_changed="evolve", transaction="again/node")
    rows = frame(column([2**40], pl.Int64))
    with patch("odibi_core.engines.polars.delta_sink.commit_rows", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        lake.engine.open(target).write(rows, {})
    assert lake.read().rows() == [(1,)]
    receipts = []
    for _ in range(2):
        sink = lake.engine.open(target)
        receipts.append(sink.committed() or sink.write(rows, {}))
    assert lake.read().rows() == [(1,), (2**40,)]
    assert [receipt.recovered for receipt in receipts] == [False, True]


def test_of_two_that_widen_one_is_refused(lake: Lake) -> None:
    """It opens again, and finds the wider table."""
    lake.write(column([1], pl.Int32))
    sinks = [lake.engine.open(lake.target(on_changed="evolve", transaction=f"{name}/node")) for name in "ab"]
    sinks[0].write(frame(column([2**40], pl.Int64)), {})
    with pytest.raises(WriteConflictError):
        sinks[1].write(frame(column([2**41], pl.Int64)), {})
    assert lake.read().rows() == [(1,), (2**40,)]


def test_a_recovered_commit_tells_the_change_and_the_rescued(lake: Lake) -> None:
    """The facts are in the table's log."""
    lake.write(column([1], pl.Int64))
    target = lake.target(transaction="x/node", **RESCUE)
    lake.engine.open(target).write(frame(pl.DataFrame({"v": ["2", "x"], "new": [1, 2]})), {})
    found = lake.engine.open(target).committed()
    assert (found.before, found.rescued) == ((Column(name="v", type="Int64"),), 1)
    assert [entry.name for entry in found.columns] == ["v", "new", "r"]


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "after", "stays", "rescued"),
    [
        (column([1], pl.Int64), column(["2", "02", "x", "1.0", None], pl.String), [2], ["02", "x", "1.0"]),
        (column([1], pl.Int64), column([2.0, 1.7, float("nan")], pl.Float64), [2], [1.7, None]),
        (column([1], pl.Int8), column([2, 300], pl.Int64), [2], [300]),
        (column([1.5], pl.Float64), column(["2.5", "x"], pl.String), [2.5], ["x"]),
        (column([Decimal("1.50")], pl.Decimal(5, 2)), column(["2.5", "2.555", "x"], pl.String), [Decimal("2.50")], ["2.555", "x"]),
        (column(["x"], pl.String), column([2], pl.Int64), ["2"], []),
        (column([True], pl.Boolean), column(["false", "no"], pl.String), [False], ["no"]),
        (column([date(2026, 3, 1)], pl.Date), column(["2026-03-02", "2.3.26"], pl.String), [date(2026, 3, 2)], ["2.3.26"]),
        (
            column([NOW], pl.Datetime("us", "UTC")),
            column(["2026-03-01T13:00:00Z", "soon"], pl.String),
            [datetime(2026, 3, 1, 13, tzinfo=UTC)],
            ["soon"],
        ),
        (column([1], pl.Int64), column([{"a": 1}], pl.Struct({"a": pl.Int64})), [], [{"a": 1}]),
        (
            column([{"a": 1}], pl.Struct({"a": pl.Int64})),
            column([{"a": "1"}, {"a": "x"}], pl.Struct({"a": pl.String})),
            [{"a": 1}],
            [{"a": "x"}],
        ),
        (column([[1]], pl.List(pl.Int64)), column(["[1]"], pl.String), [], ["[1]"]),
    ],
)
def test_what_is_exactly_a_value_of_the_type_stays(
    lake: Lake, before: pl.DataFrame, after: pl.DataFrame, stays: list[Any], rescued: list[Any]
) -> None:
    """And every other one is in the rescue column: none is lost, none becomes another."""
    lake.write(before, transaction="one/node")
    lake.write(after, transaction="two/node", **RESCUE)
    table = pl.read_delta(str(lake.root / "t"))
    assert table.schema["v"] == before.schema["v"]
    first = before["v"].to_list()[0]
    found = [value for value in table["v"].to_list() if value is not None]
    found.remove(first)
    assert found == stays
    texts = [] if "r" not in table.columns else [json.loads(text)["v"] for text in table["r"] if text is not None]
    assert sorted(texts, key=str) == sorted(rescued, key=str)


def test_every_wrong_column_is_named(lake: Lake) -> None:
    """With both types, and as data of the error."""
    lake.write(pl.DataFrame({"a": [1], "b": [1], "c": ["x"]}))
    with pytest.raises(SchemaMismatchError, match="'a' is String and was Int64; 'b' is Float64 and was Int64") as caught:
        lake.write(pl.DataFrame({"a": ["x"], "b": [1.5], "c": ["x"]}), on_changed="fail")
    assert caught.value.columns == ("a", "b")
