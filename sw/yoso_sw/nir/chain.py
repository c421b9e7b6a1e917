"""The chain of a NIR graph: nested graphs laid flat, then nodes from the input to the output."""

from __future__ import annotations

from typing import Any

from yoso_sw.nir.common import called

Edges = list[tuple[str, str]]


def chain(graph: Any) -> tuple[list[tuple[str, Any]], list[str]]:
    """Nodes with their names from the input to the output, and what keeps the graph from being one chain.

    Where something does, the nodes are the longest way that can be followed, so that their own obstacles are
    found as well. The inputs and outputs of nested graphs are left out.
    """
    nodes, edges = _flat(graph)
    after: dict[str, list[str]] = {label: [] for label in nodes}
    before: dict[str, list[str]] = {label: [] for label in nodes}
    for source, target in edges:
        after[source].append(target)
        before[target].append(source)
    back = {label for label in nodes if label in _reached(label, after)}
    obstacles = [
        f"{called(label, node)} has {len(neighbours[label])} {side}, "
        f"{', '.join(map(repr, neighbours[label]))}; a network is one chain, without "
        + ("recurrence" if label in back else "skip connections")
        for label, node in nodes.items()
        for neighbours, side in ((before, "inputs"), (after, "outputs"))
        if len(neighbours[label]) > 1
    ]
    for kind in ("Input", "Output"):
        ends = [label for label, node in graph.nodes.items() if type(node).__name__ == kind]
        if len(ends) != 1:
            obstacles.append(f"the graph has {len(ends)} {kind} nodes; a network has one")
        elif (after if kind == "Output" else before)[ends[0]]:
            obstacles.append(f"{called(ends[0], nodes[ends[0]])} stands within the chain, not at its end")
    starts = [label for label in nodes if not before[label]] or list(nodes)
    starts.sort(key=lambda label: type(nodes[label]).__name__ != "Input")
    path = starts[:1]
    while path and (following := [label for label in after[path[-1]] if label not in path]):
        path.append(following[0])
    obstacles += [
        f"{called(label, node)} is not on the way from {path[0]!r} to {path[-1]!r}"
        for label, node in nodes.items()
        if label not in path
    ]
    inner = {label for label in path if label not in graph.nodes and _is_end(nodes[label])}
    return [(label, nodes[label]) for label in path if label not in inner], obstacles


def _reached(label: str, after: dict[str, list[str]]) -> set[str]:
    """The nodes that follow one, it itself where it is recurrent."""
    found: set[str] = set()
    left = [*after[label]]
    while left:
        if (following := left.pop()) not in found:
            found.add(following)
            left += after[following]
    return found


def _is_end(node: Any) -> bool:
    return type(node).__name__ in ("Input", "Output")


def _flat(graph: Any) -> tuple[dict[str, Any], Edges]:
    """Nodes and edges without nested graphs, whose nodes are named after theirs: 'outer.inner'."""
    nodes: dict[str, Any] = {}
    edges: Edges = []
    ends: dict[tuple[str, str], list[str]] = {}
    for label, node in graph.nodes.items():
        if type(node).__name__ != "NIRGraph":
            nodes[label] = node
            ends[label, "Input"] = ends[label, "Output"] = [label]
            continue
        own, within = _flat(node)
        nodes.update({f"{label}.{inner}": other for inner, other in own.items()})
        edges += [(f"{label}.{source}", f"{label}.{target}") for source, target in within]
        for kind in ("Input", "Output"):
            ends[label, kind] = [
                f"{label}.{inner}" for inner, other in node.nodes.items() if type(other).__name__ == kind
            ]
    for source, target in graph.edges:
        edges += [(a, b) for a in ends[source, "Output"] for b in ends[target, "Input"]]
    return nodes, edges
