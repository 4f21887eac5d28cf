"""A check between datasets lets its input through."""

from __future__ import annotations

import polars as pl

from tests.transforms.cases.case import ALL, FRAME, ROWS, case

A = pl.LazyFrame({"i": range(100), "t": ["x"] * 100})
SAME = A.select("t", "i").head(96)

CASES = [
    case("cross_check", {"type": "row_count_diff", "inputs": ["a", "A"]}, ALL, ROWS, inputs={"a": A}),
    case("cross_check", {"type": "row_count_diff", "inputs": ["a", "b"], "threshold": 0.04}, ALL, ROWS, inputs={"a": A, "b": SAME}),
    case("cross_check", {"type": "row_count_diff", "inputs": ["a", "b"]}, ALL, ROWS, inputs={"a": A.head(0), "b": SAME.head(0)}),
    case("cross_check", {"type": "schema_match", "inputs": ["a", "b", "df"]}, ALL, ROWS, inputs={"a": A, "b": SAME, "df": SAME}),
    case("cross_check", {"type": "schema_match", "inputs": ["df", "f"]}, ALL, ROWS, inputs={"df": FRAME, "f": FRAME.head(1)}),
]
MISSING: list[tuple] = []
