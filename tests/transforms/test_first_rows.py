"""The first row of each key: what Polars does itself is what the SQL says, and what it cannot do is left to SQL."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odibi_core.planning.compiling import compiled_here
from odibi_core.transforms.first_rows import OrderTerm, first_by, plain_order
from odibi_core.transforms.rows import DeduplicateParams

ROWS = pl.DataFrame(
    schema={"k": pl.Float64, "j": pl.String, "n": pl.Int64, "Text": pl.String, "f": pl.Float64, "tags": pl.List(pl.String), "i": pl.Int64}
)
_cells = st.tuples(
    st.sampled_from([None, 1.0, 0.0, -0.0, math.nan]),
    st.sampled_from([None, "a", ""]),
    st.sampled_from([None, 1, 2]),
    st.sampled_from([None, "x", "Y"]),
    st.sampled_from([None, 1.5, math.nan, -math.inf]),
)


def _compiled(order_by, keys=("k",)):
    return compiled_here(
        DeduplicateParams(keys=keys, order_by=order_by).queries()[0], {"df"}, "spark", datetime(2026, 11, 22, tzinfo=UTC)
    ).polars


@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        ("n DESC", [("n", True, True)]),
        ("N", [("n", False, False)]),
        ("text DESC NULLS FIRST, `n` NULLS LAST", [("Text", True, False), ("n", False, True)]),
    ],
)
def test_an_order_of_plain_columns_is_understood(order_by, expected):
    """Names have no case, and NULL goes where Spark puts it."""
    terms = plain_order(nw.from_native(ROWS.lazy()), ["k"], _compiled(order_by))
    assert terms == tuple(OrderTerm(column=column, descending=down, nulls_last=last) for column, down, last in expected)


@pytest.mark.parametrize(
    "order_by", ["n + 1", "LOWER(text)", "1", "NULL", "absent", "tags", "df.n", "n, ROW_NUMBER() OVER (ORDER BY n)", "'n'"]
)
def test_anything_else_is_left_to_sql(order_by):
    """An expression, a missing or nested column, a literal."""
    assert plain_order(nw.from_native(ROWS.lazy()), ["k"], _compiled(order_by)) is None


def test_columns_that_differ_in_case_only_are_left_to_sql():
    """SQL refuses them with a reason."""
    assert plain_order(nw.from_native(pl.LazyFrame({"k": [1], "n": [1], "N": [2]})), ["k"], _compiled("n")) is None


@given(
    cells=st.lists(_cells, max_size=25),
    keys=st.sampled_from([["k"], ["j"], ["k", "j"]]),
    by=st.permutations(["n", "Text", "f"]).flatmap(lambda names: st.integers(1, 3).map(lambda count: names[:count])),
    ways=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=3, max_size=3),
)
def test_it_is_the_row_with_number_1(cells, keys, by, ways):
    """For NULL, NaN, both zeros and empty texts, in keys and in orders; ties go to the row read first, and the order read stays."""
    rows = pl.DataFrame([(*cell, None, number) for number, cell in enumerate(cells)], schema=ROWS.schema, orient="row")
    terms = [OrderTerm(column=column, descending=down, nulls_last=last) for column, (down, last) in zip(by, ways, strict=False)]
    frame = first_by(nw.from_native(rows.lazy()), keys, terms, who="deduplicate").to_native()

    def before(one, other):
        """-1, 0 or 1 by the terms, in plain Python."""
        for term in terms:
            left, right = one[term.column], other[term.column]
            if left is None or right is None:
                step = (left is None) - (right is None)
                step = step if term.nulls_last else -step
            else:
                left, right = ((isinstance(value, float) and math.isnan(value), 0 if value != value else value) for value in (left, right))
                step = (left > right) - (left < right)
                step = -step if term.descending else step
            if step:
                return step
        return 0

    best = {}
    for row in rows.rows(named=True):
        key = tuple("NaN" if value != value else value for value in (row[name] for name in keys))
        if key not in best or before(row, best[key]) < 0:
            best[key] = row
    expected = sorted(row["i"] for row in best.values())
    assert frame.collect()["i"].to_list() == expected
    # What comes after is applied after: Polars may not move it in front.
    kept = frame.collect()
    assert frame.filter(pl.col("n") > 1).collect().equals(kept.filter(pl.col("n") > 1), null_equal=True)
    assert frame.head(2).select("i").collect().equals(kept.head(2).select("i"))
