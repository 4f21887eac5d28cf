"""Names have no case inside a query and keep their spelling in its result."""

from __future__ import annotations

import narwhals as nw
import polars as pl
import pytest

from odibi_core.errors import SchemaMismatchError
from odibi_core.sql import compile_sql
from tests.sql.running import run

ORDERS = pl.LazyFrame({"OrderID": [1, 2], "Net amount": [5, 7], "day": ["mo", "tu"]})


def columns(text: str) -> list[str]:
    frames = {"Orders": nw.from_native(ORDERS)}
    return run(compile_sql(text, tables=["Orders"]), frames).collect_schema().names()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * FROM orders", ["OrderID", "Net amount", "day"]),
        ("SELECT orderid, `NET AMOUNT`, DAY FROM ORDERS WHERE orderID > 1", ["OrderID", "NET AMOUNT", "DAY"]),
        ("SELECT day AS WeekDay, COUNT(*) AS N FROM Orders GROUP BY Day ORDER BY weekday DESC", ["WeekDay", "N"]),
        ("WITH t AS (SELECT OrderId AS Id FROM Orders) SELECT *, 1 AS One FROM t ORDER BY ID", ["Id", "One"]),
        ("SELECT s.* FROM (SELECT day AS D, orderid AS e FROM orders) AS S", ["D", "e"]),
        ("SELECT X FROM (SELECT day AS x FROM orders) UNION ALL SELECT day FROM orders", ["X"]),
        ("SELECT SUM(OrderID), COUNT(*), MAX(OrderID) + 1 FROM Orders", ["sum(orderid)", "count(1)", "max(orderid) + 1"]),
    ],
)
def test_a_result_is_spelled_as_its_query_spells_it(text, expected):
    """References match in any case; a name that the query writes in lower case keeps the spelling of the input's column."""
    assert columns(text) == expected


def test_both_engines_get_the_same_names_for_unnamed_columns():
    """An unnamed column gets its text as name in the text for Spark, too."""
    assert compile_sql("SELECT COUNT(*) FROM df", tables=["df"]).spark == "SELECT COUNT(*) AS `count(1)` FROM df"


def test_qualify_becomes_a_filter_for_spark_and_adds_no_column():
    """Open source Spark has no QUALIFY; the column that replaces it is left out of the result."""
    query = compile_sql("SELECT * FROM df QUALIFY ROW_NUMBER() OVER (PARTITION BY a ORDER BY b DESC) = 1", tables=["df"])
    assert query.spark == (
        "SELECT * EXCEPT (_w) FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY a ORDER BY b DESC) AS _w FROM df) AS _t WHERE _w = 1"
    )


def test_names_that_need_quotes_survive():
    """A name with a quote, a blank or a reserved word reaches Polars as it is."""
    frame = pl.LazyFrame({'a "b': [1], "select": [2], "Für": [3]})
    query = compile_sql('SELECT `a "b`, `select`, `Für` AS `X "y` FROM df', tables=["df"])
    result = run(query, {"df": nw.from_native(frame)}).collect()
    assert (result.columns, result.rows()) == (['a "b', "select", 'X "y'], [(1, 2, 3)])


def test_columns_that_differ_only_in_case_are_refused():
    """SQL cannot tell them apart, so the step says which they are."""
    twins = nw.from_native(pl.LazyFrame({"id": [1], "ID": [2]}))
    with pytest.raises(SchemaMismatchError, match="columns 'id' and 'ID' of 'df' differ only in case"):
        run(compile_sql("SELECT * FROM df", tables=["df"]), {"df": twins})
