"""Text columns."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import polars as pl

from odibi_core.transforms import TRANSFORMS
from tests.transforms.cases.case import ALL, FRAME, ROWS, N, case

at = datetime.fromisoformat
MAIL = pl.LazyFrame({"my mail": ["a@b.c@d", "x", "", N], "n": [1, 2, 3, 4]})
CATEGORIES = pl.LazyFrame({"c": pl.Series([" a b ", "B", N], dtype=pl.Categorical)})
KINDS = pl.LazyFrame(
    {
        "i": [1, N],
        "f": [2.0, N],
        "b": [True, N],
        "m": pl.Series([Decimal("1.50"), N], dtype=pl.Decimal(10, 2)),
        "d": [date(2024, 1, 31), N],
        "t": [at("2024-01-31 13:05:10.120"), N],
        "c": pl.Series(["x", N], dtype=pl.Categorical),
    }
)
CATEGORY = {"c": pl.Categorical}


def split(index: int, pieces: list, **more):
    """One piece of the mail."""
    return case(
        "split_part",
        {"col": "my mail", "delimiter": "@", "index": index, **more},
        ["my mail", "n", f"my mail_part_{index}"],
        [("a@b.c@d", 1, pieces[0]), ("x", 2, pieces[1]), ("", 3, ""), (N, 4, N)],
        frame=MAIL,
    )


CASES = [
    case("clean_text", {"columns": ["s"], "case": "upper"}, ALL, [(1, 1, "A"), (1, N, "B"), (2, 3, N), (N, 4, "C"), (N, 5, "A B")]),
    case("clean_text", {"columns": "s", "trim": False, "case": "lower"}, ALL, [(1, 1, " a "), *ROWS[1:]]),
    case("clean_text", {"columns": "c", "case": "upper"}, ["c"], [("A B",), ("B",), (N,)], frame=CATEGORIES, types=CATEGORY),
    case("clean_text", {"columns": ["s"]}, ALL, [], frame=FRAME.clear()),
    case("trim_whitespace", {"columns": ["S"]}, ALL, [(1, 1, "A"), *ROWS[1:4], (N, 5, "a b")]),
    case("trim_whitespace", {}, ALL, [(1, 1, "A"), *ROWS[1:4], (N, 5, "a b")]),
    case("trim_whitespace", {}, ["x y", "n"], [("a", 1), ("b c", 2)], frame=pl.LazyFrame({"x y": ["\t a\r\n", "b c"], "n": [1, 2]})),
    case("trim_whitespace", {}, ["n"], [(1,)], frame=pl.LazyFrame({"n": [1]})),
    case("trim_whitespace", {"columns": ["c"]}, ["c"], [("a b",), ("B",), (N,)], frame=CATEGORIES, types=CATEGORY),
    split(1, ["a", "x"]),
    split(2, ["b.c", ""]),
    split(9, ["", ""]),
    split(-1, ["d", "x"]),
    case(
        "split_part", {"col": "c", "delimiter": "a ", "index": 2}, ["c", "c_part_2"], [(" a b ", "b "), ("B", ""), (N, N)], frame=CATEGORIES
    ),
    case(
        "concat_columns",
        {"columns": ["Id", "s", "u"], "output_col": "o"},
        [*ALL, "o"],
        [(*ROWS[0], "1 A 1"), (*ROWS[1], "1b"), (*ROWS[2], "23"), (*ROWS[3], "c4"), (*ROWS[4], "a b 5")],
    ),
    case(
        "concat_columns",
        {"columns": ["u", "Id"], "separator": "', '", "output_col": "u"},
        ALL,
        [(1, "1', '1", " A "), (1, "1", "b"), (2, "3', '2", N), (N, "4", "c"), (N, "5", "a b ")],
    ),
    case(
        "concat_columns",
        {"columns": ["i", "f", "b", "m", "d", "t", "c"], "separator": "|", "output_col": "i"},
        ["i", "f", "b", "m", "d", "t", "c"],
        [
            (
                "1|2.0|true|1.50|2024-01-31|2024-01-31 13:05:10.12|x",
                2.0,
                True,
                Decimal("1.50"),
                date(2024, 1, 31),
                at("2024-01-31 13:05:10.120"),
                "x",
            ),
            ("", N, N, N, N, N, N),
        ],
        frame=KINDS,
    ),
    case("regex_replace", {"column": "s", "pattern": "[ab ]", "replacement": ""}, ALL, [(1, 1, "A"), (1, N, ""), *ROWS[2:4], (N, 5, "")]),
    case(
        "regex_replace",
        {"column": "c", "pattern": "B", "replacement": "5 $USD $"},
        ["c"],
        [(" a b ",), ("5 $USD $",), (N,)],
        frame=CATEGORIES,
    ),
    case(
        "regex_replace",
        {"column": "my mail", "pattern": "(?i)([A-C])@", "replacement": "$1.\\1$"},
        ["my mail", "n"],
        [("a.a$b.c.c$d", 1), ("x", 2), ("", 3), (N, 4)],
        frame=MAIL,
    ),
    case(
        "regex_replace",
        {"column": "c", "pattern": r"\s+", "replacement": "_"},
        ["c"],
        [("_a_b_",), ("B",), (N,)],
        frame=CATEGORIES,
        types=CATEGORY,
    ),
]

MISSING = [
    (TRANSFORMS, "clean_text", {"columns": ["key"]}),
    (TRANSFORMS, "trim_whitespace", {"columns": ["key"]}),
    (TRANSFORMS, "split_part", {"col": "key", "delimiter": "-", "index": 1}),
    (TRANSFORMS, "concat_columns", {"columns": ["u", "key"], "output_col": "o"}),
    (TRANSFORMS, "regex_replace", {"column": "key", "pattern": "a", "replacement": ""}),
]
