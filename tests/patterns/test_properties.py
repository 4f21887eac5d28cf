"""What is true of every history, in real tables: the same again, another order, hard keys, stable numbers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.patterns.running import TableOf, rows_of

START = datetime(2024, 1, 1, tzinfo=UTC)
SCD2: dict[str, Any] = {"keys": ["k"], "track_cols": ["v"], "effective_time_col": "at"}
VERSIONS = ("k", "v", "valid_from", "valid_to", "is_current")
FEW = settings(max_examples=25, deadline=None)
KEYS = st.sampled_from([None, float("nan"), 0.0, -0.0, 1.0, 2.5])
VALUES = st.sampled_from([None, float("nan"), 0.0, 1.0, 0.1 + 0.2, 0.3, float("inf")])
Row = tuple[float | None, float | None, int]


def batch(rows: Iterable[Row]) -> pl.DataFrame:
    keys, values, days = [], [], []
    for key, value, day in rows:
        keys.append(key)
        values.append(value)
        days.append(START + timedelta(days=day))
    return pl.DataFrame({"k": keys, "v": values, "at": days}, schema={"k": pl.Float64, "v": pl.Float64, "at": pl.Datetime("us", "UTC")})


def text(value: float | None) -> str:
    """A number as text; both zeros are one."""
    return str(value if value is None else value + 0.0)


def comparable(rows: pl.DataFrame) -> list[tuple[str, ...]]:
    """Rows as text, in order: NaN is not equal to itself."""
    return sorted(tuple(map(str, row)) for row in rows.select(VERSIONS).rows())


def check_history(rows: pl.DataFrame) -> None:
    """One current version of each key at most, and each version ends where the next begins."""
    by_key: dict[str, list[dict[str, Any]]] = {}
    for row in rows.to_dicts():
        by_key.setdefault(text(row["k"]), []).append(row)
    for versions in by_key.values():
        ordered = sorted(versions, key=lambda row: row["valid_from"])
        assert [row["is_current"] for row in ordered] == [False] * (len(ordered) - 1) + [True]
        assert ordered[-1]["valid_to"] is None
        for one, following in pairwise(ordered):
            assert one["valid_from"] < one["valid_to"] == following["valid_from"]


ROWS = st.lists(st.tuples(KEYS, VALUES, st.integers(0, 6)), min_size=1, max_size=12)


@FEW
@pytest.mark.parametrize("form", ["delta", "parquet"])
@given(batches=st.lists(ROWS, min_size=1, max_size=3))
def test_histories_have_no_gaps_and_the_same_again_changes_nothing(form: str, batches: list[list[Row]]) -> None:
    """Whatever comes, however often, with keys and values that are hard to compare."""
    with tempfile.TemporaryDirectory() as folder:
        table = TableOf(Path(folder), "scd2", SCD2, format=form)
        for rows in batches:
            once = table.run(batch(rows))
            check_history(once)
            assert comparable(table.run(batch(rows))) == comparable(once)


@FEW
@given(
    times=st.lists(st.tuples(st.sampled_from([1.0, 2.0, None]), st.integers(0, 30)), min_size=1, max_size=14, unique=True),
    data=st.data(),
)
def test_batches_in_any_order_give_the_same_history(times: list[tuple[float | None, int]], data: st.DataObject) -> None:
    """Each row says something new: then late rows find their place, in one batch or in many."""
    rows = [(key, float(number), day) for number, (key, day) in enumerate(times)]
    shuffled = data.draw(st.permutations(rows))
    cut = data.draw(st.integers(0, len(rows)))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        in_order = TableOf(Path(one), "scd2", SCD2).run(batch(sorted(rows, key=lambda row: row[2])))
        late = TableOf(Path(other), "scd2", SCD2)
        for part in (shuffled[:cut], shuffled[cut:]):
            if part:
                found = late.run(batch(part))
        assert comparable(found) == comparable(in_order)


def versions_by_hand(rows: list[Row]) -> list[tuple[str, ...]]:
    """The history of a batch without floats that are hard to compare, one row at a time: the slow and plain way."""
    found: list[tuple[Any, ...]] = []
    for key in {row[0] for row in rows}:
        said: dict[int, float | None] = {day: value for other, value, day in rows if other == key}
        kept: list[tuple[int, float | None]] = []
        for day in sorted(said):
            if not kept or kept[-1][1] != said[day]:
                kept.append((day, said[day]))
        for place, (day, value) in enumerate(kept):
            end = START + timedelta(days=kept[place + 1][0]) if place + 1 < len(kept) else None
            found.append((key, value, START + timedelta(days=day), end, end is None))
    return sorted(tuple(map(str, row)) for row in found)


@FEW
@given(
    rows=st.lists(
        st.tuples(st.sampled_from([None, 1.0, 2.0]), st.sampled_from([None, 1.0, 2.0]), st.integers(0, 6)), min_size=1, max_size=14
    )
)
def test_a_batch_is_what_the_plain_way_makes_of_it(rows: list[Row]) -> None:
    """Derived independently, in loops."""
    with tempfile.TemporaryDirectory() as folder:
        assert comparable(TableOf(Path(folder), "scd2", SCD2).run(batch(rows))) == versions_by_hand(rows)


@FEW
@pytest.mark.parametrize("scd_type", [0, 1, 2])
@given(batches=st.lists(st.lists(st.tuples(KEYS, VALUES, st.just(0)), min_size=1, max_size=8), min_size=1, max_size=4))
def test_surrogate_keys_are_unique_and_stay(scd_type: int, batches: list[list[Row]]) -> None:
    """A number is given once; what had one keeps it, and the unknown member is always 0."""
    params = {"natural_key": "k", "surrogate_key": "sk", "scd_type": scd_type, "unknown_member": True}
    params |= {} if scd_type == 0 else {"track_cols": ["v"]}
    identity = ["k", "valid_from"] if scd_type == 2 else ["k"]
    with tempfile.TemporaryDirectory() as folder:
        table = TableOf(Path(folder), "dimension", params)
        before: dict[str, int] = {}
        for rows in batches:
            for again in (False, True):
                found = table.run(batch(rows).drop("at"))
                keys = {str((text(row[0]), *row[1:-1])): row[-1] for row in found.select(*identity, "sk").rows()}
                assert sorted(found["sk"].to_list()) == list(range(found.height))
                assert len(keys) == found.height
                assert before.items() <= keys.items()
                assert not again or before == keys
                before = keys


@FEW
@pytest.mark.parametrize("form", ["delta", "parquet"])
@given(batches=st.lists(ROWS, min_size=1, max_size=3))
def test_a_merge_is_what_a_dictionary_does(form: str, batches: list[list[Row]]) -> None:
    """Each key holds what was said of it last; the same again changes nothing."""
    held: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        table = TableOf(Path(folder), "merge", {"keys": ["k"]}, format=form)
        for rows in batches:
            single = batch(rows).unique("k", keep="last", maintain_order=True)
            held |= {text(key): str(value) for key, value in single.select("k", "v").rows()}
            for _ in range(2):
                found = table.run(single)
                assert sorted((text(key), str(value)) for key, value in found.select("k", "v").rows()) == sorted(held.items())


@FEW
@given(
    batches=st.lists(
        st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers(-5, 5)), min_size=1, max_size=6), min_size=1, max_size=4
    )
)
def test_sums_of_growing_sources_count_each_row_once(batches: list[list[tuple[str | None, int]]]) -> None:
    """The whole source is given each time, and only what is new is added."""
    params = {
        "grain": ["g"],
        "measures": [{"name": "s", "expr": "SUM(n)"}],
        "incremental": {"timestamp_column": "at", "merge_strategy": "sum"},
    }
    rows: list[tuple[str | None, int, int]] = []
    with tempfile.TemporaryDirectory() as folder:
        table = TableOf(Path(folder), "aggregation", params)
        for number, more in enumerate(batches):
            rows += [(group, value, number) for group, value in more]
            source = pl.DataFrame(rows, schema={"g": pl.String, "n": pl.Int64, "at": pl.Int64}, orient="row")
            expected = {group: sum(value for other, value, _ in rows if other == group) for group, _, _ in rows}
            for _ in range(2):
                assert sorted(map(str, rows_of(table.run(source)))) == sorted(str(item) for item in expected.items())
