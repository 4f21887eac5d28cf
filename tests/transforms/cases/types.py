"""Which type columns have."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import polars as pl

from odibi_core.transforms import TRANSFORMS
from tests.transforms.cases.case import ALL, FRAME, N, case

at = datetime.fromisoformat
T, F = True, False
AT = at("2024-01-05 10:00:00")


def cast(target: str, values: list, expected: list, dtype: pl.DataType | type[pl.DataType], source: pl.DataType | None = None):
    """One column, cast."""
    frame = pl.LazyFrame({"a b": pl.Series(values, dtype=source)})
    return case("cast_columns", {"casts": {"a b": target}}, ["a b"], [(value,) for value in expected], frame=frame, types={"a b": dtype})


CASES = [
    case(
        "cast_columns",
        {"casts": {"U": "str", "Id": "DECIMAL(5, 1)"}},
        ALL,
        [(Decimal("1.0"), "1", " A "), (Decimal("1.0"), N, "b"), (Decimal("2.0"), "3", N), (N, "4", "c"), (N, "5", "a b ")],
    ),
    case("cast_columns", {"casts": {}}, ALL, [(1, 1, " A ")], frame=FRAME.head(1)),
    case("cast_columns", {"casts": {"x": "int", "X": "string"}}, ["x", "X"], [(1, "2")], frame=pl.LazyFrame({"x": ["1"], "X": [2]})),
    # every spelling
    *(cast(name, ["5", N], [5, N], pl.Int32) for name in ("int", "INTEGER", "Int32", "int4")),
    *(cast(name, ["5", N], [5, N], pl.Int64) for name in ("bigint", "LONG", "int64")),
    *(cast(name, ["5", N], [5, N], pl.Int16) for name in ("smallint", "short", "int16")),
    *(cast(name, ["5", N], [5, N], pl.Int8) for name in ("tinyint", "byte", "int8")),
    *(cast(name, ["5", N], [5, N], pl.UInt32) for name in ("uinteger", "uint32")),
    *(cast(name, ["5", N], [5.0, N], pl.Float64) for name in ("float", "FLOAT", "double", "DOUBLE PRECISION", "float64")),
    *(cast(name, ["5", N], [5.0, N], pl.Float32) for name in ("real", "float32")),
    *(cast(name, [5, N], ["5", N], pl.String) for name in ("str", "string", "VARCHAR", "varchar(10)", "text", "CHAR(3)")),
    *(cast(name, ["true", N], [T, N], pl.Boolean) for name in ("bool", "BOOLEAN")),
    *(
        cast(name, ["2024-01-05 10:00:00", N], [AT, N], pl.Datetime("us"))
        for name in ("timestamp", "datetime", "TIMESTAMP_NTZ", "timestamp with time zone")
    ),
    *(cast(name, ["1.5", N], [Decimal("1.50"), N], pl.Decimal(10, 2)) for name in ("DECIMAL(10, 2)", "numeric(10,2)")),
    cast("decimal", ["1.5", N], [Decimal("1.500"), N], pl.Decimal(18, 3)),
    # text
    cast("int", [" 6 ", "5.7", "-1.5", N], [6, 5, -1, N], pl.Int32),
    cast("bigint", ["9007199254740993", N], [9007199254740993, N], pl.Int64),
    cast("float", [" 1e3 ", "-0.5", N], [1000.0, -0.5, N], pl.Float64),
    cast("decimal(10, 2)", ["1.005", " -2.345 ", N], [Decimal("1.01"), Decimal("-2.35"), N], pl.Decimal(10, 2)),
    cast("bool", ["yes", "F", " 1 ", "No", "TRUE", N], [T, F, T, F, T, N], pl.Boolean),
    cast("date", ["2024-01-05", "2024-1-5", "2024/01/05", "2024-01-05 10:00:00", N], [date(2024, 1, 5)] * 4 + [N], pl.Date),
    cast(
        "timestamp",
        ["2024-01-05T10:00:00", "2024-01-05 10:00", "2024-01-05T10:00:00.000Z", "2024-01-05 12:00:00+02:00", N],
        [AT] * 4 + [N],
        pl.Datetime("us"),
    ),
    cast("timestamp", ["2024-01-05", "2024-01-05 10:00:00.25"], [at("2024-01-05"), at("2024-01-05 10:00:00.250")], pl.Datetime("us")),
    cast("int", ["5", N], [5, N], pl.Int32, pl.Categorical()),
    cast("str", ["5", N], ["5", N], pl.String, pl.Categorical()),
    # numbers and truths
    cast("int", [2.7, -2.7, N], [2, -2, N], pl.Int32),
    cast("bool", [0, 2, N], [F, T, N], pl.Boolean),
    cast("int", [T, F, N], [1, 0, N], pl.Int32),
    cast("decimal(4, 1)", [T, N], [Decimal("1.0"), N], pl.Decimal(4, 1)),
    cast("decimal(10, 2)", [1.005, -2.345, N], [Decimal("1.01"), Decimal("-2.35"), N], pl.Decimal(10, 2)),
    cast("decimal(10, 1)", [Decimal("0.25"), N], [Decimal("0.3"), N], pl.Decimal(10, 1)),
    cast("str", [1.0, 2.5, N], ["1.0", "2.5", N], pl.String),
    cast("str", [T, F, N], ["true", "false", N], pl.String),
    cast("str", [Decimal("1.50"), N], ["1.50", N], pl.String, pl.Decimal(10, 2)),
    # dates
    cast("str", [date(2024, 1, 5), N], ["2024-01-05", N], pl.String),
    cast("str", [at("2024-01-05 10:00:00.120"), AT, N], ["2024-01-05 10:00:00.12", "2024-01-05 10:00:00", N], pl.String),
    cast("str", [at("2024-01-05 10:00:00+00:00"), N], ["2024-01-05 10:00:00", N], pl.String),
    cast("str", [at("2024-01-05 10:00:00+00:00"), N], ["2024-01-05 10:00:00", N], pl.String, pl.Datetime("us", "Europe/Berlin")),
    cast("timestamp", [date(2024, 1, 5), N], [at("2024-01-05"), N], pl.Datetime("us")),
    cast("timestamp", [at("2024-01-05 10:00:00+00:00"), N], [AT, N], pl.Datetime("us"), pl.Datetime("us", "Europe/Berlin")),
    cast("date", [AT, N], [date(2024, 1, 5), N], pl.Date),
    # what has no type, and what has no rows
    *(cast(name, [N], [N], dtype) for name, dtype in (("int", pl.Int32), ("date", pl.Date), ("bool", pl.Boolean), ("str", pl.String))),
    *(cast(name, [], [], dtype, pl.String()) for name, dtype in (("int", pl.Int32), ("date", pl.Date), ("bool", pl.Boolean))),
    cast("ARRAY<STRING>", [[1, 2], N], [["1", "2"], N], pl.List(pl.String)),
]

MISSING = [(TRANSFORMS, "cast_columns", {"casts": {"key": "int"}})]
