"""Rules that hold for every query."""

from __future__ import annotations

import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from odibi_core.errors import ConfigError
from odibi_core.sql import compile_sql, tables_of
from tests.sql.running import rows

NAMES = ("df", "orders", "customers", "secret", "t1", "t2")
names = st.sampled_from(NAMES)


def _extend(inner):
    return st.one_of(
        st.builds("SELECT * FROM ({}) AS q".format, inner),
        st.builds("WITH {} AS ({}) SELECT a FROM {}".format, names, inner, names),
        st.builds("SELECT a FROM {} WHERE a IN ({})".format, names, inner),
        st.builds("({}) UNION ALL ({})".format, inner, inner),
        st.builds("SELECT l.a FROM {} AS l JOIN ({}) AS r ON l.a = r.b".format, names, inner),
        st.builds("SELECT a, (SELECT MAX(b) FROM {}) AS m FROM ({}) AS q ORDER BY a DESC".format, names, inner),
    )


queries = st.recursive(st.builds("SELECT a FROM {}".format, names), _extend, max_leaves=6)


@settings(max_examples=150, deadline=None)
@given(query=queries, inputs=st.sets(names))
def test_a_compiled_query_reads_nothing_but_its_inputs(query, inputs):
    """Whatever is nested in whatever: a query compiles if it reads inputs only, and then its text for Polars reads no other name."""
    read = set(tables_of(query))
    try:
        compiled = compile_sql(query, tables=inputs)
    except ConfigError:
        assert not read <= inputs
        return
    assert set(compiled.tables) == read <= inputs
    tree = sqlglot.parse_one(compiled.polars, dialect="postgres")
    defined = {cte.alias for cte in tree.find_all(exp.CTE)}
    assert {table.name for table in tree.find_all(exp.Table)} <= inputs | defined


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.one_of(st.none(), st.integers(-5, 5)), max_size=8),
    descending=st.booleans(),
    nulls=st.sampled_from(("", "FIRST", "LAST")),
)
def test_null_stands_where_spark_puts_it(values, descending, nulls):
    """ASC puts NULL first and DESC last, unless the text says otherwise; the window order is the same order."""
    import polars as pl

    present = sorted((value for value in values if value is not None), reverse=descending)
    missing = [None] * (len(values) - len(present))
    first = nulls == "FIRST" or (not nulls and not descending)
    expected = [(value,) for value in (missing + present if first else present + missing)]
    order = f"v {'DESC' if descending else 'ASC'}{' NULLS ' + nulls if nulls else ''}"
    frame = pl.LazyFrame({"v": values}, schema={"v": pl.Int64})
    assert rows(f"SELECT v FROM df ORDER BY {order}", df=frame) == expected
    ranked = f"SELECT v FROM (SELECT v, ROW_NUMBER() OVER (ORDER BY {order}) AS n FROM df) AS q ORDER BY n"
    assert rows(ranked, df=frame) == expected
