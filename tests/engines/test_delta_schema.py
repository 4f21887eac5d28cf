"""The schema guard: what is stored as what, which casts lose nothing, and what is refused with a reason."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odibi_core.engines.polars.delta_types import widens
from odibi_core.errors import DataError, PermanentServiceError, SchemaMismatchError

UTC = pl.Datetime("us", "UTC")
NOON = datetime(2026, 7, 1, 12, 0)  # noqa: DTZ001 - a wall clock on purpose


def _utc(hour, day=1, month=7):
    return datetime(2026, month, day, hour, tzinfo=ZoneInfo("UTC"))


STORED = [
    (pl.Series([200], dtype=pl.UInt8), pl.Int16(), 200),
    (pl.Series([60000], dtype=pl.UInt16), pl.Int32(), 60000),
    (pl.Series([2**32 - 1], dtype=pl.UInt32), pl.Int64(), 2**32 - 1),
    (pl.Series([7], dtype=pl.UInt64), pl.Int64(), 7),
    (pl.Series([7], dtype=pl.Int128), pl.Decimal(38, 0), Decimal(7)),
    (pl.Series([None]), pl.String(), None),
    (pl.Series(["a"], dtype=pl.Categorical), pl.String(), "a"),
    (pl.Series(["a"], dtype=pl.Enum(["a"])), pl.String(), "a"),
    (pl.Series([timedelta(seconds=2)], dtype=pl.Duration("ns")), pl.Int64(), 2_000_000),
    (pl.Series([timedelta(seconds=2)], dtype=pl.Duration("ms")), pl.Int64(), 2_000_000),
    (pl.Series([time(12, 30)]), pl.String(), "12:30:00"),
    (pl.Series([NOON]), UTC, _utc(12)),
    (pl.Series([NOON], dtype=pl.Datetime("ns")), UTC, _utc(12)),
    (pl.Series([NOON]).dt.replace_time_zone("Europe/Zurich"), UTC, _utc(10)),
    (pl.Series([[1]], dtype=pl.Array(pl.UInt8, 1)), pl.List(pl.Int16), [1]),
    (
        pl.Series([{"at": NOON, "n": 1}], dtype=pl.Struct({"at": pl.Datetime("ms"), "n": pl.UInt8})),
        pl.Struct({"at": UTC, "n": pl.Int16}),
        None,
    ),
    (pl.Series([Decimal("1.50")], dtype=pl.Decimal(10, 2)), pl.Decimal(10, 2), Decimal("1.50")),
    (pl.Series([date(2026, 7, 1)]), pl.Date(), date(2026, 7, 1)),
    (pl.Series([b"x"]), pl.Binary(), b"x"),
]


@pytest.mark.parametrize(("column", "stored", "value"), STORED, ids=[str(row[0].dtype) for row in STORED])
def test_what_is_stored_as_what(lake, column, stored, value):
    """A new table has the stored type, the value survives, and the next batch of the node's type fits."""
    batch = pl.DataFrame({"x": column})
    lake.write(batch)
    lake.write(batch)
    found = lake.read()
    assert found.schema["x"] == stored
    if value is not None or column.dtype == pl.Null():
        assert found["x"].to_list() == [value, value]


def test_a_number_beyond_the_signed_range_is_refused(lake):
    """The count is said, the value is not."""
    with pytest.raises(DataError) as caught:
        lake.write(pl.DataFrame({"x": pl.Series([2**64 - 5], dtype=pl.UInt64)}))
    assert "column 'x'" in str(caught.value)
    assert str(2**64 - 5) not in str(caught.value)


FITS = [
    (pl.Int64(), pl.Series([1], dtype=pl.Int8)),
    (pl.Int64(), pl.Series([1], dtype=pl.Int32)),
    (pl.Int64(), pl.Series([1], dtype=pl.UInt32)),
    (pl.Int16(), pl.Series([1], dtype=pl.UInt8)),
    (pl.Float64(), pl.Series([1.5], dtype=pl.Float32)),
    (pl.Float64(), pl.Series([2**53])),
    (pl.Decimal(18, 4), pl.Series([Decimal("1.25")], dtype=pl.Decimal(10, 2))),
    (pl.Decimal(18, 4), pl.Series([7])),
    (pl.Int64(), pl.Series([None])),
    (pl.Date(), pl.Series([None], dtype=pl.String)),
    (UTC, pl.Series([NOON])),
    (pl.List(pl.Int64), pl.Series([[1]], dtype=pl.List(pl.Int32))),
    (pl.Struct({"a": pl.Int64}), pl.Series([{"a": 1}], dtype=pl.Struct({"a": pl.Int32}))),
]


@pytest.mark.parametrize(("table", "batch"), FITS, ids=str)
def test_a_cast_that_loses_nothing_is_made(lake, table, batch):
    """The table's type stays, the values are the same."""
    lake.write(pl.DataFrame({"x": pl.Series([], dtype=table)}))
    lake.write(pl.DataFrame({"x": batch}))
    found = lake.read()["x"]
    assert found.dtype == table
    assert found.is_null().to_list() == batch.is_null().to_list()
    if not isinstance(table, pl.Datetime):
        assert found.to_list() == batch.to_list()


REFUSED = [
    (pl.Int64(), pl.Series([1.7])),
    (pl.Int64(), pl.Series([1.0])),
    (pl.Int64(), pl.Series(["7"])),
    (pl.Int64(), pl.Series([True])),
    (pl.Int64(), pl.Series([NOON])),
    (pl.Int32(), pl.Series([1])),
    (pl.Float32(), pl.Series([1.5])),
    (pl.Float64(), pl.Series([2**53 + 1])),
    (pl.Boolean(), pl.Series([2])),
    (pl.String(), pl.Series([7])),
    (pl.Date(), pl.Series([NOON])),
    (UTC, pl.Series([date(2026, 7, 1)])),
    (pl.Decimal(10, 2), pl.Series([Decimal("1.25")], dtype=pl.Decimal(18, 2))),
    (pl.Decimal(10, 2), pl.Series([Decimal("1.2500")], dtype=pl.Decimal(10, 4))),
    (pl.Decimal(4, 2), pl.Series([777])),
    (pl.Struct({"a": pl.Int64}), pl.Series([{"b": 1}])),
]


@pytest.mark.parametrize("mode", ["append", "overwrite", "upsert", "append_once"])
@pytest.mark.parametrize(("table", "batch"), REFUSED, ids=str)
def test_a_cast_that_might_lose_something_is_refused(lake, table, batch, mode):
    """With the column, both types and the way out; never with the value."""
    lake.write(pl.DataFrame({"k": pl.Series([], dtype=pl.Int64), "x": pl.Series([], dtype=table)}))
    with pytest.raises(SchemaMismatchError) as caught:
        lake.write(pl.DataFrame({"k": [1], "x": batch}), mode=mode, keys=("k",) if mode in {"upsert", "append_once"} else ())
    text = str(caught.value)
    assert "'x'" in text
    assert str(table) in text
    assert "overwrite_schema" in text
    assert "777" not in text
    assert lake.table().version() == 1


def test_a_batch_without_rows_fits_any_types(lake):
    """A CSV file with nothing but its header has only text columns."""
    lake.write(pl.DataFrame({"x": [1], "y": [1.5]}))
    lake.write(pl.DataFrame({"x": [], "y": []}, schema={"x": pl.String, "y": pl.String}))
    assert lake.read().schema == {"x": pl.Int64, "y": pl.Float64}


@given(st.sampled_from([pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64(), pl.Float32(), pl.Float64()]), st.data())
def test_what_widens_comes_back_unchanged(have, data):
    """For any value of the narrow type: there and back again is the same."""
    wants = [dtype for dtype in (pl.Int16(), pl.Int32(), pl.Int64(), pl.Float64(), pl.Decimal(20, 2)) if widens(have, dtype)]
    if not wants:
        return
    want = data.draw(st.sampled_from(wants))
    if have.is_integer():
        low, high = pl.select(have.min()).item(), pl.select(have.max()).item()
        value = data.draw(st.integers(low, high))
    else:
        value = data.draw(st.floats(width=32 if have == pl.Float32() else 64, allow_nan=False))
    series = pl.Series([value], dtype=have)
    assert series.cast(want).cast(have).to_list() == series.to_list()


BASE = pl.DataFrame({"id": [1], "name": ["a"]})


def test_columns_must_be_the_tables(lake):
    """Missing, extra and differently written columns are named."""
    lake.write(BASE)
    with pytest.raises(SchemaMismatchError, match="missing 'name'"):
        lake.write(BASE.drop("name"))
    with pytest.raises(SchemaMismatchError, match="not expected 'more'") as caught:
        lake.write(BASE.with_columns(more=pl.lit(1)))
    assert "merge_schema" in caught.value.hint
    with pytest.raises(SchemaMismatchError, match="'Name' is called 'name'"):
        lake.write(BASE.rename({"name": "Name"}))
    assert lake.table().version() == 1


def test_columns_may_come_in_any_order(lake):
    """They are found by name."""
    lake.write(BASE)
    lake.write(BASE.select("name", "id"))
    assert lake.read().rows() == [(1, "a"), (1, "a")]


@pytest.mark.parametrize(("mode", "keys"), [("append", ()), ("upsert", ("id",)), ("append_once", ("id",))])
def test_merge_schema_lets_the_table_grow(lake, mode, keys):
    """New columns are null in old rows, missing ones in new rows."""
    lake.write(BASE)
    lake.write(pl.DataFrame({"id": [2], "more": [1.5]}), mode=mode, keys=keys, merge_schema=True)
    assert lake.read().rows() == [(1, "a", None), (2, None, 1.5)]


def test_an_overwrite_keeps_the_schema_unless_told(lake):
    """With overwrite_schema it replaces columns, types and partitions."""
    lake.write(BASE)
    other = pl.DataFrame({"id": ["x"], "p": ["q"]})
    with pytest.raises(SchemaMismatchError):
        lake.write(other, mode="overwrite")
    with pytest.raises(SchemaMismatchError, match="missing 'name'"):
        lake.write(BASE.drop("name"), mode="overwrite", merge_schema=True)
    lake.write(BASE.with_columns(more=pl.lit(1)), mode="overwrite", merge_schema=True)
    assert lake.read().columns == ["id", "name", "more"]
    lake.write(other, mode="overwrite", overwrite_schema=True, partition_by=("p",))
    assert lake.read().equals(other)
    assert lake.table().metadata().partition_columns == ["p"]


@pytest.mark.parametrize("name", ["", "a b", "a,b", "a;b", "{a}", "(a)", "a\nb", "a\tb", "a=b", "_change_type", "_CHANGE_TYPE", "x" * 256])
def test_names_that_other_engines_cannot_read_are_refused(lake, name):
    """delta-rs would write them."""
    with pytest.raises(SchemaMismatchError):
        lake.write(pl.DataFrame({name: [1]}))
    assert not (lake.root / "t").exists()


def test_names_that_differ_in_case_only_are_refused(lake):
    """Spark would see one column twice."""
    with pytest.raises(SchemaMismatchError, match="'id' and 'ID'"):
        lake.write(pl.DataFrame({"id": [1], "ID": [2]}))


def test_types_that_a_table_cannot_hold(lake):
    """Said before anything is created."""
    with pytest.raises(SchemaMismatchError, match="'x' is Object"):
        lake.write(pl.DataFrame({"x": pl.Series([object()], dtype=pl.Object)}))
    assert not (lake.root / "t").exists()


def test_partition_values(lake):
    """An empty text is null for every engine, a long one is refused, and the values keep their types."""
    batch = pl.DataFrame({"id": [1, 2, 3], "p": ["", None, "a/../b c"], "d": [date(2026, 7, 1)] * 3})
    lake.write(batch, partition_by=("p", "d"))
    lake.write(batch.clear())
    assert lake.read()["p"].to_list() == [None, None, "a/../b c"]
    assert lake.read()["d"].to_list() == [date(2026, 7, 1)] * 3
    with pytest.raises(DataError, match="201 characters"):
        lake.write(batch.with_columns(p=pl.lit("x" * 201)))
    with pytest.raises(SchemaMismatchError, match="partition column 'nope' is missing"):
        lake.write(batch, path="other", partition_by=("nope",))
    with pytest.raises(SchemaMismatchError, match="is partitioned by 'p', 'd'"):
        lake.write(batch, partition_by=("d",))


def _claim(lake, features, *, reader=True, configuration=None):
    import json

    lake.write(BASE)
    log = lake.root / "t" / "_delta_log"
    protocol = {"minReaderVersion": 3 if reader else 1, "minWriterVersion": 7, "writerFeatures": features}
    if reader:
        protocol["readerFeatures"] = features
    actions = [{"protocol": protocol}]
    if configuration:
        [metadata] = [json.loads(line)["metaData"] for line in (log / f"{0:020}.json").read_text().splitlines() if '"metaData"' in line]
        metadata["configuration"] |= configuration
        actions.append({"metaData": metadata})
    (log / f"{2:020}.json").write_text("\n".join(json.dumps(action) for action in actions))


@pytest.mark.parametrize(
    ("features", "reader"),
    [
        (["deletionVectors"], True),
        (["columnMapping"], True),
        (["v2Checkpoint"], True),
        (["rowTracking", "domainMetadata"], False),
        (["typeWidening"], True),
    ],
)
def test_tables_with_features_that_we_would_break_are_refused(lake, features, reader):
    """By the feature's name where it can be read at all, and before anything is written."""
    _claim(lake, features, reader=reader)
    with pytest.raises(PermanentServiceError) as caught:
        lake.write(BASE)
    assert caught.value.error_code == "unsupported_table"
    assert caught.value.hint


def test_a_table_with_deletion_vectors_switched_on_is_refused(lake):
    """The property alone is enough."""
    _claim(lake, ["timestampNtz"], configuration={"delta.enableDeletionVectors": "true"})
    with pytest.raises(PermanentServiceError, match=r"delta\.enableDeletionVectors=true"):
        lake.write(BASE)


def test_constraints_are_told_without_the_row(lake):
    """delta-rs prints the whole row."""
    lake.write(BASE)
    lake.table().alter.add_constraint({"small": "id < 100"})
    with pytest.raises(DataError) as caught:
        lake.write(pl.DataFrame({"id": [54321], "name": ["SECRET"]}))
    assert caught.value.error_code == "constraint"
    assert "54321" not in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_wall_clock_table_of_others_takes_wall_clocks(lake):
    """A timestamp without time zone that exists keeps its meaning."""
    from deltalake import write_deltalake

    write_deltalake(str(lake.root / "t"), pl.DataFrame({"at": [NOON]}))
    lake.write(pl.DataFrame({"at": [NOON]}))
    assert lake.read()["at"].to_list() == [NOON, NOON]
    with pytest.raises(SchemaMismatchError):
        lake.write(pl.DataFrame({"at": pl.Series([NOON]).dt.replace_time_zone("Europe/Zurich")}))


def test_storing_one_column_leaves_the_others_where_they_are():
    """Joining their chunks would copy the whole batch."""
    from odibi_core.engines.polars.delta_schema import storable

    times, texts = pl.Series("at", [NOON] * 60), pl.Series("text", ["a"] * 40)
    rows = pl.DataFrame([pl.concat([times, times], rechunk=False), pl.concat([texts, texts, texts], rechunk=False)])
    stored = storable(rows).rows
    assert stored.schema["at"] == UTC
    assert stored["text"].n_chunks() > 1
