"""The whole core with convolution: nothing that a sweep or a spike needs waits for the network."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Mux, Signal, Value
from yoso_hw.core.core import Core
from yoso_hw.params import ChipParams

from formal.harness import Harness, Proof, implies, small_chip

#: Lines that a table's word can tell of, at most.
LINES = 3


def build(h: Harness, params: ChipParams, slack: int) -> None:
    """Memories and tables read as anything; the network takes flits when it likes, or never.

    A sweep's words and `slack` cycles after the tick the sweep is to be over, and a path's words later a
    spike at the door to be taken.
    """
    cycles = 2 if params.banked else 1  # a word
    sweep = cycles * params.neuron_words + slack
    spike = sweep + cycles * (LINES * params.neuron_words + 1)  # and one that is wrong
    m = h.m
    core = Core(params)
    core._MustUse__silence = True
    # The fire queue has no port: whether it has room is seen inside.
    m.submodules.core = inner = core.elaborate(None)
    queue = inner.submodules.fire_queue.i
    m.d.comb += Value.cast(core.config).eq(h.fixed("config", len(Value.cast(core.config))))
    for name in ("tick", "first", "report", "step"):
        h.drive(getattr(core, name), name)
    for name in ("a", "p", "w", "spike_row", "rows", "columns"):
        h.drive(getattr(core.memory, name), name)
    h.drive(core.spike.valid, "spike_valid")
    payload = h.drive(Value.cast(core.spike.payload), "spike")
    h.drive(core.out.ready, "out_ready")
    refused = h.past(core.spike.valid & ~core.spike.ready)
    h.assume(implies(refused, core.spike.valid & (payload == h.past(payload))))
    h.assume(h.past(core.tick) | (core.step == h.past(core.step)))

    # Some time when all is idle the step's work is done: from then on, not before, spikes are of the next.
    own = core.spike.payload.parity == core.parity
    at_door, done = core.spike.valid & own, Signal()
    with m.If(core.tick):
        m.d.sync += [core.parity.eq(~core.parity), done.eq(0)]
    with m.Elif(core.idle & ~at_door & h.free("over")):
        m.d.sync += done.eq(1)
    h.assume(implies(core.tick, done & ~at_door))
    h.assume(implies(core.spike.valid, own != done))

    h.check(implies(queue.valid, queue.ready), "the fire queue has room for whatever fires")
    words = Mux(core.config.words > params.neuron_words, params.neuron_words, core.config.words)
    left, age = Signal.like(core.config.words), Signal(range(sweep + 2))
    swept = core.memory.v_write
    with m.If(core.tick & ~core.report):
        m.d.sync += [left.eq(words), age.eq(1)]
    with m.Else():
        m.d.sync += [left.eq(left - swept), age.eq(age + (age <= sweep))]
    h.check(implies(swept, left != 0), "a sweep has no more words than there are")
    h.check(implies(left != 0, age <= sweep), f"a sweep ends within {sweep} cycles of the tick")
    waiting = Signal(range(spike + 2))
    m.d.sync += waiting.eq(Mux(at_door & ~core.tick & ~core.spike.ready, waiting + (waiting <= spike), 0))
    h.check(waiting <= spike, f"a spike whose step has begun is taken within {spike} cycles")
    quiet = h.past(core.idle & ~(core.spike.valid & core.spike.ready)) & ~core.tick
    h.check(implies(quiet, core.idle), "an idle core stays idle until a spike comes, or a tick")
    h.check(implies(core.idle, ~core.out.valid), "and sends nothing")
    blocked = Signal(init=1)  # the network has taken nothing yet
    m.d.sync += blocked.eq(blocked & ~core.out.ready)
    h.cover(blocked & core.out.valid & at_door & core.spike.ready)
    h.cover(core.tick & ~core.idle & ~h.past(core.idle))  # with a spike of the step to come


def chip(**changes: Any) -> ChipParams:
    return small_chip(**{"side": 2, "neurons": 4, "weights": 4, **changes})


PROOFS = [
    Proof(
        name="settle",
        claim="With convolution, too, a sweep ends, and a spike whose step has begun is taken, in bounded "
        "time though the network takes nothing; the fire queue never overflows; an idle core holds "
        "nothing. Tables and registers may say anything.",
        parameters="4 words (banked, neuron=all: 2), tables of 2 entries; a sweep within its words and 3 "
        "cycles, a spike within those and a path's words; neuron=all: 2 more",
        cases={
            "plain": lambda h: build(h, chip(), 3),
            "banked": lambda h: build(h, chip(banked=True, neurons=2), 3),
            "family": lambda h: build(h, chip(neuron="all", neurons=2), 5),
        },
        bugs=(
            "a sweep that waits for the network",
            "fire queue too short for a sweep",
            "convolution: a pooled sweep ends by its blocks, not by a count of words",
            "convolution: prefetch is missing from idle",
            "convolution: a spike that waits for its tables is not seen in idle",
        ),
        assumptions=(
            "a tick comes when the step's work is done and spikes are then of the step to come (`barrier`)",
            "the step's number stays from tick to tick (`pe.py`)",
        ),
        engine="abc scorr; pdr",
        cover_depth=30,
    )
]
