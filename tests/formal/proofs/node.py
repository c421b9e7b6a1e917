"""A node: what its leaf says to the barrier."""

from __future__ import annotations

from amaranth.hdl import Cat, Signal
from yoso_hw.flit import unpack
from yoso_hw.node import LINKS, Node
from yoso_hw.packet import Kind, Packets
from yoso_hw.params import ChipParams
from yoso_hw.router import Router

from formal.harness import Harness, Proof, implies
from formal.proofs.xy import Flit


def build(h: Harness, params: ChipParams) -> None:
    m = h.m
    m.submodules.node = node = Node(params)
    for name in ("x", "y"):
        m.d.comb += getattr(node, name).eq(h.fixed(name, getattr(node, name).shape()))
    for name in ("tick", "first", "report"):
        h.drive(getattr(node, name), name)
    router = Router(params)
    router._MustUse__silence = True  # its packets alone are looked at
    arrives, offers = [], []
    for link in LINKS:
        name = link.name.lower()
        into, out = getattr(node, f"in_{name}"), getattr(node, f"out_{name}")
        h.drive(into.valid, f"in_{name}_valid")
        h.drive(into.payload, f"in_{name}")
        if params.router == "bus":  # a crossbar holds any other, for a cycle
            h.assume(implies(into.valid, Flit(router, into.payload).legal(link, node.x, node.y)))
        h.drive(out.ready, f"out_{name}_ready")
        arrives.append(into.valid & into.ready)
        offers.append(out.valid)
    arrived, offered, ticked = h.past(Cat(arrives).any()), h.past(Cat(offers).any()), h.past(node.tick)
    parity = Signal()
    m.d.sync += parity.eq(parity ^ node.tick)

    # The leaf is registered: it speaks of the cycle before.
    idle = node.leaf.idle.any()
    h.check(implies(idle, ~offered), "an idle node sends nothing")
    stays = h.past(idle & ~arrived) & ~ticked
    h.check(implies(stays, idle), "an idle node stays idle until a flit comes, or a tick")
    h.check(~(idle & ticked), "a node is not idle in the cycle of its tick")
    h.check(implies(idle, node.leaf.idle == 1 << h.past(parity)), "it is idle in the step of its own parity")
    h.check(implies(h.past(arrived), ~idle), "a flit that came in is not overlooked")
    spike = unpack(Packets(params), "SPIKE", node.trace_flit)
    own = node.trace & (spike.kind == Kind.SPIKE)
    h.check(implies(own, spike.parity == parity), "its neurons' spikes carry the parity of its step")
    h.cover(idle & h.past(~idle) & h.past(offered))
    h.cover(own & parity)


def chip(**changes) -> ChipParams:
    mesh = {"cols": 2, "rows": 2, "layers": 2, "classes": 2, "steps": 2, "spike_fifo": 2}
    core = {"lanes": 1, "neurons": 2, "weights": 2, "weight_bits": 2, "acc_bits": 2, "pot_bits": 2}
    return ChipParams(**{**mesh, **core, **changes})


PROOFS = [
    Proof(
        name="node",
        claim="A node whose leaf is idle holds and sends no flit, and stays so until a flit or a tick comes; "
        "its leaf and its spikes carry the parity of its step.",
        parameters="2 neurons and 2 weights, FIFOs of 2 flits; multicast and unicast, crossbar and bus; "
        "with convolution",
        cases={
            "multicast": lambda h: build(h, chip()),
            "unicast": lambda h: build(h, chip(multicast=False)),
            "bus": lambda h: build(h, chip(router="bus")),
            "convolution": lambda h: build(h, chip(side=2)),
        },
        bugs=(
            "idle though a flit is in the router",
            "idle though neurons that fired are still to be sent",
            "parity of a neuron's spike is the last step's",
            "convolution: a spike that waits for its tables is not seen in idle",
        ),
        assumptions=(
            "bus: a flit comes in where X-Y routing sends it (`routing`); a router drops any other",
        ),
        engine="abc scorr; pdr",
        cover_depth=30,
    )
]
