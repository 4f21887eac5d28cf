"""Which columns there are, what they are called and which type they have."""

from __future__ import annotations

from decimal import Decimal

from odibi_core.transforms import TRANSFORMS
from tests.transforms.cases.case import ALL, ROWS, N, case

CASES = [
    case("select_columns", {"columns": ["s", "Id"]}, ["s", "Id"], [(" A ", 1), ("b", 1), (N, 2), ("c", N), ("a b ", N)]),
    case("drop_columns", {"columns": ["s", "u"]}, ["Id"], [(1,), (1,), (2,), (N,), (N,)]),
    case("rename_columns", {"mapping": {"Id": "u", "u": "Id"}}, ["u", "Id", "s"], ROWS),
    case("derive_columns", {"derivations": {"twice": "u * 2", "U2": "twice + ID"}}, [*ALL, "twice", "U2"],
     [(1, 1, " A ", 2, 3), (1, N, "b", N, N), (2, 3, N, 6, 8), (N, 4, "c", 8, N), (N, 5, "a b ", 10, N)]),
    case("derive_columns", {"derivations": {"u": "u + 1", "old": "u"}}, [*ALL, "old"],
     [(1, 2, " A ", 1), (1, N, "b", N), (2, 4, N, 3), (N, 5, "c", 4), (N, 6, "a b ", 5)]),
    case("cast_columns", {"casts": {"u": "str", "Id": "DECIMAL(5, 1)"}}, ALL,
     [(Decimal("1.0"), "1", " A "), (Decimal("1.0"), N, "b"), (Decimal("2.0"), "3", N), (N, "4", "c"), (N, "5", "a b ")]),
    case("fill_nulls", {"values": {"Id": 0, "s": "?"}}, ALL, [ROWS[0], ROWS[1], (2, 3, "?"), (0, 4, "c"), (0, 5, "a b ")]),
]  # fmt: skip

MISSING = [
    (TRANSFORMS, "select_columns", {"columns": ["Id", "key"]}),
    (TRANSFORMS, "drop_columns", {"columns": ["key"]}),
    (TRANSFORMS, "rename_columns", {"mapping": {"key": "k"}}),
    (TRANSFORMS, "cast_columns", {"casts": {"key": "int"}}),
    (TRANSFORMS, "fill_nulls", {"values": {"key": 1}}),
]
