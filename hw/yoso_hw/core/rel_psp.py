"""The ReL-PSP neuron, which fires once an image, for one lane.

Paper, equations 8 and 9: V_j(t) = sum_i w_ij max(0, t - t_i). On integer steps V grows each step by the
accumulated weight A of the spikes that came before, so a sweep is one addition.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux

from yoso_hw.adder import SaturatingAdder
from yoso_hw.component import Component
from yoso_hw.core.neuron import fire_signature, integrate_signature, step_signature
from yoso_hw.params import ChipParams


class Step(Component):
    """`step_signature`: whether the slope is the constant one, and whether the window is open."""

    def __init__(self, params: ChipParams) -> None:
        super().__init__(step_signature(params))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, number = self.config, self.number
        m.d.sync += [
            self.step.sloped.eq((config.slope != 0) & (number >= config.window_start)),
            self.step.open.eq((number >= config.window_start) & (number < config.window_end)),
        ]
        return m


class Integrate(Component):
    """`integrate_signature`: a spike adds its weight to A; a sweep ``V <- sat(V + x)``, with x the constant
    slope where the window has opened, else A."""

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        super().__init__(integrate_signature(params))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.accumulate = accumulate = SaturatingAdder(self.params.acc_bits, self.params.weight_bits)
        m.submodules.adder = adder = SaturatingAdder(self.params.pot_bits, self.params.pot_bits)
        # A neuron that has fired adds 0: cheaper than a choice between two potentials after the adder.
        addend = Mux(self.step.sloped, Cat(self.config.slope, Const(0)).as_signed(), self.a)
        m.d.comb += [
            accumulate.a.eq(self.a),
            accumulate.b.eq(self.w),
            adder.a.eq(self.v),
            adder.b.eq(Mux(self.fired, 0, addend)),
            self.a_next.eq(accumulate.sum),
            self.v_next.eq(adder.sum),
        ]
        return m


class Fire(Component):
    """`fire_signature`: fires a neuron that has not, if the window is open and ``V >= threshold``."""

    def __init__(self, params: ChipParams) -> None:
        super().__init__(fire_signature(params))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += [
            self.fire.eq(self.step.open & ~self.fired & (self.v >= self.config.threshold)),
            self.fired_next.eq(self.fired | self.fire),
            self.v_next.eq(self.v),
            self.a_next.eq(self.a),
        ]
        return m
