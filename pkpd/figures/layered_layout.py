"""Places for boxes in layers, so that arrows point down where they can.

References
----------
Sugiyama K, Tagawa S, Toda M. Methods for visual understanding of hierarchical system structures.
IEEE Trans Syst Man Cybern 11:109-125 (1981).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["layered"]

_SWEEPS = 8
_WIDEST = 4  # boxes side by side

Edge = tuple[str, str]


def layered(nodes: Sequence[str], edges: Sequence[Edge], firm: Iterable[Edge] = ()) -> dict[str, tuple[float, float]]:
    """A column and a row for each node.

    Parameters
    ----------
    nodes
        Their names.
    edges
        From one to another; those that close a circle are left out of the layers.
    firm
        Edges that are not left out while others can be.

    Examples
    --------
    >>> layered(["a", "b", "c"], [("a", "b"), ("a", "c")])
    {'a': (0.5, 0), 'b': (0.0, 1), 'c': (1.0, 1)}
    """
    order = [e for e in dict.fromkeys((*firm, *edges)) if e[0] != e[1]]
    kept: list[Edge] = []
    for edge in order:
        if not _reaches(kept, edge[1], edge[0]):
            kept.append(edge)
    rows = _split(_layers(nodes, kept))
    for sweep in range(_SWEEPS):
        rows = _untangled(rows, order, downward=sweep % 2 == 0)
    widest = max(map(len, rows))
    return {name: (i + (widest - len(row)) / 2, depth) for depth, row in enumerate(rows) for i, name in enumerate(row)}


def _reaches(edges: Sequence[Edge], start: str, goal: str) -> bool:
    met, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        if here == goal:
            return True
        after = [b for a, b in edges if a == here and b not in met]
        met.update(after)
        waiting += after
    return False


def _layers(nodes: Sequence[str], edges: Sequence[Edge]) -> list[list[str]]:
    """Each node one below the lowest of those before it."""
    depth = dict.fromkeys(nodes, 0)
    for _ in nodes:
        for a, b in edges:
            depth[b] = max(depth[b], depth[a] + 1)
    return [[n for n in nodes if depth[n] == d] for d in range(max(depth.values()) + 1)]


def _split(rows: list[list[str]]) -> list[list[str]]:
    return [row[i : i + _WIDEST] for row in rows for i in range(0, len(row), _WIDEST)]


def _untangled(rows: list[list[str]], edges: Sequence[Edge], *, downward: bool) -> list[list[str]]:
    """Each row in the order of the mean place of its neighbors in the rows that are settled."""
    place = {name: i - len(row) / 2 for row in rows for i, name in enumerate(row)}
    settled: set[str] = set()
    done = []
    for row in rows if downward else rows[::-1]:
        means = {}
        for name in row:
            neighbors = [b if a == name else a for a, b in edges if name in (a, b)]
            near = [place[n] for n in neighbors if n in settled] or [place[n] for n in neighbors]
            means[name] = sum(near) / len(near) if near else place[name]
        row = sorted(row, key=lambda name: means[name])
        place |= {name: i - len(row) / 2 for i, name in enumerate(row)}
        settled.update(row)
        done.append(row)
    return done if downward else done[::-1]
