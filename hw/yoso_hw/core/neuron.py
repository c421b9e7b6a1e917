"""The ReL-PSP neuron: one sweep as a function of (A, V, mode), for one lane. The seam for other neurons.

Paper, equations 8 and 9: V_j(t) = sum_i w_ij max(0, t - t_i). On integer steps V grows each step by the
accumulated weight A of the spikes that came before, so a sweep is one addition. The sweep is cut in two where
the pipeline is cut: `Integrate` runs in compute and `Fire` in store.

A neuron of another kind gives a new A here as well (integrate-and-fire clears it, a current-based leaky
neuron lets it decay), which compute then keeps as it keeps that of a spike, or changes V in `Fire` (reset
after a spike); nothing else in the core knows which kind it is.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from yoso_hw.adder import SaturatingAdder
from yoso_hw.params import ChipParams


class Integrate(wiring.Component):
    """``V <- sat(V + x)``, with x the constant slope where the window has opened, else A. Combinational.

    Members
    -------
    a, v, fired
        State of the neuron; all 0 in the first sweep of an image.
    sloped, slope
        Add the constant `slope` instead of A.
    v_next
        V after the sweep; a neuron that has fired keeps it.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        a, v = signed(params.acc_bits), signed(params.pot_bits)
        super().__init__(
            {
                "a": In(a),
                "v": In(v),
                "fired": In(1),
                "sloped": In(1),
                "slope": In(params.pot_bits - 1),
                "v_next": Out(v),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.adder = adder = SaturatingAdder(self.params.pot_bits, self.params.pot_bits)
        # A neuron that has fired adds 0: cheaper than a choice between two potentials after the adder.
        addend = Mux(self.sloped, Cat(self.slope, Const(0)).as_signed(), self.a)
        m.d.comb += [
            adder.a.eq(self.v),
            adder.b.eq(Mux(self.fired, 0, addend)),
            self.v_next.eq(adder.sum),
        ]
        return m


class Fire(wiring.Component):
    """Fires a neuron that has not, if the window is open and ``V >= threshold``. Combinational.

    Members
    -------
    v, fired
        State from `Integrate`.
    open
        The step lies in the firing window.
    fire, fired_next
        The neuron fires in this step; it has fired.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        super().__init__(
            {
                "v": In(signed(params.pot_bits)),
                "fired": In(1),
                "open": In(1),
                "threshold": In(params.pot_bits - 1),
                "fire": Out(1),
                "fired_next": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += [
            self.fire.eq(self.open & ~self.fired & (self.v >= self.threshold)),
            self.fired_next.eq(self.fired | self.fire),
        ]
        return m
