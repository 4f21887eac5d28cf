"""JSON in text columns."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import polars as pl

from odibi_core.transforms import TRANSFORMS
from tests.transforms.cases.case import N, case

TEXTS = [
    '{"id": 1, "name": "a", "more": 5}',
    '{"name": 7, "id": "1"}',
    '{"id": 1.5, "name": {"x": [1, true]}}',
    "no json",
    N,
    "[]",
    "null",
    '{"id": 3000000000}',
]
JSON = pl.LazyFrame({"the json": TEXTS})
TYPES = '{"d": "2026-01-02", "t": "2026-01-02T03:04:05+01:00", "p": 1.005, "b": true, "l": [{"k": 1}, {}, null], "m": {"x": 2}, "f": 1}'
DDL = (
    "d DATE, t: timestamp, p DECIMAL(5, 2) NOT NULL, `b` BOOLEAN COMMENT 'it is', l ARRAY<STRUCT<k: INT>>, m MAP<STRING, BIGINT>, f DOUBLE"
)
PARSED = {
    "d": date(2026, 1, 2),
    "t": datetime.fromisoformat("2026-01-02T02:04:05"),
    "p": Decimal("1.01"),
    "b": True,
    "l": [{"k": 1}, {"k": N}, N],
    "m": [{"key": "x", "value": 2}],
    "f": 1.0,
}
OBJECTS = pl.LazyFrame(
    {"k": [1, 2, 3], "p": ['{"a": {"b": 1, "c": {}}, "k": "x", "l": [1, 2]}', N, '{"a": 0.5, "z": [1], "k": 2, "l": []}']}
)
STRUCTS = pl.LazyFrame(
    {"a": [1, 2], "s": [{"a": 5, "b": {"c": "x"}}, N]}, schema_overrides={"s": pl.Struct({"a": pl.Int64, "b": pl.Struct({"c": pl.String})})}
)

CASES = [
    case("parse_json", {"column": "the json", "json_schema": "id INT, name STRING"}, ["the json", "the json_parsed"],
         list(zip(TEXTS, [{"id": 1, "name": "a"}, {"id": N, "name": "7"}, {"id": N, "name": '{"x":[1,true]}'}, N, N, N, N,
                          {"id": N, "name": N}], strict=True)),
         frame=JSON, types={"the json_parsed": pl.Struct({"id": pl.Int32, "name": pl.String})}),
    case("parse_json", {"column": "j", "json_schema": DDL, "output_col": "j"}, ["j"], [(PARSED,)], frame=pl.LazyFrame({"j": [TYPES]})),
    case("parse_json", {"column": "j", "json_schema": "array<int>", "output_col": "x y"}, ["j", "x y"],
         [("[1, 2.5, null]", [1, N, N]), ("{}", N)], frame=pl.LazyFrame({"j": ["[1, 2.5, null]", "{}"]})),
    case("parse_json", {"column": "j", "json_schema": "array<decimal(38, 2)>", "output_col": "j"}, ["j"],
         [([Decimal("123456789012345678901234567890123456.79"), N, N, N, N, Decimal("0.10"), N],)],
         frame=pl.LazyFrame({"j": ['["123456789012345678901234567890123456.789", NaN, Infinity, 1e300, true, 0.1, "x"]']})),
    case("parse_json", {"column": "j", "json_schema": "a INT"}, ["j", "j_parsed"], [],
         frame=pl.LazyFrame({"j": []}, schema={"j": pl.String}),
         types={"j_parsed": pl.Struct({"a": pl.Int32})}),
    case("normalize_json", {"column": "p"}, ["k", "p", "a_b", "k_json", "l", "a", "z"],
         [(1, '{"a": {"b": 1, "c": {}}, "k": "x", "l": [1, 2]}', 1, "x", [1, 2], N, N), (2, N, N, N, N, N, N),
          (3, '{"a": 0.5, "z": [1], "k": 2, "l": []}', N, "2", [], 0.5, [1])], frame=OBJECTS,
         types={"a_b": pl.Int64, "a": pl.Float64, "l": pl.List(pl.Int64)}),
    case("normalize_json", {"column": "p", "sep": "."}, ["k", "p", "x.y.z"], [(1, '{"x": {"y": {"z": null}}}', N)],
         frame=pl.LazyFrame({"k": [1], "p": ['{"x": {"y": {"z": null}}}']}), types={"x.y.z": pl.String}),
    case("parse_json", {"column": "p", "json_schema": "a STRING, m MAP<STRING, STRING>", "output_col": "p"}, ["p"],
         [({"a": "x\ufffdé", "m": [{"key": "\ufffd", "value": "😀"}]},)],
         frame=pl.LazyFrame({"p": ['{"a": "x\\ud83dé", "m": {"\\udc00": "\\ud83d\\ude00"}}']})),
    case("normalize_json", {"column": "p"}, ["p", "é\ufffd"], [('{"é\\ud83d": "\\udc00"}', "\ufffd")],
         frame=pl.LazyFrame({"p": ['{"é\\ud83d": "\\udc00"}']})),
    case("normalize_json", {"column": "p"}, ["k", "p"], [], frame=OBJECTS.head(0)),
    case("normalize_json", {"column": "s"}, ["a", "s", "a_json", "b_c"], [(1, {"a": 5, "b": {"c": "x"}}, 5, "x"), (2, N, N, N)],
         frame=STRUCTS),
]  # fmt: skip

MISSING = [
    (TRANSFORMS, "parse_json", {"column": "key", "json_schema": "a INT"}),
    (TRANSFORMS, "normalize_json", {"column": "key"}),
]
