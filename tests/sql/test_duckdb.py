"""`sql_dialect: duckdb`: its functions in its meaning. The expected values are DuckDB's."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from odibi_core.errors import SchemaMismatchError
from tests.sql.running import rows

at = datetime.fromisoformat
N = None
EXPRESSIONS = [
    ("x // 2", [0, N, -3, 1]),
    ("x ** 2", [1.0, N, 49.0, 9.0]),
    ("CAST(2.5 AS DOUBLE)::INT", [2] * 4),
    ("CAST(2.7 AS INT)", [3] * 4),
    ("CONCAT(g, '-', x)", ["a-1", "a-", "b--7", "-3"]),
    ("g || x", ["a1", N, "b-7", N]),
    ("LOG(100)", [2.0] * 4),
    ("dayofweek(d)", [3, 0, 5, N]),
    ("EXTRACT(dow FROM d)", [3, 0, 5, N]),
    ("date_part('isodow', d)", [3, 7, 5, N]),
    ("date_diff('month', d, DATE '2024-03-01')", [2, -9, 291, N]),
    ("date_diff('day', d, DATE '2024-02-01')", [1, -332, 8798, N]),
    ("d - DATE '2024-01-01'", [30, 363, -8767, N]),
    ("d + 3", [date(2024, 2, 3), date(2025, 1, 1), date(2000, 1, 3), N]),
    ("d + INTERVAL 1 MONTH", [at("2024-02-29"), at("2025-01-29"), at("2000-01-31"), N]),
    ("d + to_days(3)", [at("2024-02-03"), at("2025-01-01"), at("2000-01-03"), N]),
    ("strftime(d, '%d/%m/%Y')", ["31/01/2024", "29/12/2024", "31/12/1999", N]),
    ("strptime('06/05/2024', '%d/%m/%Y')", [at("2024-05-06")] * 4),
    (r"regexp_extract('100-200', '(\d+)-(\d+)')", ["100-200"] * 4),
    ("regexp_replace('aXbX', 'X', '-')", ["a-bX"] * 4),
    ("regexp_replace('aXbX', 'X', '-', 'g')", ["a-b-"] * 4),
    (r"regexp_replace('ab', '(a)(b)', '\2\1')", ["ba"] * 4),
    ("strpos(s, 'b')", [3, 1, 0, N]),
    ("[1, 2, 3][1]", [1] * 4),
    ("[1, 2, 3][-1]", [3] * 4),
    ("len([1, 2])", [2] * 4),
    ("list_filter([1, 2], v -> v > 1)", [[2]] * 4),
    ("{'a': x}.a", [1, N, -7, 3]),
    ("'it''s'", ["it's"] * 4),
]


@pytest.mark.parametrize(("expression", "expected"), EXPRESSIONS, ids=[expression for expression, _ in EXPRESSIONS])
def test_a_function_of_duckdb_means_what_it_means_there(expression, expected):
    """The value for each row, NULL included."""
    assert [row[0] for row in rows(f"SELECT {expression} AS r FROM df", dialect="duckdb")] == expected


def test_a_query_of_duckdb_gives_its_rows():
    """NULL stands last in both directions, and quoted names are names."""
    assert rows('SELECT "x" FROM df ORDER BY x DESC', dialect="duckdb") == [(3,), (1,), (-7,), (N,)]
    assert rows("SELECT DISTINCT ON (g) g, x FROM df ORDER BY g, x", dialect="duckdb") == [("a", 1), ("b", -7), (N, 3)]
    assert rows("FROM df SELECT g, list(x ORDER BY x DESC) AS l GROUP BY ALL ORDER BY g", dialect="duckdb") == [
        ("a", [1, N]),
        ("b", [-7]),
        (N, [3]),
    ]


def test_an_interval_is_no_column():
    """No table can hold it."""
    with pytest.raises(SchemaMismatchError, match="an interval as the column 'r'"):
        rows("SELECT INTERVAL 3 DAYS AS r FROM df")
