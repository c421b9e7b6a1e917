"""Chip, bridge and LEDs, on one clock: all of a board but its pins and its clock."""

from __future__ import annotations

from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal, Signal
from amaranth.lib.wiring import In, Out

from yoso_hw.board.bridge import Bridge
from yoso_hw.board.uart import serial_pin
from yoso_hw.component import Component
from yoso_hw.flit import unpack
from yoso_hw.packet import Kind, Op, Packets
from yoso_hw.params import ChipParams

#: Verilog module of the chip (`yoso_hw.emit`).
CHIP_MODULE = "yoso_chip"

#: LEDs that show the class.
CLASS_LEDS = 4


class Board(Component):
    """A chip that a host reaches over a serial line.

    The chip is a black box, the Verilog module ``yoso_chip``.

    Parameters
    ----------
    divisor
        Clock cycles a bit of the line.

    Members
    -------
    rx, tx
        The line, from and to the host.
    leds
        0..3: the last class, binary; 4: an image runs; 5: there was a decision; 6: a frame was lost;
        7: the chip's last STATUS told an error. A reset by the host puts them all out.
    """

    def __init__(self, params: ChipParams, divisor: int) -> None:
        self.params, self.divisor = params, divisor
        super().__init__({"rx": serial_pin(In), "tx": serial_pin(Out), "leds": Out(8)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        packets = Packets(self.params)
        m.submodules.bridge = bridge = Bridge(self.params, self.divisor)
        into, out = bridge.host_in, bridge.host_out
        # The reset reaches every flip-flop of the chip, hence from a register of its own, which it must set.
        reset = Signal(reset_less=True)
        m.d.sync += reset.eq(ResetSignal() | bridge.reset)
        m.submodules.chip = Instance(
            CHIP_MODULE,
            i_clk=ClockSignal(),
            i_rst=reset,
            i_host_in_data=into.payload,
            i_host_in_valid=into.valid,
            o_host_in_ready=into.ready,
            o_host_out_data=out.payload,
            o_host_out_valid=out.valid,
            i_host_out_ready=out.ready,
        )

        index, busy, decided, errors = Signal(CLASS_LEDS), Signal(), Signal(), Signal()
        start = unpack(packets, "START", into.payload)
        decision = unpack(packets, "DECISION", out.payload)
        status = unpack(packets, "STATUS", out.payload)
        m.d.comb += [
            bridge.rx.eq(self.rx),
            self.tx.eq(bridge.tx),
            self.leds[:CLASS_LEDS].eq(index),
            self.leds[CLASS_LEDS:].eq(busy | decided << 1 | bridge.lost << 2 | errors << 3),
        ]
        with m.If(into.valid & into.ready & (start.kind == Kind.CONTROL) & (start.op == Op.START)):
            m.d.sync += busy.eq(1)
        with m.If(out.valid & out.ready & (decision.kind == Kind.CONTROL)):
            with m.If(decision.op == Op.DECISION):
                m.d.sync += [index.eq(decision.index), busy.eq(0), decided.eq(1)]
            with m.If(decision.op == Op.STATUS):
                m.d.sync += errors.eq(status.errors != 0)
        with m.If(reset):
            m.d.sync += [index.eq(0), busy.eq(0), decided.eq(0), errors.eq(0)]
        return m
