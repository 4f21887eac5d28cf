"""Which columns are personal in each node, and what of `privacy` a plan holds."""

from __future__ import annotations

import pytest

from odibi_core.config import NodeConfig
from odibi_core.errors import ConfigError
from odibi_core.messages import Requested
from odibi_core.planning.personal import salts_of, with_salt
from tests.planning.conftest import Load, PlanOf, pipeline, reading

FLAGGED = ", columns: { email: { pii: true }, Phone: { pii: true }, city: { description: where } }"
OTHER = """\
  - pipeline: q
    nodes:
      - { name: out, inputs: { people: $p.a }, transform: { steps: [ 'SELECT * FROM people' ] } }
"""


def behind(name: str, upstream: str, extra: str = "") -> str:
    return f"      - {{ name: {name}, depends_on: [{upstream}], transform: {{ steps: [ 'SELECT * FROM {upstream}' ] }}{extra} }}\n"


def test_a_flag_goes_down_the_graph_until_it_is_taken_off(plan_of: PlanOf) -> None:
    """Of the node and all above it; `declassify` counts for the node and those behind it, in any spelling of the case."""
    planned = plan_of(
        pipeline(
            reading("a", extra=FLAGGED),
            behind("b", "a", ", columns: { name: { pii: true } }"),
            behind("c", "b", ", privacy: { method: mask, declassify: [EMAIL] }"),
            behind("d", "c"),
            reading("alone"),
        )
    )
    assert {node.name: node.personal for node in planned.nodes} == {
        "a": ("Phone", "email"),
        "b": ("Phone", "email", "name"),
        "c": ("Phone", "name"),
        "d": ("Phone", "name"),
        "alone": (),
    }


def step(name: str, upstream: str, sql: str, extra: str = "") -> str:
    return f'      - {{ name: {name}, depends_on: [{upstream}], transform: {{ steps: ["{sql}"] }}{extra} }}\n'


def test_a_flag_goes_with_the_value_whatever_it_is_called(plan_of: PlanOf) -> None:
    """Through aliases, functions that keep the text, renames and further nodes; the names of nobody else are flagged by it."""
    rename = "      - { name: d, depends_on: [b], transformer: rename_columns, params: { mapping: { contact: reach } } }\n"
    planned = plan_of(
        pipeline(
            reading("a", extra=FLAGGED),
            reading("k"),
            step("b", "a, k", "SELECT a.email AS contact, UPPER(a.phone) AS p2, k.email AS shop, a.city FROM a JOIN k ON a.id = k.id"),
            rename,
            step("e", "d", "SELECT reach AS last_one, p2, city AS reached FROM d", ", privacy: { method: mask, declassify: [reach] }"),
        )
    )
    assert {node.name: set(node.personal) - {"email", "Phone"} for node in planned.nodes} == {
        "a": set(),
        "k": set(),
        "b": {"contact", "p2"},
        "d": {"contact", "p2", "reach"},
        "e": {"contact", "p2"},
    }


def test_a_flag_is_about_the_column_of_that_name(plan_of: PlanOf) -> None:
    """`name` of this result, and not `name` of another input; if there is no such column, that of the inputs is meant."""
    flagged = ", columns: { name: { pii: true } }"
    planned = plan_of(
        pipeline(
            reading("c"),
            reading("k"),
            step("joined", "c, k", "SELECT c.name, c.name AS copy, k.name AS country FROM c JOIN k ON c.x = k.x", flagged),
            step("gone", "c", "SELECT name AS called, x FROM c", flagged),
        )
    )
    assert planned.node("joined").personal == ("copy", "name")
    assert planned.node("gone").personal == ("called", "name")


def test_what_is_computed_of_a_personal_column_is_masked_and_a_number_of_rows_is_not(plan_of: PlanOf) -> None:
    """Reports do not show it, and `privacy` leaves it: the rows stay those that were asked for."""
    planned = plan_of(
        pipeline(
            reading("a", extra=FLAGGED + ", sensitive: [salary]"),
            step("b", "a", "SELECT MD5(email) AS m, COUNT(email) AS n, AVG(salary) AS s, MAX(age) AS oldest FROM a GROUP BY MD5(email)"),
            step("c", "b", "SELECT m AS token, n, oldest FROM b"),
        )
    )
    assert set(planned.node("b").masked) == {"m", "s", "salary"}
    assert set(planned.node("c").masked) == {"m", "s", "salary", "token"}
    assert planned.node("c").personal == ("Phone", "email")


def test_behind_a_node_that_shows_nothing_its_columns_are_not_shown(plan_of: PlanOf) -> None:
    """Those that are made of them if that is known, or else all."""
    planned = plan_of(
        pipeline(
            reading("a", extra=", sensitive: true"),
            step("some", "a", "SELECT x AS y, COUNT(*) AS n FROM a GROUP BY x"),
            step("all", "a", "SELECT * FROM a"),
        )
    )
    assert {node.name: node.masked for node in planned.nodes} == {"a": ("*",), "some": ("y",), "all": ("*",)}


def test_a_flag_is_the_same_whichever_nodes_run(plan_of: PlanOf) -> None:
    """With one node selected, what stands above it is still read for its flags: a hash must not depend on how a run is started."""
    write = ", write: { connection: lake, format: delta, path: b }"
    text = pipeline(
        reading("a", extra=FLAGGED), step("b", "a", "SELECT email AS contact FROM a", write), step("c", "b", "SELECT contact AS c FROM b")
    )
    assert plan_of(text, Requested(key="k", nodes=("c",))).node("c").personal == plan_of(text).node("c").personal
    other = OTHER.replace("people: $p.a", "people: $p.b").replace("SELECT *", "SELECT contact AS who")
    assert "who" in plan_of(text + other, pipeline="q").node("out").personal


def test_a_flag_goes_into_other_pipelines(plan_of: PlanOf) -> None:
    """By `inputs: {people: $p.a}`."""
    write = ", write: { connection: lake, format: delta, path: a }"
    planned = plan_of(pipeline(reading("a", extra=FLAGGED + write)) + OTHER, pipeline="q")
    assert planned.node("out").personal == ("Phone", "email")


def test_a_plan_holds_no_salt(load: Load, plan_of: PlanOf) -> None:
    """A variable and the name of a secret stay as they are written; a text is taken out, and is found again in the YAML."""
    text = pipeline(
        reading("a", extra=", privacy: { method: hash, salt: white-pepper }"),
        reading("b", extra=", privacy: { method: hash, salt: '${SALT}' }"),
        reading("c", extra=", privacy: { method: hmac, key: '${secret:pepper}' }"),
    )
    planned = plan_of(text, SALT="black-pepper")
    assert "white-pepper" not in planned.model_dump_json()
    assert "black-pepper" not in planned.model_dump_json()
    assert [planned.node(name).config["privacy"] for name in "bc"] == [
        {"method": "hash", "salt": "${SALT}"},
        {"method": "hmac", "key": "${secret:pepper}"},
    ]
    node = planned.node("a").config
    written = {"name": "a", "privacy": {"method": "hash", "salt": "white-pepper"}}
    assert with_salt(node, written)["privacy"] == {"method": "hash", "salt": "white-pepper"}
    assert sorted(salts_of(load(text, SALT="black-pepper").config)) == ["black-pepper", "white-pepper"]


@pytest.mark.parametrize("today", [{}, {"name": "a"}, {"name": "a", "privacy": {"method": "mask"}}])
def test_a_salt_that_was_taken_out_meanwhile_stops_the_node(plan_of: PlanOf, today: dict[str, object]) -> None:
    """Without it the node would write other hashes."""
    planned = plan_of(pipeline(reading("a", extra=", privacy: { method: hash, salt: white-pepper }")))
    with pytest.raises(ConfigError, match=r"'privacy\.salt' of node 'a' was taken out"):
        with_salt(planned.node("a").config, today)


def test_a_keyed_hash_needs_a_key() -> None:
    """Said when the YAML is read."""
    with pytest.raises(ValueError, match="method 'hmac' needs a key"):
        NodeConfig.model_validate({"name": "a", "depends_on": ["b"], "transformer": "distinct", "privacy": {"method": "hmac"}})


@pytest.mark.parametrize(
    ("privacy", "said"),
    [
        ("{ method: hash }", ["privacy: a 'hash' without 'salt' is undone by trying out values"]),
        ("{ method: hash, salt: s, key: k }", ["privacy.key: has no effect with 'method: hash'"]),
        ("{ method: mask, salt: s }", ["privacy.salt: has no effect with 'method: mask'"]),
        ("{ method: hmac, key: k }", []),
    ],
)
def test_what_has_no_effect_is_said(load: Load, privacy: str, said: list[str]) -> None:
    """Once, with the place."""
    notices = load(pipeline(reading("a", extra=f", privacy: {privacy}"))).notices
    assert [notice.partition(";")[0] for notice in notices] == [f"p.a.{text}" for text in said]
