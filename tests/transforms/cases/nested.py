"""Lists and structs."""

from __future__ import annotations

import polars as pl

from odibi_core.transforms import TRANSFORMS
from tests.transforms.cases.case import N, case

LISTS = pl.LazyFrame({"k": [1, 2, 3, 4], "the items": [["a", N, "b"], [], N, ["c"]], "z": ["p", "q", "r", "s"]})
FIXED = pl.LazyFrame({"k": [1, 2], "v": pl.Series([[1, 2], N], dtype=pl.Array(pl.Int64, 2))})
DEEP = pl.LazyFrame(
    {"k": [1, 2], "s": [{"a": 1, "b": {"x": "t", "y": {"z": 2.5}}, "c d": [1, 2]}, N], "t": ["u", "v"]},
    schema={
        "k": pl.Int64,
        "s": pl.Struct({"a": pl.Int64, "b": pl.Struct({"x": pl.String, "y": pl.Struct({"z": pl.Float64})}), "c d": pl.List(pl.Int64)}),
        "t": pl.String,
    },
)
S = {"a": 1, "b": {"x": "t", "y": {"z": 2.5}}, "c d": [1, 2]}

CASES = [
    case("explode_list_column", {"column": "the items"}, ["k", "the items", "z"],
         [(1, "a", "p"), (1, N, "p"), (1, "b", "p"), (4, "c", "s")],
         frame=LISTS),
    case("explode_list_column", {"column": "the items", "outer": True}, ["k", "the items", "z"],
         [(1, "a", "p"), (1, N, "p"), (1, "b", "p"), (2, N, "q"), (3, N, "r"), (4, "c", "s")], frame=LISTS),
    case("explode_list_column", {"column": "v"}, ["k", "v"], [(1, 1), (1, 2)], frame=FIXED),
    case("explode_list_column", {"column": "v", "outer": True}, ["k", "v"], [(1, 1), (1, 2), (2, N)], frame=FIXED),
    case("explode_list_column", {"column": "the items", "outer": True}, ["k", "the items", "z"], [], frame=LISTS.head(0),
         types={"the items": pl.String}),
    case("unpack_struct", {"column": "s"}, ["k", "s", "t", "a", "b", "c d"],
         [(1, S, "u", 1, {"x": "t", "y": {"z": 2.5}}, [1, 2]), (2, N, "v", N, N, N)], frame=DEEP),
    case("unpack_struct", {"column": "s"}, ["k", "s", "t", "a", "b", "c d"], [], frame=DEEP.head(0)),
    case("flatten_struct", {"column": "s"}, ["k", "t", "s_a", "s_b", "s_c d"],
         [(1, "u", 1, {"x": "t", "y": {"z": 2.5}}, [1, 2]), (2, "v", N, N, N)], frame=DEEP),
    case("flatten_struct", {"column": "s", "depth": 2, "separator": ".", "drop_source": False},
         ["k", "s", "t", "s.a", "s.b.x", "s.b.y", "s.c d"], [(1, S, "u", 1, "t", {"z": 2.5}, [1, 2]), (2, N, "v", N, N, N, N)], frame=DEEP),
    case("flatten_struct", {"column": "s", "prefix": "", "depth": 9}, ["k", "t", "a", "b_x", "b_y_z", "c d"],
         [(1, "u", 1, "t", 2.5, [1, 2]), (2, "v", N, N, N, N)], frame=DEEP),
    case("flatten_struct", {"column": "s", "prefix": "m_", "depth": 3, "drop_source": True},
         ["k", "t", "m_a", "m_b_x", "m_b_y_z", "m_c d"], [],
         frame=DEEP.head(0)),
]  # fmt: skip

MISSING = [
    (TRANSFORMS, "explode_list_column", {"column": "key"}),
    (TRANSFORMS, "unpack_struct", {"column": "key"}),
    (TRANSFORMS, "flatten_struct", {"column": "key"}),
]
