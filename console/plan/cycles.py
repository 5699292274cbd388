"""Circles in a directed graph, found without recursion so that depth costs nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

Node = TypeVar("Node")


def cycle_in(edges: Mapping[Node, Sequence[Node]]) -> tuple[Node, ...] | None:
    """One circle of `edges` (node -> the nodes it leads to) as a closed path (2, 4, 2), or `None`."""
    return next(cycles_in(edges), None)


def cycles_in(edges: Mapping[Node, Sequence[Node]]) -> Iterator[tuple[Node, ...]]:
    """Circles that share no node, each as a closed path that begins at its earliest node in the
    order of `edges`. Nodes that are led to but are no key count as ends."""
    rank = {node: index for index, node in enumerate(edges)}
    left = _peeled(edges, list(edges))
    while left:
        path = _circle(edges, left)
        start = min(range(len(path)), key=lambda index: rank[path[index]])
        yield (*path[start:], *path[: start + 1])
        left = _peeled(edges, [node for node in left if node not in set(path)])


def _peeled(edges: Mapping[Node, Sequence[Node]], nodes: list[Node]) -> dict[Node, None]:
    """Those of `nodes` that lead to a circle: what leads nowhere is taken off until nothing does."""
    kept = dict.fromkeys(nodes)
    before: dict[Node, list[Node]] = {node: [] for node in kept}
    out = dict.fromkeys(kept, 0)
    for node in kept:
        for after in edges[node]:
            if after in kept:
                out[node] += 1
                before[after].append(node)
    ends = [node for node in kept if not out[node]]
    while ends:
        end = ends.pop()
        del kept[end]
        for node in before[end]:
            out[node] -= 1
            if not out[node]:
                ends.append(node)
    return kept


def _circle(edges: Mapping[Node, Sequence[Node]], left: dict[Node, None]) -> list[Node]:
    """Walk on until a node comes again; every node of `left` leads to another one."""
    seen: dict[Node, int] = {}
    node = next(iter(left))
    while node not in seen:
        seen[node] = len(seen)
        node = next(after for after in edges[node] if after in left)
    return list(seen)[seen[node] :]
