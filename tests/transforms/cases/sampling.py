"""Rows drawn by chance."""

from __future__ import annotations

from tests.transforms.cases.case import ALL, FRAME, ROWS, case, operation

CASES = [
    case("sample", {"fraction": 1.0, "seed": 7}, ALL, ROWS),
    case("sample", {"fraction": 0}, ALL, []),
    case("sample", {"fraction": 0.5}, ALL, [], frame=FRAME.clear()),
    operation("sample", {"n": 9, "random_state": 1}, ALL, ROWS, ordered=False),
    operation("sample", {"frac": 0}, ALL, []),
]

MISSING: list[tuple] = []
