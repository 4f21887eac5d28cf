"""The built-in operations of an `operation:` step."""

from __future__ import annotations

from odibi_core.transforms import OPERATIONS
from tests.transforms.cases.case import ALL, ROWS, N, operation

CASES = [
    operation("drop_duplicates", {"subset": ["Id"]}, ALL, [ROWS[0], ROWS[2], ROWS[3]]),
    operation("drop_duplicates", {}, ALL, ROWS),
    operation("drop_duplicates", {"subset": "id", "keep": "last"}, ALL, [ROWS[1], ROWS[2], ROWS[4]]),
    operation("drop_duplicates", {"subset": ["Id"], "keep": False}, ALL, [ROWS[2]]),
    operation("drop", {"columns": ["u", "s"]}, ["Id"], [(1,), (1,), (2,), (N,), (N,)]),
    operation("rename", {"columns": {"s": "name"}}, ["Id", "u", "name"], ROWS),
    operation("sort", {"by": ["Id", "u"], "ascending": [True, False]}, ALL, [ROWS[4], ROWS[3], ROWS[0], ROWS[1], ROWS[2]]),
    operation("sort", {"by": ["Id", "u"], "ascending": False}, ALL, [ROWS[2], ROWS[0], ROWS[1], ROWS[4], ROWS[3]]),
]  # fmt: skip

MISSING = [
    (OPERATIONS, "drop_duplicates", {"subset": ["key"]}),
    (OPERATIONS, "drop", {"columns": ["key"]}),
    (OPERATIONS, "rename", {"columns": {"key": "k"}}),
    (OPERATIONS, "sort", {"by": ["key"]}),
]
