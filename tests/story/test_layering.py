"""A graph is laid out so that everything flows to the right and nothing overlaps."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from odibi_core.story.layering import placed


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 25))
    return {
        f"n{place}": tuple(f"n{above}" for above in draw(st.lists(st.integers(0, place - 1), unique=True, max_size=4))) if place else ()
        for place in range(count)
    }


@given(graphs())
def test_every_edge_goes_right_and_bends_once_per_layer_between(graph):
    places = placed(graph, node_height=50, bend_height=10)
    assert set(places.bends) == {(above, name) for name, uppers in graph.items() for above in uppers}
    for (above, name), bends in places.bends.items():
        assert places.layer[above] < places.layer[name]
        assert [layer for layer, _ in bends] == list(range(places.layer[above] + 1, places.layer[name]))


@given(graphs())
def test_nothing_overlaps_and_all_is_inside(graph):
    places = placed(graph, node_height=50, bend_height=10)
    for layer in range(places.layers):
        taken = [(places.y[name], 25.0) for name, place in places.layer.items() if place == layer]
        taken += [(y, 5.0) for bends in places.bends.values() for place, y in bends if place == layer]
        taken.sort()
        for (first, half), (second, other) in pairwise(taken):
            assert second - first >= half + other - 1e-6
        assert taken[0][0] - taken[0][1] >= -1e-6
        assert taken[-1][0] + taken[-1][1] <= places.height + 1e-6


def test_a_crossing_that_need_not_be_is_not():
    """a feeds d and b feeds c: drawn in this order the lines would cross."""
    places = placed({"a": (), "b": (), "c": ("b",), "d": ("a",)}, node_height=50, bend_height=10)
    assert (places.y["a"] < places.y["b"]) == (places.y["d"] < places.y["c"])


def test_a_chain_is_straight():
    places = placed({"a": (), "b": ("a",), "c": ("b",)}, node_height=50, bend_height=10)
    assert dict(places.y) == {"a": 25, "b": 25, "c": 25}
    assert (places.layers, places.height) == (3, 50)


def test_names_that_are_no_nodes_and_edges_backwards_are_left_out():
    assert dict(placed({"a": ("nobody", "b"), "b": ("a", "a")}, node_height=50, bend_height=10).bends) == {("a", "b"): ()}
