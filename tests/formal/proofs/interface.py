"""The router interface: a processing element always takes what the mesh delivers, as far as its core does."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Mux, Signal, Value
from yoso_hw.core.ops import spike_layout
from yoso_hw.flit import pack, unpack
from yoso_hw.packet import Kind, Packets
from yoso_hw.params import ROUTERS, ChipParams
from yoso_hw.router_interface import RouterInterface

from formal.harness import Harness, Proof, implies


def chip(**settings: Any) -> ChipParams:
    return ChipParams(cols=2, rows=2, lanes=1, neurons=2, weights=2, **settings)


def build(h: Harness, params: ChipParams) -> None:
    """Follow one spike of the element's layer."""
    m = h.m
    packets = Packets(params)
    m.submodules.interface = dut = RouterInterface(params)
    for name in ("x", "y", "tag", "enabled"):
        m.d.comb += getattr(dut, name).eq(h.fixed(name, getattr(dut, name).shape()))
    for stream, name in ((dut.from_router, "in"), (dut.reply, "reply"), (dut.send, "send")):
        h.drive(stream.valid, f"{name}_valid")
        h.drive(stream.payload, name)
    for stream, name in ((dut.to_router, "out"), (dut.spike, "spike"), (dut.packet, "packet")):
        h.drive(stream.ready, f"{name}_ready")

    # The register that takes what comes, and the FIFO behind it.
    into, out = dut.from_router, dut.spike
    full, flit = Signal(), Signal.like(into.payload)
    spike = unpack(packets, "SPIKE", flit)
    own = (spike.kind == Kind.SPIKE) & dut.enabled & (spike.tag == dut.tag)
    memory = (spike.kind == Kind.SEEK) | (spike.kind == Kind.WRITE) | (spike.kind == Kind.READ)
    held = Signal(range(params.spike_fifo + 1))
    room = held != params.spike_fifo
    leaves = full & room & dut.packet.ready
    put, got = leaves & own, out.valid & out.ready
    # With a bus, a register takes no flit in the cycle in which it gives one.
    through = params.link_cycles == 1
    takes = ~full | (leaves if through else 0)
    with m.If(takes):
        m.d.sync += [full.eq(into.valid), flit.eq(into.payload)]
    with m.Elif(leaves):
        m.d.sync += full.eq(0)
    m.d.sync += held.eq(held + put - got)
    h.check(into.ready == takes, "a flit waits for the core or the memory interface alone")
    # With convolution a spike passes an empty FIFO by.
    passes = put & (held == 0) if params.side else Const(0)
    h.check(out.valid == ((held != 0) | passes), "what waits for the core, or passes by, is offered to it")
    h.check(
        dut.packet.valid == (full & memory & room), "packets for the memories, and no others, are passed on"
    )
    h.check(implies(dut.packet.valid, dut.packet.payload == flit), "unchanged")

    choose = h.free("choose")
    fields, offered = (Cat(one[name] for name, _ in spike_layout(params)) for one in (spike, out.payload))
    inside, chosen = Signal(), Signal.like(fields)
    ahead = Signal.like(held)
    with m.If(~inside):
        with m.If(choose & put & ~(passes & got)):
            m.d.sync += [inside.eq(1), ahead.eq(held - got), chosen.eq(fields)]
    with m.Elif(got):
        m.d.sync += [ahead.eq(ahead - 1), inside.eq(ahead != 0)]
    its_turn = inside & (ahead == 0)
    h.check(implies(passes, offered == fields), "what passes by is unchanged")
    h.check(
        implies(its_turn, out.valid & (offered == chosen)),
        "the layer's spikes come to the core in order, once each",
    )
    h.check(implies(dut.idle, ~full & (held == 0) & ~dut.to_router.valid), "an idle interface holds nothing")

    goes = dut.to_router.valid & dut.to_router.ready
    replied, sent = dut.reply.valid & dut.reply.ready, dut.send.valid & dut.send.ready
    reply = pack(packets, "REPLY", x=dut.x, y=dut.y, data=dut.reply.payload)
    taken, due = Signal.like(dut.to_router.payload), Signal()  # what was taken and has to go
    with m.If(replied | sent):
        m.d.sync += [due.eq(1), taken.eq(Mux(replied, reply, dut.send.payload))]
    with m.Elif(goes):
        m.d.sync += due.eq(0)
    h.check(~(replied & sent), "one flit is taken at once")
    h.check(implies(replied | sent, ~due | (goes if through else 0)), "and only when the one before goes")
    h.check(dut.to_router.valid == due, "what is taken is offered, once")
    h.check(implies(due, dut.to_router.payload == taken), "unchanged")
    h.cover(its_turn & got & (out.payload.row == 1))
    h.cover(full & own & ~room & into.valid)
    h.cover(leaves & ~own & (spike.kind == Kind.SPIKE))
    h.cover(replied & Value.cast(dut.send.valid))


PROOFS = [
    Proof(
        name="interface",
        claim="A flit from the router waits for core or memory interface alone, never for the network; "
        "spikes of the layer come to the core in order, once each; what is sent goes out once.",
        parameters="a register and 4 flits between router and core, multicast; crossbar and bus; with "
        "convolution, where a spike passes the empty FIFO by",
        cases={
            **{kind: lambda h, kind=kind: build(h, chip(router=kind)) for kind in ROUTERS},
            "convolution": lambda h: build(h, chip(side=2)),
        },
        bugs=(
            "spike dropped under back-pressure",
            "tag of a spike ignored",
            "a word that passes a FIFO by is held as well",
        ),
        engine="abc scorr; pdr",
    )
]
