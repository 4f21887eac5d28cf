"""Which rows there are, and in which order."""

from __future__ import annotations

from odibi_core.transforms import TRANSFORMS
from tests.transforms.cases.case import ALL, ROWS, N, case

CASES = [
    case("filter_rows", {"condition": "id = 1 OR u > 4"}, ALL, [ROWS[0], ROWS[1], ROWS[4]], ordered=False),
    case("filter_rows", {"condition": "NOT s LIKE 'b%' -- and not NULL"}, ALL, [ROWS[0], ROWS[3], ROWS[4]], ordered=False),
    case("deduplicate", {"keys": ["Id"], "order_by": "u DESC, s"}, ALL, [ROWS[0], ROWS[2], ROWS[4]], ordered=False),
    case("deduplicate", {"keys": "Id", "order_by": ["u"]}, ALL, [ROWS[1], ROWS[2], ROWS[3]], ordered=False),
    case("deduplicate", {"keys": ["Id"], "order_by": ["U NULLS LAST", "s desc"]}, ALL, [ROWS[0], ROWS[2], ROWS[3]], ordered=False),
    case("deduplicate", {"keys": ["Id"]}, ALL, [ROWS[0], ROWS[2], ROWS[3]], ordered=False),
    case("limit", {"n": 2}, ALL, ROWS[:2]),
    case("limit", {"n": 2, "offset": 3}, ALL, ROWS[3:]),
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
