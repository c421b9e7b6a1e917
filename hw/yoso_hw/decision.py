"""Decision unit: picks the winner among the RESULT packets of the output layer."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.flit import unpack
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams, bits_for
from yoso_hw.spike_counts import SpikeCounts


class Decision(Component):
    """Keeps the best result so far: the higher score, then the lower index.

    The score is the potential or, where spikes are counted, how often the output has spiked in the image. The
    order in which results come does not matter, so neither does how many PEs the output layer spans. The
    results of one step, of the report or, counted, of the image compete; the sequencer stops the competition
    by `enable`.

    Latency: 1 cycle from a result to `found`; 2 where spikes are counted.

    Members
    -------
    valid, flit
        A RESULT packet; always taken, registered.
    clear
        Forget.
    enable
        Results count.
    found, index
        There is a result; its class.
    counting
        The score is the spike count; with neuron=all, as what follows.
    spikes
        Results are spikes, not potentials of the report.
    ask, asked, count
        How often output `asked` has spiked, the cycle after `ask` and until the next result or question.
    ready
        An image may begin.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        self.packets = Packets(params)
        super().__init__(
            {
                "valid": In(1),
                "flit": In(self.packets.flit_bits),
                "clear": In(1),
                "enable": In(1),
                "found": Out(1),
                "index": Out(params.class_bits),
                **(self.count_members() if params.neuron == "all" else {}),
            }
        )

    def count_members(self) -> dict:
        """What there is besides where spikes are counted."""
        return {
            "counting": In(1),
            "spikes": In(1),
            "ask": In(1),
            "asked": In(self.params.class_bits),
            "count": Out(bits_for(self.params.steps + 1)),
            "ready": Out(1),
        }

    def elaborate(self, platform: object) -> Module:
        m = Module()
        result = unpack(self.packets, "RESULT", self.flit)
        index: Value = result.index
        score: Value = result.potential
        competes: Value = self.valid & self.enable
        if self.params.neuron == "all":
            m.submodules.counts = counts = SpikeCounts(self.params)
            m.d.comb += [
                counts.begin.eq(self.clear),
                counts.spike.eq(self.valid & self.spikes),
                counts.index.eq(Mux(self.ask, self.asked, index)),
                counts.ask.eq(self.ask),
                self.count.eq(counts.count),
                self.ready.eq(counts.ready),
            ]
            counted, counted_index = Signal(), Signal.like(self.index)
            m.d.sync += [counted.eq(counts.spike & self.counting), counted_index.eq(index)]
            score = Mux(counted, Cat(counts.count, Const(0)).as_signed(), score)
            index = Mux(counted, counted_index, index)
            competes = counted | (competes & ~self.counting)
        best = Signal(score.shape())
        better = ~self.found | (score > best) | ((score == best) & (index < self.index))
        with m.If(self.clear):
            m.d.sync += self.found.eq(0)
        with m.Elif(competes & better):
            m.d.sync += [self.found.eq(1), self.index.eq(index), best.eq(score)]
        return m
