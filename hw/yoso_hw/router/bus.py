"""The bus: the inputs of a router take turns, in half the crossbar's logic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.router.ports import Port

if TYPE_CHECKING:
    from yoso_hw.router.router import Router


class Arbiter(Component):
    """Grants one of `count` requests, the one served longest ago. Combinational grant.

    So between two turns of its own, a requester sees each other served before it once at most, even if it
    asks on and off.

    Members
    -------
    requests
        One bit a requester.
    grant
        One-hot, or 0 if nobody requests.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__({"requests": In(count), "grant": Out(count)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Who comes before whom is known before anyone asks: so a grant is two gates deep.
        before: dict[tuple[int, int], Value] = {}
        for i in range(self.count):
            for j in range(i + 1, self.count):
                first = Signal(init=1, name=f"before_{i}_{j}")
                before[i, j], before[j, i] = first, ~first
                with m.If(self.grant[i] | self.grant[j]):
                    m.d.sync += first.eq(self.grant[j])
        for i in range(self.count):
            others = [self.requests[j] & before[j, i] for j in range(self.count) if j != i]
            m.d.comb += self.grant[i].eq(self.requests[i] & ~Cat(others).any())
        return m


class Slot(Component):
    """An input of a router: one flit, and the outputs that still want it.

    Neither side sees the other combinationally; so it takes a flit every other cycle at most.

    Members
    -------
    i
        Flits.
    ways
        The outputs that want the flit at `i`.
    flit
        The flit that is held.
    wants
        The outputs that have not taken it; 0: none is held.
    taken
        The outputs that take it in this cycle, of those in `wants`.
    """

    def __init__(self, flit_bits: int, outputs: int) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(flit_bits)),
                "ways": In(outputs),
                "flit": Out(flit_bits),
                "wants": Out(outputs),
                "taken": In(outputs),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.i.ready.eq(~self.wants.any())
        m.d.sync += self.wants.eq(self.wants & ~self.taken)
        with m.If(self.i.ready):
            m.d.sync += self.flit.eq(self.i.payload)
            with m.If(self.i.valid):
                m.d.sync += self.wants.eq(self.ways)
        return m


def bus(router: Router) -> Module:
    """A slot of one flit an input, and one way from all of them to all outputs.

    Whose turn it is gives its flit to each output that it wants and that is ready, and keeps it for the
    others. Only who can give its flit to someone takes a turn, so the bus waits for nobody. An output offers
    a flit only when it is ready.
    """
    m = Module()
    m.submodules.arbiter = arbiter = Arbiter(len(Port))
    bits = router.packets.flit_bits
    bus: Value = Const(0, bits)
    offers: dict[Port, Value] = {out: Const(0) for out in Port}
    held = []
    for port in Port:
        into = router.input(port)
        route = router.route(port, into.payload)
        slot = m.submodules[f"slot_{port.name.lower()}"] = Slot(bits, len(route))
        wiring.connect(m, wiring.flipped(into), slot.i)
        free = slot.wants & Cat(router.output(out).ready for out in route)
        m.d.comb += [
            slot.ways.eq(Cat(*route.values())),
            arbiter.requests[port].eq(free.any()),
            slot.taken.eq(Mux(arbiter.grant[port], free, 0)),
        ]
        bus = bus | Mux(arbiter.grant[port], slot.flit, 0)
        for out, takes in zip(route, slot.taken, strict=True):
            offers[out] = offers[out] | takes
        held.append(slot.wants.any())
    shared = Signal(bits)
    m.d.comb += [shared.eq(bus), router.empty.eq(~Cat(held).any())]
    for out in Port:
        m.d.comb += [router.output(out).payload.eq(shared), router.output(out).valid.eq(offers[out])]
    return m
