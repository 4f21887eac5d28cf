"""What is said of a query's columns before it runs is what it gives when it runs."""

from __future__ import annotations

import narwhals as nw
import polars as pl
import pytest

from odibi_core.engines.polars.sql.scope import UnknownColumnError
from odibi_core.errors import OdibiError
from odibi_core.outline import UNKNOWN, Known, Origin, Outline
from odibi_core.sql import compile_sql
from odibi_core.sql.outlines import outline_of
from tests.sql import test_functions, test_meaning, test_queries
from tests.sql.running import DF, OTHER, run

CORPUS = [
    *((text, {"df": test_queries.DF, "other": test_queries.OTHER}) for text, _ in test_queries.QUERIES),
    *((text, {"df": DF, "other": OTHER}) for text, _ in test_meaning.QUERIES),
    *((f"SELECT {text} AS r FROM df", {"df": DF}) for text, _ in (*test_meaning.EXPRESSIONS, *test_functions.EXPRESSIONS)),
]
T = pl.LazyFrame({"a": [1], "B": [2], "s": [{"f": 1}], "l": [[1]]})
U = pl.LazyFrame({"a": [1], "c": [3]})


def described(text, dialect="spark", **tables):
    """The outline of a query over tables: frames, or None for those that nobody knows."""
    compiled = compile_sql(text, tables=list(tables), dialect=dialect)
    outlines = {name: Outline.of(name, None if frame is None else frame.collect_schema().names()) for name, frame in tables.items()}
    return outline_of(compiled.polars, outlines)


def ran(text, **tables):
    """The columns that the engine gives."""
    frames = {name: nw.from_native(frame) for name, frame in tables.items()}
    return run(compile_sql(text, tables=list(frames)), frames).collect_schema().names()


@pytest.mark.parametrize(("text", "tables"), CORPUS, ids=[text for text, _ in CORPUS])
def test_the_outline_of_a_query_is_what_it_gives(text, tables):
    """Names, their spelling and their order, of every query whose rows are tested elsewhere; and nothing is called missing."""
    outline, missing = described(text, **tables)
    assert list(outline.names) == ran(text, **tables)
    assert outline.others is None
    assert missing == ()


@pytest.mark.parametrize(("text", "tables"), CORPUS, ids=[text for text, _ in CORPUS])
def test_a_column_is_called_missing_if_the_engine_misses_it(text, tables):
    """Take any column away: the outline complains exactly if the engine does not find a column, and never otherwise."""
    frame = tables["df"]
    for column in frame.collect_schema().names():
        less = {**tables, "df": frame.drop(column)}
        _, missing = described(text, **less)
        try:
            ran(text, **less)
            found = None
        except OdibiError as error:
            found = error
        if isinstance(found, UnknownColumnError):
            assert [one.message for one in missing] != [], column
        if found is None:
            assert missing == (), column


@pytest.mark.parametrize(("text", "tables"), CORPUS, ids=[text for text, _ in CORPUS])
def test_nothing_is_called_missing_of_what_nobody_knows(text, tables):
    """With an input of unknown columns every name may be one of them; and what is said to be there is there."""
    outline, missing = described(text, **{**tables, "df": None})
    there = ran(text, **tables)
    assert missing == ()
    assert {name.lower() for name in outline.names} <= {name.lower() for name in there}
    assert outline.others is not None or [name.lower() for name in outline.names] == [name.lower() for name in there]


@pytest.mark.parametrize(
    ("text", "message", "known", "at"),
    [
        ("SELECT aa FROM t", "SQL reads the unknown column 'aa'", ("a", "B", "s", "l"), 7),
        ("SELECT t.c FROM t JOIN u ON t.a = u.a", "SQL reads the unknown column 't.c'", ("a", "B", "s", "l", "c"), 9),
        ("SELECT x.a FROM t", "SQL reads the unknown column 'x.a'", ("a", "B", "s", "l"), 9),
        ("SELECT a FROM t JOIN u ON t.a = u.a", "the column 'a' in SQL may mean several", (), 7),
        ("SELECT u.* FROM t", "'u.*' in SQL names no input", (), -1),
        ("SELECT * EXCEPT (c) FROM t", "SQL reads the unknown column 'c'", ("a", "B", "s", "l"), -1),
        ("SELECT * FROM t JOIN u USING (b)", "the key 'b' of USING is missing on the right side", ("a", "c"), -1),
        ("SELECT a, a FROM t", "SQL gives two columns 'a'", (), -1),
        ("SELECT a FROM t UNION SELECT a, c FROM u", "UNION in SQL has 1 columns on its left and 2 on its right", (), -1),
        ("SELECT a FROM t WHERE n > 1", "SQL reads the unknown column 'n'", ("a", "B", "s", "l"), 22),
        ("SELECT a, COUNT(*) AS n FROM t GROUP BY a HAVING m > 1", "SQL reads the unknown column 'm'", ("a", "B", "s", "l"), 49),
        ("SELECT a FROM t ORDER BY d", "SQL reads the unknown column 'd'", ("a", "B", "s", "l"), 25),
        ("SELECT SUM(a) OVER (PARTITION BY d) AS r FROM t", "SQL reads the unknown column 'd'", ("a", "B", "s", "l"), 33),
        ("SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE c = d)", "SQL reads the unknown column 'd'", ("a", "c"), 56),
        ("SELECT a FROM t WHERE a IN (SELECT B FROM u LIMIT 1)", None, (), 0),  # of the row around
        ("WITH w AS (SELECT a AS z FROM t) SELECT a FROM w", "SQL reads the unknown column 'a'", ("z",), 40),
        ("SELECT d FROM t LATERAL VIEW EXPLODE(l) e AS b2", "SQL reads the unknown column 'd'", ("a", "B", "s", "l", "b2"), 7),
        ("SELECT s.f, b FROM t", None, (), 0),
        ("SELECT a AS z, z + 1 AS y FROM t ORDER BY y", None, (), 0),
        ("SELECT TRANSFORM(l, x -> x + 1) AS r FROM t", None, (), 0),
    ],
)
def test_what_is_missing_is_named_with_its_place(text, message, known, at):
    """As the engine would say it at run time."""
    _, missing = described(text, t=T, u=U)
    tables = {"t": T, "u": U}
    if message is None:
        assert missing == ()
        ran(text, **tables)
        return
    assert [(one.message, one.at) for one in missing] == [(message, at)]
    assert missing[0].known == known
    with pytest.raises(OdibiError, match=message.split("(")[0].replace("*", r"\*").replace(".", r"\.")):
        ran(text, **tables)


def from_t(column, how="value"):
    return Origin(source="t", column=column, how=how)


def from_u(column, how="value"):
    return Origin(source="u", column=column, how=how)


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("SELECT a AS x FROM t", {from_t("a")}),
        ("SELECT UPPER(B) AS x FROM t", {from_t("b")}),
        ("SELECT a + B AS x FROM t", {from_t("a", "computed"), from_t("b", "computed")}),
        ("SELECT MD5(B) AS x FROM t", {from_t("b", "computed")}),
        ("SELECT COUNT(DISTINCT a) AS x FROM t", {from_t("a", "counted")}),
        ("SELECT MAX(a) AS x FROM t WHERE b > 1", {from_t("a")}),
        ("SELECT SUM(a) AS x FROM t GROUP BY b", {from_t("a", "computed")}),
        ("SELECT COUNT(*) AS x FROM t", set()),
        ("SELECT CASE WHEN a > 1 THEN B ELSE 'none' END AS x FROM t", {from_t("a", "computed"), from_t("b")}),
        ("SELECT CAST(a AS STRING) AS x FROM t", {from_t("a")}),
        ("SELECT LAG(a) OVER (ORDER BY b) AS x FROM t", {from_t("a")}),
        ("SELECT c AS x FROM t JOIN u USING (a)", {from_t("c"), from_u("c")}),
        ("SELECT a AS x FROM t JOIN u USING (a)", {from_t("a"), from_u("a")}),
        ("WITH w AS (SELECT a AS z FROM t) SELECT q.z AS x FROM (SELECT z FROM w) q", {from_t("a")}),
        ("SELECT a AS x FROM t UNION ALL SELECT c FROM u", {from_t("a"), from_u("c")}),
        ("SELECT (SELECT MAX(c) FROM u WHERE u.a = t.a) AS x FROM t", {from_u("c")}),
        ("SELECT e.x FROM t LATERAL VIEW EXPLODE(l) e AS x", {from_t("l")}),
        ("SELECT s.f AS x FROM t", {from_t("s")}),
    ],
)
def test_a_column_knows_what_it_is_made_of(text, origins, known):
    """The value itself, something computed of it, or only a number; the same if the columns of the inputs are not known."""
    outline, _ = described(text, **({"t": T, "u": U} if known else {"t": None, "u": None}))
    (column,) = outline.columns
    assert column.name == "x"
    possible = origins if not known else {origin for origin in origins if origin != from_t("c")}
    assert possible <= column.origins
    extra = column.origins - possible
    assert known is False or extra == frozenset()


def test_a_star_over_what_is_not_known_passes_names_on():
    """`*` with a new column: the new one is known, and the others have the origins that their names say."""
    outline, missing = described("SELECT * EXCEPT (secret), a AS b FROM t", t=None)
    assert missing == ()
    assert outline.columns == (Known(name="b", origins=frozenset({from_t("a")})),)
    assert outline.column("city").origins == {from_t("city")}
    assert outline.column("SECRET").origins == frozenset()


def test_nothing_is_known_of_a_table_that_is_not_described():
    """A function of the authors stands before it: neither names nor origins are known."""
    compiled = compile_sql("SELECT a, b + 1 AS c FROM df", tables=["df"])
    outline, missing = outline_of(compiled.polars, {"df": UNKNOWN})
    assert missing == ()
    assert [(column.name, column.traced) for column in outline.columns] == [("a", False), ("c", False)]
