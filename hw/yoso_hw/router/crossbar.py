"""The crossbar: each port of a router moves a flit a cycle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.fifo import Pair, StreamFIFO
from yoso_hw.router.ports import INPUTS_OF, Port

if TYPE_CHECKING:
    from yoso_hw.router.router import Router


class RoundRobin(Component):
    """Grants one of `count` requests; the one served last comes last next time. Combinational grant.

    A grant that is not taken stays, so an output's flit does not change while it waits.

    Members
    -------
    requests
        One bit a requester.
    grant
        One-hot, or 0 if nobody requests.
    taken
        The grant was used in this cycle: turn the priority.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__({"requests": In(count), "grant": Out(count), "taken": In(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # The requesters above the one served last, or from the one that was granted and not taken upwards: in
        # ascending order they come before all others. So who comes before whom is known before anyone asks.
        above = Signal(self.count)

        def before(j: int, i: int) -> Value:
            return above[j] | ~above[i] if j < i else above[j] & ~above[i]

        for i in range(self.count):
            others = [self.requests[j] & before(j, i) for j in range(self.count) if j != i]
            m.d.comb += self.grant[i].eq(self.requests[i] & ~Cat(others).any())
        with m.If(self.grant.any()):
            below = Cat(self.grant[i + 1 :].any() for i in range(self.count))
            m.d.sync += above.eq(~(below | Mux(self.taken, self.grant, 0)))
        return m


def crossbar(router: Router) -> Module:
    """A FIFO of ``link_fifo`` flits an input, and an arbiter an output.

    One of two flits is a pair of registers on a chip with convolution; one without keeps the cells it had.

    Each flit is kept with the outputs that want it, which are found as it comes in. The one at a FIFO's head
    is taken by each output when that is free; a done bit a branch remembers which have, and the flit leaves
    the FIFO with its last branch.
    """
    m = Module()
    heads, wanted, takes = {}, {}, {}
    for port in Port:
        name = port.name.lower()
        into = router.input(port)
        route = router.route(port, into.payload)
        width = router.packets.flit_bits + len(route)
        pair = router.params.side and router.params.link_fifo == 2
        fifo = Pair(width) if pair else StreamFIFO(width, router.params.link_fifo)
        m.submodules[f"fifo_{name}"] = fifo
        m.d.comb += [
            fifo.i.payload.eq(Cat(into.payload, *route.values())),
            fifo.i.valid.eq(into.valid),
            into.ready.eq(fifo.i.ready),
        ]
        heads[port] = fifo.o
        for out, want in zip(route, fifo.o.payload[router.packets.flit_bits :], strict=True):
            done = Signal(name=f"done_{name}_{out.name.lower()}")
            wanted[port, out] = Signal(name=f"wanted_{name}_{out.name.lower()}")
            takes[port, out] = Signal(name=f"take_{name}_{out.name.lower()}")
            m.d.comb += wanted[port, out].eq(fifo.o.valid & want & ~done)
            with m.If(fifo.o.ready):
                m.d.sync += done.eq(0)
            with m.Elif(takes[port, out]):
                m.d.sync += done.eq(1)
        branches = [out for out in Port if (port, out) in wanted]
        # Ready when every branch is served, in this cycle or before.
        m.d.comb += fifo.o.ready.eq(
            fifo.o.valid & ~Cat(wanted[port, out] & ~takes[port, out] for out in branches).any()
        )
    for out in Port:
        sources = INPUTS_OF[out]
        arbiter = m.submodules[f"arbiter_{out.name.lower()}"] = RoundRobin(len(sources))
        stream = router.output(out)
        m.d.comb += [
            arbiter.requests.eq(Cat(wanted[port, out] for port in sources)),
            arbiter.taken.eq(stream.ready),
            stream.valid.eq(arbiter.requests.any()),
        ]
        merged: Value = Const(0, router.packets.flit_bits)
        for i, port in enumerate(sources):
            m.d.comb += takes[port, out].eq(arbiter.grant[i] & stream.ready)
            flit = heads[port].payload[: router.packets.flit_bits]
            merged = merged | Mux(arbiter.grant[i], flit, 0)
        m.d.comb += stream.payload.eq(merged)
    m.d.comb += router.empty.eq(~Cat(head.valid for head in heads.values()).any())
    return m
