"""The step barrier: barrier tree, sequencer and host port, joined as in the chip, over any mesh.

The mesh is the harness's. A node has work of a step's parity or none; work comes from work of that parity,
anywhere in the mesh, from the host, or from the tick of that parity, and may end at any time. Proof `node`
shows that a real node does no more than that.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Mux, Signal
from amaranth.lib import wiring
from yoso_hw.barrier import Barrier
from yoso_hw.flit import unpack
from yoso_hw.host import HostPort
from yoso_hw.packet import Kind
from yoso_hw.params import ChipParams
from yoso_hw.sequencer import Sequencer

from formal.harness import Harness, Proof, implies

#: Cycles from the end of a step's work to the next tick.
LONGEST = 4


def build(h: Harness, cols: int, rows: int) -> None:
    m = h.m
    params = ChipParams(cols=cols, rows=rows, lanes=1, neurons=2, weights=2, steps=3, layers=2, classes=2)
    m.submodules.barrier = barrier = Barrier(cols, rows)
    m.submodules.sequencer = sequencer = Sequencer(params)
    m.submodules.host = host = HostPort(params)
    wiring.connect(m, host.start, sequencer.start)
    wiring.connect(m, sequencer.answer, host.answer)
    m.d.comb += [
        barrier.tick.eq(sequencer.tick),
        barrier.host.idle[0].eq(sequencer.host_idle & ~sequencer.parity),
        barrier.host.idle[1].eq(sequencer.host_idle & sequencer.parity),
        sequencer.idle.eq(barrier.idle),
        sequencer.step_end.eq(host.step_end),
        sequencer.image_end.eq(host.image_end),
        host.loading.eq(sequencer.loading),
        host.accepting.eq(sequencer.accepting),
        host.draining.eq(sequencer.draining),
        host.parity.eq(sequencer.parity),
    ]
    inject = host.inject
    for port, name in (
        (host.host_in.valid, "host_in_valid"),
        (host.host_in.payload, "host_in"),
        (host.host_out.ready, "host_out_ready"),
        (host.exit.valid, "exit_valid"),
        (host.exit.payload, "exit"),
        (inject.ready, "inject_ready"),
        (sequencer.found, "found"),
    ):
        h.drive(port, name)

    # The mesh.
    spike = unpack(host.packets, "SPIKE", inject.payload)
    injected = inject.valid & inject.ready
    injected_parity = Mux(spike.kind == Kind.SPIKE, spike.parity, sequencer.parity)
    nodes = range(cols * rows)
    parity = [Signal(name=f"parity{i}") for i in nodes]
    work = [Signal(2, name=f"work{i}") for i in nodes]
    ticks = [barrier.ticks[i].tick for i in nodes]
    somewhere = [Cat(work[i][p] for i in nodes).any() | (injected & (injected_parity == p)) for p in (0, 1)]
    for i in nodes:
        m.d.sync += parity[i].eq(parity[i] ^ ticks[i])
        for p in (0, 1):
            begins = ticks[i] & (parity[i] != p)
            m.d.sync += work[i][p].eq(h.free(f"works{i}_{p}") & (somewhere[p] | begins))
            idle = ~work[i].any() & ~ticks[i] & (parity[i] == p)
            m.d.sync += barrier.leaves[i].idle[p].eq(idle)

    working = Cat(*work).any()
    abreast = ~Cat(mine ^ sequencer.parity for mine in parity).any()
    old = Mux(sequencer.parity, Cat(each[0] for each in work).any(), Cat(each[1] for each in work).any())
    step_begins = sequencer.tick.tick
    h.check(
        implies(step_begins, ~working & abreast & ~injected), "a step begins when the last is over everywhere"
    )
    h.check(~old, "no node has work of a step gone by")
    h.check(
        implies(injected, injected_parity == sequencer.parity), "the host's spikes are of the running step"
    )
    same = Cat(*ticks).all() | ~Cat(*ticks).any()
    h.check(same, "all nodes get the tick in the same cycle")
    before = Mux(parity[0], Cat(each[1] for each in work).any(), Cat(each[0] for each in work).any())
    h.check(implies(ticks[0], ~before), "no node sweeps before all spikes of the step before are integrated")

    # It does not wait longer than it must.
    closed = ~sequencer.loading & ~sequencer.accepting & ~sequencer.draining & ~sequencer.answer.valid
    calm = Signal(range(LONGEST + 2))
    over = closed & ~working & abreast & sequencer.host_idle
    m.d.sync += calm.eq(Mux(over & ~step_begins, calm + (calm <= LONGEST), 0))
    h.check(calm <= LONGEST, f"the next step begins, or the image ends, within {LONGEST} cycles")
    h.cover(step_begins & ~sequencer.tick.first & ~sequencer.tick.report)
    h.cover(step_begins & sequencer.tick.report)
    h.cover(working & h.past(ticks[0]))
    h.cover(calm == LONGEST)


def case(cols: int, rows: int):
    return lambda h: build(h, cols, rows)


PROOFS = [
    Proof(
        name="barrier",
        claim="A step begins only when no work of the step before is left in any node or at the host, and "
        "reaches all nodes in one cycle; the host's spikes are of the running step; the next step begins "
        f"within {LONGEST} cycles.",
        parameters="meshes of 1 x 1, 2 x 2 and 6 x 7 nodes, images of up to 3 steps, any host",
        cases={f"{cols} x {rows}": case(cols, rows) for cols, rows in ((1, 1), (2, 2), (6, 7))},
        bugs=(
            "tick before all are idle",
            "barrier two cycles early: the host's leaf has no registers",
            "end of one step taken for the end of the next",
            "parity of the host's spikes not stamped",
        ),
        assumptions=("nodes work as `node` shows: work comes from work, from the host or from a tick",),
        engine="abc scorr; pdr",
        cover_depth=30,
    )
]
