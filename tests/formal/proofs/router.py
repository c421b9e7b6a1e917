"""The router, its flits followed from any input to any output."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Signal, Value
from yoso_hw.params import ChipParams
from yoso_hw.router import INPUTS_OF, Port, Router

from formal.harness import Harness, Proof, implies

CROSSBAR = ChipParams(cols=2, rows=2)
BUS = ChipParams(cols=2, rows=2, router="bus")

#: Bits of a flit that are followed, apart from its way. To a router all are alike.
DATA = 2

#: Cycles that a flit spends in a router whose outputs are all free, if it comes in last.
LONGEST = {CROSSBAR: 10, BUS: 5}


class AnyWay(Router):
    """The router with any routing function: a flit carries a bit for each output that wants it.

    A function of the flit could do no more than that; proof `routing` shows what the real one does.
    """

    def route(self, port: Port, flit: Value) -> dict[Port, Value]:
        return {out: flit[out] for out in Port if port in INPUTS_OF[out]}


def build(h: Harness, params: ChipParams, source: Port, target: Port) -> None:
    """Follow the flits from one input to one output.

    The top bit of every flit says whether it came in at that input: so an output's flits can be told apart.
    The router does not look at it.
    """
    m, longest = h.m, LONGEST[params]
    m.submodules.router = router = AnyWay(params)
    free = h.fixed("free")  # all outputs are free, always
    spare = Const(0, router.packets.flit_bits - len(Port) - DATA - 1)
    for port in Port:
        name = port.name.lower()
        into = router.input(port)
        h.drive(into.valid, f"in_{name}_valid")
        way = [
            h.free(f"in_{name}_to_{out.name.lower()}") if port in INPUTS_OF[out] else Const(0) for out in Port
        ]
        m.d.comb += into.payload.eq(Cat(*way, h.free(f"in_{name}_data", DATA), spare, Const(source == port)))
        m.d.comb += router.output(port).ready.eq(h.free(f"out_{name}_ready") | free)

    into, out = router.input(source), router.output(target)
    entering, leaving = Signal(), Signal()
    m.d.comb += [
        entering.eq(into.valid & into.ready & into.payload[target]),
        leaving.eq(out.valid & out.ready & out.payload[-1]),
    ]
    if params is CROSSBAR:
        waits, waited = h.past(out.valid & ~out.ready), h.past(out.payload)
        h.check(implies(waits, out.valid & (out.payload == waited)), "a flit that waits at an output stays")
    else:
        h.check(implies(out.valid, out.ready), "an output offers a flit only when it is ready")

    held = Signal(range(params.link_fifo + 1))  # flits from source to target in the router
    m.d.sync += held.eq(held + entering - leaving)
    h.check(implies(leaving, held != 0), "no flit is doubled, and none goes where it is not wanted")
    h.check(implies(held != 0, ~router.empty), "no flit is held by a router that says it is empty")

    choose = h.free("choose")
    inside, word = Signal(), Signal(router.packets.flit_bits)
    ahead = Signal.like(held)
    age = Signal(range(longest + 2))
    with m.If(~inside):
        with m.If(choose & entering):
            m.d.sync += [inside.eq(1), ahead.eq(held - leaving), word.eq(into.payload), age.eq(1)]
    with m.Else():
        m.d.sync += age.eq(age + (age <= longest))
        with m.If(leaving):
            m.d.sync += [ahead.eq(ahead - 1), inside.eq(ahead != 0)]
    its_turn = inside & (ahead == 0)
    h.check(implies(its_turn & leaving, out.payload == word), "each flit leaves in its turn, unchanged")
    h.cover(its_turn & leaving & ~free & h.past(its_turn & ~leaving))
    h.cover(its_turn & leaving & Cat(word[end] for end in Port if source in INPUTS_OF[end]).all())
    h.check(
        implies(inside & free, age <= longest), f"with free outputs, a flit leaves within {longest} cycles"
    )


def proof(name: str, params: ChipParams, holds: str, bugs: tuple[str, ...]) -> Proof:
    """One of the two kinds of router, all ways through it."""

    def case(source: Port, target: Port):
        return lambda h: build(h, params, source, target)

    return Proof(
        name=name,
        claim=f"A router with a {name}: under any back-pressure, flits from each input to each output leave "
        "unchanged, in order, once each; none goes where it is not wanted; an empty router holds none. "
        f"With free outputs, each leaves within {LONGEST[params]} cycles.",
        parameters=f"any input and output, any routing function (`routing` has the real one), {holds}",
        cases={
            f"{source.name.lower()} to {target.name.lower()}": case(source, target)
            for target in Port
            for source in INPUTS_OF[target]
        },
        bugs=bugs,
        engine="abc scorr; pdr",
    )


PROOFS = [
    proof(
        "crossbar",
        CROSSBAR,
        "2 flits a FIFO",
        (
            "multicast branch lost",
            "done bit not cleared",
            "done bit not set",
            "flit changes while it waits",
            "round robin starves",
        ),
    ),
    proof(
        "bus",
        BUS,
        "a flit a slot",
        (
            "multicast branch lost on the bus",
            "branch that was served not forgotten",
            "flit overwritten while a branch waits",
            "output of the bus offers a flit that it cannot take",
            "arbiter of the bus starves",
        ),
    ),
]
