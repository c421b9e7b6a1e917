"""Serial line, 8N1: a start bit (0), eight data bits, low first, a stop bit (1); idle is 1."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component


def serial_pin(flow: wiring.Flow) -> wiring.Member:
    """A serial line, which is high while nothing is sent."""
    return flow(1, init=1)  # type: ignore[call-arg]  # amaranth-stubs has Amaranth 0.4's `reset`


class UartReceiver(Component):
    """Bytes out of a serial line.

    Each bit is sampled once, in its middle as counted from the start bit's edge, so bytes arrive right while
    both ends' clocks differ by less than half a bit in nine and a half (5 %), less the two cycles that an
    edge may be seen late.

    A stop bit that is 0 (noise, a wrong rate, a break) gives `error` in place of `valid`. A byte begins with
    a falling edge, so a break is one error however long it is.

    Parameters
    ----------
    divisor
        Clock cycles a bit, at least 4: the middle of a bit is two cycles from its edge.

    Members
    -------
    rx
        The line; asynchronous.
    data, valid
        A byte, for one cycle, in the middle of its stop bit.
    error
        For one cycle: the byte had no stop bit.
    """

    def __init__(self, divisor: int) -> None:
        self.divisor = divisor
        super().__init__({"rx": serial_pin(In), "data": Out(8), "valid": Out(1), "error": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        line, before = Signal(init=1), Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, line, init=1)
        m.d.sync += before.eq(line)

        busy, starting = Signal(), Signal()
        timer = Signal(range(self.divisor))
        bits = Signal(9)  # data bits come in at the top; below them a 1, at the bottom once all are there
        with m.If(~busy):
            m.d.sync += [timer.eq(self.divisor // 2 - 1), bits.eq(1 << 8), starting.eq(1)]
            m.d.sync += busy.eq(before & ~line)
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += timer.eq(self.divisor - 1)
            with m.If(starting):  # a line that is 1 again was no start bit
                m.d.sync += [starting.eq(0), busy.eq(~line)]
            with m.Elif(bits[0]):  # the stop bit
                m.d.sync += busy.eq(0)
                m.d.comb += [self.valid.eq(line), self.error.eq(~line)]
            with m.Else():
                m.d.sync += bits.eq(Cat(bits[1:], line))
        m.d.comb += self.data.eq(bits[1:])
        return m


class UartTransmitter(Component):
    """Bytes onto a serial line, one after another; a byte takes ten bits and a cycle.

    Parameters
    ----------
    divisor
        Clock cycles a bit, at least 4.

    Members
    -------
    bytes
        Stream of bytes.
    tx
        The line.
    """

    def __init__(self, divisor: int) -> None:
        self.divisor = divisor
        super().__init__({"bytes": In(stream.Signature(8)), "tx": serial_pin(Out)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = Signal(10, init=-1)  # what is still to be sent, the bit on the line lowest
        left = Signal(range(11))
        timer = Signal(range(self.divisor))
        m.d.comb += [self.tx.eq(bits[0]), self.bytes.ready.eq(left == 0)]
        with m.If(left == 0):
            with m.If(self.bytes.valid):
                m.d.sync += [bits.eq(Cat(Const(0, 1), self.bytes.payload, Const(1, 1))), left.eq(10)]
                m.d.sync += timer.eq(self.divisor - 1)
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += [bits.eq(Cat(bits[1:], Const(1, 1))), left.eq(left - 1), timer.eq(self.divisor - 1)]
        return m
