"""Which columns are personal in each node, and what of `privacy` a plan holds."""

from __future__ import annotations

import pytest

from odibi_core.config import NodeConfig
from odibi_core.errors import ConfigError
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
