"""Source against target: numbers of rows, sums and values, as a whole or in each partition."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from odibi_core.errors import ConfigError, SchemaMismatchError
from tests.checks.builders import result

SOURCE = {
    "day": ["1", "1", "2", None],
    "id": [1, 2, 3, 4],
    "amount": [Decimal("0.10"), Decimal("0.20"), None, Decimal("5.00")],
    "weight": [0.1, 0.2, 0.3, float("nan")],
}


def agrees(target: Any, source: Any = SOURCE, **test: Any) -> tuple[bool, str]:
    """The verdict and what is told."""
    found = result(target, {"type": "reconcile", "source": "Raw", **test}, datasets={"raw": nw.from_native(pl.LazyFrame(source))})
    return found.passed, found.detail


def changed(**columns: list[Any]) -> dict[str, list[Any]]:
    return {**SOURCE, **columns}


EVERYTHING = {"by": ["day"], "sums": ["amount", "weight"], "hash": ["id", "amount", "weight"]}


def test_the_same_rows_in_another_order_agree():
    """NULL is a partition and adds nothing to a sum, NaN is as NaN."""
    assert agrees(pl.LazyFrame(SOURCE).reverse(), **EVERYTHING) == (True, "as in 'Raw'")
    assert agrees(SOURCE) == (True, "as in 'Raw'")


@pytest.mark.parametrize(
    ("target", "test", "detail"),
    [
        (pl.LazyFrame(SOURCE).head(3), {}, "the rows differ from 'Raw': rows"),
        (pl.LazyFrame(SOURCE).head(3), {"by": ["day"]}, "1 of 3 partitions differ from 'Raw': rows in 1"),
        (
            pl.LazyFrame(SOURCE).clear(),
            {"by": ["day"], "sums": ["amount"]},
            "3 of 3 partitions differ from 'Raw': rows in 3, sum of 'amount' in 2",
        ),
        (changed(day=["1", "2", "2", None]), {"by": ["day"]}, "2 of 3 partitions differ from 'Raw': rows in 2"),
        (changed(day=["1", "1", "2", "3"]), {"by": ["day"]}, "2 of 4 partitions differ from 'Raw': rows in 2"),
        (
            changed(amount=[Decimal("0.10"), Decimal("0.21"), None, Decimal("5.00")]),
            {"sums": ["amount"]},
            "the rows differ from 'Raw': sum of 'amount'",
        ),
        (changed(id=[2, 1, 3, 4]), {"hash": ["id", "amount"]}, "the rows differ from 'Raw': hash"),
        (changed(id=[2, 1, 3, 4]), {"hash": ["id"]}, ""),
        (changed(id=[2, 1, 3, 4]), {"sums": ["id"]}, ""),
    ],
)
def test_what_differs_is_told_by_its_name(target, test, detail):
    """How many partitions, and in what; no value of them."""
    assert agrees(target, **test) == (not detail, detail or "as in 'Raw'")


@pytest.mark.parametrize(("tolerance", "passed"), [(0, False), (0.24, False), (0.25, True)])
def test_a_share_of_the_rows_may_be_missing(tolerance, passed):
    """One of four is a quarter of the source's."""
    assert agrees(pl.LazyFrame(SOURCE).head(3), tolerance=tolerance)[0] == passed


def test_sums_of_floating_numbers_may_be_rounded():
    """Their order changes the last digit, and that is no difference."""
    numbers = [0.1, 0.2, 0.3, 1e9]
    assert agrees({"x": numbers[::-1]}, {"x": numbers}, sums=["x"])[0]
    assert not agrees({"x": [0.1, 0.2, 0.3, 1e9 + 100]}, {"x": numbers}, sums=["x"])[0]


def test_what_cannot_be_compared_is_an_error():
    """A missing source or column, and types that never have the same value."""
    with pytest.raises(ConfigError, match="'nowhere' is not an input of this node"):
        result(SOURCE, {"type": "reconcile", "source": "nowhere"})
    with pytest.raises(SchemaMismatchError, match="'Raw' lacks columns to reconcile: extra"):
        agrees(changed(extra=[1, 2, 3, 4]), sums=["extra"])
    with pytest.raises(SchemaMismatchError, match="check 'reconcile' reads missing columns: size"):
        agrees(SOURCE, sums=["size"])
    with pytest.raises(SchemaMismatchError, match="'day' is Int64 and String in 'Raw', so no value would be the same"):
        agrees(changed(day=[1, 1, 2, None]), by=["day"])
    with pytest.raises(SchemaMismatchError, match="does not fit the type of its column"):
        agrees(SOURCE, sums=["day"])
