"""Bins of FIFOs, routers and what lies between routers and blocks."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value
from yoso_hw.fifo import Pair, StreamFIFO
from yoso_hw.flit import unpack
from yoso_hw.packet import HOST_BIT
from yoso_hw.router import INPUTS_OF, Port, Router
from yoso_hw.router_interface import RouterInterface
from yoso_hw.unicast import Unicast

from cover.bins.terms import moved, named, packet_is, refused
from cover.planting import Bins, bins_of


@bins_of(Pair)
@bins_of(StreamFIFO)
def fifo(m: Module, fifo: StreamFIFO | Pair) -> Bins:
    held = Signal(name="bins_held")
    m.d.sync += held.eq(fifo.o.valid)
    yield "full", ~fifo.i.ready
    yield "refuses while full", refused(fifo.i)
    yield "runs empty", held & ~fifo.o.valid
    yield "one in and one out at once", moved(fifo.i) & moved(fifo.o)
    yield "output waits", refused(fifo.o)


@bins_of(Router)
def router(m: Module, router: Router) -> Bins:
    """Turns are counted when a flit leaves its input's FIFO or slot, a submodule, with its last branch."""
    crossbar = router.params.router == "crossbar"
    prefix = () if crossbar else ("bus",)
    wanting: dict[Port, dict[Port, Any]] = {}
    for port in Port:
        if crossbar:
            queue = m.submodules[f"fifo_{port.name.lower()}"].o
            flit, held, leaves = queue.payload[: router.packets.flit_bits], queue.valid, moved(queue)
        else:
            slot = m.submodules[f"slot_{port.name.lower()}"]
            flit, held = slot.flit, slot.wants.any()
            leaves = held & ~(slot.wants & ~slot.taken).any()
        wants = router.route(port, flit)
        wanting[port] = {out: held & want for out, want in wants.items()}
        branches = sum((Value.cast(want) for want in wants.values()), Const(0))
        for out, want in wants.items():
            yield named(*prefix, port, "to", out, "alone"), leaves & want & (branches == 1)
            if (port, out) != (Port.NORTH, Port.WEST):  # the way out to the host is never one of many
                yield named(*prefix, port, "to", out, "and others"), leaves & want & (branches > 1)
        most = len([out for out in wants if (port, out) != (Port.NORTH, Port.WEST)])
        for count in range(1, most + 1):
            yield named(*prefix, port, "in", count, "branches"), leaves & (branches == count)
        blocked = Cat(want & ~router.output(out).ready for out, want in wants.items()).any()
        free = Cat(want & router.output(out).ready for out, want in wants.items()).any()
        served = held & free if crossbar else slot.taken.any()
        yield named(*prefix, port, "a branch waits for another"), served & blocked & ~leaves
        yield named(*prefix, port, "refused"), refused(router.input(port))
    for out in Port:
        asking = [wanting[port][out] for port in INPUTS_OF[out]]
        waits = refused(router.output(out)) if crossbar else Cat(asking).any() & ~router.output(out).ready
        yield named(*prefix, out, "held back"), waits
        yield named(*prefix, out, "wanted by two"), sum(asking, Const(0)) > 1


@bins_of(Unicast)
def unicast(m: Module, unicast: Unicast) -> Bins:
    whole = unpack(unicast.packets, "READ", unicast.i.payload)
    gone, to_host = moved(unicast.i), whole.kind[HOST_BIT]
    wide, high = whole.x0 != whole.x1, whole.y0 != whole.y1
    yield "to the host", gone & to_host
    yield "to one node", gone & ~to_host & ~wide & ~high
    yield "to a row", gone & ~to_host & wide & ~high
    yield "to a column", gone & ~to_host & ~wide & high
    yield "to a block", gone & ~to_host & wide & high
    yield "held back", refused(unicast.o)


@bins_of(RouterInterface)
def router_interface(m: Module, interface: RouterInterface) -> Bins:
    packets = interface.packets
    came, goes = interface.from_router, interface.to_router
    own = unpack(packets, "SPIKE", came.payload).tag == interface.tag
    spike = moved(came) & packet_is(packets, "SPIKE", came.payload)
    yield "in spike of its layer", spike & own & interface.enabled
    yield "in spike of another layer", spike & ~own & interface.enabled
    yield "in spike without a layer", spike & ~interface.enabled
    for name in ("SEEK", "WRITE", "READ"):
        yield named("in", name), moved(came) & packet_is(packets, name, came.payload)
    for name in ("SPIKE", "RESULT", "REPLY"):
        yield named("out", name), moved(goes) & packet_is(packets, name, goes.payload)
    yield "in refused", refused(came)
    yield "out held back", refused(goes)
    # In one phase a PE answers, in the other it spikes.
    yield "multicast", moved(goes) & interface.params.multicast
    yield "unicast", moved(goes) & (not interface.params.multicast)
