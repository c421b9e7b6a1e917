"""Decision unit: picks the winner among the RESULT packets of the output layer."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component
from yoso_hw.flit import unpack
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams


class Decision(Component):
    """Keeps the best result so far: the higher potential, then the lower index.

    The order in which results come does not matter, so neither does how many PEs the output layer spans.
    The results of one step, or of the report, compete; the sequencer stops the competition by `enable`.

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
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        result = unpack(self.packets, "RESULT", self.flit)
        potential: Value = result.potential
        best = Signal(signed(self.params.pot_bits))
        better = ~self.found | (potential > best) | ((potential == best) & (result.index < self.index))
        with m.If(self.clear):
            m.d.sync += self.found.eq(0)
        with m.Elif(self.valid & self.enable & better):
            m.d.sync += [self.found.eq(1), self.index.eq(result.index), best.eq(potential)]
        return m
