"""Text columns."""

from __future__ import annotations

from odibi_core.transforms import TRANSFORMS
from tests.transforms.cases.case import ALL, ROWS, N, case

CASES = [
    case("clean_text", {"columns": ["s"], "case": "upper"}, ALL, [(1, 1, "A"), (1, N, "B"), (2, 3, N), (N, 4, "C"), (N, 5, "A B")]),
    case("clean_text", {"columns": "s", "trim": False, "case": "lower"}, ALL, [(1, 1, " a "), *ROWS[1:]]),
    case("trim_whitespace", {"columns": ["s"]}, ALL, [(1, 1, "A"), *ROWS[1:4], (N, 5, "a b")]),
    case("trim_whitespace", {}, ALL, [(1, 1, "A"), *ROWS[1:4], (N, 5, "a b")]),
]  # fmt: skip

MISSING = [
    (TRANSFORMS, "clean_text", {"columns": ["key"]}),
    (TRANSFORMS, "trim_whitespace", {"columns": ["key"]}),
]
