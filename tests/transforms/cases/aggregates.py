"""One row for many, rows into columns, and columns into rows."""

from __future__ import annotations

from datetime import date

import polars as pl

from odibi_core.transforms import OPERATIONS, TRANSFORMS
from tests.transforms.cases.case import N, case, operation

SALES = pl.LazyFrame(
    {
        "the shop": ["b", "a", "b", "a", "c", N],
        "month": [2, 1, 1, 1, N, 2],
        "sales": pl.Series([10, 1, 20, 2, 3, 4], dtype=pl.Int32),
        "note": ["n1", N, "n2", "n3", "n4", "n5"],
    }
)
BIG = pl.LazyFrame({"g": [1, 1], "x": pl.Series([2_000_000_000, 2_000_000_000], dtype=pl.Int32), "b": [True, True]})
EMPTY = SALES.head(0)
WIDE = pl.LazyFrame({"product": ["p", "q"], "jan": [1, N], "Feb Sales": [0.5, 2.0]})

CASES = [
    case("aggregate", {"group_by": ["Id"], "aggregations": {"u": "sum", "s": "count"}}, ["Id", "u", "s"],
         [(1, 1, 2), (2, 3, 0), (N, 9, 2)]),
    case("aggregate", {"group_by": "the shop", "aggregations": {"sales": "avg", "note": "min", "month": "max"}},
         ["the shop", "sales", "note", "month"], [("b", 15.0, "n1", 2), ("a", 1.5, "n3", 1), ("c", 3.0, "n4", N), (N, 4.0, "n5", 2)],
         frame=SALES),
    case("aggregate", {"group_by": ["the shop"], "aggregations": {"note": "first", "month": "sum"}}, ["the shop", "note", "month"],
         [("b", "n1", 3), ("a", N, 2), ("c", "n4", N), (N, "n5", 2)], frame=SALES),
    case("aggregate", {"group_by": ["g"], "aggregations": {"x": "sum", "b": "sum"}}, ["g", "x", "b"], [(1, 4_000_000_000, 2)], frame=BIG,
         types={"x": pl.Int64, "b": pl.Int64}),
    case("aggregate", {"group_by": ["the shop", "month"], "aggregations": {"sales": "count"}}, ["the shop", "month", "sales"],
         [("b", 2, 1), ("a", 1, 2), ("b", 1, 1), ("c", N, 1), (N, 2, 1)], frame=SALES, types={"sales": pl.Int64}),
    case("aggregate", {"group_by": ["month"], "aggregations": {"sales": "sum"}}, ["month", "sales"], [], frame=EMPTY),
    # pivot
    case("pivot", {"group_by": ["the shop"], "pivot_col": "month", "agg_col": "sales"}, ["the shop", "1", "2"],
         [("a", 3, N), ("b", 20, 10), ("c", N, N), (N, N, 4)], frame=SALES, types={"1": pl.Int64}),
    case("pivot", {"group_by": ["the shop"], "pivot_col": "month", "agg_col": "note", "agg_func": "count", "values": [2, "9", 1]},
         ["the shop", "2", "9", "1"], [("a", N, N, 1), ("b", 1, N, 1), ("c", N, N, N), (N, 1, N, N)], frame=SALES),
    case("pivot", {"group_by": "the shop", "pivot_col": "month", "agg_col": "note", "agg_func": "first"}, ["the shop", "1", "2"],
         [("a", "n3", N), ("b", "n2", "n1"), ("c", N, N), (N, N, "n5")], frame=SALES),
    case("pivot", {"group_by": ["g"], "pivot_col": "d", "agg_col": "v", "agg_func": "avg"}, ["g", "2026-01-09", "2026-01-10"],
         [(1, 1.5, N), (2, N, 7.0)],
         frame=pl.LazyFrame({"g": [2, 1, 1], "d": [date(2026, 1, 10), date(2026, 1, 9), date(2026, 1, 9)], "v": [7, 1, 2]})),
    case("pivot", {"group_by": ["g"], "pivot_col": "d", "agg_col": "v", "agg_func": "max", "values": [True]}, ["g", "true"], [(1, 2)],
         frame=pl.LazyFrame({"g": [1, 1], "d": [True, True], "v": [1, 2]})),
    case("pivot", {"group_by": ["the shop"], "pivot_col": "month", "agg_col": "sales"}, ["the shop"], [], frame=EMPTY),
    case("pivot", {"group_by": ["the shop"], "pivot_col": "month", "agg_col": "sales", "values": ["1"]}, ["the shop", "1"], [],
         frame=EMPTY),
    operation("pivot", {"group_by": ["the shop"], "pivot_column": "month", "value_column": "note"}, ["the shop", "1", "2"],
              [("a", "n3", N), ("b", "n2", "n1"), ("c", N, N), (N, N, "n5")], frame=SALES),
    operation("pivot", {"pivot_column": "month", "value_column": "sales", "agg_func": "mean"}, ["1", "2"], [(23 / 3, 7.0)], frame=SALES),
    # unpivot
    case("unpivot", {"id_cols": ["product"], "value_vars": ["jan", "Feb Sales"]}, ["product", "variable", "value"],
         [("p", "jan", 1.0), ("q", "jan", N), ("p", "Feb Sales", 0.5), ("q", "Feb Sales", 2.0)], frame=WIDE),
    case("unpivot", {"id_cols": [], "value_vars": "jan", "var_name": "the month", "value_name": "n"}, ["the month", "n"],
         [("jan", 1), ("jan", N)], frame=WIDE),
    case("unpivot", {"id_cols": ["product"], "value_vars": ["jan"]}, ["product", "variable", "value"], [], frame=WIDE.head(0)),
    operation("unpivot", {"id_vars": "product", "value_vars": ["jan"], "value_name": "n"}, ["product", "variable", "n"],
              [("p", "jan", 1), ("q", "jan", N)], frame=WIDE),
]  # fmt: skip

MISSING = [
    (TRANSFORMS, "aggregate", {"group_by": ["Id"], "aggregations": {"key": "sum"}}),
    (TRANSFORMS, "pivot", {"group_by": ["Id"], "pivot_col": "key", "agg_col": "u"}),
    (TRANSFORMS, "unpivot", {"id_cols": ["Id"], "value_vars": ["u", "key"]}),
    (OPERATIONS, "pivot", {"group_by": ["key"], "pivot_column": "s", "value_column": "u"}),
]
