"""Sender: turns neurons that fired into flits, at the pace of the network."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.core.ops import entry_layout, fire_layout, potential_layout
from yoso_hw.flit import flit_stream, pack, rectangle_layout
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.registers import Memory, memory_shape


class Sender(Component):
    """Sends a SPIKE for each neuron that fired, or a RESULT with its potential from an output layer.

    Takes the fired lanes of one word, reads the spike-address SRAM (or, for a RESULT, the potential, once the
    sweep has left the core), and sends one flit a cycle while the network takes them. A report sends a RESULT
    for every neuron of the PE; classes are numbered through, so an output layer has no lanes without a neuron
    but in its last word.

    Latency: a flit is offered 2 cycles after its word came to `fire`; the next word costs a cycle more than
    its flits.

    Members
    -------
    fire
        Words with neurons that fired.
    report
        For one cycle, while idle: send every neuron of an output layer.
    core_busy
        The core may use the neuron-potential SRAM.
    output, base, destination, destination_tag, words, last_mask, parity
        Configuration of the PE, and parity of the step.
    spike_read, spike_neuron, spike_row
        Request to the spike-address SRAM, and its word a cycle later.
    v_read, v_word, p
        Request to the neuron-potential SRAM, and its word a cycle later.
    out
        Flits.
    counted
        A flit of a neuron that fired is sent in this cycle; not raised in a report.
    idle
        Nothing is left to send.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        self.packets = Packets(params)
        super().__init__(
            {
                "fire": In(stream.Signature(fire_layout(params))),
                "report": In(1),
                "core_busy": In(1),
                "output": In(1),
                "base": In(params.class_bits),
                "destination": In(rectangle_layout(params)),
                "destination_tag": In(params.tag_bits),
                "words": In(params.word_bits + 1),
                "last_mask": In(params.lanes),
                "parity": In(1),
                "spike_read": Out(1),
                "spike_neuron": Out(params.neuron_bits),
                "spike_row": In(memory_shape(params, Memory.SPIKE)[1]),
                "v_read": Out(1),
                "v_word": Out(params.word_bits),
                "p": In(potential_layout(params)),
                "out": Out(flit_stream(self.packets)),
                "counted": Out(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params = self.params
        word = Signal(params.word_bits)
        left = Signal(params.lanes)  # lanes of the word still to be read
        lane = Signal(max(1, params.lane_bits))  # lane whose read is at the SRAMs' outputs
        loaded = Signal()  # a read is at the SRAMs' outputs, and `out` offers its flit
        reporting = Signal()
        upcoming = Signal(params.word_bits)  # word of the report that comes next
        last = Signal()  # `word` is the last of the report
        next_lane = Signal(max(1, params.lane_bits))
        lowest = Signal(params.lanes)
        read = Signal()
        may_read = ~(self.output & self.core_busy)

        m.d.comb += lowest.eq(left & (~left + 1)[: params.lanes])
        for i in range(params.lanes):
            with m.If(lowest[i]):
                m.d.comb += next_lane.eq(i)
        m.d.comb += [
            read.eq(left.any() & may_read & (~loaded | self.out.ready)),
            self.spike_read.eq(read & ~self.output),
            self.spike_neuron.eq(Cat(next_lane[: params.lane_bits], word)),
            self.v_read.eq(read & self.output),
            self.v_word.eq(word),
        ]
        with m.If(read):
            m.d.sync += [lane.eq(next_lane), left.eq(left & ~lowest), loaded.eq(1)]
        with m.Elif(self.out.ready):
            m.d.sync += loaded.eq(0)

        # The next word: of the report, or of the queue.
        sent = Signal()  # the lanes of this word are gone or going
        ends = upcoming + 1 == self.words
        m.d.comb += [
            sent.eq(~left.any() & (~loaded | self.out.ready)),
            self.fire.ready.eq(sent & ~reporting),
        ]
        every_lane = Const((1 << params.lanes) - 1, params.lanes)
        with m.If(self.report & self.output & (self.words != 0)):
            m.d.sync += [reporting.eq(1), upcoming.eq(0), last.eq(0)]
        with m.Elif(sent & reporting):
            with m.If(last):
                m.d.sync += reporting.eq(0)
            with m.Else():
                m.d.sync += [
                    word.eq(upcoming),
                    upcoming.eq(upcoming + 1),
                    last.eq(ends),
                    left.eq(Mux(ends, self.last_mask, every_lane)),
                ]
        with m.Elif(self.fire.ready & self.fire.valid):
            m.d.sync += [word.eq(self.fire.payload.word), left.eq(self.fire.payload.lanes)]

        potential = Signal(params.pot_bits)
        with m.Switch(lane):
            for i in range(params.lanes):
                with m.Case(i):
                    m.d.comb += potential.eq(self.p[i].v)
        rectangle = self.destination
        entry = data.View(entry_layout(params, Memory.SPIKE), self.spike_row)
        spike = pack(
            self.packets,
            "SPIKE",
            x0=rectangle.x0,
            x1=rectangle.x1,
            y0=rectangle.y0,
            y1=rectangle.y1,
            tag=self.destination_tag,
            parity=self.parity,
            **{name: entry[name] for name, _ in entry.shape()},
        )
        index: Value = self.base + Cat(lane[: params.lane_bits], word)
        result = pack(self.packets, "RESULT", index=index, potential=potential)
        m.d.comb += [
            self.out.valid.eq(loaded),
            self.out.payload.eq(Mux(self.output, result, spike)),
            self.counted.eq(loaded & self.out.ready & ~reporting),
            self.idle.eq(~loaded & ~left.any() & ~reporting & ~self.fire.valid & ~self.report),
        ]
        return m
