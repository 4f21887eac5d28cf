"""Columns that the author computes with SQL expressions."""

from __future__ import annotations

import polars as pl

from tests.transforms.cases.case import ALL, FRAME, ROWS, N, case

AGES = [{"condition": "`my age` < 18", "value": "'it\\'s a minor'"}, {"condition": "`my age` > 65", "value": "'senior'"}]
PEOPLE = pl.LazyFrame({"my age": [10, 40, 70, N]})
RULES = {"id": "Id IS NOT NULL", "u is small": "u < 5", "it's": "s <> 'b' -- NULL passes"}

CASES = [
    case(
        "derive_columns",
        {"derivations": {"twice": "u * 2", "U2": "twice + ID"}},
        [*ALL, "twice", "U2"],
        [(1, 1, " A ", 2, 3), (1, N, "b", N, N), (2, 3, N, 6, 8), (N, 4, "c", 8, N), (N, 5, "a b ", 10, N)],
    ),
    case(
        "derive_columns",
        {"derivations": {"u": "u + 1", "old": "u"}},
        [*ALL, "old"],
        [(1, 2, " A ", 1), (1, N, "b", N), (2, 4, N, 3), (N, 5, "c", 4), (N, 6, "a b ", 5)],
    ),
    case(
        "derive_columns",
        {"derivations": {"r": "ROUND(x, 1)", "one": 1, "yes": True, "none": N, "my col": "`a b` || '!'"}},
        ["x", "a b", "r", "one", "yes", "none", "my col"],
        [(7.25, "p", 7.3, 1, True, N, "p!"), (-7.25, "q", -7.3, 1, True, N, "q!"), (1.05, N, 1.1, 1, True, N, N)],
        frame=pl.LazyFrame({"x": [7.25, -7.25, 1.05], "a b": ["p", "q", N]}),
    ),
    case("derive_columns", {"derivations": {}}, ALL, ROWS),
    case("derive_columns", {"derivations": {"n": "u + 1"}}, [*ALL, "n"], [], frame=FRAME.clear()),
    case(
        "case_when",
        {"output_col": "group", "cases": AGES, "default": "'adult'"},
        ["my age", "group"],
        [(10, "it's a minor"), (40, "adult"), (70, "senior"), (N, "adult")],
        frame=PEOPLE,
    ),
    case(
        "case_when",
        {"output_col": "my age", "cases": [{"condition": "`my age` > 5", "value": "`my age` + 1"}, {"condition": True, "value": 0}]},
        ["my age"],
        [(11,), (41,), (71,), (0,)],
        frame=PEOPLE,
    ),
    case(
        "case_when",
        {"output_col": "o", "cases": [{"condition": "u > 3", "value": 1.5}]},
        [*ALL, "o"],
        [(*ROWS[0], N), (*ROWS[1], N), (*ROWS[2], N), (*ROWS[3], 1.5), (*ROWS[4], 1.5)],
    ),
    case("case_when", {"output_col": "o", "cases": [{"condition": "u > 3", "value": "'x'"}]}, [*ALL, "o"], [], frame=FRAME.clear()),
    case(
        "validate_and_flag",
        {"rules": RULES},
        [*ALL, "_issues"],
        [(*ROWS[0], N), (*ROWS[1], "it's"), (*ROWS[2], N), (*ROWS[3], "id"), (*ROWS[4], "id, u is small")],
    ),
    case(
        "validate_and_flag",
        {"rules": {"never": "u > 100"}, "flag_col": "s"},
        ALL,
        [(1, 1, "never"), (1, N, N), (2, 3, "never"), (N, 4, "never"), (N, 5, "never")],
    ),
    case("validate_and_flag", {"rules": {"r": "u > 100"}}, [*ALL, "_issues"], [], frame=FRAME.clear(), types={"_issues": pl.String}),
]

MISSING: list[tuple] = []
