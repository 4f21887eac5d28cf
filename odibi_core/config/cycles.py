"""Find a cycle in a graph of names, and name it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def a_cycle(edges: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """The names of one cycle, the first repeated at the end; empty if there is none. Does not recurse, whatever the depth."""
    finished: set[str] = set()
    for start in edges:
        if start in finished:
            continue
        way: list[str] = [start]
        open_edges = [iter(edges[start])]
        while way:
            following = next(open_edges[-1], None)
            if following is None:
                finished.add(way.pop())
                open_edges.pop()
            elif following in way:
                return (*way[way.index(following) :], following)
            elif following in edges and following not in finished:
                way.append(following)
                open_edges.append(iter(edges[following]))
    return ()
