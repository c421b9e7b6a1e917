"""The neuron family of docs/arithmetic.md, for one lane: decays, charging and resets.

Nothing takes more cycles than in the ReL-PSP neuron. A decay's shift is cut in two, one half at the memories'
outputs, before the register of the operands; decay and addition are one sum of three numbers, a carry-save
adder before the carry chain. What is shifted comes from the memory and not from what compute forwards, since
no spike is under way when a sweep begins. Store makes V the current, which compute does not forward: a spike
of that step waits until the sweep has left the core.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed

from yoso_hw.component import Component
from yoso_hw.core.neuron import fire_signature, integrate_signature, prepare_signature, step_signature
from yoso_hw.core.ops import Op
from yoso_hw.params import ChipParams
from yoso_hw.registers import Reset

#: Bits of k that are shifted by at once.
HALF = 2


class Step(Component):
    """`step_signature` of any neuron of the family."""

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        super().__init__(step_signature(params))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, number, step = self.config, self.number, self.step
        charging = (config.charge != 0) & (number == config.charge)
        fires = (config.reset != Reset.NEVER) & ~charging
        upcoming = number + 1
        m.d.sync += [
            step.sloped.eq((config.slope != 0) & (number >= config.window_start)),
            step.open.eq(fires & (number >= config.window_start) & (number < config.window_end)),
            # The bias that a sweep adds acts in the next one.
            step.biased.eq(config.bias & (upcoming >= config.window_start) & (upcoming < config.window_end)),
            step.charging.eq(charging),
            step.leaks.eq(config.leak != 0),
            step.v_mask.eq(Cat(config.leak > i for i in range(self.params.pot_bits))),
            step.a_mask.eq(Cat(config.current > i for i in range(self.params.acc_bits))),
        ]
        return m


# ---- decay -----------------------------------------------------------------------------------------------
#
# decay(x, k) = sign(x) ceil(|x| / 2^k). An arithmetic shift rounds down, which for negatives is that; of
# positives that lose ones in the shift it falls one short. x - y is x + ~y + 1, and the one that such a
# positive loses besides takes that carry away.


def shifted_right(value: Value, by: Value, unit: int = 1) -> Value:
    """``value >> by * unit``, arithmetic: a choice a bit of `by`.

    Not Amaranth's shift by a signal: of one by so much that no bit is left, the upper bit of the amount was
    lost on the way through yosys 0.70, as a proof's trace showed.
    """
    for i, bit in enumerate(by):
        value = Mux(bit, value.as_signed() >> (unit << i), value.as_signed())
    return value.as_signed()


def begin_decay(value: Value, k: Value, mask: Value) -> tuple[Value, Value]:
    """`value` shifted by the upper half of k, and whether each two bits of it lose a one in all of k."""
    lost = value & mask
    pairs = [lost[i : i + 2].any() for i in range(0, len(value), 2)]
    return shifted_right(value, k[HALF:], 1 << HALF), Cat(*pairs)


def end_decay(shifted: Value, lost: Value, k: Value, enable: Value) -> tuple[Value, Value]:
    """What added to the value makes it lose its decay: a number, and a carry; 0 unless `enable`."""
    negative = shifted[-1]
    return Mux(enable, ~shifted_right(shifted, k[:HALF]), 0), enable & (negative | ~lost.any())


def sum_of_three(m: Module, width: int, x: Value, y: Value, z: Value, carry: Value) -> Signal:
    """``x + y + z + carry``, of signed numbers, in `width` bits, by one carry chain."""
    x, y, z = (_extended(each, width) for each in (x, y, z))
    total = Signal(signed(width))
    carries = (x & y) | (x & z) | (y & z)
    m.d.comb += total.eq((x ^ y ^ z) + Cat(carry, carries[: width - 1]))
    return total


def _extended(value: Value, width: int) -> Value:
    return Cat(value, value[-1].replicate(width - len(value)))


def saturated(value: Value) -> Value:
    """A signed number in a bit less, or the bound that it has passed."""
    fits, sign = value[-1] == value[-2], value[-1]
    return Mux(fits, value[:-1], Cat((~sign).replicate(len(value) - 2), sign)).as_signed()


# ---- the halves of an operation --------------------------------------------------------------------------


class Prepare(Component):
    """`prepare_signature`: the first half of both decays."""

    def __init__(self, params: ChipParams) -> None:
        super().__init__(prepare_signature(params))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        prepared = self.prepared
        v, v_lost = begin_decay(self.v, self.config.leak, self.step.v_mask)
        a, a_lost = begin_decay(self.a, self.config.current, self.step.a_mask)
        m.d.comb += [
            prepared.v.eq(v),
            prepared.v_lost.eq(v_lost),
            prepared.a.eq(a),
            prepared.a_lost.eq(a_lost),
        ]
        return m


class Integrate(Component):
    """`integrate_signature`.

    A spike:  ``A <- sat(A + w)``.
    A sweep:  ``V <- sat(V - decay(V, leak) + x)``, x the constant slope where the window has opened, else A;
    and ``A <- sat(A - decay(A, current) + w)``.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        super().__init__(integrate_signature(params))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params, config, step, prepared = self.params, self.config, self.step, self.prepared

        # V. A neuron that has fired adds 0 and loses nothing.
        lost, carry = end_decay(prepared.v, prepared.v_lost, config.leak, step.leaks & ~self.fired)
        addend = Mux(step.sloped, Cat(config.slope, Const(0)).as_signed(), self.stored)
        wide = sum_of_three(m, params.pot_bits + 1, self.v, lost, Mux(self.fired, 0, addend), carry)
        m.d.comb += self.v_next.eq(saturated(wide))

        # A.
        decays = config.decays & (self.op != Op.SPIKE)
        lost, carry = end_decay(prepared.a, prepared.a_lost, config.current, decays)
        wide = sum_of_three(m, params.acc_bits + 1, self.a, lost, self.w, carry)
        m.d.comb += self.a_next.eq(saturated(wide))
        return m


class Fire(Component):
    """`fire_signature`: one subtraction tells whether ``V >= threshold``, and what is left of V.

    Only where reset is `once` a neuron that has fired is marked. A sweep that charges stores V, saturated to
    its bits, as A, and 0 as V.
    """

    def __init__(self, params: ChipParams) -> None:
        self.params = params
        super().__init__(fire_signature(params))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params, config = self.params, self.config
        once = config.reset == Reset.ONCE
        rest = Signal(signed(params.pot_bits + 1))
        m.d.comb += [
            rest.eq(self.v - config.threshold),
            self.fire.eq(self.step.open & ~self.fired & ~rest[-1]),
            self.fired_next.eq(once & (self.fired | self.fire)),
            self.v_next.eq(self.v),
            self.a_next.eq(self.a),
        ]
        with m.If(self.step.charging | (self.fire & (config.reset == Reset.ZERO))):
            m.d.comb += self.v_next.eq(0)
        with m.Elif(self.fire & (config.reset == Reset.SUBTRACT)):
            m.d.comb += self.v_next.eq(rest)
        charges = self.step.charging & self.sweep
        top, sign = self.v[params.acc_bits - 1 :], self.v[-1]
        with m.If(charges & (top.all() | ~top.any())):
            m.d.comb += self.a_next.eq(self.v)
        with m.Elif(charges):
            m.d.comb += self.a_next.eq(Cat((~sign).replicate(params.acc_bits - 1), sign))
        return m
