"""Rows that must be kept: whatever their columns are, and no longer than was said."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from odibi_core.ports import Expiry, FencedError, Upkeep, WriteConflictError
from tests.engines.conftest import Lake, frame

KINDS = ["delta", "parquet"]


@pytest.fixture(params=KINDS)
def kept(request: pytest.FixtureRequest, lake: Lake) -> Kept:
    return Kept(lake, request.param)


class Kept:
    """A place whose columns follow the rows."""

    def __init__(self, lake: Lake, kind: str) -> None:
        self.lake, self.kind, self.path = lake, kind, "bad/rows"

    def write(self, data: dict[str, Any], **more: Any) -> None:
        self.lake.write(pl.DataFrame(data), self.path, format=self.kind, evolves=True, merge_schema=True, **more)

    def rows(self) -> list[dict[str, Any]]:
        place = str(self.lake.root / self.path)
        table = pl.read_delta(place) if self.kind == "delta" else pl.read_parquet(place)
        return table.sort("i").to_dicts()


def test_columns_follow_the_rows(kept: Kept) -> None:
    """New ones are added; a column that gets other values becomes text, and so do the values that are there."""
    kept.write({"i": [1], "a": [7], "l": [[1, 2]]})
    kept.write({"i": [2], "a": ["x"], "b": [True]})
    kept.write({"i": [3], "a": [1.5], "l": ["y"]})
    assert kept.rows() == [
        {"i": 1, "a": "7", "l": "[1,2]", "b": None},
        {"i": 2, "a": "x", "l": None, "b": True},
        {"i": 3, "a": "1.5", "l": "y", "b": None},
    ]


def test_a_type_that_holds_both_stays_one(kept: Kept) -> None:
    """Text is the last way out: whole numbers go into a column of numbers, and no values into any."""
    kept.write({"i": [1], "a": [1.5], "b": ["x"]})
    kept.write({"i": [2], "a": [2], "b": [None]})
    assert kept.rows() == [{"i": 1, "a": 1.5, "b": "x"}, {"i": 2, "a": 2.0, "b": None}]


def test_the_same_rows_go_in_once(kept: Kept) -> None:
    """Also where they made a column text."""
    kept.write({"i": [1], "a": [7]})
    for _ in range(2):
        kept.write({"i": [2], "a": ["x"]}, transaction="run/node/quarantine")
    assert [row["a"] for row in kept.rows()] == ["7", "x"]


@pytest.mark.parametrize("spelling", ["I", "i"])
def test_the_case_of_a_name_does_not_matter_in_a_table(lake: Lake, spelling: str) -> None:
    """A table has one spelling."""
    Kept(lake, "delta").write({"i": [1]})
    Kept(lake, "delta").write({spelling: [2]})
    assert Kept(lake, "delta").rows() == [{"i": 1}, {"i": 2}]


@pytest.mark.parametrize("names", ["_rejected_at", ""])
def test_rows_that_were_kept_long_enough_go(kept: Kept, names: str) -> None:
    """Older rows, and not one that is as old as the limit, has no age, or came after."""
    properties = {"delta.dataSkippingStatsColumns": names} if names and kept.kind == "delta" else {}
    times = ["2026-01-01T00:00:00.000000+00:00", "2026-01-02T00:00:00.000000+00:00", None, "2026-01-03T00:00:00.000000+00:00"]
    kept.write({"i": [1, 2, 3, 4], "_rejected_at": times}, properties=properties)
    upkeep = Upkeep(expiry=Expiry(column="_rejected_at", before=str(times[1])))
    sink = kept.lake.engine.open(kept.lake.target(kept.path, format=kept.kind, evolves=True, upkeep=upkeep, properties=properties))
    for _ in range(2):
        assert sink.maintain() == ""
        assert [row["i"] for row in kept.rows()] == [2, 3, 4]


def test_nothing_old_is_no_commit(lake: Lake) -> None:
    """Looking for old rows costs a look at the log."""
    kept = Kept(lake, "delta")
    kept.write({"i": [1], "_rejected_at": ["2026-01-01T00:00:00.000000+00:00"]})
    before = lake.table(kept.path).version()
    upkeep = Upkeep(expiry=Expiry(column="_rejected_at", before="2026-01-01T00:00:00.000000+00:00"))
    assert lake.engine.open(lake.target(kept.path, evolves=True, upkeep=upkeep)).maintain() == ""
    assert lake.table(kept.path).version() == before


def test_a_time_that_is_no_text_is_not_compared(lake: Lake) -> None:
    """A table that somebody else made keeps its rows."""
    lake.write(pl.DataFrame({"i": [1], "_rejected_at": [0]}), "t")
    upkeep = Upkeep(expiry=Expiry(column="_rejected_at", before="2026"))
    assert lake.engine.open(lake.target("t", upkeep=upkeep)).maintain() == ""
    assert lake.read("t")["i"].to_list() == [1]


def test_a_place_is_closed_to_a_node_that_was_given_up(kept: Kept) -> None:
    """Whoever opened it before is refused, whoever opens it after, too; others write on."""
    early = kept.lake.engine.open(kept.lake.target(kept.path, format=kept.kind, transaction="run/n/quarantine", evolves=True))
    kept.lake.engine.open(kept.lake.target(kept.path, format=kept.kind, transaction="other", evolves=True)).fence("run/n/quarantine")
    with pytest.raises((FencedError, WriteConflictError), match=r"since it was opened|closed"):
        early.write(frame(pl.DataFrame({"i": [1]})), {})
    with pytest.raises(FencedError):
        kept.lake.engine.open(kept.lake.target(kept.path, format=kept.kind, transaction="run/n/quarantine", evolves=True)).committed()
    kept.write({"i": [2]})
    assert [row["i"] for row in kept.rows()] == [2]
