"""The whole core: nothing that a sweep or a spike needs waits for the network."""

from __future__ import annotations

from amaranth.hdl import Mux, Signal, Value
from yoso_hw.core.core import Core
from yoso_hw.params import ChipParams

from formal.harness import Harness, Proof, implies, small_chip


def build(h: Harness, params: ChipParams, longest: int, longest_spike: int) -> None:
    """The memories read as anything, so anything fires; the network takes flits when it likes, or never.

    A word is to be swept within `longest` cycles of the tick, a spike to be taken within `longest_spike`.
    """
    m = h.m
    core = Core(params)
    core._MustUse__silence = True
    # The fire queue has no port: whether it has room is seen inside.
    m.submodules.core = inner = core.elaborate(None)
    queue = inner.submodules.fire_queue.i
    m.d.comb += Value.cast(core.config).eq(h.fixed("config", len(Value.cast(core.config))))
    for name in ("tick", "first", "report", "step"):
        h.drive(getattr(core, name), name)
    for name in ("a", "p", "w", "spike_row"):
        h.drive(getattr(core.memory, name), name)
    h.drive(core.spike.valid, "spike_valid")
    spike = h.drive(Value.cast(core.spike.payload), "spike")
    h.drive(core.out.ready, "out_ready")
    words = Mux(core.config.words > params.neuron_words, params.neuron_words, core.config.words)
    h.assume(implies(core.spike.valid, words != 0))
    at_door = core.spike.valid & (core.spike.payload.parity == core.parity)
    h.assume(implies(core.tick, ~at_door & h.past(core.idle & ~at_door)))
    h.assume(
        implies(h.past(core.spike.valid & ~core.spike.ready), core.spike.valid & (spike == h.past(spike)))
    )
    with m.If(core.tick):
        m.d.sync += core.parity.eq(~core.parity)
    h.assume(h.past(core.tick) | (core.step == h.past(core.step)))

    h.check(implies(queue.valid, queue.ready), "the fire queue has room for whatever fires")
    word = h.fixed("word", params.word_bits)
    h.assume(word < words)
    due, age = Signal(), Signal(range(longest + 2))
    with m.If(core.tick & ~core.report):
        m.d.sync += [due.eq(1), age.eq(1)]
    with m.Elif(core.memory.v_write & (core.memory.write_word == word)):
        m.d.sync += due.eq(0)
    with m.Else():
        m.d.sync += age.eq(age + (age <= longest))
    h.check(implies(due, age <= longest), f"every word is swept within {longest} cycles of the tick")
    waiting = Signal(range(longest_spike + 2))
    waits = at_door & ~core.tick & ~core.spike.ready
    m.d.sync += waiting.eq(Mux(waits, waiting + (waiting <= longest_spike), 0))
    h.check(waiting <= longest_spike, f"a spike whose step has begun is taken within {longest_spike} cycles")
    blocked = Signal(init=1)  # the network has taken nothing yet
    m.d.sync += blocked.eq(blocked & ~core.out.ready)
    h.cover(blocked & core.out.valid & at_door & core.spike.ready)
    h.cover(due & (age == longest))


def chip(**changes) -> ChipParams:
    return small_chip(**{"neurons": 5, "weights": 8, **changes})


PROOFS = [
    Proof(
        name="sweep",
        claim="A sweep ends, and a spike whose step has begun is taken, in bounded time though the network "
        "takes nothing; the fire queue never overflows.",
        parameters="5 words; a sweep within 8 cycles (banked: 9), a spike within twice that; neuron=all with "
        "any registers, a spike within 28 (banked: 36), as in the step of the charge",
        cases={
            "plain": lambda h: build(h, chip(), 8, 16),
            "banked": lambda h: build(h, chip(banked=True), 9, 18),
            "family": lambda h: build(h, chip(neuron="all"), 8, 28),
            "family, banked": lambda h: build(h, chip(neuron="all", banked=True), 9, 36),
        },
        bugs=(
            "a sweep that waits for the network",
            "fire queue too short for a sweep",
            "a spike in the step of the charge waits for ever",
        ),
        assumptions=(
            "a tick comes when the core is idle and no spike of the step waits (`barrier`)",
            "the step's number stays from tick to tick (`pe.py`)",
        ),
        engine="abc scorr; pdr",
    )
]
