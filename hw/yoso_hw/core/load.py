"""Load: turns sweeps and spikes into reads of the SRAMs, and their words into requests to compute."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import stream
from amaranth.lib.wiring import In, Member, Out

from yoso_hw.component import Component
from yoso_hw.core.neuron import neuron_config
from yoso_hw.core.ops import Op, request_layout, spike_layout
from yoso_hw.params import ChipParams


def load_members(params: ChipParams) -> dict[str, Member]:
    """Members of `Load`, and of what takes its place."""
    return {
        "start": In(1),
        "first": In(1),
        "parity": In(1),
        "words": In(params.word_bits + 1),
        "spike": In(stream.Signature(spike_layout(params))),
        "neuron": In(neuron_config(params)),
        "hold": In(1),
        "bank": In(1),
        "a_read": Out(1),
        "v_read": Out(1),
        "w_read": Out(1),
        "update": Out(1),
        "word": Out(params.word_bits),
        "row": Out(params.row_bits),
        "request": Out(stream.Signature(request_layout(params))),
        "sweeping": Out(1),
        "due": Out(1),
        "idle": Out(1),
        "stalled": Out(1),
        "bad_row": Out(1),
        "taken": Out(1),
    }


class Load(Component):
    """Issues one neuron word a cycle: all words of a sweep, then all words of each spike.

    The sweep of a step comes before any spike of that step, and a spike waits for the step that its parity
    names: a flit that overtakes the tick of the barrier is held, not lost. Spikes follow each other without a
    gap. The synapse is dense: a spike's weight word for neuron word n lies at its row + n. On a chip with
    convolution `yoso_hw.core.walk.Walk` stands in this place. Where neurons have a bias row, a sweep reads it
    as a spike reads its row, in a cycle in which it has no other use for the weight memory.

    Latency: the request to the SRAMs leaves in the cycle in which the spike is first seen, `request` one
    cycle later with the words at the SRAMs' outputs, where they stay until it is taken.

    Members
    -------
    start, first
        Start a sweep, for one cycle; it is the first of an image. Only while `idle`.
    parity
        Parity of the step.
    words
        Neuron words in use, the cycle before and in all of a run. 0: sweeps do nothing; spikes must not come.
    spike
        Spikes to integrate.
    neuron
        What the neurons are told: where their bias row lies.
    hold
        Spikes wait: what a sweep makes of A is not known yet.
    bank
        With banked memories: parity of the words that may be read in this cycle.
    a_read, v_read, w_read, word, row
        Read A and V of neuron word `word`, and the weight word `row`.
    update
        `w_read` for a spike.
    request
        The operation whose operands stand at the SRAMs' outputs.
    sweeping
        Words of a sweep have not been issued yet.
    due
        A spike of this step is at the door, and no sweep is.
    idle
        Nothing is being issued or requested (spikes at the door are not counted).
    stalled
        A word was ready to be issued and could not be.
    bad_row
        A spike, or a word of a bias, whose row runs past the weight memory was dropped.
    taken
        The last word of a spike was issued.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        super().__init__(load_members(params))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        first = Signal()
        op = Signal(Op)
        available = Signal()
        issue = Signal()
        m.d.comb += self.due.eq(
            self.spike.valid
            & (self.spike.payload.parity == self.parity)
            & ~self.sweeping
            & ~self.start
            & ~self.hold
        )
        last_row = Signal(signed(self.params.row_bits + 2))  # the last one that fits; `words` does not change
        m.d.sync += last_row.eq(self.params.weight_words - self.words)
        fits = self.spike.payload.row <= last_row
        last = self.word + 1 == self.words
        in_bank = (self.word[0] == self.bank) if self.params.banked else 1
        m.d.comb += [
            op.eq(Mux(self.sweeping, Mux(first, Op.FIRST, Op.SWEEP), Op.SPIKE)),
            available.eq(self.sweeping | (self.due & fits)),
            issue.eq(available & (~self.request.valid | self.request.ready) & in_bank),
            self.stalled.eq(available & ~issue),
            self.a_read.eq(issue & (op != Op.FIRST)),
            self.v_read.eq(issue & (op == Op.SWEEP)),
            self.update.eq(issue & (op == Op.SPIKE)),
            self.w_read.eq(self.update),
            self.row.eq(self.spike.payload.row + self.word),
            self.bad_row.eq(self.due & ~fits),
            self.taken.eq(issue & last & ~self.sweeping),
            self.spike.ready.eq(self.taken | (self.due & ~fits)),
            self.idle.eq(~self.sweeping & ~self.start & ~self.request.valid),
        ]
        if self.params.neuron == "all":
            neuron = self.neuron
            bias_fits = Signal()
            m.d.sync += bias_fits.eq(neuron.bias_row <= last_row)
            biased = self.sweeping & neuron.bias
            m.d.comb += [
                self.w_read.eq(self.update | (issue & biased & bias_fits)),
                self.row.eq(Mux(self.sweeping, neuron.bias_row, self.spike.payload.row) + self.word),
                self.bad_row.eq((self.due & ~fits) | (issue & biased & ~bias_fits)),
            ]
        with m.If(issue):
            m.d.sync += [
                self.word.eq(Mux(last, 0, self.word + 1)),
                self.request.payload.op.eq(op),
                self.request.payload.word.eq(self.word),
                self.request.payload.last.eq(last),
                self.request.valid.eq(1),
            ]
            with m.If(last):
                m.d.sync += self.sweeping.eq(0)
        with m.Elif(self.request.ready):
            m.d.sync += self.request.valid.eq(0)
        with m.If(self.start & (self.words != 0)):
            m.d.sync += [self.sweeping.eq(1), first.eq(self.first)]
        return m
