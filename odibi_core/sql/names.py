"""Names: lower case inside a query, as the author spelled them in its result."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp, transforms

from odibi_core.sql.polars_dialect import Polars

_Spelling = dict[str, str]  # lower case → as written


def name_results(query: exp.Expr) -> None:
    """Give every unnamed result column its own text as its name, so that each engine calls it the same."""
    for select in query.find_all(exp.Select):
        select.set("expressions", [_named(projection) for projection in select.expressions])


def polars_text(query: exp.Query) -> str:
    """The query for Polars: all names quoted and in lower case, and around it the spelling of its result columns."""
    tree = query.copy()
    spelled = {lower: name for lower, name in _result_columns(tree, {}).items() if lower != name}
    for select in list(tree.find_all(exp.Select)):
        select.set("hint", None)
        _drop_second_keys(select)
    for identifier in tree.find_all(exp.Identifier):
        identifier.set("this", identifier.name.lower())
        identifier.set("quoted", True)
    text = tree.sql(dialect=Polars)
    if not spelled:
        return text
    renames = ", ".join(f"{_quoted(lower)} AS {_quoted(name)}" for lower, name in spelled.items())
    return f'SELECT * RENAME ({renames}) FROM ({text}) AS "spelled"'  # noqa: S608  made of a checked tree


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
    if isinstance(projection, exp.Alias | exp.Star | exp.Column):
        return projection
    name = projection.sql(dialect="spark").lower().replace("count(*)", "count(1)")
    return exp.alias_(projection, name, quoted=True)


def _result_columns(query: exp.Expr, ctes: Mapping[str, _Spelling]) -> _Spelling:
    """How the columns of a query are spelled, as far as its text says: those of an input are not known."""
    visible = dict(ctes)
    clause = query.args.get("with_")
    if isinstance(clause, exp.With):
        for cte in clause.expressions:
            visible[cte.alias.lower()] = _of_source(cte.this, cte.args.get("alias"), visible)
    if isinstance(query, exp.SetOperation | exp.Subquery):
        return _result_columns(query.this, visible)
    sources = _sources(query, visible)
    spelled: _Spelling = {}
    for projection in query.expressions:
        if isinstance(projection, exp.Star):
            for columns in sources.values():
                spelled |= columns
        elif isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star):
            spelled |= sources.get(projection.table.lower(), {})
        else:
            spelled[projection.alias_or_name.lower()] = projection.alias_or_name
    return spelled


def _sources(select: exp.Expr, ctes: Mapping[str, _Spelling]) -> dict[str, _Spelling]:
    found: dict[str, _Spelling] = {}
    clause = select.args.get("from_")
    for item in [clause, *(select.args.get("joins") or [])]:
        source = item.this if item else None
        if isinstance(source, exp.Table):
            found[source.alias_or_name.lower()] = ctes.get(source.name.lower(), {})
        elif isinstance(source, exp.Subquery):
            found[source.alias_or_name.lower()] = _of_source(source.this, source.args.get("alias"), ctes)
    return found


def _of_source(query: exp.Expr, alias: exp.Expr | None, ctes: Mapping[str, _Spelling]) -> _Spelling:
    listed = alias.args.get("columns") if alias else None
    if listed:
        return {column.name.lower(): column.name for column in listed}
    return _result_columns(query, ctes)


def _drop_second_keys(select: exp.Select) -> None:
    """`SELECT *` over JOIN … USING shows each key once; Polars shows the right one too, as `key:table`."""
    stars = [projection for projection in select.expressions if isinstance(projection, exp.Star)]
    twins = [
        exp.to_identifier(f"{key.name}:{join.this.alias_or_name}", quoted=True)
        for join in select.args.get("joins") or []
        for key in join.args.get("using") or []
    ]
    for star in stars:
        if twins:
            star.set("except_", [*(star.args.get("except_") or []), *twins])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
