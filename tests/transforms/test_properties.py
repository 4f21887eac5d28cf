"""Transforms against rules that are told without them: hashlib, the calendar of Python, zoneinfo, Decimal, loops."""

from __future__ import annotations

import calendar
import hashlib
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odibi_core.transforms import TRANSFORMS
from odibi_core.transforms.units import conversion, unit
from tests.transforms.running import applied

TEXTS = st.lists(st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12), min_size=1, max_size=8)
at = datetime.fromisoformat
TIMES = st.datetimes(at("1901-01-01"), at("2099-12-31"))
UNITS = ["year", "month", "day", "hour", "minute", "second"]
few = settings(max_examples=60, deadline=None)


def column(name: str, params: dict, frame: pl.LazyFrame, output: str) -> list:
    """One column of what a transform makes."""
    return applied(TRANSFORMS, name, params, frame)[output].to_list()


@few
@given(TEXTS)
def test_hashes_are_those_of_hashlib(texts):
    """In hexadecimal digits over UTF-8; NULL has none."""
    frame = pl.LazyFrame({"t": pl.Series(texts, dtype=pl.String)})
    for algorithm in ("sha256", "md5"):
        expected = [None if text is None else hashlib.new(algorithm, text.encode()).hexdigest() for text in texts]
        assert column("hash_columns", {"columns": ["t"], "algorithm": algorithm}, frame, "t") == expected


@few
@given(TEXTS, st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=8, max_size=8), st.text("-|'\\ x", max_size=3))
def test_keys_are_md5_of_the_joined_values(texts, numbers, separator):
    """NULL is empty text, and for numbers spaces do not count and 15 digits are taken."""
    frame = pl.LazyFrame({"t": pl.Series(texts, dtype=pl.String), "n": pl.Series(numbers[: len(texts)], dtype=pl.Int64)})
    params = {"columns": ["t", "n"], "separator": separator}
    rows = [[text or "", "" if number is None else str(number)] for text, number in zip(texts, numbers, strict=False)]
    plain = [hashlib.md5(separator.join(row).encode()).hexdigest() for row in rows]
    trimmed = [hashlib.md5(separator.join(value.strip(" ") for value in row).encode()).hexdigest() for row in rows]
    assert column("generate_surrogate_key", params, frame, "surrogate_key") == plain
    assert column("generate_numeric_key", params, frame, "numeric_key") == [int(digest[:15], 16) for digest in trimmed]


@few
@given(st.lists(TIMES, min_size=1, max_size=6), st.sampled_from(UNITS))
def test_a_time_is_cut_as_by_hand(times, unit):
    """Everything below the unit is at its beginning."""
    beginnings = {"month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0}
    below = dict(list(beginnings.items())[UNITS.index(unit) :])
    frame = pl.LazyFrame({"t": pl.Series(times, dtype=pl.Datetime("us"))})
    assert column("date_trunc", {"col": "t", "unit": unit}, frame, "t_trunc") == [time.replace(**below) for time in times]


@few
@given(TIMES, st.integers(-500, 500), st.sampled_from(UNITS))
def test_a_time_moves_as_by_hand(time, value, unit):
    """Months and years stop at the end of a month; the rest is a span."""
    if unit in ("year", "month"):
        months = time.year * 12 + time.month - 1 + value * (12 if unit == "year" else 1)
        year, month = divmod(months, 12)
        if not 1 <= year <= 9999:
            return
        expected = time.replace(year=year, month=month + 1, day=min(time.day, calendar.monthrange(year, month + 1)[1]))
    else:
        expected = time + timedelta(**{f"{unit}s": value})
    frame = pl.LazyFrame({"t": pl.Series([time], dtype=pl.Datetime("us"))})
    assert column("date_add", {"col": "t", "value": value, "unit": unit}, frame, "t_future") == [expected]


@few
@given(TIMES, TIMES)
def test_differences_are_those_of_python(start, end):
    """Days of the calendar, and elapsed time."""
    frame = pl.LazyFrame({"a": pl.Series([start], dtype=pl.Datetime("us")), "b": pl.Series([end], dtype=pl.Datetime("us"))})
    params = {"start_col": "a", "end_col": "b"}
    assert column("date_diff", params, frame, "diff_day") == [(end.date() - start.date()).days]
    seconds = (end - start).total_seconds()
    for name, length in (("hour", 3600), ("minute", 60), ("second", 1)):
        assert column("date_diff", params | {"unit": name}, frame, f"diff_{name}") == [pytest.approx(seconds / length)]


@settings(max_examples=200, deadline=None)
@given(st.datetimes(at("1996-01-01"), at("2030-01-01")), st.sampled_from(["America/New_York", "Europe/Berlin", "Asia/Tokyo", "UTC"]))
def test_clocks_agree_with_zoneinfo(time, zone):
    """What occurs twice is the later one; what is skipped goes on from before the change, which Python calls the earlier fold."""
    here = time.replace(tzinfo=ZoneInfo(zone), fold=1)
    skipped = here.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) != time
    instant = here.replace(fold=0 if skipped else 1).astimezone(UTC).replace(tzinfo=None)
    frame = pl.LazyFrame({"t": pl.Series([time], dtype=pl.Datetime("us"))})
    assert column("convert_timezone", {"col": "t", "source_tz": zone, "target_tz": "UTC"}, frame, "t_converted") == [instant]
    shown = time.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert column("convert_timezone", {"col": "t", "target_tz": zone}, frame, "t_converted") == [shown]


@few
@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.none() | st.integers(0, 3)), min_size=1, max_size=12), st.booleans())
def test_rows_are_numbered_as_by_a_loop(rows, descending):
    """Each group for itself; NULL first when ascending, last when descending; equal rows as they come."""
    expected = [0] * len(rows)
    for group in {group for group, _ in rows}:
        members = [place for place, row in enumerate(rows) if row[0] == group]
        nulls = [place for place in members if rows[place][1] is None]
        known = sorted((place for place in members if rows[place][1] is not None), key=lambda place: rows[place][1], reverse=False)
        if descending:
            known = sorted(known, key=lambda place: -rows[place][1])
        for number, place in enumerate([*known, *nulls] if descending else [*nulls, *known], start=1):
            expected[place] = number
    frame = pl.LazyFrame(rows, schema={"g": pl.String, "n": pl.Int64}, orient="row")
    params = {"partition_by": ["g"], "order_by": ["n DESC" if descending else "n"]}
    assert column("row_number", params, frame, "row_num") == expected


@few
@given(st.lists(st.tuples(st.integers(1, 2), st.integers(0, 60)), min_size=1, max_size=15), st.integers(0, 20))
def test_sessions_end_as_by_a_loop(events, threshold):
    """A pause that is longer than the threshold begins a session; one as long does not."""
    start = at("2024-01-01")
    expected, last, number = [], None, 0
    for user, second in sorted(events):
        if last is None or last[0] != user:
            number = 1
        elif second - last[1] > threshold:
            number += 1
        expected.append((user, second, f"{user}-{number}"))
        last = (user, second)
    frame = pl.LazyFrame({"u": [user for user, _ in events], "t": [start + timedelta(seconds=second) for _, second in events]})
    result = applied(TRANSFORMS, "sessionize", {"timestamp_col": "t", "user_col": "u", "threshold_seconds": threshold}, frame)
    assert [(user, int((time - start).total_seconds()), name) for user, time, name in result.rows()] == expected


@few
@given(st.decimals(-(10**6), 10**6, places=4), st.integers(0, 3))
def test_a_decimal_is_rounded_half_up(number, scale):
    """From text and from a decimal of more digits, as in accounts."""
    expected = [number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)]
    for values in ([str(number)], pl.Series([number], dtype=pl.Decimal(20, 4))):
        frame = pl.LazyFrame({"x": values})
        assert column("cast_columns", {"casts": {"x": f"decimal(20, {scale})"}}, frame, "x") == expected


@few
@given(TIMES)
def test_a_time_survives_as_text(time):
    """Text of a time is read as the same time."""
    frame = pl.LazyFrame({"t": pl.Series([time], dtype=pl.Datetime("us"))})
    (text,) = column("cast_columns", {"casts": {"t": "string"}}, frame, "t")
    assert text == str(time).rstrip("0").rstrip(".") if time.microsecond else text == str(time)
    assert column("cast_columns", {"casts": {"t": "timestamp"}}, pl.LazyFrame({"t": [text]}), "t") == [time]


@few
@given(st.lists(st.text("ab,;", max_size=8), min_size=1, max_size=5), st.sampled_from([",", ";", "a", ",,"]), st.integers(1, 4))
def test_pieces_are_those_of_split(texts, delimiter, index):
    """From the beginning and from the end; what is not there is empty."""
    frame = pl.LazyFrame({"t": texts})
    pieces = [text.split(delimiter) for text in texts]
    from_start = [found[index - 1] if index <= len(found) else "" for found in pieces]
    from_end = [found[-index] if index <= len(found) else "" for found in pieces]
    assert column("split_part", {"col": "t", "delimiter": delimiter, "index": index}, frame, f"t_part_{index}") == from_start
    assert column("split_part", {"col": "t", "delimiter": delimiter, "index": -index}, frame, f"t_part_{-index}") == from_end


@few
@given(
    st.floats(-1e6, 1e6),
    st.sampled_from([("degF", "degC"), ("psig", "bar"), ("BTU/lb", "kJ/kg"), ("gpm", "m³/hr"), ("mmHg", "inH2O"), ("hp", "kW")]),
)
def test_a_conversion_and_its_inverse_give_the_value_back(value, pair):
    """There and back again."""
    source, target = (unit(text, atmosphere=unit("14.696").factor) for text in pair)
    there, back = conversion(source, target), conversion(target, source)
    assert (value * there.scale + there.shift) * back.scale + back.shift == pytest.approx(value, abs=1e-6)
