"""A sweep of docs/arithmetic.md as an expression, for proofs; it shares nothing with the core."""

from __future__ import annotations

from typing import Any, NamedTuple

from amaranth.hdl import Cat, Const, Mux, Value
from yoso_hw.params import ChipParams
from yoso_hw.registers import Reset

from formal.harness import Harness, implies


def clamp(value: Value, bits: int) -> Value:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return Mux(value < low, low, Mux(value > high, high, value))


def decay(x: Value, k: Value) -> Value:
    """sign(x) ceil(|x| / 2^k), by the quotient and the rest of a division of the magnitude."""
    magnitude = Mux(x < 0, -x, x)
    quotient = Const(0, len(magnitude))
    for shift in range(1 << len(k)):
        size = 1 << shift
        quotient = Mux(k == shift, (magnitude + (size - 1)) >> shift, quotient)
    return Mux(x < 0, -quotient, quotient)


class Swept(NamedTuple):
    """What a sweep leaves: V before and after the neuron fires, A, the fired bit, whether it fires.

    `makes_a` says whether the sweep makes a new A at all.
    """

    v: Value
    v_left: Value
    a: Value
    fired: Value
    fire: Value
    makes_a: Value


def swept(params: ChipParams, neuron: Any, step: Any, a: Value, v: Value, fired: Value, bias: Value) -> Swept:
    """A sweep of a neuron, with what registers and step say of it."""
    x = Mux(step.sloped, neuron.slope, a)
    if params.neuron == "rel_psp":
        v_1 = Mux(fired, v, clamp(v + x, params.pot_bits))
        fire = ~fired & step.open & (v_1 >= neuron.threshold)
        return Swept(v_1, v_1, Const(0), fired | fire, fire, Const(0))
    leaked = v - Mux(neuron.leak != 0, decay(v, neuron.leak), 0)
    v_1 = Mux(fired, v, clamp(leaked + x, params.pot_bits))
    fire = ~fired & step.open & (v_1 >= neuron.threshold)
    left = Mux(
        fire & (neuron.reset == Reset.SUBTRACT),
        v_1 - neuron.threshold,
        Mux(fire & (neuron.reset == Reset.ZERO), 0, v_1),
    )
    lost = Mux(neuron.decays, decay(a, neuron.current), 0)
    a_1 = clamp(a - lost + Mux(step.biased, bias, 0), params.acc_bits)
    return Swept(
        v_1,
        Mux(step.charging, 0, left),
        Mux(step.charging, clamp(v_1, params.acc_bits), a_1),
        (fired | fire) & (neuron.reset == Reset.ONCE),
        fire,
        neuron.decays | (neuron.charge != 0),
    )


def step(h: Harness, params: ChipParams, neuron: Any, step: Any) -> Value:
    """Make `neuron` any legal one of docs/arithmetic.md, and `step` what a step may be to it.

    Returns the bits of the latter that change from step to step, as `told` takes them. k is 3 at most: of the
    few bits here nothing is left by then, and the proof `decay` has every k.
    """
    names = ("sloped", "open") if params.neuron == "rel_psp" else ("sloped", "open", "biased", "charging")
    bits = h.free("step", len(names))
    h.m.d.comb += told(params, neuron, step, bits)
    if params.neuron == "all":
        h.assume(neuron.threshold != 0)
        h.assume((neuron.leak < 4) & (neuron.current < 4))
        h.assume(implies(step.sloped, (neuron.slope != 0) & ~neuron.decays & (neuron.leak == 0)))
        h.assume(implies(step.charging, neuron.charge != 0))
        h.assume(implies(step.charging | (neuron.reset == Reset.NEVER), ~step.open))
        h.assume(
            implies(neuron.charge != 0, ~neuron.decays & (neuron.leak == 0) & (neuron.reset != Reset.ONCE))
        )
        h.assume(implies(step.biased, neuron.bias))
        h.assume(implies(neuron.bias, neuron.decays))
    return bits


def told(params: ChipParams, neuron: Any, step: Any, bits: Value) -> list:
    """Statements that give `step` its bits, and what follows from the registers alone."""
    if params.neuron == "rel_psp":
        return [Value.cast(step).eq(bits)]
    return [
        Cat(step.sloped, step.open, step.biased, step.charging).eq(bits),
        step.leaks.eq(neuron.leak != 0),
        *(
            mask.eq(Cat(k > i for i in range(len(mask))))
            for mask, k in ((step.v_mask, neuron.leak), (step.a_mask, neuron.current))
        ),
    ]
