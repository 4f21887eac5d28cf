"""Which nodes behind one use its columns."""

from __future__ import annotations

from odibi_core.errors import SchemaMismatchError
from odibi_core.planning.column_use import users_behind
from odibi_core.runtime.drift import with_users
from odibi_core.sql import compile_sql
from tests.runtime.builders import plan


def test_sql_uses_what_its_query_reads() -> None:
    """Also in joins, windows and subqueries; an alias or a text is no use."""
    texts = {
        "plain": "SELECT upper(Name) FROM a",
        "filter": "SELECT i FROM a WHERE name IS NULL",
        "using": "SELECT i FROM a JOIN b USING (name)",
        "window": "SELECT row_number() OVER (ORDER BY name) AS n FROM a",
        "inside": "SELECT i FROM a WHERE i IN (SELECT i FROM a WHERE name = 'x')",
        "struct": "SELECT name.first FROM a",
        "alias": "SELECT i AS name FROM a",
        "text": "SELECT 'name' AS n FROM a",
    }
    whole = plan({"a": (), "b": (), **dict.fromkeys(texts, ("a",))}, frames=dict.fromkeys(texts, ("a",)))
    nodes = tuple(
        node
        if node.name not in texts
        else node.model_copy(update={"sql": {"transform.0": compile_sql(texts[node.name], tables={"a", "b"})}})
        for node in whole.nodes
    )
    found = users_behind(whole.model_copy(update={"nodes": nodes}), nodes[0], ("Name",))
    assert found == dict.fromkeys(("plain", "filter", "using", "window", "inside", "struct"), ("Name",))


def test_params_checks_and_keys_name_columns() -> None:
    """Through any number of nodes between, and through the table itself."""
    configs = {
        "params": {"transformer": "cast_columns", "params": {"casts": {"NAME": "int"}}},
        "step": {"transform": {"steps": [{"function": "trim_whitespace", "params": {"columns": ["name"]}}]}},
        "check": {"validation": {"tests": [{"type": "not_null", "columns": ["name"]}]}},
        "keys": {"write": {"connection": "lake", "path": "k", "options": {"keys": ["name"]}}},
        "place": {"read": {"connection": "lake", "path": "t/"}, "columns": {"name": {"pii": True}}},
        "nothing": {"params": {"columns": ["other"]}, "description": "name"},
    }
    frames = {"params": ("a",), "step": ("params",), "check": ("step",), "keys": ("a",), "nothing": ("a",)}
    whole = plan({"a": (), **dict.fromkeys(configs, ("a",))}, frames=frames)
    nodes = tuple(node.model_copy(update={"config": configs.get(node.name, {})}) for node in whole.nodes)
    first = nodes[0].model_copy(update={"config": {"write": {"connection": "lake", "path": "t"}}})
    whole = whole.model_copy(update={"nodes": (first, *nodes[1:])})
    assert users_behind(whole, first, ("name", "gone")) == dict.fromkeys(("params", "step", "check", "keys", "place"), ("name",))
    assert users_behind(whole, nodes[-1], ("name",)) == {}


def test_a_plan_of_another_release_does_not_hide_the_error() -> None:
    """A tree that nobody understands any more has its own error, later."""
    whole = plan({"a": (), "b": ("a",)}, frames={"b": ("a",)})
    query = compile_sql("SELECT x FROM a", tables={"a"})
    foreign = whole.nodes[1].model_copy(update={"sql": {"transform.0": query.model_copy(update={"polars": "{}"})}})
    error = SchemaMismatchError("columns of the target are missing: x", hint="Add them.", columns=("x",))
    for behind, hint in (
        (whole.nodes[1].model_copy(update={"sql": {"t": query}}), "Add them. Nodes behind it that use them: 'b' (x)."),
        (foreign, "Add them."),
    ):
        told = with_users(error, whole.model_copy(update={"nodes": (whole.nodes[0], behind)}), whole.nodes[0])
        assert isinstance(told, SchemaMismatchError)
        assert (told.message, told.hint) == (error.message, hint)
