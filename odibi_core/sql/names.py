"""The text for Spark: every result column has a name, and QUALIFY is written as a filter."""

from __future__ import annotations

from sqlglot import exp, transforms

from odibi_core.sql.queries import result_name


def name_results(query: exp.Expr) -> None:
    """Give every unnamed result column its own text as its name, so that each engine calls it the same."""
    for select in query.find_all(exp.Select):
        select.set("expressions", [_named(projection) for projection in select.expressions])


def spark_text(query: exp.Query) -> str:
    """The query for Spark. QUALIFY becomes a filter around the query, without the columns that it computes."""
    tree: exp.Expr = query.copy()
    for select in list(tree.find_all(exp.Select)):
        stars = [projection for projection in select.expressions if isinstance(projection, exp.Star)]
        if not select.args.get("qualify") or not stars:
            continue
        before = {projection.alias_or_name for projection in select.expressions}
        outer = transforms.eliminate_qualify(select.copy())
        inner = outer.find(exp.Subquery)
        added = [column.alias for column in (inner.this.expressions if inner else []) if column.alias_or_name not in before]
        outer.set("expressions", [exp.Star(except_=[exp.to_identifier(name) for name in added])])
        tree = outer if select is tree else tree
        select.replace(outer)
    return tree.sql(dialect="spark")


def _named(projection: exp.Expr) -> exp.Expr:
    if isinstance(projection, exp.Alias | exp.Star | exp.Column | exp.Dot):
        return projection
    return exp.alias_(projection, result_name(projection), quoted=True)
