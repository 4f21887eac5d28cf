"""Joins and cut events against the plainest program that says what they mean."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from odibi_core.transforms import TRANSFORMS
from tests.transforms.running import applied

KEYS = st.one_of(st.none(), st.integers(0, 3))
ROWS = st.lists(st.tuples(KEYS, KEYS), max_size=6)
START = datetime.fromisoformat("2026-03-01")
MINUTES = st.integers(0, 5_000)
EVENTS = st.lists(st.tuples(MINUTES, MINUTES), max_size=5)
SHIFTS = [{"name": "d", "start": "06:00", "end": "14:00"}, {"name": "n", "start": "22:00", "end": "06:00"}]


def frame(rows, **columns):
    return pl.LazyFrame(rows, schema=columns, orient="row")


def joined(left, right, how):
    """Rows of `how` on (a, b): each row of one side with each of the other; NULL equals nothing."""

    def match(one, other):
        return None not in one[:2] and one[:2] == other[:2]

    pairs = [(*one, other[2]) for one in left for other in right if match(one, other)]
    lonely_left = [(*one, None) for one in left if not any(match(one, other) for other in right)]
    lonely_right = [(*other[:2], None, other[2]) for other in right if not any(match(one, other) for one in left)]
    match how:
        case "inner":
            return pairs
        case "left":
            return pairs + lonely_left
        case "right":
            return pairs + lonely_right
        case "full":
            return pairs + lonely_left + lonely_right
        case "semi":
            return [one for one in left if any(match(one, other) for other in right)]
        case "anti":
            return [one for one in left if not any(match(one, other) for other in right)]


@settings(max_examples=60, deadline=None)
@given(ROWS, ROWS, st.sampled_from(["inner", "left", "right", "full", "semi", "anti"]))
def test_a_join_pairs_the_rows_whose_keys_are_equal(left, right, how):
    """Of two columns, with NULL in them and keys that occur several times."""
    left = [(a, b, f"l{number}") for number, (a, b) in enumerate(left)]
    right = [(a, b, f"r{number}") for number, (a, b) in enumerate(right)]
    ours = frame(left, a=pl.Int64, b=pl.Int64, v=pl.String)
    theirs = frame(right, a=pl.Int32, b=pl.Int64, v=pl.String)
    result = applied(TRANSFORMS, "join", {"right_dataset": "r", "on": ["a", "b"], "how": how}, ours, {"r": theirs})
    assert result.columns == (["a", "b", "v"] if how in ("semi", "anti") else ["a", "b", "v", "v_right"])
    assert sorted(result.rows(), key=str) == sorted(joined(left, right, how), key=str)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(KEYS, KEYS, KEYS), max_size=8), st.sampled_from(["sum", "count", "min", "max", "avg"]))
def test_a_pivot_has_in_each_cell_what_the_function_makes_of_its_rows(rows, function):
    """A cell without rows is NULL, whatever the function; so is a sum of nothing but NULL."""
    result = applied(
        TRANSFORMS,
        "pivot",
        {"group_by": ["g"], "pivot_col": "p", "agg_col": "v", "agg_func": function},
        frame(rows, g=pl.Int64, p=pl.Int64, v=pl.Int64),
    )
    labels = sorted({p for _, p, _ in rows if p is not None})
    assert result.columns == ["g", *map(str, labels)]

    def cell(group, label):
        inside = [v for g, p, v in rows if (g, p) == (group, label)]
        values = [v for v in inside if v is not None]
        if function == "count":
            return len(values) if inside else None
        return {"sum": sum, "min": min, "max": max, "avg": lambda all_: sum(all_) / len(all_)}[function](values) if values else None

    groups = sorted({g for g, _, _ in rows}, key=lambda g: (g is None, g))
    assert result.rows() == [(group, *(cell(group, label) for label in labels)) for group in groups]


@settings(max_examples=60, deadline=None)
@given(EVENTS, st.sampled_from(["day", "hour"]))
def test_the_parts_of_an_event_make_the_whole_event_and_each_lies_in_one_period(events, period):
    """No minute is lost, none is counted twice, and no part is empty unless the event is."""
    size = timedelta(days=1) if period == "day" else timedelta(hours=1)
    times = [(number, START + timedelta(minutes=a), START + timedelta(minutes=b)) for number, (a, b) in enumerate(events)]
    result = applied(
        TRANSFORMS,
        "split_events_by_period",
        {"start_col": "s", "end_col": "e", "period": period, "duration_col": "m"},
        frame(times, n=pl.Int64, s=pl.Datetime("us"), e=pl.Datetime("us")),
    ).rows()
    for number, start, end in times:
        parts = [(s, e, minutes) for n, s, e, minutes in result if n == number]
        if end < start:
            assert parts == []
            continue
        assert (parts[0][0], parts[-1][1]) == (start, end)
        assert all(before[1] == after[0] for before, after in pairwise(parts))
        assert all(minutes == (e - s) / timedelta(minutes=1) for s, e, minutes in parts)
        assert all(s < e or start == end for s, e, _ in parts)
        assert all((s - START) // size == (max(s, e - timedelta(microseconds=1)) - START) // size for s, e, _ in parts)


@settings(max_examples=60, deadline=None)
@given(EVENTS)
def test_each_minute_of_an_event_is_in_the_shift_that_the_clock_says(events):
    """Minute by minute: of a shift over midnight too, and of the one that began on the day before."""
    times = [(number, START + timedelta(minutes=a), START + timedelta(minutes=b)) for number, (a, b) in enumerate(events)]
    result = applied(
        TRANSFORMS,
        "split_events_by_period",
        {"start_col": "s", "end_col": "e", "period": "shift", "shifts": SHIFTS, "duration_col": "m"},
        frame(times, n=pl.Int64, s=pl.Datetime("us"), e=pl.Datetime("us")),
    ).rows()
    for number, start, end in times:
        expected = {"d": 0, "n": 0}
        for minute in range(int((start - START).total_seconds() // 60), int((end - START).total_seconds() // 60)):
            hour = minute // 60 % 24
            expected["d"] += 6 <= hour < 14
            expected["n"] += hour >= 22 or hour < 6
        found = {name: sum(minutes for n, _, _, shift, minutes in result if (n, shift) == (number, name)) for name in "dn"}
        assert found == expected
