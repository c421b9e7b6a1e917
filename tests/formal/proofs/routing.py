"""The routing function: its multicast tree reaches every node once, and its channels have an order."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Mux, Value
from yoso_hw.params import ChipParams
from yoso_hw.router import INPUTS_OF, Port, Router

from formal.harness import Harness, Proof, implies
from formal.proofs.xy import FROM_AFAR, OPPOSITE, Flit, beyond, region

#: The largest mesh; its coordinates take in those of every smaller one.
SIDE = 16

#: Rank of a channel that leaves the mesh.
LAST = 2 * SIDE


def rank_out(out: Port, x: Value, y: Value) -> Value:
    """Rank of the channel from node (x, y) through `out`: along x, then along y, then out of the mesh."""
    return {
        Port.LOCAL: Const(LAST),
        Port.EAST: x,
        Port.WEST: Mux((x == 0) & (y == 0), LAST, SIDE - 1 - x),
        Port.NORTH: SIDE + y,
        Port.SOUTH: SIDE + (SIDE - 1 - y),
    }[out]


def rank_in(port: Port, x: Value, y: Value) -> Value:
    """Rank of the channel into `port`, which is the neighbour's; -1 where flits are injected."""
    return {
        Port.LOCAL: Const(-1),
        Port.WEST: x - 1,  # -1 for the host's way in
        Port.EAST: SIDE - 1 - (x + 1),
        Port.SOUTH: SIDE + (y - 1),
        Port.NORTH: SIDE + (SIDE - 1 - (y + 1)),
    }[port]


def build(h: Harness) -> None:
    router = Router(ChipParams(cols=SIDE, rows=SIDE))
    router._MustUse__silence = True  # its routing function alone is looked at
    x, y = h.drive(router.x, "x"), h.drive(router.y, "y")
    u, v = h.free("u", x.shape()), h.free("v", y.shape())
    payload = h.free("payload", router.packets.flit_bits)
    flit = Flit(router, payload)
    for port in Port:
        inner = ((x != SIDE - 1) if port == Port.EAST else 1) & ((y != SIDE - 1) if port == Port.NORTH else 1)
        legal = flit.legal(port, x, y) & inner
        route = router.route(port, payload)
        wanted = {out: route.get(out, Const(0)) for out in Port}
        to_reach = ~flit.to_host & flit.holds(u, v)
        name = port.name.lower()
        for out in Port:
            where = f"{name} to {out.name.lower()}"
            right = wanted[out] == flit.wants(port, out, x, y)
            h.check(implies(legal, right), f"{where}: wanted exactly if it leads to a node of the rectangle")
            goes = legal & wanted[out]
            h.check(implies(goes, port in INPUTS_OF[out]), f"{where}: the router has that way")
            h.check(
                implies(goes & to_reach & beyond(out, x, y, u, v), region(port, x, y, u, v)),
                f"{where}: no node is reached by a second way",
            )
            h.check(implies(goes, rank_out(out, x, y) > rank_in(port, x, y)), f"{where}: the rank grows")
            if out in OPPOSITE:
                there = {
                    Port.EAST: (x + 1, y),
                    Port.WEST: (x - 1, y),
                    Port.NORTH: (x, y + 1),
                    Port.SOUTH: (x, y - 1),
                }[out]
                leaves = flit.to_host & (x == 0) & (y == 0)
                h.check(
                    implies(goes & ~leaves, flit.legal(OPPOSITE[out], *there)),
                    f"{where}: what comes in at the neighbour is what it may expect",
                )
            if port in INPUTS_OF[out]:
                h.cover(goes)
        reached = Cat(wanted[out] & beyond(out, x, y, u, v) for out in Port).any()
        h.check(
            implies(legal & to_reach & region(port, x, y, u, v), reached),
            f"{name}: every node of the rectangle that is left is reached",
        )
        if port in FROM_AFAR:
            ways = sum(wanted.values())
            h.check(implies(legal & flit.to_host, ways == 1), f"{name}: a flit to the host has one way")


PROOFS = [
    Proof(
        name="routing",
        claim="From each port, a flit is sent on exactly towards the nodes of its rectangle that are left, "
        "each by one way; a flit to the host goes west, south, out; each step leads to a channel of higher "
        "rank.",
        parameters="every node, port, rectangle and target of meshes up to 16 x 16",
        cases={"": build},
        bugs=("router swaps X and Y", "a flit that moves along y turns back to x"),
        assumptions=("rectangles are not empty and lie in the mesh",),
        cover_depth=1,
    )
]
