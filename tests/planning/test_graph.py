"""The order of nodes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odibi_core.errors import ConfigError
from odibi_core.planning.graph import in_run_order, with_upstream


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    """Any graph without a cycle, written down in any order."""
    count = draw(st.integers(0, 12))
    names = [f"n{number}" for number in range(count)]
    above = {name: tuple(draw(st.lists(st.sampled_from(names[:place]), max_size=4))) if place else () for place, name in enumerate(names)}
    return {name: above[name] for name in draw(st.permutations(names))}


@given(graphs())
def test_what_a_node_needs_stands_before_it(upstream: dict[str, tuple[str, ...]]) -> None:
    """Each name once, each behind everything it depends on."""
    order = in_run_order(upstream)
    assert sorted(order) == sorted(upstream)
    place = {name: index for index, name in enumerate(order)}
    assert all(place[above] < place[name] for name, names in upstream.items() for above in names)


@given(graphs())
def test_of_the_nodes_that_may_come_next_the_one_written_first_does(upstream: dict[str, tuple[str, ...]]) -> None:
    """So an author finds the order of the file again wherever nothing forbids it."""
    done: list[str] = []
    while len(done) < len(upstream):
        done.append(next(name for name in upstream if name not in done and set(upstream[name]) <= set(done)))
    assert in_run_order(upstream) == tuple(done)


@pytest.mark.parametrize(
    ("upstream", "order"),
    [
        ({}, ()),
        ({"b": (), "a": ()}, ("b", "a")),
        ({"last": ("b", "a"), "b": (), "a": ()}, ("b", "a", "last")),
        ({"d": ("c", "b"), "c": ("a",), "b": ("a",), "a": ()}, ("a", "c", "b", "d")),
        ({"x": ("y", "y"), "y": ()}, ("y", "x")),
    ],
)
def test_equals_keep_the_order_in_which_they_were_written(upstream: dict[str, tuple[str, ...]], order: tuple[str, ...]) -> None:
    """A dependency written twice is one."""
    assert in_run_order(upstream) == order


@pytest.mark.parametrize(
    ("upstream", "circles"),
    [
        ({"a": ("a",)}, {"a → a"}),
        ({"a": ("b",), "b": ("a",)}, {"a → b → a", "b → a → b"}),
        ({"z": (), "a": ("b",), "b": ("c", "z"), "c": ("a",)}, {"a → b → c → a", "b → c → a → b", "c → a → b → c"}),
    ],
)
def test_a_circle_is_named_in_the_direction_of_the_dependencies(upstream: dict[str, tuple[str, ...]], circles: set[str]) -> None:
    """Each name depends on the one behind the arrow."""
    with pytest.raises(ConfigError, match="in a circle") as caught:
        in_run_order(upstream)
    assert caught.value.message.removeprefix("nodes depend on each other in a circle: ") in circles
    assert caught.value.hint == "Remove one of these dependencies."


@pytest.mark.parametrize(
    ("missing", "hint"), [("bronz", "Did you mean 'bronze'?"), ("something_else", "Known: bronze, silver.")], ids=["close", "far"]
)
def test_an_unknown_dependency_is_answered_with_the_nearest_name(missing: str, hint: str) -> None:
    """Or with all of them when none is near."""
    with pytest.raises(ConfigError) as caught:
        in_run_order({"bronze": (), "silver": (missing,)})
    assert (caught.value.message, caught.value.hint) == (f"node 'silver' depends on '{missing}', which does not exist", hint)


def test_a_deep_chain_needs_no_deep_stack() -> None:
    """Five thousand nodes in a row."""
    names = [f"n{number}" for number in range(5000)]
    chain = {name: tuple(names[place - 1 : place]) if place else () for place, name in enumerate(names)}
    assert in_run_order(dict(reversed(chain.items()))) == tuple(names)
    assert with_upstream([names[-1]], chain) == set(names)


@given(graphs(), st.data())
def test_names_with_everything_above_them(upstream: dict[str, tuple[str, ...]], data: st.DataObject) -> None:
    """The smallest set that holds the names and, of each member, its upstream."""
    chosen = data.draw(st.lists(st.sampled_from(sorted(upstream)), max_size=3)) if upstream else []
    found = with_upstream(chosen, upstream)
    wanted = set(chosen)
    for _ in upstream:
        wanted |= {above for name in wanted for above in upstream[name]}
    assert found == wanted
