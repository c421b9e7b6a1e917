"""The walker of a chip with convolution: which pairs of words each spike asks for, and when."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Mux, Signal, Value
from yoso_hw.core.fetch import Fetch
from yoso_hw.core.ops import Op
from yoso_hw.core.walk import Walk
from yoso_hw.params import ChipParams

from formal.harness import Harness, Proof, implies, small_chip

#: What the compiler writes: any of it is taken, right or wrong.
REGISTERS = ("words", "filter_words", "neuron_pitch", "weight_pitch", "blocks")


def spikes(h: Harness, dut: Walk | Fetch) -> Value:
    """Any spikes at the door of `dut`, and tables that read as anything. Returns whether one came in."""
    h.drive(dut.spike.valid, "spike_valid")
    h.drive(Value.cast(dut.spike.payload), "spike")
    for name in ("rows", "columns"):
        words = Value.cast(getattr(dut, name))
        found = h.free(f"found_{name}", len(words))
        with h.m.If(dut.table_read):
            h.m.d.sync += words.eq(found)
    return dut.spike.valid & dut.spike.ready


def fetches(h: Harness, params: ChipParams) -> None:
    """Follow a spike, any one, to its exit as a path, and count those that have to come out."""
    m = h.m
    m.submodules.fetch = dut = Fetch(params)
    accepted = spikes(h, dut)
    h.drive(dut.path.ready, "path_ready")
    spike, path, rows, columns = dut.spike.payload, dut.path.payload, dut.rows, dut.columns
    h.check(dut.table_read == accepted, "the tables are read once a spike")
    h.check(implies(accepted, (dut.r == spike.r) & (dut.q == spike.q)), "at its row and column")

    fresh = h.past(accepted)  # the tables' words are its own
    outside = fresh & h.past((spike.r >= params.side) | (spike.q >= params.side))
    reaches = fresh & ~outside & (rows.lines != 0) & (columns.run != 0)
    out = dut.path.valid & dut.path.ready
    live, wrong = Signal(2), Signal(2)  # those that have to come out, and those that are an error
    m.d.sync += [live.eq(live + reaches - out), wrong.eq(wrong + outside - dut.bad)]
    h.check(
        dut.path.valid == (live != 0),
        "a spike that reaches neurons, and no other, comes out: in two cycles, or right after the last",
    )
    h.check(dut.bad == ((wrong != 0) & (live == 0)), "a coordinate beyond the tables is an error, told once")
    h.check(implies(~dut.path.valid | out, dut.spike.ready), "a spike a cycle")
    inside = fresh | (live != 0) | (wrong != 0)
    h.check(implies(inside, dut.holds), "a spike in here is seen")
    h.check(implies(dut.holds, inside | h.past(inside)), "and one that was dropped is forgotten")

    chosen, here, ahead, kept = Signal(), Signal(), Signal(2), Signal.like(spike)
    with m.If(~chosen & ~here & accepted & h.free("choose")):
        m.d.sync += [chosen.eq(1), kept.eq(spike)]
    found_rows, found_columns = Signal.like(rows), Signal.like(columns)
    with m.If(chosen):
        m.d.sync += [chosen.eq(0), here.eq(reaches), ahead.eq(live - out)]
        m.d.sync += [found_rows.eq(rows), found_columns.eq(columns)]
    with m.If(here & out):
        m.d.sync += [ahead.eq(ahead - 1), here.eq(ahead != 0)]
    its_turn = here & (ahead == 0)
    own = (
        (path.parity == kept.parity)
        & (path.lines == found_rows.lines)
        & (path.run == found_columns.run)
        & (path.rewind == found_columns.rewind)
        & (path.row + path.weight_offset == kept.row + found_rows.weight_offset + found_columns.weight_offset)
        & (path.r_word + path.q_word == found_rows.neuron_offset + found_columns.neuron_offset)
    )
    h.check(implies(its_turn, own), "spikes come out in order, with what the tables say of each")
    h.cover(its_turn & out & h.past(its_turn))
    h.cover(dut.bad & h.past(out))


def walks(h: Harness, params: ChipParams) -> None:
    """Each path, one after another: its next pair, by the definition, and what is left of it."""
    m = h.m
    dut = Walk(params)
    dut._MustUse__silence = True
    # When a path begins has no port: it is seen inside, as is what it says.
    m.submodules.walk = inner = dut.elaborate(None)
    stream = inner.submodules.fetch.path
    path, enters = stream.payload, stream.valid & stream.ready
    for name in REGISTERS:
        m.d.comb += getattr(dut, name).eq(h.fixed(name, len(getattr(dut, name))))
    h.assume(dut.words <= params.neuron_words)
    if params.neuron == "all":
        m.d.comb += Value.cast(dut.neuron).eq(h.fixed("neuron", len(Value.cast(dut.neuron))))
    bank = Signal()
    m.d.sync += bank.eq(~bank)
    m.d.comb += dut.bank.eq(bank)
    spikes(h, dut)
    start = h.drive(dut.start, "start")
    for name in ("first", "hold"):
        h.drive(getattr(dut, name), name)
    h.drive(dut.request.ready, "request_ready")

    # A step begins when all is idle and no spike of the last one is left: one that is here is of the next.
    walking, parity = Signal(), Signal()
    h.assume(implies(start, ~walking & h.past(dut.idle & ~enters)))
    h.assume(implies(start & stream.valid, path.parity != dut.parity))
    with m.If(start):
        m.d.sync += dut.parity.eq(~dut.parity)

    lines, left, run, rewind = Signal.like(path.lines), Signal.like(path.run), Signal.like(path.run), Signal()
    word, row = Signal(params.word_bits + 2), Signal(params.row_bits + 2)
    line_word, line_row, place = Signal.like(word), Signal.like(row), Signal(params.word_bits + 1)
    fits = (word < dut.words) & (row < params.weight_words)
    asks, wrong = dut.update, walking & ~dut.sweeping & dut.bad_row
    line_ends = left == 1
    last = line_ends & (lines == 1)
    ended = (asks & last) | wrong
    with m.If(asks):
        begin_word, begin_row = line_word + dut.neuron_pitch, line_row + Mux(rewind, 0, dut.weight_pitch)
        with m.If(line_ends):
            m.d.sync += [lines.eq(lines - 1), left.eq(run), place.eq(0)]
            m.d.sync += [word.eq(begin_word), line_word.eq(begin_word)]
            m.d.sync += [row.eq(begin_row), line_row.eq(begin_row)]
        with m.Else():
            repeats = place + 1 == dut.filter_words
            m.d.sync += [left.eq(left - 1), word.eq(word + 1), place.eq(Mux(repeats, 0, place + 1))]
            m.d.sync += row.eq(Mux(rewind & repeats, line_row, row + 1))
    with m.If(ended):
        m.d.sync += walking.eq(0)
    with m.If(enters):
        n0, w0 = path.r_word + path.q_word, path.row + path.weight_offset
        m.d.sync += [lines.eq(path.lines), left.eq(path.run), run.eq(path.run), rewind.eq(path.rewind)]
        m.d.sync += [word.eq(n0), line_word.eq(n0), row.eq(w0), line_row.eq(w0), place.eq(0)]
        m.d.sync += [walking.eq(1), parity.eq(path.parity)]

    h.check(implies(asks, walking), "without a path nothing is asked for")
    h.check(implies(asks, fits), "nothing outside of the words and the weights is")
    h.check(implies(asks, (dut.word == word) & (dut.row == row)), "the pairs of a path are, in order")
    h.check(implies(asks, dut.parity == parity), "in its step")
    h.check(implies(asks, dut.a_read & dut.w_read & ~dut.v_read), "A and the weight are read")
    h.check(implies(wrong, ~fits & ~asks), "a path is given up at its first wrong word alone")
    h.check(dut.taken == (asks & last), "it is counted with its last word")
    h.check(implies(enters, ~walking | ended), "paths do not overlap")
    h.check(implies(walking, dut.holds), "a path under way is seen")
    request = dut.request
    same = (Value.cast(request.payload.op) == Op.SPIKE.value) & (request.payload.word == h.past(dut.word))
    h.check(implies(h.past(asks), request.valid & same), "each pair is requested of compute")

    # Each word takes a cycle, so a path's words are all that it may take; and the next follows at once.
    room = ~request.valid | request.ready
    in_bank = (word[0] == bank) if params.banked else 1
    goes = walking & ~dut.sweeping & ~dut.hold & room & in_bank
    h.check(implies(goes, Mux(fits, asks, wrong)), "a word a cycle")
    comes = stream.valid & (path.parity == dut.parity) & ~start
    h.check(implies(comes & ~walking & ~dut.sweeping, enters), "a path waits for its step, and for no more")
    h.check(implies(comes & asks & last, enters), "the next one follows without a gap")
    h.cover(enters & asks & last & (run == 2) & (path.lines == 2))
    h.cover(wrong & h.past(asks))
    h.cover(asks & rewind & line_ends & (run == 3) & (dut.filter_words == 2))
    h.cover(asks & parity & h.past(dut.sweeping))


def chip(**changes: Any) -> ChipParams:
    return small_chip(**{"side": 2, "neurons": 6, "weights": 11, **changes})


PROOFS = [
    Proof(
        name="walk",
        claim="Each spike asks for the pairs of neuron word and weight word that its tables tell, in order,"
        " once, in its step, a word a cycle, and is counted with the last; the next follows without a"
        " gap. One that reaches nothing asks for nothing and is not counted. A path that leaves the "
        "words in use or the weights ends there with one error, whatever tables and registers say, "
        "and so does a spike whose coordinate no table has.",
        parameters="6 words, 11 weight words, tables of 2 and 3 entries; plain, banked, neuron=all; any "
        "tables and registers",
        assumptions=("a tick comes when the core is idle and no spike of the step waits (`barrier`)",),
        cases={
            "fetch": lambda h: fetches(h, chip(side=3)),
            "plain": lambda h: walks(h, chip()),
            "banked": lambda h: walks(h, chip(banked=True)),
            "family": lambda h: walks(h, chip(neuron="all")),
        },
        bugs=(
            "convolution: origin off by one: a column's offset is not added",
            "convolution: r and q swapped where the tables are read",
            "convolution: a spike of no run is walked",
            "convolution: a coordinate beyond the tables is taken",
            "convolution: the parity of a spike that waits in prefetch is ignored",
            "convolution: the pitch of neuron words is one word",
            "convolution: the pitch of weight words is counted from a line's end",
            "convolution: a run one word too long",
            "convolution: from the second line on a run one word too short",
            "convolution: a bias does not go back to its first weights",
            "convolution: a path that leaves the words in use goes on",
            "convolution: a spike is walked a cycle after the last one",
            "convolution: a drop is counted in the walker",
        ),
        engine="abc scorr; pdr",
        cover_depth=30,
    )
]
