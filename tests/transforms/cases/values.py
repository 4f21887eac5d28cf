"""Values of columns: filled, replaced, looked up and brought together."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl

from odibi_core.transforms import OPERATIONS, TRANSFORMS
from tests.transforms.cases.case import ALL, FRAME, ROWS, N, case, operation

BERLIN = ZoneInfo("Europe/Berlin")
KINDS = pl.LazyFrame(
    {
        "i": [1, N],
        "f": [1.5, N],
        "t": ["a", N],
        "b": [True, N],
        "d": [date(2024, 1, 31), N],
        "at": pl.Series([datetime(2024, 1, 31, 8, tzinfo=UTC), N], dtype=pl.Datetime("us", "UTC")),
        "m": pl.Series([Decimal("1.50"), N], dtype=pl.Decimal(10, 2)),
        "c": pl.Series(["a", N], dtype=pl.Categorical),
    }
)
NAMES = KINDS.collect_schema().names()
FIRST = (1, 1.5, "a", True, date(2024, 1, 31), datetime(2024, 1, 31, 8, tzinfo=UTC), Decimal("1.50"), "a")
NULLS = (N,) * 8
FILL = {"i": "7", "f": 7, "t": "?", "b": False, "d": "1900-01-01", "at": "1900-01-01", "m": 0.25, "c": "?"}
FILLED = (7, 7.0, "?", False, date(1900, 1, 1), datetime(1900, 1, 1, tzinfo=UTC), Decimal("0.25"), "?")
SPACED = pl.LazyFrame({"First Name": ["a", N], "first name": [N, "B"], "x`y": [1, 2]})
COALESCE = {"columns": ["First Name", "first name"], "output_col": "name"}

CASES = [
    case("fill_nulls", {"values": {"Id": 0, "s": "?"}}, ALL, [ROWS[0], ROWS[1], (2, 3, "?"), (0, 4, "c"), (0, 5, "a b ")]),
    case("fill_nulls", {"values": {}}, ALL, ROWS),
    case("fill_nulls", {"values": {"U": 2.0}}, ALL, [ROWS[0], (1, 2, "b"), *ROWS[2:]]),
    case("fill_nulls", {"values": FILL}, NAMES, [FIRST, FILLED], frame=KINDS, types=KINDS.collect_schema()),
    case(
        "fill_nulls",
        {"values": {"at": "2024-07-01T12:00:00"}},
        ["at"],
        [(FIRST[5].astimezone(BERLIN),), (datetime(2024, 7, 1, 10, tzinfo=UTC).astimezone(BERLIN),)],
        frame=KINDS.select(pl.col("at").dt.convert_time_zone("Europe/Berlin")),
    ),
    case("fill_nulls", {"values": FILL}, NAMES, [], frame=KINDS.clear(), types=KINDS.collect_schema()),
    operation("fillna", {"value": 0}, ALL, [ROWS[0], (1, 0, "b"), ROWS[2], (0, 4, "c"), (0, 5, "a b ")]),
    operation("fillna", {"value": {"s": "?"}}, ALL, [*ROWS[:2], (2, 3, "?"), *ROWS[3:]]),
    operation("fillna", {"value": "x"}, NAMES, [FIRST, (N, N, "x", N, N, N, N, "x")], frame=KINDS),
    case(
        "coalesce_columns",
        {"columns": ["u", "Id"], "output_col": "first"},
        [*ALL, "first"],
        [(*ROWS[0], 1), (*ROWS[1], 1), (*ROWS[2], 3), (*ROWS[3], 4), (*ROWS[4], 5)],
    ),
    case("coalesce_columns", {"columns": ["Id", "u"], "output_col": "Id"}, ALL, [*ROWS[:3], (4, 4, "c"), (5, 5, "a b ")]),
    case(
        "coalesce_columns",
        {"columns": ["Id", "u"], "output_col": "Id", "drop_source": True},
        ["s", "Id"],
        [(" A ", 1), ("b", 1), (N, 2), ("c", 4), ("a b ", 5)],
    ),
    case("coalesce_columns", COALESCE | {"drop_source": True}, ["x`y", "name"], [(1, "a"), (2, "B")], frame=SPACED),
    case(
        "replace_values",
        {"columns": ["s"], "mapping": {"b": "c", "c": "b", " A ": N, "zz": "a"}},
        ALL,
        [(1, 1, N), (1, N, "c"), (2, 3, N), (N, 4, "b"), ROWS[4]],
    ),
    case(
        "replace_values",
        {"columns": ["u", "s", "id"], "mapping": {"1": "9", "4": N, "N/A": N}},
        ALL,
        [(9, 9, " A "), (9, N, "b"), (2, 3, N), (N, N, "c"), ROWS[4]],
        types={"u": pl.Int64},
    ),
    case(
        "replace_values",
        {"columns": ["f", "b", "d", "m", "c"], "mapping": {"1.5": "2", "true": "false", "2024-01-31": N, "a": "b"}},
        NAMES,
        [(1, 2.0, "a", False, N, FIRST[5], Decimal("2.00"), "b"), NULLS],
        frame=KINDS,
        types=KINDS.collect_schema(),
    ),
    case("replace_values", {"columns": ["s"], "mapping": {}}, ALL, ROWS),
    case(
        "dict_based_mapping",
        {"column": "s", "mapping": {"b": "B", "c": N}, "default": "other", "output_column": "name"},
        [*ALL, "name"],
        [(*ROWS[0], "other"), (*ROWS[1], "B"), (*ROWS[2], "other"), (*ROWS[3], N), (*ROWS[4], "other")],
    ),
    case(
        "dict_based_mapping",
        {"column": "Id", "mapping": {"1": "one", "x": "never"}},
        ALL,
        [("one", 1, " A "), ("one", N, "b"), (N, 3, N), (N, 4, "c"), (N, 5, "a b ")],
        types={"Id": pl.String},
    ),
    case(
        "dict_based_mapping",
        {"column": "u", "mapping": {"1": 10, "3": 0.5}, "default": -1, "output_column": "v"},
        [*ALL, "v"],
        [(*ROWS[0], 10.0), (*ROWS[1], -1.0), (*ROWS[2], 0.5), (*ROWS[3], -1.0), (*ROWS[4], -1.0)],
        types={"v": pl.Float64},
    ),
    case(
        "dict_based_mapping",
        {"column": "u", "mapping": {"1": True, "3": "x"}, "output_column": "v"},
        [*ALL, "v"],
        [(*ROWS[0], "true"), (*ROWS[1], N), (*ROWS[2], "x"), (*ROWS[3], N), (*ROWS[4], N)],
    ),
    case(
        "dict_based_mapping", {"column": "u", "mapping": {}, "default": 0, "output_column": "v"}, [*ALL, "v"], [(*row, 0) for row in ROWS]
    ),
    case(
        "dict_based_mapping",
        {"column": "m", "mapping": {"1.5": 1}, "output_column": "v"},
        [*NAMES, "v"],
        [(*FIRST, 1), (*NULLS, N)],
        frame=KINDS,
        types={"v": pl.Int64},
    ),
    case(
        "dict_based_mapping",
        {"column": "c", "mapping": {"a": False}, "output_column": "v"},
        [*NAMES, "v"],
        [(*FIRST, False), (*NULLS, N)],
        frame=KINDS,
        types={"v": pl.Boolean},
    ),
    case("dict_based_mapping", {"column": "u", "mapping": {"1": "x"}}, ALL, [], frame=FRAME.clear(), types={"u": pl.String}),
]

MISSING = [
    (TRANSFORMS, "fill_nulls", {"values": {"key": 1}}),
    (OPERATIONS, "fillna", {"value": {"key": 1}}),
    (TRANSFORMS, "coalesce_columns", {"columns": ["u", "key"], "output_col": "o"}),
    (TRANSFORMS, "replace_values", {"columns": ["s", "key"], "mapping": {}}),
    (TRANSFORMS, "dict_based_mapping", {"column": "key", "mapping": {}}),
]
