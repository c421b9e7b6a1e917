"""Saturating adder: the only arithmetic on the chip's data path."""

from __future__ import annotations

from amaranth.hdl import Module, signed
from amaranth.lib.wiring import In, Out

from yoso_hw.component import Component


class SaturatingAdder(Component):
    """``sum = clamp(a + b)`` to the range of a signed number of `width` bits. Combinational.

    Parameters
    ----------
    width
        Bits of `a` and of `sum`.
    addend_width
        Bits of `b`, at most `width`.
    """

    def __init__(self, width: int, addend_width: int) -> None:
        if not 1 <= addend_width <= width:
            raise ValueError(f"addend_width={addend_width} is outside 1..width={width}")
        self.width = width
        super().__init__({"a": In(signed(width)), "b": In(signed(addend_width)), "sum": Out(signed(width))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        wide = (self.a + self.b)[: self.width + 1]
        # The two top bits differ exactly when the sum does not fit; the upper one is its true sign.
        sign, fits = wide[-1], wide[-1] == wide[-2]
        with m.If(fits):
            m.d.comb += self.sum.eq(wide[: self.width])
        with m.Elif(sign):
            m.d.comb += self.sum.eq(-(1 << (self.width - 1)))
        with m.Else():
            m.d.comb += self.sum.eq((1 << (self.width - 1)) - 1)
        return m
