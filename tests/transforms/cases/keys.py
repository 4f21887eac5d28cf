"""Hashes and keys made of the values of columns."""

from __future__ import annotations

from datetime import date

import polars as pl

from odibi_core.transforms import TRANSFORMS
from tests.transforms.cases.case import ALL, FRAME, N, case

# Of the tools `md5sum` and `sha256sum`, and of the test vectors of RFC 1321 and FIPS 180-4.
MD5_OF_NOTHING = "d41d8cd98f00b204e9800998ecf8427e"
MD5_OF_A = "0cc175b9c0f1b6a831c399e269772661"
MD5_OF_ABC = "900150983cd24fb0d6963f7d28e17f72"
SHA256_OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
MD5_OF_1 = "c4ca4238a0b923820dcc509a6f75849b"
ABC = pl.LazyFrame({"my key": ["abc", N], "c": pl.Series(["a", N], dtype=pl.Categorical), "n": [1, N]})
PARTS = pl.LazyFrame({"a": ["a", "a ", N, N], "b": ["bc", "bc", "  ", N], "id": [5, N, 7, N]})
NOTHING_AS_NUMBER = 0xD41D8CD98F00B20
ABC_AS_NUMBER = 0x900150983CD24FB

CASES = [
    case("hash_columns", {"columns": ["my key"]}, ["my key", "c", "n"], [(SHA256_OF_ABC, "a", 1), (N, N, N)], frame=ABC),
    case(
        "hash_columns",
        {"columns": ["MY KEY", "c", "n"], "algorithm": "md5"},
        ["my key", "c", "n"],
        [(MD5_OF_ABC, MD5_OF_A, MD5_OF_1), (N, N, N)],
        frame=ABC,
        types={"my key": pl.String, "c": pl.String, "n": pl.String},
    ),
    case("hash_columns", {"columns": ["s"]}, ALL, [], frame=FRAME.clear(), types={"s": pl.String}),
    case(
        "generate_surrogate_key",
        {"columns": ["a", "b"], "separator": ""},
        ["a", "b", "id", "surrogate_key"],
        [
            ("a", "bc", 5, MD5_OF_ABC),
            ("a ", "bc", N, "7e224683cb6c97a1d7404422ce2e8b86"),
            (N, "  ", 7, "23b58def11b45727d3351702515f86af"),
            (N, N, N, MD5_OF_NOTHING),
        ],
        frame=PARTS,
    ),
    case(
        "generate_surrogate_key",
        {"columns": ["my key"], "output_col": "n"},
        ["my key", "c", "n"],
        [("abc", "a", MD5_OF_ABC), (N, N, MD5_OF_NOTHING)],
        frame=ABC,
    ),
    case(
        "generate_surrogate_key",
        {"columns": ["d", "n"]},
        ["d", "n", "surrogate_key"],
        [(date(2024, 1, 31), N, "a277a18f7d0938def83d361743addf9d")],
        frame=pl.LazyFrame({"d": [date(2024, 1, 31)], "n": [N]}),
    ),
    case(
        "generate_numeric_key",
        {"columns": ["a", "b"], "separator": ""},
        ["a", "b", "id", "numeric_key"],
        [("a", "bc", 5, ABC_AS_NUMBER), ("a ", "bc", N, ABC_AS_NUMBER), (N, "  ", 7, NOTHING_AS_NUMBER), (N, N, N, NOTHING_AS_NUMBER)],
        frame=PARTS,
        types={"numeric_key": pl.Int64},
    ),
    case(
        "generate_numeric_key",
        {"columns": ["a", "b"], "separator": "", "coalesce_with": "id", "output_col": "ID"},
        ["a", "b", "id", "ID"],
        [("a", "bc", 5, 5), ("a ", "bc", N, ABC_AS_NUMBER), (N, "  ", 7, 7), (N, N, N, NOTHING_AS_NUMBER)],
        frame=PARTS,
    ),
    case(
        "generate_numeric_key",
        {"columns": ["a", "b"], "separator": "", "coalesce_with": "id", "output_col": "id"},
        ["a", "b", "id"],
        [("a", "bc", 5), ("a ", "bc", ABC_AS_NUMBER), (N, "  ", 7), (N, N, NOTHING_AS_NUMBER)],
        frame=PARTS,
    ),
    case("generate_numeric_key", {"columns": ["u"]}, [*ALL, "numeric_key"], [], frame=FRAME.clear(), types={"numeric_key": pl.Int64}),
]

MISSING = [
    (TRANSFORMS, "hash_columns", {"columns": ["key"]}),
    (TRANSFORMS, "generate_surrogate_key", {"columns": ["u", "key"]}),
    (TRANSFORMS, "generate_numeric_key", {"columns": ["key"]}),
    (TRANSFORMS, "generate_numeric_key", {"columns": ["u"], "coalesce_with": "key"}),
]
