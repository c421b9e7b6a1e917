"""Where X-Y routing takes a flit, found from the shape of its tree alone and not as a router finds it."""

from __future__ import annotations

import random
from itertools import product

from yoso_hw.packet import KIND_BITS, Kind, Packets
from yoso_hw.params import ChipParams

Node = tuple[int, int]
Rectangle = tuple[int, int, int, int]

#: The host stands west of node (0, 0).
HOST: Node = (-1, 0)

STEPS = {(1, 0): "east", (-1, 0): "west", (0, 1): "north", (0, -1): "south"}
OPPOSITE = {"east": "west", "west": "east", "north": "south", "south": "north"}


def path(source: Node, target: Node) -> list[Node]:
    """Nodes from `source` to `target`, along x first."""
    (x, y), nodes = source, [source]
    while (x, y) != target:
        if x != target[0] and (y == source[1]):
            x += 1 if target[0] > x else -1
        else:
            y += 1 if target[1] > y else -1
        nodes.append((x, y))
    return nodes


def path_to_host(source: Node) -> list[Node]:
    """Nodes from `source` to node (0, 0), along x first, and out."""
    return [*path(source, (0, 0)), HOST]


def nodes_of(rectangle: Rectangle) -> list[Node]:
    x0, x1, y0, y1 = rectangle
    return list(product(range(x0, x1 + 1), range(y0, y1 + 1)))


def crossing(paths: list[list[Node]], source: Node, node: Node) -> tuple[str, set[str]] | None:
    """How a flit whose tree is the union of `paths` passes `node`: the port in, the ports out."""
    enters, leaves = None, set()
    for nodes in paths:
        if node not in nodes:
            continue
        i = nodes.index(node)
        if node == source:
            enters = "local"
        elif i > 0:
            enters = OPPOSITE[_direction(nodes[i - 1], node)]
        leaves.add("local" if i + 1 == len(nodes) else _direction(node, nodes[i + 1]))
    return (enters, leaves) if enters else None


def _direction(here: Node, there: Node) -> str:
    return STEPS[there[0] - here[0], there[1] - here[1]]


class Traffic:
    """Makes random flits, each with a serial number that no other has."""

    def __init__(self, params: ChipParams, rng: random.Random) -> None:
        self.params, self.rng = params, rng
        self.packets = Packets(params)
        self.serial = 0
        # Destinations end where every mesh-bound packet's other fields begin; the serial number comes above.
        self.shift = self.packets.formats["WRITE"].field("data").offset
        self.top = self.shift + 16
        assert self.packets.flit_bits >= self.top

    def rectangle(self, single: bool) -> Rectangle:
        xs = [self.rng.randrange(self.params.cols) for _ in range(2)]
        ys = [self.rng.randrange(self.params.rows) for _ in range(2)]
        if single:
            return (xs[0], xs[0], ys[0], ys[0])
        return (min(xs), max(xs), min(ys), max(ys))

    def everywhere(self) -> Rectangle:
        return (0, self.params.cols - 1, 0, self.params.rows - 1)

    def flit(self, rectangle: Rectangle | None) -> int:
        """To `rectangle`, or to the host: then the bits of a rectangle are noise, as are those on top."""
        self.serial += 1
        mark = (self.serial * 40503 & 0xFFFF) << self.shift  # odd, so still unique; every bit moves
        mark |= self.rng.getrandbits(self.packets.flit_bits) >> self.top << self.top
        if rectangle is None:
            kind = self.rng.choice((Kind.REPLY, Kind.RESULT))
            return kind | self.rng.getrandbits(self.shift - KIND_BITS) << KIND_BITS | mark
        name = self.rng.choice(("SPIKE", "SEEK", "WRITE", "READ"))
        fields = dict(zip(("x0", "x1", "y0", "y1"), rectangle, strict=True))
        others = {f.name: 0 for f in self.packets.formats[name].fields if f.name not in ("kind", *fields)}
        return self.packets.pack(name, **fields, **others) | mark
