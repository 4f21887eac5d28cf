"""Incremental loads from run to run: what is new, the last days, what came late; the expected rows are written by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from odibi_core.hosts.in_process import InProcess
from tests.hosts.world import HEAD, World

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)  # in Zurich the clock was put forward this morning
Load = Callable[..., list[Any]]


def _project(incremental: str, *, mode: str = "append", form: str = "parquet", out: str = "delta", more: str = "") -> str:
    return HEAD + (
        "pipelines:\n  - pipeline: p\n    nodes:\n      - name: load\n"
        f"        read: {{ connection: landing, format: {form}, path: 'in.{form}', {more} incremental: {{ {incremental} }} }}\n"
        f"        write: {{ connection: lake, format: {out}, path: out, mode: {mode} }}\n"
    )


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Put a source in place and run the pipeline at a time; the values of column `i` that the target holds then."""

    def loaded(text: str, rows: pl.DataFrame | str, *, now: datetime = NOON, out: str = "delta", status: str = "succeeded") -> list[Any]:
        world = World(tmp_path, text)
        (tmp_path / "landing").mkdir(exist_ok=True)
        if isinstance(rows, str):
            (tmp_path / "landing/in.csv").write_text(rows)
        else:
            rows.write_parquet(tmp_path / "landing/in.parquet")
        host = InProcess.open(tmp_path / "odibi.yaml", environment={"XDG_CACHE_HOME": str(tmp_path / "cache")}, clock=lambda: now)
        final = host.run(host.request("p"))
        assert final is not None
        assert final.status == status
        if out == "delta":
            return world.rows("out")
        return sorted(pl.read_parquet(tmp_path / "lake/out")["i"].to_list())

    return loaded


def _at(*hours: float | None, zone: str | None = None, unit: Any = "us") -> pl.Series:
    """Times, in hours before noon."""
    times = [None if hour is None else (NOON - timedelta(hours=hour)).replace(tzinfo=None) for hour in hours]
    series = pl.Series(times, dtype=pl.Datetime(unit))
    return series if zone is None else series.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)


def _rows(at: pl.Series, **more: Sequence[Any] | pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"i": range(1, len(at) + 1), "at": at, **more})


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Zurich", "America/New_York"])
@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_a_rolling_window_begins_with_its_first_moment(load: Load, zone: str | None, unit: str) -> None:
    """The first run takes everything; each one after it takes what lies at most a day back, in UTC, whatever the clocks do."""
    text = _project("column: at", mode="overwrite")
    rows = _rows(_at(-1, 0, 23, 24, 24.001, 999, None, zone=zone, unit=unit))
    assert load(text, rows) == [1, 2, 3, 4, 5, 6, 7]
    assert load(text, rows) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("span", "hours"),
    [
        ("lookback: 3, unit: hour", 3),
        ("lookback: 2, unit: day", 48),
        ("lookback: 1, unit: month", 30 * 24),
        ("lookback: 2, unit: year", 730 * 24),
        ("lookback: 9000, unit: year", 99 * 365 * 24),
    ],
)
def test_the_length_of_a_rolling_window(load: Load, span: str, hours: int) -> None:
    """A month has 30 days and a year 365; one that begins before all time takes everything."""
    text = _project(f"mode: rolling_window, column: at, {span}", mode="overwrite")
    rows = _rows(_at(hours, 0)) if hours > 99 * 364 * 24 else _rows(_at(hours, hours + 0.01, 0))
    load(text, rows)
    assert load(text, rows) == ([1, 2] if len(rows) == 2 else [1, 3])


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (["2026-03-29T11:00:00Z", "2026-01-01", "2026-03-29 03:00:00-09:00", "2026-03-01", None], [1, 2, 3]),
        (_at(1, 999, -1, 24.1, None, zone="Asia/Tokyo"), [1, 2, 3]),
        (_at(24, 999, 0, 24.1, None, unit="ns"), [1, 2, 3]),
        (_at(12, 999, 24, -99, None).cast(pl.Date), [1, 2, 4]),  # dates are midnights: yesterday's lies 36 hours back
        ([None] * 5, [2]),
    ],
    ids=["text", "zone", "nanoseconds", "date", "nothing"],
)
def test_the_fallback_stands_in_for_a_missing_value(load: Load, made: Any, expected: list[int]) -> None:
    """Whatever the other column is made of. A row with neither is not new."""
    text = _project("column: at, fallback_column: made", mode="overwrite")
    rows = _rows(_at(None, 1, None, None, None), made=made)
    load(text, rows)
    assert load(text, rows) == expected


def test_texts_are_times_for_a_rolling_window(load: Load) -> None:
    """A CSV file holds texts."""
    text = _project("column: at", mode="overwrite", form="csv")
    rows = (
        "i,at\n1,2026-03-28 12:00:00\n2,2026-03-28T11:59:59\n3,2026-03-29\n4,\n5,2026-03-28T12:00:00+02:00\n6,2026-03-28T14:00:00.5+02:00\n"
    )
    assert load(text, rows) == [1, 2, 3, 4, 5, 6]
    assert load(text, rows) == [1, 3, 6]


@pytest.mark.parametrize(
    ("style", "inside", "outside"),
    [
        ("us", "03/28/2026 12:00:00", "03/28/2026 11:59:59"),
        ("eu", "28/03/2026 12:00", "28/03/2026 11:59"),
        ("oracle", "28-MAR-26 12:00:00.0", "28-MAR-26 11:59:59.9"),
        ("oracle_sqlserver", "28-MAR-26 12:00:00.0", "27-MAR-26"),
        ("sql_server", "2026-03-28 12:00:00", "2026-03-28 11:59:59.997"),
        ("iso", "2026-03-28T12:00:00", "2026-03-28T11:59:59"),
    ],
)
def test_texts_of_a_named_style(load: Load, style: str, inside: str, outside: str) -> None:
    """`date_format` says how the column writes its times."""
    text = _project(f"column: at, date_format: {style}", mode="overwrite", form="csv")
    rows = f"i,at\n1,{inside}\n2,{outside}\n"
    load(text, rows)
    assert load(text, rows) == [1]


def test_a_stateful_load_of_dates_that_do_not_sort_as_texts(load: Load) -> None:
    """The mark is a time when the style is named: 02/01/2027 comes after 12/31/2026."""
    text = _project("mode: stateful, column: at, date_format: us", form="csv")
    assert load(text, "i,at\n1,12/31/2026\n2,\n") == [1, 2]
    assert load(text, "i,at\n1,12/31/2026\n3,02/01/2027\n4,\n5,02/01/2020\n") == [1, 2, 3]


@pytest.mark.parametrize("out", ["delta", "parquet"])
@pytest.mark.parametrize(
    "values",
    [
        (pl.Series([1, 2, None]), pl.Series([2, 3, None])),
        (pl.Series([9, 10, None], dtype=pl.UInt64), pl.Series([10, 11, None], dtype=pl.UInt64)),
        (pl.Series([1.5, 2.5, float("nan")]), pl.Series([2.5, 3.5, float("nan")])),
        (pl.Series(["a", "b", None]), pl.Series(["b", "c", None])),
        (_at(3, 2, None), _at(2, 1, None)),
        (_at(3, 2, None, unit="ns"), _at(2, 1, None, unit="ns")),
        (_at(3, 2, None, zone="Europe/Zurich"), _at(2, 1, None, zone="Europe/Zurich")),
        (_at(99, 50, None).cast(pl.Date), _at(50, 1, None).cast(pl.Date)),
        (pl.Series(["9.10", "10.20", None]).cast(pl.Decimal(9, 2)), pl.Series(["10.20", "11.00", None]).cast(pl.Decimal(9, 2))),
    ],
    ids=lambda values: str(values[0].dtype),
)
def test_a_stateful_load_takes_what_lies_above_its_mark(load: Load, values: tuple[pl.Series, pl.Series], out: str) -> None:
    """The first one takes everything, rows without a value too; ties with the mark are in already."""
    text = _project("mode: stateful, column: at", out=out)
    first, second = (pl.DataFrame({"i": ids, "at": column}) for ids, column in zip(([1, 2, 3], [2, 4, 5]), values, strict=True))
    assert load(text, first, out=out) == [1, 2, 3]
    assert load(text, second, out=out) == [1, 2, 3, 4]
    assert load(text, second, out=out) == [1, 2, 3, 4]


def test_the_mark_does_not_lag_and_never_moves_back(load: Load, tmp_path: Path) -> None:
    """A run takes what came late, once more with what it had taken, and the mark stays where it is."""
    text = _project("mode: stateful, column: at, watermark_lag: 1h")
    assert load(text, _rows(_at(8, 4))) == [1, 2]
    late = pl.DataFrame({"i": [2, 7, 8], "at": _at(4, 4.5, 5)})
    assert load(text, late) == [1, 2, 2, 7]  # row 8 lies exactly an hour back: the window begins after it
    assert load(text, pl.DataFrame({"i": [9], "at": _at(5.5)})) == [1, 2, 2, 7]  # an hour before 08:00, not before 07:30
    (mark,) = World(tmp_path, text).kept("watermarks")
    assert mark["value"] == '{"t": "timestamp_us_utc", "v": "2026-03-29T08:00:00.000000+00:00"}'
    assert load(text, pl.DataFrame({"i": [10], "at": _at(3)})) == [1, 2, 2, 7, 10]


def test_a_lag_over_texts_and_over_an_older_mark(load: Load) -> None:
    """A mark that was a text is read as a time as soon as a lag is set."""
    assert load(_project("mode: stateful, column: at", form="csv"), "i,at\n1,2026-03-29 08:00:00\n") == [1]
    lagging = _project("mode: stateful, column: at, watermark_lag: 30m", form="csv")
    assert load(lagging, "i,at\n2,2026-03-29 07:45:00\n3,2026-03-29 07:30:00\n4,2026-03-29T09:00:00+00:00\n") == [1, 2, 4]


@pytest.mark.parametrize(
    ("incremental", "rows"),
    [
        ("mode: stateful, column: i, watermark_lag: 1h", pl.DataFrame({"i": [1]})),
        ("column: i", pl.DataFrame({"i": [1]})),
        ("column: nowhere", pl.DataFrame({"i": [1]})),
        ("column: at, fallback_column: i", _rows(_at(1))),
        ("mode: stateful, column: flag", pl.DataFrame({"i": [1], "flag": [True]})),
    ],
)
def test_a_column_that_cannot_be_a_window_fails_the_node(load: Load, incremental: str, rows: pl.DataFrame) -> None:
    """And nothing is written, by the second run at the latest."""
    text = _project(incremental)
    load(_project("mode: stateful, column: i"), pl.DataFrame({"i": [0], "at": _at(99), "flag": [None]}))
    assert load(text, rows, status="failed") == [0]


def test_an_empty_increment_leaves_the_mark_and_empties_an_overwritten_target(load: Load, tmp_path: Path) -> None:
    """Append makes no commit; overwrite writes the empty frame, as it is asked to."""
    rows = _rows(_at(2, 1))
    assert load(_project("mode: stateful, column: at"), rows) == [1, 2]
    world = World(tmp_path, _project("mode: stateful, column: at"))
    versions = world.versions("out")
    assert load(_project("mode: stateful, column: at"), rows) == [1, 2]
    assert world.versions("out") == versions
    assert load(_project("mode: stateful, column: at", mode="overwrite"), rows) == []
    assert load(_project("mode: stateful, column: at"), _rows(_at(2, 1, 0))) == [3]


def test_a_target_that_was_taken_away_is_loaded_anew(load: Load, tmp_path: Path) -> None:
    """A file has no guard: who deletes it wants everything again."""
    text = _project("mode: stateful, column: at", out="parquet")
    rows = _rows(_at(2, 1))
    assert load(text, rows, out="parquet") == [1, 2]
    (tmp_path / "lake/out").unlink()
    assert load(text, rows, out="parquet") == [1, 2]
