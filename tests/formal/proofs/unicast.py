"""The unicast baseline: one flit a node."""

from __future__ import annotations

from amaranth.hdl import Signal
from yoso_hw.packet import KIND_BITS
from yoso_hw.params import ChipParams
from yoso_hw.router import Router
from yoso_hw.unicast import Unicast

from formal.harness import Harness, Proof, implies
from formal.proofs.xy import Flit

PARAMS = ChipParams(cols=4, rows=4)


def build(h: Harness) -> None:
    """Follow one node: each flit reaches it once if it lies in the rectangle, else not at all."""
    m = h.m
    m.submodules.unicast = dut = Unicast(PARAMS)
    router = Router(PARAMS)  # for the layout of flits
    router._MustUse__silence = True
    h.drive(dut.i.valid, "valid")
    h.drive(dut.o.ready, "ready")
    payload = h.drive(dut.i.payload, "payload")
    flit, copy = Flit(router, payload), Flit(router, dut.o.payload)
    u, v = h.fixed("u", router.x.shape()), h.fixed("v", router.y.shape())
    h.assume(implies(dut.i.valid, flit.to_host | flit.right))
    waits = h.past(dut.i.valid & ~dut.i.ready)
    h.assume(implies(waits, dut.i.valid & (payload == h.past(payload))))

    goes, over = dut.o.valid & dut.o.ready, dut.i.valid & dut.i.ready
    here = goes & (copy.to_host | copy.holds(u, v))
    before = Signal()  # a copy of this flit has gone there
    m.d.sync += before.eq(~over & (before | here))
    due = flit.to_host | flit.holds(u, v)
    single = (copy.fields.x0 == copy.fields.x1) & (copy.fields.y0 == copy.fields.y1)
    rest = KIND_BITS + len(flit.fields.x0) * 2 + len(flit.fields.y0) * 2
    same = (dut.o.payload[:KIND_BITS] == payload[:KIND_BITS]) & (dut.o.payload[rest:] == payload[rest:])
    h.check(implies(goes, copy.to_host | single), "a copy is for one node")
    h.check(implies(goes & copy.to_host, dut.o.payload == payload), "a flit to the host passes unchanged")
    h.check(implies(goes, same), "what a copy says is what the flit says")
    h.check(implies(here, due & ~before), "no node gets a second copy, or one that is not for it")
    h.check(implies(over & due, here | before), "no node is left out")
    h.check(implies(over, goes), "the flit is taken with the last of its copies")
    h.check(dut.o.valid == dut.i.valid, "a flit that waits is offered")
    h.cover(over & before & due & ~flit.to_host)
    h.cover(over & flit.to_host)


PROOFS = [
    Proof(
        name="unicast",
        claim="Each node of a flit's rectangle gets one copy of it, no other node any, and the flit goes "
        "with the last of them.",
        parameters="any rectangle and node of meshes up to 4 x 4",
        cases={"": build},
        bugs=("unicast goes down a column only",),
        assumptions=("a flit stays until it is taken", "rectangles are not empty"),
        engine="abc scorr; pdr",
    )
]
