"""The ReL-PSP neuron, for one lane. All that the core's hardware knows of it stands here.

Paper, equations 8 and 9: V_j(t) = sum_i w_ij max(0, t - t_i). On integer steps V grows each step by the
accumulated weight A of the spikes that came before, so a sweep is one addition.

`neuron_config` is what a neuron is told by registers, `step_layout` what the number of the step decides for
all neurons of a PE; the core hands both on whole. A sweep is cut in two where the pipeline is cut:
`Integrate` runs in compute and gives A and V, `Fire` runs in store and gives V, the state that is kept beside
it, and whether the neuron fires. `Integrate.SWEEP_WRITES_A` tells compute and store whether a sweep makes a
new A at all. What else another neuron touches is listed in docs/architecture.md.
"""

from __future__ import annotations

from typing import ClassVar

from amaranth.hdl import Cat, Const, Module, Mux, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from yoso_hw.adder import SaturatingAdder
from yoso_hw.component import Component
from yoso_hw.core.ops import Op
from yoso_hw.flit import struct_of
from yoso_hw.params import ChipParams
from yoso_hw.registers import neuron_fields


def neuron_config(params: ChipParams) -> data.StructLayout:
    """The registers of a neuron, `neuron_fields`."""
    return struct_of(field for fields in neuron_fields(params).values() for field in fields)


def step_layout() -> data.StructLayout:
    """What a step's number decides for every neuron of a PE.

    ======  ========================================================
    sloped  Sweeps add the constant slope instead of A.
    open    The step lies in the firing window.
    ======  ========================================================
    """
    return data.StructLayout({"sloped": 1, "open": 1})


class Step(Component):
    """`step_layout` of step `number`. Latency: 1 cycle."""

    def __init__(self, params: ChipParams) -> None:
        super().__init__(
            {"config": In(neuron_config(params)), "number": In(params.step_bits), "step": Out(step_layout())}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, number = self.config, self.number
        m.d.sync += [
            self.step.sloped.eq((config.slope != 0) & (number >= config.window_start)),
            self.step.open.eq((number >= config.window_start) & (number < config.window_end)),
        ]
        return m


class Integrate(Component):
    """``V <- sat(V + x)``, with x the constant slope where the window has opened, else A. Combinational.

    Members
    -------
    config, step
        What the neuron is told.
    a, v, fired
        State of the neuron; all 0 in the first sweep of an image.
    a_next
        A after the sweep; taken if `SWEEP_WRITES_A`. This neuron keeps it.
    v_next
        V after the sweep; a neuron that has fired keeps it.
    """

    #: Whether a sweep makes a new A, as it does where the current is cleared or decays. Else a sweep only
    #: reads A, which costs neither a write of the memory nor an entry of compute's history.
    SWEEP_WRITES_A: ClassVar[bool] = False

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        a, v = signed(params.acc_bits), signed(params.pot_bits)
        super().__init__(
            {
                "config": In(neuron_config(params)),
                "step": In(step_layout()),
                "a": In(a),
                "v": In(v),
                "fired": In(1),
                "a_next": Out(a),
                "v_next": Out(v),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.adder = adder = SaturatingAdder(self.params.pot_bits, self.params.pot_bits)
        # A neuron that has fired adds 0: cheaper than a choice between two potentials after the adder.
        addend = Mux(self.step.sloped, Cat(self.config.slope, Const(0)).as_signed(), self.a)
        m.d.comb += [
            adder.a.eq(self.v),
            adder.b.eq(Mux(self.fired, 0, addend)),
            self.a_next.eq(self.a),
            self.v_next.eq(adder.sum),
        ]
        return m


def makes_a(op: Value) -> Value:
    """Whether an operation makes a new A, which compute forwards and store writes."""
    return Const(1) if Integrate.SWEEP_WRITES_A else op != Op.SWEEP


class Fire(Component):
    """Fires a neuron that has not, if the window is open and ``V >= threshold``. Combinational.

    Members
    -------
    config, step
        What the neuron is told.
    v, fired
        State from `Integrate`.
    v_next, fired_next
        State after the sweep; this neuron keeps V, and that it has fired.
    fire
        The neuron fires in this step.
    """

    def __init__(self, params: ChipParams) -> None:
        v = signed(params.pot_bits)
        super().__init__(
            {
                "config": In(neuron_config(params)),
                "step": In(step_layout()),
                "v": In(v),
                "fired": In(1),
                "v_next": Out(v),
                "fired_next": Out(1),
                "fire": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += [
            self.fire.eq(self.step.open & ~self.fired & (self.v >= self.config.threshold)),
            self.fired_next.eq(self.fired | self.fire),
            self.v_next.eq(self.v),
        ]
        return m
