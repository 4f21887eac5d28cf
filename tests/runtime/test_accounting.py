"""The rows of a node add up, or the node fails."""

from __future__ import annotations

import narwhals as nw
import polars as pl
import pytest

from odibi_core.events import RowAccount
from odibi_core.runtime.accounting import RowsUnexplainedError, RowTrail, less


def frame(rows):
    """A lazy frame of so many rows."""
    return nw.from_native(pl.LazyFrame({"a": list(range(rows))}))


def counted(trail):
    """What the engine counts of the frames that the trail asks for."""
    return {name: len(wanted.collect()) for name, wanted in trail.counting().items()}


def test_one_way_of_leaving_rows_out_needs_no_count_in_between():
    """The difference is what the filter left out; the input is counted only if nobody knows its rows."""
    trail = RowTrail(start=frame(10), rows=10)
    trail.step("same", frame(10))
    trail.step("filtered", frame(8))
    trail.step("filtered", frame(7))
    assert trail.counting() == {}
    assert trail.account({}, rows=7) == RowAccount(rows_in=10, rows_out=7, left_out={"filtered": 3})

    unknown = RowTrail(start=frame(10))
    unknown.step("deduplicated", frame(6))
    assert unknown.account(counted(unknown), rows=6) == RowAccount(rows_in=10, rows_out=6, left_out={"deduplicated": 4})


def test_several_ways_are_told_apart():
    """A filter, duplicates and another filter: each has its number."""
    trail = RowTrail(start=frame(10), rows=10)
    for effect, rows in (("filtered", 8), ("deduplicated", 5), ("same", 5), ("joined_out", 4), ("filtered", 1)):
        trail.step(effect, frame(rows))
    expected = {"filtered": 5, "deduplicated": 3, "joined_out": 1}
    assert trail.account(counted(trail), rows=1) == RowAccount(rows_in=10, rows_out=1, left_out=expected)


def test_what_is_set_aside_and_what_checks_take_out_is_in_the_account():
    """A pattern's orphans, then the quarantine and the gate."""
    trail = RowTrail(start=frame(10), rows=10)
    account = trail.account({}, rows=8, aside=2)
    assert less(account, quarantined=3, gated=0) == RowAccount(rows_in=10, rows_out=5, left_out={"set_aside": 2, "quarantined": 3})
    assert less(None, quarantined=3) is None


@pytest.mark.parametrize("rows", [9, 11])
def test_a_difference_that_no_step_explains_fails_the_node(rows):
    """Rows came or went where every step keeps them."""
    trail = RowTrail(start=frame(10), rows=10)
    trail.step("same", frame(rows))
    with pytest.raises(RowsUnexplainedError) as error:
        trail.account({}, rows=rows)
    assert error.value.message == f"the rows do not add up: 10 in, {rows} out, none left out"
    assert error.value.exit_code == 3


def test_a_filter_that_makes_rows_fails_the_node():
    """Leaving out a negative number of rows is no explanation."""
    trail = RowTrail(start=frame(10), rows=10)
    trail.step("filtered", frame(12))
    with pytest.raises(RowsUnexplainedError):
        trail.account({}, rows=12)


@pytest.mark.parametrize("steps", [["changed"], ["filtered", "changed", "same"]])
def test_where_a_step_may_do_anything_there_is_no_account(steps):
    """A join or groups: nothing is counted, and nothing claimed."""
    trail = RowTrail(start=frame(10))
    for effect in steps:
        trail.step(effect, frame(3))
    assert trail.counting() == {}
    assert trail.account({}, rows=3) is None
