"""The decision by spike count: right for any order in which output spikes come."""

from __future__ import annotations

from amaranth.hdl import Array, Mux, Signal
from yoso_hw.decision import Decision
from yoso_hw.flit import unpack
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams, bits_for

from formal.harness import Harness, Proof, implies

#: Cycles from the last spike, and from the last START, to an image: fewer than there are.
PAUSE = 4


def counts(h: Harness, params: ChipParams) -> None:
    """Spikes of any output in any cycle, images of any length, a pause between them."""
    m, packets = h.m, Packets(params)
    m.submodules.decision = decision = Decision(params)
    h.drive(decision.valid, "valid")
    h.drive(decision.flit, "flit")
    h.drive(decision.clear, "clear")
    index = unpack(packets, "RESULT", decision.flit).index
    m.d.comb += [decision.enable.eq(1), decision.counting.eq(1), decision.spikes.eq(1)]

    # What the surroundings owe it.
    begun, quiet = Signal(), Signal(range(PAUSE + 1))
    m.d.sync += quiet.eq(Mux(decision.valid | decision.clear, 0, Mux(quiet == PAUSE, PAUSE, quiet + 1)))
    with m.If(decision.clear):
        m.d.sync += begun.eq(1)
    h.assume(implies(decision.clear, ~decision.valid & decision.ready & (quiet == PAUSE)))
    h.assume(implies(decision.valid, begun))
    again = h.past(decision.valid) & (h.past(index) == index)
    h.assume(implies(decision.valid, ~again))
    spikes = Array(Signal(bits_for(params.steps + 1), name=f"spikes_{i}") for i in range(params.classes))
    h.assume(implies(decision.valid, spikes[index] < params.steps))

    # The counts, and who has the most.
    for i in range(params.classes):
        with m.If(decision.clear):
            m.d.sync += spikes[i].eq(0)
        with m.Elif(decision.valid & (index == i)):
            m.d.sync += spikes[i].eq(spikes[i] + 1)
    best, most = Signal(range(params.classes)), Signal(bits_for(params.steps + 1))
    for i in reversed(range(params.classes)):
        others = [spikes[j] for j in range(params.classes) if j != i]
        wins = 1
        for other in others:
            wins = wins & (spikes[i] >= other)
        with m.If(wins):
            m.d.comb += [best.eq(i), most.eq(spikes[i])]
    settled = begun & ~h.past(decision.valid) & ~h.past(decision.clear)
    h.check(implies(settled, decision.found == (most != 0)), "something is found where anything has spiked")
    h.check(
        implies(settled & (most != 0), decision.index == best),
        "the output with the most spikes is found, and of several the lowest",
    )
    h.cover(settled & (most == params.steps) & (best == 1))


def chip(**changes) -> ChipParams:
    sizes = {"cols": 1, "rows": 1, "lanes": 1, "neurons": 4, "weights": 4, "layers": 2, "steps": 2}
    widths = {"weight_bits": 2, "acc_bits": 2, "pot_bits": 2}
    return ChipParams(**{**sizes, **widths, "neuron": "all", **changes})


PROOFS = [
    Proof(
        name="count",
        claim="Two cycles after an output spike the decision unit has the output with the most spikes of "
        "this image, the lowest index of several, in whatever order they came and however images follow.",
        parameters="2 outputs and 3 steps; 4 outputs and 2 steps",
        cases={
            "2 outputs": lambda h: counts(h, chip(classes=2, steps=3)),
            "4 outputs": lambda h: counts(h, chip(classes=4)),
        },
        bugs=("tie of counts to the higher index", "count of an image gone by"),
        assumptions=(
            f"{PAUSE} cycles without a spike come before an image (`sequencer`: START waits as long)",
            "an output spikes once a step at most (`fire-once`), and no step is shorter than two cycles",
        ),
        engine="abc scorr; pdr",
        cover_depth=30,
    ),
]
