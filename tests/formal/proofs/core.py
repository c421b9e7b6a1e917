"""Load, compute and store, one neuron followed through every sweep and spike.

The three are joined as in `Core`, without the sender, which they never hear of. The memories are the
harness's: the word of the neuron is kept, all other words read as anything, and so does a word that is read
in the cycle in which it is written. That is more than any memory does.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Mux, Signal, Value, signed
from amaranth.lib import wiring
from yoso_hw.core.compute import Compute
from yoso_hw.core.load import Load
from yoso_hw.core.neuron import neuron_config, step_layout
from yoso_hw.core.store import Store
from yoso_hw.params import ChipParams, bits_for
from yoso_hw.registers import Reset

from formal import family
from formal.family import clamp
from formal.harness import Harness, Proof, implies


def chip(**changes) -> ChipParams:
    """A small core."""
    sizes = {
        "cols": 1,
        "rows": 1,
        "lanes": 1,
        "neurons": 5,
        "weights": 8,
        "steps": 2,
        "layers": 2,
        "classes": 2,
    }
    return ChipParams(**{**sizes, "weight_bits": 2, "acc_bits": 2, "pot_bits": 2, **changes})


class Pipeline:
    """The three blocks in their surroundings: ticks of the barrier, spikes, memories.

    Members
    -------
    load, compute, store
        The blocks.
    word, lane
        The neuron that is followed, a symbolic constant; it is in use.
    weight
        What a read of the neuron's weight finds in this cycle.
    neuron
        What the neurons are told, a symbolic constant.
    step
        What the step that starts in this cycle decides.
    a, p
        What the memories hold of the neuron's word.
    model_a, due_a
        What A should be; writes of it that are still to come.
    model_v, fired
        What V and the fired bit should be.
    swept
        V after the sweep that starts in this cycle, before the neuron fires, and then whether it fires.
    """

    def __init__(self, h: Harness, params: ChipParams, words: int) -> None:
        m = h.m
        self.params = params
        m.submodules.load = self.load = load = Load(params)
        m.submodules.compute = self.compute = compute = Compute(params)
        m.submodules.store = self.store = store = Store(params)
        wiring.connect(m, load.request, compute.request)
        wiring.connect(m, compute.result, store.result)
        bank = Signal()
        m.d.sync += bank.eq(~bank)
        self.word, self.lane = h.fixed("word", params.word_bits), h.fixed("lane", bits_for(params.lanes))
        h.assume((self.word < words) & (self.lane < params.lanes))
        self.idle = load.idle & compute.idle
        m.d.comb += [load.words.eq(words), load.bank.eq(bank), store.bank.eq(bank)]

        # The barrier ticks when all is idle and no spike of the step waits.
        h.drive(load.start, "start")
        h.drive(load.first, "first")
        h.drive(load.spike.valid, "spike_valid")
        spike = h.drive(Value.cast(load.spike.payload), "spike")
        at_door = load.spike.valid & (load.spike.payload.parity == load.parity)
        h.assume(implies(load.start, h.past(self.idle & ~at_door)))
        with m.If(load.start):
            m.d.sync += load.parity.eq(~load.parity)
        m.d.comb += load.hold.eq(compute.step.charging & ~self.idle if params.neuron == "all" else 0)
        waits = h.past(load.spike.valid & ~load.spike.ready)
        h.assume(implies(waits, load.spike.valid & (spike == h.past(spike))))
        m.d.comb += store.last_mask.eq(h.fixed("mask", params.lanes))
        # What a step's number decides is the same all through the step.
        self.neuron, self.step = Signal(neuron_config(params)), Signal(step_layout(params))
        m.d.comb += [
            Value.cast(self.neuron).eq(h.fixed("neuron", len(Value.cast(self.neuron)))),
            load.neuron.eq(self.neuron),
        ]
        decided = family.step(h, params, self.neuron, self.step)
        if params.neuron == "all":  # of a row that does not fit, nothing is added
            h.assume(self.neuron.bias_row + words <= params.weight_words)
        held = Signal(len(decided))
        with m.If(load.start):
            m.d.sync += held.eq(decided)
        for half in (compute, store):
            m.d.comb += [half.neuron.eq(self.neuron), *family.told(params, self.neuron, half.step, held)]

        # The memories.
        self.reads = load.word == self.word
        self.writes = store.word == self.word
        self.a, self.p = Signal.like(store.a), Signal.like(store.p)
        for read, port, write, made, kept, name in (
            (load.a_read, compute.a, store.a_write, store.a, self.a, "a"),
            (load.v_read, compute.p, store.v_write, store.p, self.p, "p"),
        ):
            anything = h.free(f"other_{name}", len(Value.cast(made)))
            found = Mux(self.reads & ~(write & self.writes), Value.cast(kept), anything)
            with m.If(read):
                m.d.sync += Value.cast(port).eq(found)
            with m.If(write & self.writes):
                m.d.sync += kept.eq(made)
        # A sweep's weight is the bias, always the same.
        weights = h.free("weights", len(Value.cast(compute.w)))
        bias = h.fixed("bias", len(Value.cast(compute.w)))
        with m.If(load.w_read):
            m.d.sync += Value.cast(compute.w).eq(Mux(load.sweeping, bias, weights))
        self.weight = weights.word_select(self.lane, params.weight_bits).as_signed()
        self.bias = bias.word_select(self.lane, params.weight_bits).as_signed()

        # A, in the order in which load asks for weights; V; the fired bit. All is idle when a sweep starts.
        self.model_a, self.model_v = Signal(signed(params.acc_bits)), Signal(signed(params.pot_bits))
        self.fired, self.due_a = Signal(), Signal(range(8))
        state = (Mux(load.first, 0, old) for old in (self.model_a, self.model_v, self.fired))
        wanted = family.swept(params, self.neuron, self.step, *state, self.bias)
        self.swept, self.fires = wanted.v, wanted.fire
        update = load.update & self.reads
        makes = load.start & (load.first | wanted.makes_a)
        with m.If(load.start):
            m.d.sync += [self.model_v.eq(wanted.v_left), self.fired.eq(wanted.fired)]
        with m.If(makes):
            m.d.sync += self.model_a.eq(wanted.a)
        with m.Elif(update):
            m.d.sync += self.model_a.eq(clamp(self.model_a + self.weight, params.acc_bits))
        m.d.sync += self.due_a.eq(self.due_a + (update | makes) - (store.a_write & self.writes))


def accumulates(h: Harness, params: ChipParams, words: int) -> None:
    """A is what it should be."""
    t = Pipeline(h, params, words)
    kept = Value.cast(t.a).word_select(t.lane, params.acc_bits).as_signed()
    h.check(implies(t.due_a == 0, kept == t.model_a), "no update of A is lost")
    h.check(implies(t.store.a_write & t.writes, t.due_a != 0), "A is written only for an update")
    h.check(implies(t.idle, t.due_a == 0), "all updates are written when the core is idle")
    if params.banked:
        apart = t.load.word[0] != t.store.word[0]
        both = (t.load.a_read & t.store.a_write) | (t.load.v_read & t.store.v_write)
        h.check(implies(both, apart), "a bank reads or writes, not both")
    h.cover((t.due_a == (2 if words == 1 else 1)) & (t.model_a == 1))


def sweeps(h: Harness, params: ChipParams, words: int) -> None:
    """V, the fired bit and the firing are what they should be."""
    m, t = h.m, Pipeline(h, params, words)
    load, store = t.load, t.store
    fires = Signal()
    in_use = (t.word + 1 != words) | store.last_mask.bit_select(t.lane, 1)
    due = Signal()
    wrote = store.v_write & t.writes
    with m.If(load.start):
        m.d.sync += [fires.eq(t.fires & in_use), due.eq(1)]
    with m.Elif(wrote):
        m.d.sync += due.eq(0)
    kept = Value.cast(t.p).word_select(t.lane, params.pot_bits + 1)
    h.check(
        implies(~due, kept == Cat(t.model_v, t.fired)), "V and the fired bit are those of docs/arithmetic.md"
    )
    h.check(implies(wrote, due), "V is written once a sweep")
    h.check(implies(t.idle, ~due), "V is written when the core is idle")
    seen = store.fire_valid & (store.fire.word == t.word) & store.fire.lanes.bit_select(t.lane, 1)
    h.check(seen == (wrote & fires), "the neuron fires when it reaches the threshold, and no other time")
    ever, again = Signal(), Signal()  # it has fired in this image, in this sweep
    m.d.sync += [
        ever.eq((ever | seen) & ~(load.start & load.first)),
        again.eq((again | seen) & ~load.start),
    ]
    once = t.neuron.reset == Reset.ONCE if params.neuron == "all" else 1
    h.check(implies(seen & once, ~ever), "a neuron whose reset is once fires at most once in an image")
    h.check(implies(seen, ~again), "a neuron fires at most once in a sweep")
    h.cover(seen & (t.model_v == (t.neuron.threshold if params.neuron == "rel_psp" else 0)))
    h.cover(ever & wrote & ~seen)
    if params.neuron == "all":
        h.cover(ever & seen)
    h.cover(ever & load.start & load.first)


def each_spike(h: Harness, params: ChipParams, words: int) -> None:
    """Which weights load asks for."""
    m, t = h.m, Pipeline(h, params, words)
    load = t.load
    update = load.update & t.reads
    had = Signal()  # the word has had the update of the spike at the door
    taken = load.spike.valid & load.spike.ready & ~load.bad_row
    m.d.sync += had.eq((had | update) & ~(load.spike.ready & load.spike.valid))
    h.check(implies(update, ~had & load.spike.valid), "a spike updates a word once")
    h.check(implies(load.update, load.spike.payload.parity == load.parity), "a spike waits for its step")
    h.check(implies(taken, had | update), "a spike updates every word")
    h.check(implies(load.update, load.row == load.spike.payload.row + load.word), "of its row")
    if params.neuron == "all":
        biased = load.w_read & ~load.update
        h.check(implies(biased, load.row == t.neuron.bias_row + load.word), "a bias is read of its row")
    h.cover(taken & had)
    h.cover(load.bad_row)


def case(build, params: ChipParams, words: int):
    return lambda h: build(h, params, words)


PROOFS = [
    Proof(
        name="read-modify-write",
        claim="Each weight that is read is added to its A: no update is lost at any hazard distance. Banks "
        "are not read and written at once.",
        parameters="1 to 5 words (operations under way: 4), plain and banked, 1 and 2 lanes; neuron=all with "
        "any legal neuron, 1 to 4 words, plain and banked",
        cases={
            **{f"{words} words": case(accumulates, chip(), words) for words in range(1, 6)},
            **{
                f"{words} words, banked": case(accumulates, chip(banked=True), words) for words in range(1, 6)
            },
            "2 lanes": case(accumulates, chip(lanes=2, neurons=4), 2),
            **{
                f"family, {words} words": case(accumulates, chip(neuron="all"), words)
                for words in range(1, 5)
            },
            "family, 3 words, banked": case(accumulates, chip(neuron="all", banked=True), 3),
        },
        bugs=(
            "hazard not interlocked: nothing is forwarded",
            "hazard interlocked over too short a distance",
            "bank rule of writes turned round",
        ),
        engine="abc scorr; pdr",
    ),
    Proof(
        name="fire-once",
        claim="Each sweep does to V what [the arithmetic](arithmetic.md) says, once; a neuron fires in the "
        "sweep in which it should, at most once a sweep and, where its reset is once, once an image.",
        parameters="1 and 2 words, plain and banked, 1 and 2 lanes; any threshold, slope, window and mask; "
        "neuron=all with any legal neuron, 1 word",
        cases={
            "1 word": case(sweeps, chip(), 1),
            "2 words": case(sweeps, chip(), 2),
            "2 words banked": case(sweeps, chip(banked=True), 2),
            "2 lanes": case(sweeps, chip(lanes=2, neurons=4), 2),
            "family, 1 word": case(sweeps, chip(neuron="all"), 1),
        },
        bugs=(
            "fired neuron fires twice",
            "threshold compared with > instead of >=",
            "potential of a fired neuron goes on",
            "last_mask ignored",
        ),
        engine="abc scorr; pdr",
        cover_depth=30,
    ),
    Proof(
        name="load",
        claim="Each spike updates every word once, with its own row, after its step began.",
        parameters="4 words, plain and banked",
        cases={
            "plain": case(each_spike, chip(neurons=4), 4),
            "banked": case(each_spike, chip(neurons=4, banked=True), 4),
            "family": case(each_spike, chip(neurons=4, neuron="all"), 4),
        },
        bugs=("spike of step t integrated before sweep t",),
        engine="abc scorr; pdr",
    ),
]
