"""Place the nodes of a graph in layers from left to right, with few crossings and short edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from odibi_core.frozen import Frozen

SWEEPS = 6  # more change nothing that one sees
Key = tuple[str, int]  # a node in its layer, or the place where a long edge crosses one


class Placed(Frozen):
    """Where everything stands: layers count from 0, heights are in the unit of the caller's sizes."""

    layer: Mapping[str, int]
    y: Mapping[str, float]  # of the middle
    bends: Mapping[tuple[str, str], tuple[tuple[int, float], ...]]  # where an edge crosses the layers between its ends
    layers: int
    height: float


def placed(upstream: Mapping[str, Sequence[str]], *, node_height: float, bend_height: float) -> Placed:
    """
    Lay out a graph given as node → the nodes above it, upstream first. Names that are not nodes are ignored.

    Source: Sugiyama, Tagawa and Toda (1981): longest-path layers, order by barycentre, then heights that keep the order.
    """
    layer: dict[str, int] = {}
    for name, upper in upstream.items():
        layer[name] = 1 + max((layer[other] for other in upper if other in layer), default=-1)
    edges = [
        (other, name) for name, upper in upstream.items() for other in dict.fromkeys(upper) if layer.get(other, layer[name]) < layer[name]
    ]
    columns, above, below = _columns(layer, edges)
    _order(columns, above, below)
    sizes = {key: node_height if key[0] in layer else bend_height for column in columns for key in column}
    y = _heights(columns, above, below, sizes)
    return Placed(
        layer=layer,
        y={name: y[name, place] for name, place in layer.items()},
        bends={edge: tuple((place, y[_bend(edge), place]) for place in range(layer[edge[0]] + 1, layer[edge[1]])) for edge in edges},
        layers=len(columns),
        height=max((y[key] + sizes[key] / 2 for column in columns for key in column), default=0.0),
    )


Neighbours = dict[Key, list[Key]]


def _bend(edge: tuple[str, str]) -> str:
    return f"{edge[0]}\x00{edge[1]}"  # no name of a node


def _columns(layer: Mapping[str, int], edges: Sequence[tuple[str, str]]) -> tuple[list[list[Key]], Neighbours, Neighbours]:
    columns: list[list[Key]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    above: Neighbours = {}
    below: Neighbours = {}
    for name, place in layer.items():
        columns[place].append((name, place))
    for edge in edges:
        first, last = layer[edge[0]], layer[edge[1]]
        between: list[Key] = [(_bend(edge), place) for place in range(first + 1, last)]
        for key in between:
            columns[key[1]].append(key)
        chain: list[Key] = [(edge[0], first), *between, (edge[1], last)]
        for left, right in pairwise(chain):
            below.setdefault(left, []).append(right)
            above.setdefault(right, []).append(left)
    return columns, above, below


def _order(columns: list[list[Key]], above: Neighbours, below: Neighbours) -> None:
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        neighbours = above if downwards else below
        for column in columns[1:] if downwards else columns[-2::-1]:
            position = {key: place for each in columns for place, key in enumerate(each)}
            mean = {key: _mean([position[other] for other in neighbours.get(key, [])], position[key]) for key in column}
            column.sort(key=lambda key: mean[key])


def _heights(columns: list[list[Key]], above: Neighbours, below: Neighbours, heights: Mapping[Key, float]) -> dict[Key, float]:
    y: dict[Key, float] = {}
    for column in columns:
        _settle(column, dict.fromkeys(column, 0.0), heights, y)
    for sweep in range(SWEEPS):
        neighbours = above if sweep % 2 == 0 else below
        for column in columns if sweep % 2 == 0 else columns[::-1]:
            _settle(column, {key: _mean([y[other] for other in neighbours.get(key, [])], y[key]) for key in column}, heights, y)
    top = min((y[key] - heights[key] / 2 for column in columns for key in column), default=0.0)
    return {key: value - top for key, value in y.items()}


def _settle(column: Sequence[Key], wanted: Mapping[Key, float], heights: Mapping[Key, float], y: dict[Key, float]) -> None:
    """Give each its wanted height as far as order and size allow: the mean of pushing down from the top and up from the bottom."""
    down: list[float] = []
    for place, key in enumerate(column):
        least = down[-1] + _gap(column[place - 1], key, heights) if place else wanted[key]
        down.append(max(wanted[key], least))
    up: list[float] = []
    for place, key in reversed(list(enumerate(column))):
        most = up[-1] - _gap(key, column[place + 1], heights) if up else wanted[key]
        up.append(min(wanted[key], most))
    for key, low, high in zip(column, down, reversed(up), strict=True):
        y[key] = (low + high) / 2


def _gap(first: Key, second: Key, heights: Mapping[Key, float]) -> float:
    return (heights[first] + heights[second]) / 2


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
