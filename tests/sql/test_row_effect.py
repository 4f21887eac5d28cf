"""A query says what it does to the number of rows, as far as its text tells."""

from __future__ import annotations

import pytest

from odibi_core.sql import compile_sql, tree
from odibi_core.sql.row_effect import row_effect

CASES = {
    "SELECT * FROM df": "same",
    "SELECT upper(a) AS a, b + 1 AS b FROM df AS d ORDER BY a": "same",
    "SELECT a, SUM(b) OVER (PARTITION BY a) AS s FROM df": "same",
    "SELECT * FROM df WHERE b > 1": "filtered",
    "SELECT * FROM df LIMIT 3": "filtered",
    "SELECT * FROM df QUALIFY ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) = 1": "filtered",
    "SELECT DISTINCT a FROM df": "deduplicated",
    "SELECT DISTINCT a FROM df WHERE b > 1": "filtered",
    "SELECT * FROM (SELECT * FROM df WHERE b > 1) AS x": "filtered",
    "WITH x AS (SELECT DISTINCT a, b FROM df) SELECT a FROM x": "deduplicated",
    "WITH x AS (SELECT *, ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) AS n FROM df) SELECT * FROM x WHERE n = 1": "filtered",
    "SELECT * FROM df LEFT SEMI JOIN other ON df.a = other.a": "joined_out",
    "SELECT * FROM df LEFT ANTI JOIN other ON df.a = other.a": "joined_out",
    "SELECT * FROM df WHERE a IN (SELECT a FROM other)": "filtered",
    "SELECT *, (SELECT MAX(a) FROM other) AS m FROM df": "same",
    "SELECT df.* FROM df LEFT JOIN other ON df.a = other.a": "changed",
    "SELECT df.* FROM df CROSS JOIN other": "changed",
    "SELECT a, COUNT(*) AS n FROM df GROUP BY a": "changed",
    "SELECT COUNT(*) AS n FROM df": "changed",
    "SELECT MAX(b) + 1 AS n FROM df": "changed",
    "SELECT * FROM df UNION ALL SELECT * FROM df": "changed",
    "SELECT * FROM other": "changed",
    "SELECT explode(array(a, b)) AS e FROM df": "changed",
    "SELECT e FROM df LATERAL VIEW explode(array(a, b)) t AS e": "changed",
    "SELECT * FROM VALUES (1), (2) AS t(a)": "changed",
}


@pytest.mark.parametrize(("text", "effect"), CASES.items())
def test_what_becomes_of_the_rows_of_an_input_is_read_off_the_query(text, effect):
    """Conditions, limits, DISTINCT and semi joins leave rows out; joins, groups and unions are not accounted for."""
    compiled = compile_sql(text, tables=["df", "other"])
    assert row_effect(tree.decoded(compiled.polars), ["df"]) == effect


def test_an_input_may_have_several_names():
    """The node above is known as `df` and by its own name."""
    compiled = compile_sql("SELECT * FROM orders WHERE b > 1", tables=["df", "orders"])
    assert row_effect(tree.decoded(compiled.polars), ["df", "orders"]) == "filtered"
    assert row_effect(tree.decoded(compiled.polars), ["df"]) == "changed"
