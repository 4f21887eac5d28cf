"""Which rows there are, and in which order."""

from __future__ import annotations

import polars as pl

from odibi_core.transforms import TRANSFORMS
from tests.transforms.cases.case import ALL, FRAME, ROWS, N, case

TWINS = pl.LazyFrame({"x": [1, 3], "X": [2, 4]})

CASES = [
    case("filter_rows", {"condition": "id = 1 OR u > 4"}, ALL, [ROWS[0], ROWS[1], ROWS[4]], ordered=False),
    case("filter_rows", {"condition": "NOT s LIKE 'b%' -- and not NULL"}, ALL, [ROWS[0], ROWS[3], ROWS[4]], ordered=False),
    case("deduplicate", {"keys": ["Id"], "order_by": "u DESC, s"}, ALL, [ROWS[0], ROWS[2], ROWS[4]], ordered=False),
    case("deduplicate", {"keys": "Id", "order_by": ["u"]}, ALL, [ROWS[1], ROWS[2], ROWS[3]], ordered=False),
    case("deduplicate", {"keys": ["Id"], "order_by": ["U NULLS LAST", "s desc"]}, ALL, [ROWS[0], ROWS[2], ROWS[3]], ordered=False),
    case("deduplicate", {"keys": ["Id"]}, ALL, [ROWS[0], ROWS[2], ROWS[3]], ordered=False),
    case("limit", {"n": 2}, ALL, ROWS[:2]),
    case("limit", {"n": 2, "offset": 3}, ALL, ROWS[3:]),
    case("limit", {"n": 1, "offset": 1}, ["x", "X"], [(3, 4)], frame=TWINS),
    case("sort", {"by": ["X"], "ascending": False}, ["x", "X"], [(3, 4), (1, 2)], frame=TWINS),
    case("sort", {"by": "a b"}, ["a b"], [(N,), (1,)], frame=pl.LazyFrame({"a b": [1, N]})),
    case("distinct", {"columns": ["ID"]}, ["Id"], [], frame=FRAME.clear()),
    case("distinct", {"columns": []}, ALL, ROWS, ordered=False),
    case("filter_rows", {"condition": True}, ALL, ROWS),
    case("filter_rows", {"condition": "`a b` IS NOT NULL"}, ["a b"], [(1,)], frame=pl.LazyFrame({"a b": [1, N]})),
    case("sort", {"by": "u"}, ALL, [ROWS[1], ROWS[0], ROWS[2], ROWS[3], ROWS[4]]),
    case("sort", {"by": ["Id", "u"], "ascending": False}, ALL, [ROWS[2], ROWS[0], ROWS[1], ROWS[4], ROWS[3]]),
    case("distinct", {"columns": ["Id"]}, ["Id"], [(1,), (2,), (N,)], ordered=False),
    case("distinct", {}, ALL, ROWS, ordered=False),
]  # fmt: skip

MISSING = [
    (TRANSFORMS, "deduplicate", {"keys": ["Id", "key"]}),
    (TRANSFORMS, "sort", {"by": ["key"]}),
    (TRANSFORMS, "distinct", {"columns": ["key"]}),
]
