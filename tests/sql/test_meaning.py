"""Every function that is allowed gives Spark's result on Polars. The expected values are Spark's, written by hand."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest

from tests.sql.running import rows, values

at = datetime.fromisoformat
T, F, N = True, False, None
EXPRESSIONS = [
    # numbers
    ("x / z", [N, N, 3.5, N]),
    ("x / 2", [0.5, N, -3.5, 1.5]),
    ("m / 2", [Decimal("1.1725"), Decimal("-0.5"), Decimal("0.0625"), N]),
    ("x % 2", [1, N, -1, 1]),
    ("x % z", [N, N, -1, N]),
    ("x DIV 2", [0, N, -3, 1]),
    ("x DIV z", [N, N, 3, N]),
    ("ROUND(y)", [3.0, -3.0, 1.0, N]),
    ("ROUND(y, 2)", [2.5, -2.5, 1.01, N]),
    ("ROUND(m, 2)", [Decimal("2.35"), -1, Decimal("0.13"), N]),
    ("ABS(x)", [1, N, 7, 3]),
    ("CEIL(y)", [3, -2, 2, N]),
    ("FLOOR(y)", [2, -3, 1, N]),
    ("-x", [-1, N, 7, -3]),
    ("SQRT(x + 8)", [3.0, N, 1.0, pytest.approx(3.3166247903554)]),
    ("POW(x, 2)", [1.0, N, 49.0, 9.0]),
    ("EXP(z)", [1.0, pytest.approx(7.38905609893065), pytest.approx(0.1353352832366127), N]),
    ("LN(x)", [0.0, N, N, pytest.approx(1.0986122886681098)]),
    ("LOG(2, z)", [N, 1.0, N, N]),
    ("LOG10(x + 9)", [1.0, N, pytest.approx(0.3010299956639812), pytest.approx(1.0791812460476249)]),
    ("GREATEST(x, z)", [1, 2, -2, 3]),
    ("LEAST(x, z)", [0, 2, -7, 3]),
    # types
    ("CAST(y AS BIGINT)", [2, -2, 1, N]),
    ("CAST(y AS DECIMAL(10, 2))", [Decimal("2.50"), Decimal("-2.50"), Decimal("1.01"), N]),
    ("CAST('2.345' AS DECIMAL(10, 2))", [Decimal("2.35")] * 4),
    ("TRY_CAST(s AS INT)", [N, N, N, N]),
    ("x::STRING", ["1", N, "-7", "3"]),
    ("CAST(b AS STRING)", ["true", "false", N, "true"]),
    ("CAST(d AS STRING)", ["2024-01-31", "2024-12-29", "1999-12-31", N]),
    ("CAST(t AS STRING)", ["2024-01-31 13:05:10", "2024-12-29 00:00:00.12", "1999-12-31 23:59:59", N]),
    ("CAST(x AS DOUBLE)", [1.0, N, -7.0, 3.0]),
    ("CAST(z AS BOOLEAN)", [F, T, T, N]),
    ("CAST(t AS DATE)", [date(2024, 1, 31), date(2024, 12, 29), date(1999, 12, 31), N]),
    # nulls and conditions
    ("COALESCE(x, z, 0)", [1, 2, -7, 3]),
    ("NVL(x, 0)", [1, 0, -7, 3]),
    ("IFNULL(g, 'q')", ["a", "a", "b", "q"]),
    ("NULLIF(x, 1)", [N, N, -7, 3]),
    ("IF(x > 1, 'p', 'q')", ["q", "q", "q", "p"]),
    ("CASE WHEN x > 1 THEN 'p' WHEN x IS NULL THEN 'n' END", [N, "n", N, "p"]),
    ("CASE g WHEN 'a' THEN 1 ELSE 0 END", [1, 1, 0, 0]),
    ("x IN (1, NULL)", [T, N, N, N]),
    ("x NOT IN (1, 3)", [F, N, T, F]),
    ("x <=> z", [F, F, F, F]),
    ("g IS DISTINCT FROM 'a'", [F, F, T, T]),
    ("b IS TRUE", [T, F, F, T]),
    ("b IS NOT TRUE", [F, T, T, F]),
    ("b IS FALSE", [F, T, F, F]),
    ("b IS NOT FALSE", [T, F, T, T]),
    ("b IS NULL", [F, F, T, F]),
    ("NOT x > 1", [T, N, T, F]),
    ("x > 1 AND y > 1", [F, F, F, N]),
    ("x > 1 OR y > 1", [T, N, T, T]),
    ("x BETWEEN 1 AND 2", [T, N, F, F]),
    ("x <> 1", [F, N, T, T]),
    # text
    ("UPPER(s)", [" AB ", "B\t", "HÉLLO-X", N]),
    ("LOWER(s)", [" ab ", "b\t", "héllo-x", N]),
    ("TRIM(s)", ["Ab", "b\t", "héllo-x", N]),
    ("LTRIM(s)", ["Ab ", "b\t", "héllo-x", N]),
    ("RTRIM(s)", [" Ab", "b\t", "héllo-x", N]),
    ("TRIM(BOTH 'hx' FROM s)", [" Ab ", "b\t", "éllo-", N]),
    ("LENGTH(s) - 9", [-5, -7, -2, N]),
    ("SUBSTRING(s, 2, 2)", ["Ab", "\t", "él", N]),
    ("SUBSTRING(s, 0, 2)", [" A", "b\t", "hé", N]),
    ("LEFT(s, 2)", [" A", "b\t", "hé", N]),
    ("RIGHT(s, 2)", ["b ", "b\t", "-x", N]),
    ("CONCAT(g, x)", ["a1", N, "b-7", N]),
    ("g || '-' || x", ["a-1", N, "b--7", N]),
    ("CONCAT_WS('-', g, x)", ["a-1", "a", "b--7", "3"]),
    ("REPLACE(s, 'b', 'XX')", [" AXX ", "XX\t", "héllo-x", N]),
    ("REVERSE(g || 'z')", ["za", "za", "zb", N]),
    ("LPAD(g, 3, 'z')", ["zza", "zza", "zzb", N]),
    ("RPAD(s, 3, 'z')", [" Ab", "b\tz", "hél", N]),
    ("STARTSWITH(s, 'h')", [F, F, T, N]),
    ("ENDSWITH(s, 'x')", [F, F, T, N]),
    ("CONTAINS(s, 'b')", [T, T, F, N]),
    ("INSTR(s, 'b')", [3, 1, 0, N]),
    ("LOCATE('b', s)", [3, 1, 0, N]),
    ("POSITION('b' IN s)", [3, 1, 0, N]),
    ("s LIKE '%b%'", [T, T, F, N]),
    ("s LIKE 'h_llo%'", [F, F, T, N]),
    ("s ILIKE '%AB%'", [T, F, F, N]),
    ("s NOT LIKE '%b%'", [F, F, T, N]),
    ("s RLIKE '^h.*x$'", [F, F, T, N]),
    (r"'it\'s'", ["it's"] * 4),
    (r"'a\nb'", ["a\nb"] * 4),
    # dates
    ("YEAR(d) * 100 + MONTH(d)", [202401, 202412, 199912, N]),
    ("DAY(d) * 10", [310, 290, 310, N]),
    ("DAYOFMONTH(t)", [31, 29, 31, N]),
    ("QUARTER(d)", [1, 4, 4, N]),
    ("DAYOFWEEK(d)", [4, 1, 6, N]),
    ("DAYOFYEAR(d)", [31, 364, 365, N]),
    ("WEEKOFYEAR(d)", [5, 52, 52, N]),
    ("HOUR(t) * 100 + MINUTE(t)", [1305, 0, 2359, N]),
    ("SECOND(t)", [10, 0, 59, N]),
    ("EXTRACT(YEAR FROM d)", [2024, 2024, 1999, N]),
    ("DATE_TRUNC('month', t)", [at("2024-01-01"), at("2024-12-01"), at("1999-12-01"), N]),
    ("TRUNC(d, 'year')", [date(2024, 1, 1), date(2024, 1, 1), date(1999, 1, 1), N]),
    ("DATE_ADD(d, 3)", [date(2024, 2, 3), date(2025, 1, 1), date(2000, 1, 3), N]),
    ("DATE_SUB(d, 30)", [date(2024, 1, 1), date(2024, 11, 29), date(1999, 12, 1), N]),
    ("DATE_ADD(d, x)", [date(2024, 2, 1), N, date(1999, 12, 24), N]),
    ("DATEDIFF(d, DATE '2024-01-01')", [30, 363, -8767, N]),
    ("DATEDIFF('2024-02-01', t)", [1, -332, 8798, N]),
    ("d + INTERVAL 1 MONTH", [date(2024, 2, 29), date(2025, 1, 29), date(2000, 1, 31), N]),
    ("TO_DATE('2024-05-06')", [date(2024, 5, 6)] * 4),
    ("DATE(t)", [date(2024, 1, 31), date(2024, 12, 29), date(1999, 12, 31), N]),
    ("d > '2024-02-01'", [F, T, F, N]),
    ("t >= TIMESTAMP '2024-01-31 13:05:10'", [T, T, F, N]),
]


@pytest.mark.parametrize(("expression", "expected"), EXPRESSIONS, ids=[expression for expression, _ in EXPRESSIONS])
def test_an_allowed_expression_means_what_it_means_in_spark(expression, expected):
    """The Polars text of an expression gives Spark's value for each row, NULL included."""
    assert values(expression) == expected


QUERIES = [
    # the null order trap
    ("SELECT x FROM df ORDER BY x", [(N,), (-7,), (1,), (3,)]),
    ("SELECT x FROM df ORDER BY x DESC", [(3,), (1,), (-7,), (N,)]),
    ("SELECT x FROM df ORDER BY x DESC NULLS FIRST LIMIT 2", [(N,), (3,)]),
    ("SELECT g, x FROM df ORDER BY g DESC, x LIMIT 3 OFFSET 1", [("a", N), ("a", 1), (N, 3)]),
    ("SELECT g, x FROM df QUALIFY ROW_NUMBER() OVER (PARTITION BY g ORDER BY x DESC) = 1 ORDER BY g", [(N, 3), ("a", 1), ("b", -7)]),
    ("SELECT g, x FROM df QUALIFY ROW_NUMBER() OVER (PARTITION BY g ORDER BY x) = 1 ORDER BY g", [(N, 3), ("a", N), ("b", -7)]),
    # windows: without a frame, ties share
    ("SELECT g, SUM(x) OVER (ORDER BY g) AS r FROM df ORDER BY g", [(N, 3), ("a", 4), ("a", 4), ("b", -3)]),
    (
        "SELECT z, SUM(z) OVER (ORDER BY z ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS r FROM df ORDER BY z",
        [(N, N), (-2, -2), (0, -2), (2, 0)],
    ),
    (
        "SELECT z, MAX(x) OVER (ORDER BY z ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS r FROM df ORDER BY z",
        [(N, 3), (-2, 3), (0, 1), (2, 1)],
    ),
    (
        "SELECT z, RANK() OVER (ORDER BY g) AS r, DENSE_RANK() OVER (ORDER BY g DESC) AS q FROM df ORDER BY z",
        [(N, 1, 3), (-2, 4, 1), (0, 2, 2), (2, 2, 2)],
    ),
    (
        "SELECT z, LAG(x) OVER (ORDER BY z) AS r, LEAD(x, 1, 99) OVER (ORDER BY z) AS q FROM df ORDER BY z",
        [(N, N, -7), (-2, 3, 1), (0, -7, N), (2, 1, 99)],
    ),
    (
        "SELECT z, FIRST_VALUE(x) OVER (PARTITION BY g ORDER BY z) f, LAST_VALUE(x) OVER (PARTITION BY g ORDER BY z) l FROM df ORDER BY 1",
        [(N, 3, 3), (-2, -7, -7), (0, 1, 1), (2, 1, N)],
    ),
    (
        "SELECT z, NTILE(2) OVER (ORDER BY z) AS r, COUNT(*) OVER (PARTITION BY g) AS n FROM df ORDER BY z",
        [(N, 1, 1), (-2, 1, 1), (0, 2, 2), (2, 2, 2)],
    ),
    # aggregates
    ("SELECT SUM(i) AS r FROM df", [(4_000_000_000,)]),
    ("SELECT SUM(x) AS r FROM df WHERE x IS NULL", [(N,)]),
    ("SELECT SUM(m) AS r, SUM(DISTINCT i) AS q FROM df", [(Decimal("1.470"), 2_000_000_000)]),
    (
        "SELECT COUNT(*) AS a, COUNT(x) AS b, COUNT(DISTINCT g) AS c, COUNT_IF(x > 0) AS d, COUNT(*) FILTER (WHERE x < 0) AS e FROM df",
        [(4, 3, 2, 2, 1)],
    ),
    ("SELECT AVG(x) AS a, MIN(s) AS b, MAX(d) AS c, MEDIAN(z) AS e FROM df", [(-1.0, " Ab ", date(2024, 12, 29), 0.0)]),
    ("SELECT STDDEV(z) AS a, VARIANCE(z) AS b, STDDEV_SAMP(z) AS c FROM df", [(2.0, 4.0, 2.0)]),
    ("SELECT g, COUNT(*) AS n FROM df GROUP BY g HAVING COUNT(*) > 1", [("a", 2)]),
    ("SELECT UPPER(g) AS g, COUNT(*) AS n FROM df GROUP BY g ORDER BY n DESC, 1", [("A", 2), (N, 1), ("B", 1)]),
    ("SELECT g, COUNT(*) AS n FROM df GROUP BY ROLLUP (g) ORDER BY g, n", [(N, 1), (N, 4), ("a", 2), ("b", 1)]),
    ("SELECT g, COUNT(*) AS n FROM df GROUP BY ALL ORDER BY g", [(N, 1), ("a", 2), ("b", 1)]),
    ("SELECT DISTINCT g FROM df ORDER BY g", [(N,), ("a",), ("b",)]),
    # joins, subqueries, set operations
    ("SELECT df.x, o.w FROM df LEFT JOIN other AS o ON df.g = o.g ORDER BY z", [(3, N), (-7, N), (1, 10), (N, 10)]),
    ("SELECT * FROM (SELECT g, z FROM df) AS l JOIN other USING (g) ORDER BY z", [("a", 0, 10), ("a", 2, 10)]),
    ("SELECT x FROM df LEFT SEMI JOIN other ON df.g = other.g ORDER BY x", [(N,), (1,)]),
    ("SELECT x FROM df LEFT ANTI JOIN other ON df.g = other.g ORDER BY x", [(-7,), (3,)]),
    ("SELECT o.g, x FROM df FULL JOIN other AS o ON df.g = o.g ORDER BY o.g, x", [(N, N), (N, -7), (N, 3), ("a", N), ("a", 1), ("n", N)]),
    ("SELECT x FROM df WHERE g NOT IN (SELECT g FROM other)", []),
    ("SELECT x FROM df WHERE NOT EXISTS (SELECT 1 FROM other WHERE other.g = df.g) ORDER BY x", [(-7,), (3,)]),
    ("SELECT x FROM df WHERE x = (SELECT MAX(x) FROM df)", [(3,)]),
    ("SELECT g FROM df UNION SELECT g FROM other ORDER BY g", [(N,), ("a",), ("b",), ("n",)]),
    ("SELECT g FROM df EXCEPT SELECT g FROM other", [("b",)]),
    ("SELECT g FROM df INTERSECT SELECT g FROM other ORDER BY g", [(N,), ("a",)]),
    ("WITH df AS (SELECT * FROM df WHERE x > 0), t AS (SELECT x FROM df) SELECT SUM(x) AS r FROM t", [(4,)]),
    ("SELECT /*+ BROADCAST(other) */ df.x FROM df JOIN other ON df.g = other.g ORDER BY x", [(N,), (1,)]),
]


@pytest.mark.parametrize(("query", "expected"), QUERIES, ids=[query[:70] for query, _ in QUERIES])
def test_an_allowed_query_gives_sparks_rows(query, expected):
    """Null order, windows, aggregates and joins give Spark's rows on Polars."""
    found = rows(query)
    assert found == expected if "ORDER BY" in query else sorted(found, key=str) == sorted(expected, key=str)


def test_duckdb_text_keeps_what_its_dialect_says_of_null():
    """The order of NULL follows the declared dialect: DuckDB puts it last, whatever the direction, and leaves it out of CONCAT."""
    assert rows("SELECT x FROM df ORDER BY x", dialect="duckdb") == [(-7,), (1,), (3,), (None,)]
    assert rows("SELECT CONCAT(g, x) AS r FROM df ORDER BY z", dialect="duckdb") == [("b-7",), ("a1",), ("a",), ("3",)]
    assert rows("SELECT x FROM df ORDER BY x DESC", dialect="duckdb") == [(3,), (1,), (-7,), (None,)]
