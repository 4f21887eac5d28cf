"""Other datasets beside the rows, below them, or as a dictionary."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import polars as pl

from odibi_core.transforms import TRANSFORMS
from tests.transforms.cases.case import N, case

at = datetime.fromisoformat
LEFT = pl.LazyFrame({"id": [1, 2, N, 3], "order no": ["a", "b", "c", "d"], "name": ["l1", "l2", "l3", "l4"]})
RIGHT = pl.LazyFrame({"id": [2, 2, 4, N], "name": ["r1", "r2", "r3", "r4"], "city": ["B", "C", "D", "E"]})
BOTH = ["id", "order no", "name", "name_right", "city"]
INPUTS = {"other": RIGHT}
MATCHED = [(2, "b", "l2", "r1", "B"), (2, "b", "l2", "r2", "C")]
UNMATCHED = [(1, "a", "l1", N, N), (N, "c", "l3", N, N), (3, "d", "l4", N, N)]
NO_RIGHT = pl.LazyFrame({"id": [], "name": []}, schema={"id": pl.Int64, "name": pl.String})

SALES = pl.LazyFrame({"a": [1, 2], "b": ["x", N]})
MORE = pl.LazyFrame({"b": ["y"], "a": [0.5], "c": [date(2026, 1, 2)]})

CODES = pl.LazyFrame({"code": ["x", "x", "y", N, "z"], "text": ["second", "first", "why", "nothing", N]})


def _mapping(**more):
    return {"column": "b", "mapping_source": "codes", "source_key": "code", "source_value": "text", **more}


CASES = [
    case("join", {"right_dataset": "other", "on": "id"}, BOTH, [UNMATCHED[0], *MATCHED, *UNMATCHED[1:]], frame=LEFT, inputs=INPUTS),
    case("join", {"right_dataset": "OTHER", "on": ["id"], "how": "inner", "prefix": "of"}, ["id", "order no", "name", "name_of", "city"],
         MATCHED, frame=LEFT, inputs=INPUTS),
    case("join", {"right_dataset": "other", "on": ["id"], "how": "right"}, BOTH,
         [*MATCHED, (4, N, N, "r3", "D"), (N, N, N, "r4", "E")], frame=LEFT, inputs=INPUTS),
    case("join", {"right_dataset": "other", "on": ["id"], "how": "full"}, BOTH,
         [*UNMATCHED, *MATCHED, (4, N, N, "r3", "D"), (N, N, N, "r4", "E")], frame=LEFT, inputs=INPUTS, ordered=False),
    case("join", {"right_dataset": "other", "on": "id", "how": "semi"}, ["id", "order no", "name"], [(2, "b", "l2")], frame=LEFT,
         inputs=INPUTS),
    case("join", {"right_dataset": "other", "on": "id", "how": "anti"}, ["id", "order no", "name"],
         [(1, "a", "l1"), (N, "c", "l3"), (3, "d", "l4")], frame=LEFT, inputs=INPUTS),
    case("join", {"right_dataset": "other", "how": "cross"}, ["a", "b", "a_right", "c"],
         [(1, "x", 7, "p"), (1, "x", 8, "q"), (2, N, 7, "p"), (2, N, 8, "q")], frame=SALES,
         inputs={"other": pl.LazyFrame({"a": [7, 8], "c": ["p", "q"]})}),
    case("join", {"right_dataset": "other", "on": {"order no": "Order Key"}}, ["id", "order no", "name", "Order Key", "w"],
         [(1, "a", "l1", N, N), (2, "b", "l2", "b", 5), (N, "c", "l3", N, N), (3, "d", "l4", N, N)], frame=LEFT,
         inputs={"other": pl.LazyFrame({"Order Key": ["b", "z"], "w": [5, 6]})}),
    case("join", {"right_dataset": "other", "on": {"order no": "k"}, "how": "right"}, ["id", "order no", "name", "k"],
         [(2, "b", "l2", "b"), (N, N, N, "z")], frame=LEFT, inputs={"other": pl.LazyFrame({"k": ["b", "z"]})}),
    case("join", {"right_dataset": "other", "on": ["id", "name"], "how": "inner"}, ["id", "order no", "name", "x"], [(2, "b", "l2", 9)],
         frame=LEFT, inputs={"other": pl.LazyFrame({"id": [2, 2], "name": ["l2", "l1"], "x": [9, 8]})}),
    case("join", {"right_dataset": "other", "on": "id"}, ["id", "order no", "name", "name_right"],
         [(1, "a", "l1", N), (2, "b", "l2", N), (N, "c", "l3", N), (3, "d", "l4", N)], frame=LEFT, inputs={"other": NO_RIGHT}),
    case("join", {"right_dataset": "other", "on": "id"}, ["id", "name", "name_right", "city"], [], frame=NO_RIGHT, inputs=INPUTS),
    case("join", {"right_dataset": "other", "on": "id", "how": "right"}, ["id", "name", "name_right"], [(2, N, "r")], frame=NO_RIGHT,
         inputs={"other": pl.LazyFrame({"id": pl.Series([2], dtype=pl.Int16), "name": ["r"]})}),
    case("join", {"right_dataset": "other", "on": "d", "how": "inner"}, ["d", "v"], [(date(2026, 1, 2), 1)],
         frame=pl.LazyFrame({"d": [date(2026, 1, 2), date(2026, 1, 3)]}),
         inputs={"other": pl.LazyFrame({"d": [at("2026-01-02"), at("2026-01-03T01:00")], "v": [1, 2]})}, types={"d": pl.Date}),
    case("join", {"right_dataset": "df", "on": {"a": "a"}, "how": "inner"}, ["a", "b", "b_right"], [(1, "x", "x"), (2, N, N)], frame=SALES,
         inputs={"df": SALES}),
    # union
    case("union", {"datasets": ["more"]}, ["a", "b", "c"], [(1.0, "x", N), (2.0, N, N), (0.5, "y", date(2026, 1, 2))], frame=SALES,
         inputs={"more": MORE}, types={"a": pl.Float64}),
    case("union", {"datasets": ["more", "more"]}, ["a", "b"], [(1, "x"), (2, N), (1, "x"), (1, "x")], frame=SALES,
         inputs={"more": SALES.head(1)}),
    case("union", {"datasets": "more", "by_name": False}, ["a", "b"], [(1, "x"), (2, N), (7, "q")], frame=SALES,
         inputs={"more": pl.LazyFrame({"n": [7], "t": ["q"]})}),
    case("union", {"datasets": ["more"]}, ["a", "b"], [(1, "x"), (2, N)], frame=SALES, inputs={"more": SALES.head(0)}),
    # apply_mapping
    case("apply_mapping", _mapping(), ["a", "b"], [(1, "first"), (2, N), (3, N), (4, N)],
         frame=pl.LazyFrame({"a": [1, 2, 3, 4], "b": ["x", N, "z", "?"]}), inputs={"codes": CODES}),
    case("apply_mapping", _mapping(output="Status Text", default="unknown"), ["b", "a", "Status Text"],
         [("y", 1, "why"), (N, 2, "unknown"), ("z", 3, "unknown"), ("?", 4, "unknown")],
         frame=pl.LazyFrame({"b": ["y", N, "z", "?"], "a": [1, 2, 3, 4]}), inputs={"codes": CODES}),
    case("apply_mapping", _mapping(source_key="k", source_value="v", default=0), ["b", "z"], [(10, 1), (0, 2)],
         frame=pl.LazyFrame({"b": pl.Series([1, 2], dtype=pl.Int32), "z": [1, 2]}),
         inputs={"codes": pl.LazyFrame({"k": [1, 5], "v": [10, 50]})}, types={"b": pl.Int64}),
    case("apply_mapping", _mapping(source_key="k", source_value="v", default=0.5), ["b"], [(10.0,), (0.5,)],
         frame=pl.LazyFrame({"b": [1, 2]}),
         inputs={"codes": pl.LazyFrame({"k": [1], "v": [10]})}, types={"b": pl.Float64}),
    case("apply_mapping", _mapping(source_key="k", source_value="v", default=1.5), ["b"], [(Decimal("2.25"),), (Decimal("1.50"),)],
         frame=pl.LazyFrame({"b": [1, 2]}), inputs={"codes": pl.LazyFrame({"k": [1], "v": [Decimal("2.25")]})}),
    case("apply_mapping", _mapping(source_key="k", source_value="v", default=False), ["b"], [(True,), (False,)],
         frame=pl.LazyFrame({"b": ["x", "y"]}), inputs={"codes": pl.LazyFrame({"k": ["x", "x"], "v": [True, N]})}),
    case("apply_mapping", _mapping(default="?"), ["b"], [("?",)], frame=pl.LazyFrame({"b": ["x"]}), inputs={"codes": CODES.head(0)}),
]  # fmt: skip

MISSING = [
    (TRANSFORMS, "join", {"right_dataset": "other", "on": ["Id", "key"]}),
    (TRANSFORMS, "apply_mapping", {"column": "key", "mapping_source": "m", "source_key": "k", "source_value": "v"}),
]
