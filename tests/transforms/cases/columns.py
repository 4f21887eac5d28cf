"""Which columns there are, and what they are called."""

from __future__ import annotations

import polars as pl

from odibi_core.transforms import TRANSFORMS
from tests.transforms.cases.case import ALL, ROWS, N, case

WILD = ["Order ID", "unitPrice", " ship-to.city ", "Total (€)", "__a__B"]
TWINS = pl.LazyFrame({"id": [1], "ID": [2], "a b": [3]})

CASES = [
    case("select_columns", {"columns": ["s", "Id"]}, ["s", "Id"], [(" A ", 1), ("b", 1), (N, 2), ("c", N), ("a b ", N)]),
    case("select_columns", {"columns": "U"}, ["u"], [(1,), (N,), (3,), (4,), (5,)]),
    case("select_columns", {"columns": ["ID", "a b"]}, ["ID", "a b"], [(2, 3)], frame=TWINS),
    case("drop_columns", {"columns": ["s", "u"]}, ["Id"], [(1,), (1,), (2,), (N,), (N,)]),
    case("drop_columns", {"columns": ["id", "A B"]}, ["ID"], [(2,)], frame=TWINS),
    case("rename_columns", {"mapping": {"Id": "u", "u": "Id"}}, ["u", "Id", "s"], ROWS),
    case("rename_columns", {"mapping": {}}, ALL, ROWS),
    case("rename_columns", {"mapping": {"a b": "x", "ID": "id_2"}}, ["id", "id_2", "x"], [(1, 2, 3)], frame=TWINS),
    case("add_prefix", {"prefix": "src_"}, ["src_Id", "src_u", "src_s"], ROWS),
    case("add_prefix", {"prefix": "p ", "columns": ["S", "u"], "exclude": ["U", "nowhere"]}, ["Id", "u", "p s"], ROWS),
    case("add_prefix", {"prefix": ""}, ALL, ROWS),
    case("add_suffix", {"suffix": "_raw", "exclude": ["Id"]}, ["Id", "u_raw", "s_raw"], ROWS),
    case("add_suffix", {"suffix": "_raw", "columns": []}, ["Id_raw", "u_raw", "s_raw"], ROWS),
    case("normalize_schema", {"rename": {"Id": "key"}, "drop": ["s", "nowhere"]}, ["key", "u"], [row[:2] for row in ROWS]),
    case(
        "normalize_schema",
        {"rename": {"Id": "key"}, "select_order": ["s", "key"]},
        ["s", "key", "u"],
        [(row[2], row[0], row[1]) for row in ROWS],
    ),
    case("normalize_schema", {}, ALL, ROWS),
    case("normalize_schema", {"drop": ["id"], "select_order": ["a b"]}, ["a b", "ID"], [(3, 2)], frame=TWINS),
    case(
        "normalize_column_names",
        {},
        ["order_id", "unit_price", "ship_to_city", "total", "a_b"],
        [(1, 2, 3, 4, 5)],
        frame=pl.LazyFrame(dict(zip(WILD, ([1], [2], [3], [4], [5]), strict=True))),
    ),
    case(
        "normalize_column_names",
        {"style": "none", "remove_special": False},
        ["order id", "unitprice"],
        [],
        frame=pl.LazyFrame({"Order ID": [], "unitPrice": []}),
    ),
    case(
        "normalize_column_names",
        {"style": "none", "lowercase": False},
        ["OrderID", "unitPrice"],
        [],
        frame=pl.LazyFrame({"Order ID": [], "unitPrice": []}),
    ),
    case(
        "normalize_column_names",
        {"remove_special": False},
        ["order_id", "total_(€)"],
        [],
        frame=pl.LazyFrame({"Order ID": [], "Total (€)": []}),
    ),
]

MISSING = [
    (TRANSFORMS, "select_columns", {"columns": ["Id", "key"]}),
    (TRANSFORMS, "drop_columns", {"columns": ["key"]}),
    (TRANSFORMS, "rename_columns", {"mapping": {"key": "k"}}),
    (TRANSFORMS, "add_prefix", {"prefix": "p", "columns": ["key"]}),
    (TRANSFORMS, "add_suffix", {"suffix": "p", "columns": ["key"]}),
    (TRANSFORMS, "normalize_schema", {"rename": {"key": "k"}}),
    (TRANSFORMS, "normalize_schema", {"select_order": ["key"]}),
]
