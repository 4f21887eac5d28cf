"""Whole queries, with the rows that another engine gives that speaks Spark SQL; their order is tested elsewhere."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pytest

from tests.sql.running import rows

at = datetime.fromisoformat
T, F, N = True, False, None
DF = pl.LazyFrame(
    {
        "k": [1, 2, 3, 4, 5, 6],
        "g": ["a", "a", "b", None, "b", "c"],
        "x": [1, None, -7, 3, 12, 1],
        "i": pl.Series([2000000000, 2000000000, 0, None, 5, -3], dtype=pl.Int32),
        "y": [2.5, -2.5, 1.005, None, 0.0, 1e10],
        "m": pl.Series([Decimal(n) if n else None for n in ("2.345", "-1.000", "0.125", "", "99.995", "0.005")], dtype=pl.Decimal(10, 3)),
        "z": [0, 2, -2, None, 2, 5],
        "s": [" Ab ", "b\t", "héllo-x", None, "a_bcb", "foo bar"],
        "b": [True, False, None, True, False, True],
        "d": [date(2024, 1, 31), date(2024, 12, 29), date(1999, 12, 31), None, date(2024, 2, 29), date(2023, 3, 5)],
        "t": [
            at("2024-01-31 13:05:10"),
            at("2024-12-29"),
            at("1999-12-31 23:59:59"),
            None,
            at("2024-02-29 06:00:00"),
            at("2023-03-05 12:30:45"),
        ],
    }
)
OTHER = pl.LazyFrame({"g": ["a", "n", None, "a"], "w": [10, 20, 30, 40]})
QUERIES = [
    (
        "SELECT g, count(*) AS n, sum(x) AS s, avg(x) AS a, min(x) AS mi, max(x) AS ma FROM df GROUP BY g",
        [
            ("a", 2, 1, 1.0, 1, 1),
            ("b", 2, 5, pytest.approx(2.5), -7, 12),
            ("c", 1, 1, 1.0, 1, 1),
            (N, 1, 3, 3.0, 3, 3),
        ],
    ),
    (
        "SELECT sum(m) AS a, avg(m) AS b, min(m) AS c, max(m) AS d, sum(i) AS e, sum(y) AS f, avg(y) AS g2 FROM df",
        [
            (
                Decimal("101.470"),
                Decimal("20.2940000"),
                Decimal("-1.000"),
                Decimal("99.995"),
                4000000002,
                pytest.approx(10000000001.005),
                pytest.approx(2000000000.2009997),
            ),
        ],
    ),
    (
        "SELECT stddev(x) AS a, variance(x) AS b, stddev_pop(x) AS c, var_pop(x) AS d, skewness(y) AS e, kurtosis(y) AS f FROM df",
        [
            (
                pytest.approx(6.782329983125268),
                46.0,
                pytest.approx(6.06630035524124),
                pytest.approx(36.8),
                pytest.approx(1.5),
                pytest.approx(0.25000000000000044),
            ),
        ],
    ),
    (
        (
            "SELECT median(x) AS a, percentile(x,0.25) AS b, percentile_cont(0.5) WITHIN GROUP (ORDER BY x) AS c, "
            "percentile_approx(x,0.5) AS d, percentile_disc(0.5) WITHIN GROUP (ORDER BY x) AS e FROM df"
        ),
        [
            (1.0, 1.0, 1.0, 1.0, 1.0),
        ],
    ),
    (
        (
            "SELECT count(distinct g) AS a, count(distinct g, x) AS b, approx_count_distinct(g) AS c, count(x) AS d, "
            "count_if(x>0) AS e, sum(distinct z) AS f FROM df"
        ),
        [
            (3, 4, 3, 5, 4, 5),
        ],
    ),
    (
        "SELECT bool_and(b) AS a, bool_or(b) AS b2, every(x>0) AS c, any(x>2) AS d, some(x>2) AS e FROM df",
        [
            (F, T, F, T, T),
        ],
    ),
    (
        (
            "SELECT g, max_by(s,x) AS a, min_by(s,x) AS b, sort_array(collect_list(x)) AS c, sort_array(collect_set(x)) AS "
            "d FROM df GROUP BY g"
        ),
        [
            ("a", " Ab ", " Ab ", [1], [1]),
            ("b", "a_bcb", "héllo-x", [-7, 12], [-7, 12]),
            ("c", "foo bar", "foo bar", [1], [1]),
            (N, N, N, [3], [3]),
        ],
    ),
    (
        "SELECT corr(x,y) AS a, covar_samp(x,y) AS b, covar_pop(x,y) AS c FROM df",
        [
            (pytest.approx(-0.0640622133624604), pytest.approx(-2500000003.55625), pytest.approx(-1875000002.6671875)),
        ],
    ),
    (
        "SELECT sum(x) FILTER (WHERE z > 0) AS a, count(*) FILTER (WHERE x IS NULL) AS b FROM df",
        [
            (13, 1),
        ],
    ),
    (
        "SELECT sum(x) AS a, count(*) AS b, max(s) AS c FROM df WHERE false",
        [
            (N, 0, N),
        ],
    ),
    (
        "SELECT g, z, count(*) AS n FROM df GROUP BY ROLLUP (g, z) ORDER BY 1,2,3",
        [
            ("a", 0, 1),
            ("a", 2, 1),
            ("a", N, 2),
            ("b", -2, 1),
            ("b", 2, 1),
            ("b", N, 2),
            ("c", 5, 1),
            ("c", N, 1),
            (N, N, 1),
            (N, N, 1),
            (N, N, 6),
        ],
    ),
    (
        "SELECT g, z, count(*) AS n, grouping(g) AS gg, grouping_id() AS gi FROM df GROUP BY CUBE (g, z) ORDER BY 1,2,3,4,5",
        [
            ("a", 0, 1, 0, 0),
            ("a", 2, 1, 0, 0),
            ("a", N, 2, 0, 1),
            ("b", -2, 1, 0, 0),
            ("b", 2, 1, 0, 0),
            ("b", N, 2, 0, 1),
            ("c", 5, 1, 0, 0),
            ("c", N, 1, 0, 1),
            (N, -2, 1, 1, 2),
            (N, 0, 1, 1, 2),
            (N, 2, 2, 1, 2),
            (N, 5, 1, 1, 2),
            (N, N, 1, 0, 0),
            (N, N, 1, 0, 1),
            (N, N, 1, 1, 2),
            (N, N, 6, 1, 3),
        ],
    ),
    (
        "SELECT g, z, count(*) AS n FROM df GROUP BY GROUPING SETS ((g),(z),()) ORDER BY 1,2,3",
        [
            ("a", N, 2),
            ("b", N, 2),
            ("c", N, 1),
            (N, -2, 1),
            (N, 0, 1),
            (N, 2, 2),
            (N, 5, 1),
            (N, N, 1),
            (N, N, 1),
            (N, N, 6),
        ],
    ),
    (
        "SELECT upper(g) AS u, count(*) AS n FROM df GROUP BY upper(g) HAVING count(*) > 1",
        [
            ("A", 2),
            ("B", 2),
        ],
    ),
    (
        "SELECT DISTINCT g, x > 0 AS p FROM df ORDER BY g, p",
        [
            ("a", T),
            ("a", N),
            ("b", F),
            ("b", T),
            ("c", T),
            (N, T),
        ],
    ),
    (
        (
            "SELECT k, row_number() OVER (PARTITION BY g ORDER BY k) AS a, rank() OVER (ORDER BY g) AS b, dense_rank() OVER "
            "(ORDER BY g) AS c, percent_rank() OVER (ORDER BY g) AS d, cume_dist() OVER (ORDER BY g) AS e, ntile(3) OVER "
            "(ORDER BY k) AS f FROM df"
        ),
        [
            (1, 1, 2, 2, pytest.approx(0.2), pytest.approx(0.5), 1),
            (2, 2, 2, 2, pytest.approx(0.2), pytest.approx(0.5), 1),
            (3, 1, 4, 3, pytest.approx(0.6), pytest.approx(0.8333333333333334), 2),
            (4, 1, 1, 1, 0.0, pytest.approx(0.16666666666666666), 2),
            (5, 2, 4, 3, pytest.approx(0.6), pytest.approx(0.8333333333333334), 3),
            (6, 1, 6, 4, 1.0, 1.0, 3),
        ],
    ),
    (
        (
            "SELECT k, sum(x) OVER (PARTITION BY g ORDER BY z) AS a, sum(x) OVER (ORDER BY k ROWS BETWEEN 1 PRECEDING AND 1 "
            "FOLLOWING) AS b, avg(x) OVER (ORDER BY k ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS c, min(x) OVER (ORDER BY "
            "k ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS d, max(x) OVER (PARTITION BY g) AS e, count(*) OVER "
            "(ORDER BY k) AS f, count(x) OVER (ORDER BY g) AS h FROM df"
        ),
        [
            (1, 1, 1, 1.0, -7, 1, 1, 2),
            (2, 1, -6, 1.0, -7, 1, 2, 2),
            (3, -7, -4, -3.0, -7, 12, 3, 4),
            (4, 3, 8, -2.0, 1, 3, 4, 1),
            (5, 5, 16, pytest.approx(2.6666666666666665), 1, 12, 5, 4),
            (6, 1, 13, pytest.approx(5.333333333333333), 1, 1, 6, 5),
        ],
    ),
    (
        (
            "SELECT k, lag(x) OVER (ORDER BY k) AS a, lead(x,2,99) OVER (ORDER BY k) AS b, first_value(x) OVER (PARTITION "
            "BY g ORDER BY k) AS c, last_value(x) OVER (PARTITION BY g ORDER BY k) AS d, last_value(x) OVER (PARTITION BY g "
            "ORDER BY k ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS e, nth_value(x,2) OVER (PARTITION BY g "
            "ORDER BY k ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS f FROM df"
        ),
        [
            (1, N, -7, 1, 1, N, N),
            (2, 1, 3, 1, N, N, N),
            (3, N, 12, -7, -7, 12, 12),
            (4, -7, 1, 3, 3, 3, N),
            (5, 3, 99, -7, 12, 12, 12),
            (6, 12, 99, 1, 1, 1, N),
        ],
    ),
    (
        "SELECT k, last_value(x) IGNORE NULLS OVER (ORDER BY k) AS a, first_value(x) IGNORE NULLS OVER (ORDER BY k DESC) AS b FROM df",
        [
            (1, 1, 1),
            (2, 1, 1),
            (3, -7, 1),
            (4, 3, 1),
            (5, 12, 1),
            (6, 1, 1),
        ],
    ),
    (
        (
            "SELECT k, sum(x) OVER (ORDER BY k RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS a, count(*) OVER (ORDER BY d "
            "RANGE BETWEEN INTERVAL 30 DAYS PRECEDING AND CURRENT ROW) AS b FROM df WHERE d IS NOT NULL"
        ),
        [
            (1, 1, 1),
            (2, -6, 1),
            (3, -7, 1),
            (5, 13, 2),
            (6, 13, 1),
        ],
    ),
    (
        "SELECT k, sum(x) OVER w AS a FROM df WINDOW w AS (PARTITION BY g ORDER BY k)",
        [
            (1, 1),
            (2, 1),
            (3, -7),
            (4, 3),
            (5, 5),
            (6, 1),
        ],
    ),
    (
        "SELECT df.k, o.w FROM df JOIN other o ON df.g = o.g ORDER BY k",
        [
            (1, 10),
            (1, 40),
            (2, 10),
            (2, 40),
        ],
    ),
    (
        "SELECT df.k, o.w FROM df LEFT JOIN other o ON df.g = o.g AND o.w > 15 ORDER BY k",
        [
            (1, 40),
            (2, 40),
            (3, N),
            (4, N),
            (5, N),
            (6, N),
        ],
    ),
    (
        "SELECT df.k, o.w FROM df FULL JOIN other o ON df.g = o.g ORDER BY k, w",
        [
            (1, 10),
            (1, 40),
            (2, 10),
            (2, 40),
            (3, N),
            (4, N),
            (5, N),
            (6, N),
            (N, 20),
            (N, 30),
        ],
    ),
    (
        "SELECT df.k, o.w FROM df RIGHT JOIN other o ON df.g = o.g ORDER BY k, w",
        [
            (1, 10),
            (1, 40),
            (2, 10),
            (2, 40),
            (N, 20),
            (N, 30),
        ],
    ),
    (
        "SELECT g, k, w FROM df FULL JOIN other USING (g) ORDER BY k, w",
        [
            ("a", 1, 10),
            ("a", 1, 40),
            ("a", 2, 10),
            ("a", 2, 40),
            ("b", 3, N),
            ("b", 5, N),
            ("c", 6, N),
            ("n", N, 20),
            (N, 4, N),
            (N, N, 30),
        ],
    ),
    (
        "SELECT k FROM df LEFT ANTI JOIN other o ON df.g = o.g ORDER BY k",
        [
            (3,),
            (4,),
            (5,),
            (6,),
        ],
    ),
    (
        "SELECT df.k, o.w FROM df JOIN other o ON df.x < o.w ORDER BY k, w",
        [
            (1, 10),
            (1, 20),
            (1, 30),
            (1, 40),
            (3, 10),
            (3, 20),
            (3, 30),
            (3, 40),
            (4, 10),
            (4, 20),
            (4, 30),
            (4, 40),
            (5, 20),
            (5, 30),
            (5, 40),
            (6, 10),
            (6, 20),
            (6, 30),
            (6, 40),
        ],
    ),
    (
        "SELECT df.k, o.w FROM df LEFT JOIN other o ON df.x * 10 < o.w ORDER BY k, w",
        [
            (1, 20),
            (1, 30),
            (1, 40),
            (2, N),
            (3, 10),
            (3, 20),
            (3, 30),
            (3, 40),
            (4, 40),
            (5, N),
            (6, 20),
            (6, 30),
            (6, 40),
        ],
    ),
    (
        "SELECT df.k, o.w FROM df FULL JOIN other o ON df.g = o.g AND df.x > 0 ORDER BY k, w",
        [
            (1, 10),
            (1, 40),
            (2, N),
            (3, N),
            (4, N),
            (5, N),
            (6, N),
            (N, 20),
            (N, 30),
        ],
    ),
    (
        "SELECT df.k, o.w FROM df JOIN other o ON df.g <=> o.g ORDER BY k, w",
        [
            (1, 10),
            (1, 40),
            (2, 10),
            (2, 40),
            (4, 30),
        ],
    ),
    (
        "SELECT a.k, b.k AS k2 FROM df a CROSS JOIN df b WHERE a.k < b.k ORDER BY 1,2",
        [
            (1, 2),
            (1, 3),
            (1, 4),
            (1, 5),
            (1, 6),
            (2, 3),
            (2, 4),
            (2, 5),
            (2, 6),
            (3, 4),
            (3, 5),
            (3, 6),
            (4, 5),
            (4, 6),
            (5, 6),
        ],
    ),
    (
        "SELECT k FROM df WHERE g IN (SELECT g FROM other) ORDER BY k",
        [
            (1,),
            (2,),
        ],
    ),
    (
        "SELECT k FROM df WHERE g NOT IN (SELECT g FROM other WHERE g IS NOT NULL) ORDER BY k",
        [
            (3,),
            (5,),
            (6,),
        ],
    ),
    (
        "SELECT k FROM df WHERE g NOT IN (SELECT g FROM other) ORDER BY k",
        [],
    ),
    (
        "SELECT k FROM df WHERE EXISTS (SELECT 1 FROM other o WHERE o.g = df.g AND o.w > 5) ORDER BY k",
        [
            (1,),
            (2,),
        ],
    ),
    (
        "SELECT k FROM df WHERE NOT EXISTS (SELECT 1 FROM other o WHERE o.g = df.g) ORDER BY k",
        [
            (3,),
            (4,),
            (5,),
            (6,),
        ],
    ),
    (
        (
            "SELECT k, (SELECT max(w) FROM other) AS m1, (SELECT max(w) FROM other o WHERE o.g = df.g) AS m2, (SELECT "
            "count(*) FROM other o WHERE o.g = df.g) AS m3 FROM df ORDER BY k"
        ),
        [
            (1, 40, 40, 2),
            (2, 40, 40, 2),
            (3, 40, N, 0),
            (4, 40, N, 0),
            (5, 40, N, 0),
            (6, 40, N, 0),
        ],
    ),
    (
        "SELECT k FROM df WHERE x > (SELECT avg(x) FROM df) ORDER BY k",
        [
            (4,),
            (5,),
        ],
    ),
    (
        "SELECT k FROM df d1 WHERE x = (SELECT max(x) FROM df d2 WHERE d2.g = d1.g) ORDER BY k",
        [
            (1,),
            (5,),
            (6,),
        ],
    ),
    (
        "SELECT g FROM df UNION SELECT g FROM other ORDER BY 1",
        [
            ("a",),
            ("b",),
            ("c",),
            ("n",),
            (N,),
        ],
    ),
    (
        "SELECT g FROM df UNION ALL SELECT g FROM other ORDER BY 1",
        [
            ("a",),
            ("a",),
            ("a",),
            ("a",),
            ("b",),
            ("b",),
            ("c",),
            ("n",),
            (N,),
            (N,),
        ],
    ),
    (
        "SELECT g FROM df INTERSECT SELECT g FROM other ORDER BY 1",
        [
            ("a",),
            (N,),
        ],
    ),
    (
        "SELECT g FROM df EXCEPT SELECT g FROM other ORDER BY 1",
        [
            ("b",),
            ("c",),
        ],
    ),
    (
        "SELECT g FROM df EXCEPT ALL SELECT g FROM other ORDER BY 1",
        [
            ("b",),
            ("b",),
            ("c",),
        ],
    ),
    (
        "SELECT g FROM df INTERSECT ALL SELECT g FROM other ORDER BY 1",
        [
            ("a",),
            ("a",),
            (N,),
        ],
    ),
    (
        "SELECT x AS v FROM df UNION ALL SELECT y FROM df ORDER BY 1",
        [
            (pytest.approx(-2.5),),
            (-7.0,),
            (0.0,),
            (1.0,),
            (1.0,),
            (pytest.approx(1.005),),
            (pytest.approx(10000000000.0),),
            (12.0,),
            (pytest.approx(2.5),),
            (3.0,),
            (N,),
            (N,),
        ],
    ),
    (
        "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2.5, 'y' ORDER BY 1",
        [
            (1.0, "x"),
            (pytest.approx(2.5), "y"),
        ],
    ),
    (
        (
            "WITH a AS (SELECT g, sum(x) AS s FROM df GROUP BY g), b AS (SELECT max(s) AS m FROM a) SELECT a.g, a.s, b.m "
            "FROM a CROSS JOIN b ORDER BY 1"
        ),
        [
            ("a", 1, 5),
            ("b", 5, 5),
            ("c", 1, 5),
            (N, 3, 5),
        ],
    ),
    (
        "SELECT * FROM (SELECT k, x, row_number() OVER (PARTITION BY g ORDER BY x DESC) AS rn FROM df) t WHERE rn = 1 ORDER BY k",
        [
            (1, 1, 1),
            (4, 3, 1),
            (5, 12, 1),
            (6, 1, 1),
        ],
    ),
    (
        "SELECT * FROM VALUES (1,'a'),(2,NULL) AS v(p,q) ORDER BY p",
        [
            (1, "a"),
            (2, N),
        ],
    ),
    (
        "SELECT k, col FROM df LATERAL VIEW explode(array(x,z)) t AS col ORDER BY k, col",
        [
            (1, 0),
            (1, 1),
            (2, 2),
            (2, N),
            (3, -2),
            (3, -7),
            (4, 3),
            (4, N),
            (5, 12),
            (5, 2),
            (6, 1),
            (6, 5),
        ],
    ),
    (
        "SELECT k, p, c FROM df LATERAL VIEW OUTER posexplode(split(s,'b')) t AS p, c ORDER BY k, p",
        [
            (1, 0, " A"),
            (1, 1, " "),
            (2, 0, ""),
            (2, 1, "\t"),
            (3, 0, "héllo-x"),
            (4, N, N),
            (5, 0, "a_"),
            (5, 1, "c"),
            (5, 2, ""),
            (6, 0, "foo "),
            (6, 1, "ar"),
        ],
    ),
    (
        "SELECT k, explode(split(s,'b')) AS part FROM df ORDER BY k, part",
        [
            (1, " "),
            (1, " A"),
            (2, ""),
            (2, "\t"),
            (3, "héllo-x"),
            (5, ""),
            (5, "a_"),
            (5, "c"),
            (6, "ar"),
            (6, "foo "),
        ],
    ),
    (
        "SELECT * FROM (SELECT g, k, x FROM df) PIVOT (sum(x) FOR g IN ('a','b')) ORDER BY k",
        [
            (1, 1, N),
            (2, N, N),
            (3, N, -7),
            (4, N, N),
            (5, N, 12),
            (6, N, N),
        ],
    ),
    (
        "SELECT * FROM (SELECT k, x, z FROM df) UNPIVOT (v FOR n IN (x, z)) ORDER BY k, n",
        [
            (1, "x", 1),
            (1, "z", 0),
            (2, "z", 2),
            (3, "x", -7),
            (3, "z", -2),
            (4, "x", 3),
            (5, "x", 12),
            (5, "z", 2),
            (6, "x", 1),
            (6, "z", 5),
        ],
    ),
    (
        "SELECT k, x FROM df ORDER BY x NULLS LAST, k LIMIT 3",
        [
            (1, 1),
            (3, -7),
            (6, 1),
        ],
    ),
    (
        "SELECT k, x FROM df ORDER BY x DESC, k LIMIT 3 OFFSET 1",
        [
            (1, 1),
            (4, 3),
            (6, 1),
        ],
    ),
    (
        "SELECT g, count(*) AS n FROM df GROUP BY g ORDER BY count(*) DESC, g",
        [
            ("a", 2),
            ("b", 2),
            ("c", 1),
            (N, 1),
        ],
    ),
    (
        "SELECT count(*) AS n FROM df HAVING count(*) > 100",
        [],
    ),
    (
        "SELECT k, x+1 AS p, p*2 AS q FROM df ORDER BY k",
        [
            (1, 2, 4),
            (2, N, N),
            (3, -6, -12),
            (4, 4, 8),
            (5, 13, 26),
            (6, 2, 4),
        ],
    ),
    (
        "SELECT string_agg(g, ',') AS a, listagg(g, '-') WITHIN GROUP (ORDER BY k DESC) AS b FROM df",
        [
            ("a,a,b,b,c", "c-b-b-a-a"),
        ],
    ),
    (
        "SELECT any_value(g) AS a, first(x) AS b, last(x) AS c, first(x, true) AS d2, mode(g) AS e FROM (SELECT * FROM df ORDER BY k)",
        [
            ("a", 1, 1, 1, "a"),
        ],
    ),
    (
        "SELECT sum(1) AS a, count(1) AS b, max('z') AS c, sum(x)/count(*) AS d FROM df",
        [
            (6, 6, "z", pytest.approx(1.6666666666666667)),
        ],
    ),
    (
        "SELECT g, sum(CASE WHEN x > 0 THEN 1 ELSE 0 END) AS pos, sum(CASE WHEN x > 0 THEN y END) AS yy FROM df GROUP BY g ORDER BY g",
        [
            ("a", 1, pytest.approx(2.5)),
            ("b", 1, 0.0),
            ("c", 1, pytest.approx(10000000000.0)),
            (N, 1, N),
        ],
    ),
    (
        "SELECT k, sum(x) OVER (PARTITION BY g) / sum(x) OVER () AS share FROM df ORDER BY k",
        [
            (1, pytest.approx(0.1)),
            (2, pytest.approx(0.1)),
            (3, pytest.approx(0.5)),
            (4, pytest.approx(0.3)),
            (5, pytest.approx(0.5)),
            (6, pytest.approx(0.1)),
        ],
    ),
    (
        "SELECT date_trunc('month', d) AS mo, count(*) AS n, round(avg(y), 2) AS a FROM df GROUP BY 1 ORDER BY 1",
        [
            (at("1999-12-01 00:00:00"), 1, pytest.approx(1.01)),
            (at("2023-03-01 00:00:00"), 1, pytest.approx(10000000000.0)),
            (at("2024-01-01 00:00:00"), 1, pytest.approx(2.5)),
            (at("2024-02-01 00:00:00"), 1, 0.0),
            (at("2024-12-01 00:00:00"), 1, pytest.approx(-2.5)),
            (N, 1, N),
        ],
    ),
    (
        "SELECT DISTINCT k FROM df WHERE x IN (SELECT x FROM df WHERE z > 0) OR g = 'b' ORDER BY k",
        [
            (1,),
            (3,),
            (5,),
            (6,),
        ],
    ),
]


def in_any_order(found):
    """Rows sorted by something that any value has."""

    def key(value):
        return (value is None, str(float(value)) if isinstance(value, int | float | Decimal) else str(value))

    return sorted(found, key=lambda row: [key(value) for value in row])


@pytest.mark.parametrize(("text", "expected"), QUERIES, ids=[text for text, _ in QUERIES])
def test_a_query_gives_the_rows_that_spark_gives(text, expected):
    """The same rows, however they are ordered."""
    assert in_any_order(rows(text, df=DF, other=OTHER)) == expected
