"""The neuron family of docs/arithmetic.md, for one lane: decays, charging and resets.

Nothing is cut into more cycles than the ReL-PSP neuron's: decay and addition are one sum of three numbers, a
carry-save adder before the carry chain. What is shifted comes from the memory and not from what compute
forwards, since no spike is under way when a sweep begins.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed

from yoso_hw.component import Component
from yoso_hw.core.neuron import fire_signature, integrate_signature, step_signature
from yoso_hw.core.ops import Op
from yoso_hw.params import ChipParams
from yoso_hw.registers import Reset


class Step(Component):
    """`step_signature` of any neuron of the family."""

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        super().__init__(step_signature(params))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, number = self.config, self.number
        charging = (config.charge != 0) & (number == config.charge)
        fires = (config.reset != Reset.NEVER) & ~charging
        upcoming = number + 1
        m.d.sync += [
            self.step.sloped.eq((config.slope != 0) & (number >= config.window_start)),
            self.step.open.eq(fires & (number >= config.window_start) & (number < config.window_end)),
            # The bias that a sweep adds acts in the next one.
            self.step.biased.eq(
                config.bias & (upcoming >= config.window_start) & (upcoming < config.window_end)
            ),
            self.step.charging.eq(charging),
        ]
        return m


def minus_decay(value: Value, k: Value, enable: Value) -> tuple[Value, Value]:
    """What added to `value` makes it lose decay(value, k): a number, and the carry into its lowest bit.

    decay(x, k) = sign(x) ceil(|x| / 2^k). An arithmetic shift rounds down, which for negatives is that; of
    positives that lose bits in the shift it falls one short. ``-y`` is ``~y + 1``, and the one that such a
    positive loses besides takes that carry away. Both 0 unless `enable`.
    """
    shifted = value.as_signed() >> k
    lost = (value & ((Const(1, 1) << k) - 1)[: len(value)]).any()
    return Mux(enable, (~shifted).as_signed(), 0), enable & (value[-1] | ~lost)


def sum_of_three(m: Module, width: int, x: Value, y: Value, z: Value, carry: Value) -> Signal:
    """``x + y + z + carry``, of signed numbers, in `width` bits, by one carry chain."""
    x, y, z = (_extended(each, width) for each in (x, y, z))
    total = Signal(signed(width))
    carries = (x & y) | (x & z) | (y & z)
    m.d.comb += total.eq((x ^ y ^ z) + Cat(carry, carries[: width - 1]))
    return total


def saturated(value: Value, width: int) -> Value:
    """A signed number, or the bound of `width` bits that it has passed."""
    top = value[width - 1 :]
    fits = top.all() | ~top.any()
    sign = value[-1]
    return Mux(fits, value[:width], Cat((~sign).replicate(width - 1), sign)).as_signed()


def _extended(value: Value, width: int) -> Value:
    return (
        Cat(value, value[-1].replicate(width - len(value)))[:width] if len(value) < width else value[:width]
    )


class Integrate(Component):
    """`integrate_signature`.

    A spike:  ``A <- sat(A + w)``.
    A sweep:  ``V <- sat(V - decay(V, leak) + x)``, x the constant slope where the window has opened, else A;
    and ``A <- sat(A - decay(A, current) + w)``, or, while charging, ``A <- sat(V - decay(V, leak) + x)``.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        super().__init__(integrate_signature(params))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params, config, step = self.params, self.config, self.step
        stored = self.stored
        sweep = self.op != Op.SPIKE

        # V. A neuron that has fired adds 0 and loses nothing.
        lost, carry = minus_decay(self.v, config.leak, (config.leak != 0) & ~self.fired)
        addend = Mux(step.sloped, Cat(config.slope, Const(0)).as_signed(), stored)
        addend = Mux(self.fired, 0, addend)
        wide_v = sum_of_three(m, params.pot_bits + 1, self.v, lost, addend, carry)

        # A.
        lost, carry = minus_decay(stored, config.current, config.decays & sweep)
        wide_a = sum_of_three(m, params.acc_bits + 1, self.a, lost, self.w, carry)
        m.d.comb += [
            self.v_next.eq(saturated(wide_v, params.pot_bits)),
            self.a_next.eq(
                Mux(
                    step.charging & sweep,
                    saturated(wide_v, params.acc_bits),
                    saturated(wide_a, params.acc_bits),
                )
            ),
        ]
        return m


class Fire(Component):
    """`fire_signature`: one subtraction tells whether ``V >= threshold``, and what is left of V.

    Only where reset is `once` a neuron that has fired is marked.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        super().__init__(fire_signature(params))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        once = config.reset == Reset.ONCE
        rest = Signal(signed(self.params.pot_bits + 1))
        m.d.comb += [
            rest.eq(self.v - config.threshold),
            self.fire.eq(self.step.open & ~self.fired & ~rest[-1]),
            self.fired_next.eq(once & (self.fired | self.fire)),
            self.v_next.eq(self.v),
        ]
        with m.If(self.step.charging | (self.fire & (config.reset == Reset.ZERO))):
            m.d.comb += self.v_next.eq(0)
        with m.Elif(self.fire & (config.reset == Reset.SUBTRACT)):
            m.d.comb += self.v_next.eq(rest)
        return m
