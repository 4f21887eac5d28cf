"""Compiled queries as they stand in plans."""

from __future__ import annotations

import pytest

from odibi_core.errors import ConfigError
from odibi_core.sql import compile_sql, tree

# As the release wrote it whose trees were pydantic models: every field, whatever its value.
OLD = (
    '{"kind":"select","ctes":[{"name":"c","query":{"kind":"select","ctes":[],"source":{"kind":"table","name":"df","alias":"df"},"joins":[],'
    '"where":null,"group":null,"having":null,"qualify":null,"columns":[{"value":{"kind":"star","table":"","leave_out":[],"replace":[],'
    '"rename":[["a","b"]]},"name":"","given":false}],"distinct":false,"distinct_on":[],"order":[],"limit":null,"offset":0},"columns":[]}],'
    '"source":{"kind":"table","name":"c","alias":"c"},"joins":[],"where":null,"group":{"keys":[{"kind":"column","name":"b","table":"","at":7}],'
    '"sets":[[0],[]],"all":false},"having":null,"qualify":null,"columns":[{"value":{"kind":"window","function":{"kind":"aggregate","name":"sum",'
    '"args":[{"kind":"column","name":"x","table":"","at":-1}],"distinct":false,"where":null,"order":[],"ignore_nulls":false},"partition":[],'
    '"order":[{"value":{"kind":"column","name":"b","table":"","at":-1},"descending":true,"nulls_first":false}],"frame":{"unit":"rows",'
    '"start":{"offset":null,"sign":-1,"unbounded":true},"end":{"offset":{"kind":"value","type":"number","text":"1"},"sign":1,'
    '"unbounded":false}}},"name":"s","given":true},{"value":{"kind":"case","branches":[[{"kind":"value","type":"boolean","text":"true"},'
    '{"kind":"value","type":"null","text":""}]],"otherwise":null},"name":"k","given":false}],"distinct":false,"distinct_on":[],"order":[],'
    '"limit":3,"offset":0}'
)
B = tree.Column(name="b")
QUERY = tree.Select(
    ctes=(
        tree.Cte(
            name="c",
            query=tree.Select(source=tree.Table(name="df", alias="df"), columns=(tree.Named(value=tree.Star(rename=(("a", "b"),))),)),
        ),
    ),
    source=tree.Table(name="c", alias="c"),
    group=tree.Grouping(keys=(tree.Column(name="b", at=7),), sets=((0,), ())),
    columns=(
        tree.Named(
            value=tree.Window(
                function=tree.Aggregate(name="sum", args=(tree.Column(name="x"),)),
                order=(tree.Order(value=B, descending=True, nulls_first=False),),
                frame=tree.Frame(
                    unit="rows",
                    start=tree.Bound(sign=-1, unbounded=True),
                    end=tree.Bound(offset=tree.Value(type="number", text="1"), sign=1),
                ),
            ),
            name="s",
            given=True,
        ),
        tree.Named(value=tree.Case(branches=((tree.Value(type="boolean", text="true"), tree.Value(type="null")),)), name="k"),
    ),
    limit=3,
)


def test_a_plan_of_the_releases_before_is_understood() -> None:
    """Runs under way outlive a deploy, and a worker of the release before reads what this one wrote."""
    assert tree.decoded(OLD) == QUERY
    assert tree.encoded(QUERY) == OLD


def test_a_field_that_is_not_there_has_its_default() -> None:
    """A later release leaves one out, or this one gets a new one."""
    assert tree.decoded('{"kind":"select","columns":[{"value":{"kind":"column","name":"ä"}}]}') == tree.Select(
        columns=(tree.Named(value=tree.Column(name="ä")),)
    )


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a.x, * EXCEPT (y) FROM df a LEFT JOIN other b USING (g) CROSS JOIN (VALUES (1)) v(i) WHERE a.x IN (SELECT w FROM other)",
        "SELECT g, SUM(x) FILTER (WHERE y > 1) FROM df GROUP BY ROLLUP (g) HAVING COUNT(*) > (SELECT 1) ORDER BY 2 DESC LIMIT 3",
        "WITH c AS (SELECT g FROM df) SELECT * FROM c WHERE EXISTS (SELECT 1 FROM other) UNION ALL SELECT g FROM other",
        "SELECT * FROM (SELECT g, x FROM df) PIVOT (SUM(x) AS s FOR g IN ('a' AS a, 'b'))",
        "SELECT * FROM (SELECT g, x, y FROM df) UNPIVOT INCLUDE NULLS (v FOR n IN (x AS one, y))",
        "SELECT x, p, TRANSFORM(ARRAY(x), e -> TRY_CAST(e AS INT)) FROM df LATERAL VIEW OUTER POSEXPLODE(ARRAY(1, 2)) t AS p, e",
        "SELECT LAG(x) OVER (PARTITION BY g ORDER BY x NULLS LAST ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) l FROM df QUALIFY l > 0",
    ],
)
def test_a_query_comes_back_as_it_was(text: str) -> None:
    """Every kind of node."""
    written = compile_sql(text, tables=["df", "other"]).polars
    assert tree.encoded(tree.decoded(written)) == written
    kinds = {type(node) for node in tree.walk(tree.decoded(written), into_queries=True)}
    assert len(kinds) > 4


def test_every_kind_of_node_has_its_place_in_json() -> None:
    """A new class that is neither found by its kind nor by its field could be written and not read."""
    known = {*tree._BY_KIND.values(), *tree._BY_FIELD.values()}
    assert set(tree.Node.__subclasses__()) == known


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "",
        "[]",
        "7",
        "{}",
        '{"kind":"table","name":"df","alias":"df"}',
        '{"kind":"select"}',
        '{"kind":"select","columns":[],"new":1}',
        '{"kind":"selection","columns":[]}',
        '{"kind":"select","columns":[{"name":"x"}]}',
        '{"kind":"select","columns":[{"value":{"kind":"column","name":"x"},"name":"x"}],"where":{"name":"x"}}',
        '{"kind":[],"columns":[]}',
        '{"kind":"select","columns":' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
)
def test_what_is_no_query_is_refused(text: str) -> None:
    """A plan of another release is not guessed at."""
    with pytest.raises(ConfigError, match="a compiled query is not understood"):
        tree.decoded(text)
