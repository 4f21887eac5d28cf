"""Values that a row has among other rows."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from odibi_core.transforms import TRANSFORMS
from tests.transforms.cases.case import ALL, FRAME, N, case

SALES = pl.LazyFrame({"my shop": ["a", "b", "a", "a", N, N], "day": [2, 1, 1, 2, 3, N], "sum": [10, 20, 30, 5, 1, 2]})
NAMES = ["my shop", "day", "sum"]
SOLD = [("a", 2, 10), ("b", 1, 20), ("a", 1, 30), ("a", 2, 5), (N, 3, 1), (N, N, 2)]


def window(params: dict, values: list):
    """A window function over the sales."""
    return case(
        "window_calculation",
        {"target_col": "w", **params},
        [*NAMES, "w"],
        [(*row, value) for row, value in zip(SOLD, values, strict=True)],
        frame=SALES,
    )


def numbers(params: dict, values: list):
    """Row numbers of the sales."""
    rows = [(*row, value) for row, value in zip(SOLD, values, strict=True)]
    return case("row_number", params, [*NAMES, "row_num"], rows, frame=SALES, types={"row_num": pl.Int64})


at = datetime.fromisoformat
EVENTS = pl.LazyFrame(
    {
        "user id": [2, 1, 1, N, 1, 2, 1],
        "at": [
            "2024-01-01 10:00:00",
            "2024-01-01 10:30:00",
            "2024-01-01 10:00:00",
            "2024-01-01 09:00:00",
            "2024-01-01 11:00:01",
            N,
            "2024-01-01 10:30:00",
        ],
        "n": [1, 2, 3, 4, 5, 6, 7],
    }
)
SESSIONS = [(3, "1-1"), (2, "1-1"), (7, "1-1"), (5, "1-2"), (1, "2-1"), (6, "2-2"), (4, N)]


def sessions(frame: pl.LazyFrame, params: dict, expected: list[tuple]):
    """Sessions of the events."""
    rows = {row[2]: row for row in frame.collect().rows()}
    return case(
        "sessionize",
        {"timestamp_col": "at", "user_col": "user id", **params},
        ["user id", "at", "n", params.get("session_col", "session_id")],
        [(*rows[n], name) for n, name in expected],
        frame=frame,
    )


CASES = [
    numbers({}, [1, 2, 3, 4, 5, 6]),
    numbers({"partition_by": ["my shop"]}, [1, 1, 2, 3, 1, 2]),
    numbers({"partition_by": "MY SHOP", "order_by": ["day", "sum DESC"]}, [2, 1, 1, 3, 2, 1]),
    numbers({"order_by": ["my shop DESC", "day ASC NULLS LAST"]}, [3, 1, 2, 4, 5, 6]),
    numbers({"order_by": "day desc, sum"}, [3, 4, 5, 2, 1, 6]),
    case("row_number", {"output": "u", "order_by": ["s"]}, ALL, [(1, 2, " A "), (1, 4, "b"), (2, 1, N), (N, 5, "c"), (N, 3, "a b ")]),
    case(
        "row_number",
        {"order_by": ["X desc"], "output": "x"},
        ["x", "X"],
        [(2, 3), (1, 4)],
        frame=pl.LazyFrame({"x": [1, 2], "X": [3, 4]}),
    ),
    case("row_number", {}, [*ALL, "row_num"], [], frame=FRAME.clear(), types={"row_num": pl.Int64}),
    window({"function": "sum(sum)"}, [68] * 6),
    window({"function": "sum(sum)", "partition_by": ["my shop"], "order_by": "day"}, [45, 20, 30, 45, 3, 2]),
    window({"function": "count(*)", "partition_by": ["my shop"]}, [3, 1, 3, 3, 2, 2]),
    window({"function": "rank()", "partition_by": "my shop", "order_by": "day DESC"}, [1, 1, 3, 1, 1, 2]),
    window({"function": "lag(sum, 1)", "order_by": ["day", "sum"]}, [5, 2, 20, 30, 10, N]),
    window({"function": "max(sum)", "order_by": "sum ROWS BETWEEN 1 PRECEDING AND CURRENT ROW"}, [10, 20, 30, 5, 1, 2]),
    window({"function": "row_number()", "partition_by": ["my shop"], "order_by": "sum"}, [2, 1, 3, 1, 1, 2]),
    case(
        "window_calculation",
        {"target_col": "u", "function": "max(u)", "partition_by": ["id"]},
        ALL,
        [(1, 1, " A "), (1, 1, "b"), (2, 3, N), (N, 5, "c"), (N, 5, "a b ")],
    ),
    case("window_calculation", {"target_col": "w", "function": "max(u)"}, [*ALL, "w"], [], frame=FRAME.clear()),
    sessions(EVENTS, {}, SESSIONS),
    sessions(EVENTS.with_columns(pl.col("at").str.to_datetime()), {"session_col": "visit"}, SESSIONS),
    sessions(EVENTS, {"threshold_seconds": 1801}, [(n, "1-1" if n == 5 else name) for n, name in SESSIONS]),
    sessions(EVENTS.clear(), {}, []),
]

MISSING = [
    (TRANSFORMS, "row_number", {"partition_by": ["key"]}),
    (TRANSFORMS, "row_number", {"order_by": ["key DESC"]}),
    (TRANSFORMS, "window_calculation", {"target_col": "w", "function": "sum(u)", "partition_by": ["key"]}),
    (TRANSFORMS, "sessionize", {"timestamp_col": "s", "user_col": "key"}),
    (TRANSFORMS, "sessionize", {"timestamp_col": "key", "user_col": "u"}),
]
