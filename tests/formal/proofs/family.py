"""The neuron family's arithmetic, in every width that a chip may have."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Mux, Signal, Value, signed
from yoso_hw.core.family import Fire, Integrate, Prepare
from yoso_hw.core.ops import Op
from yoso_hw.params import ChipParams
from yoso_hw.registers import Reset

from formal.harness import Harness, Proof, implies

#: A and V are as wide as each other here, so that both decays are shown at once.
WIDTHS = range(2, 33)
#: The sums of wide decays are beyond what a solver multiplies out in minutes.
DECAY_WIDTHS = range(2, 10)


def chip(width: int) -> ChipParams:
    return ChipParams(weight_bits=2, acc_bits=width, pot_bits=width, neuron="all")


def ceiling(magnitude: Value, quotient: Value, k: Value) -> Value:
    """Whether `quotient` is ceil(magnitude / 2^k): by multiplying, as nobody divides here."""
    right: Any = 0
    for shift in range(1 << len(k)):
        above, below = quotient << shift, (quotient - 1) << shift
        right = Mux(k == shift, (magnitude <= above) & (magnitude > below), right)
    return right


def decays(h: Harness) -> None:
    """A sweep that adds nothing, of a V and an A of any value and any k."""
    top, leak, current = h.free("top", 32), h.free("leak", 4), h.free("current", 4)
    for width in DECAY_WIDTHS:
        params = chip(width)
        h.m.submodules[f"prepare_{width}"] = prepare = Prepare(params)
        h.m.submodules[f"integrate_{width}"] = integrate = Integrate(params)
        value = top[:width].as_signed()
        for block in (prepare, integrate):
            h.m.d.comb += [
                block.config.leak.eq(leak),
                block.config.current.eq(current),
                block.config.decays.eq(1),
                block.step.leaks.eq(leak != 0),
                block.step.sloped.eq(1),  # by 0: nothing is added to V
                block.step.v_mask.eq(Cat(leak > i for i in range(width))),
                block.step.a_mask.eq(Cat(current > i for i in range(width))),
            ]
        h.m.d.comb += [
            prepare.v.eq(value),
            prepare.a.eq(value),
            integrate.prepared.eq(prepare.prepared),
            integrate.op.eq(Op.SWEEP),
            integrate.v.eq(value),
            integrate.a.eq(value),
        ]
        for name, left, k in (("V", integrate.v_next, leak), ("A", integrate.a_next, current)):
            after = Signal(signed(width), name=f"{name}_{width}")
            h.m.d.comb += after.eq(left)
            before, rest = (Signal(width, name=f"{name}_{width}_{what}") for what in ("before", "rest"))
            h.m.d.comb += [before.eq(Mux(value < 0, -value, value)), rest.eq(Mux(value < 0, -after, after))]
            runs = (k != 0) if name == "V" else 1
            h.check(implies(value == 0, after == 0), f"{name} of {width} bits: 0 stays 0")
            h.check(implies(runs & (value != 0), rest < before), f"{name} of {width} bits comes nearer to 0")
            h.check(implies(after != 0, (after < 0) == (value < 0)), f"{name} of {width} bits never passes 0")
            h.check(
                implies(runs & (value != 0), ceiling(before, before - rest, k)),
                f"{name} of {width} bits loses ceil(|x| / 2^k)",
            )
    h.cover((top == 1) & (leak == 15))


def resets(h: Harness) -> None:
    """What firing leaves of any V, with any threshold."""
    top, theta, reset = h.free("top", 32), h.free("theta", 31), h.free("reset", 2)
    is_open, fired, charging = h.free("open"), h.free("fired"), h.free("charging")
    h.assume(implies(charging | (reset == Reset.NEVER), ~is_open))
    for width in WIDTHS:
        h.m.submodules[f"fire_{width}"] = fire = Fire(chip(width))
        value, threshold = top[:width].as_signed(), theta[: width - 1]
        h.m.d.comb += [
            fire.config.threshold.eq(threshold),
            fire.config.reset.eq(reset),
            fire.step.open.eq(is_open),
            fire.step.charging.eq(charging),
            fire.v.eq(value),
            fire.fired.eq(fired),
        ]
        fires = is_open & ~fired & (value >= threshold)
        legal, bits = threshold != 0, f"{width} bits"
        h.check(implies(legal, fire.fire == fires), f"{bits}: it fires where it should")
        wraps = fire.fire & (reset == Reset.SUBTRACT)
        h.check(
            implies(legal & wraps, (fire.v_next >= 0) & (fire.v_next == value - threshold)),
            f"{bits}: subtraction leaves the rest and never wraps",
        )
        h.check(implies(fire.fire & (reset == Reset.ZERO), fire.v_next == 0), f"{bits}: zero leaves 0")
        kept = ~charging & (~fire.fire | (reset == Reset.ONCE))
        h.check(implies(kept, fire.v_next == value), f"{bits}: else V stays")
        h.check(
            fire.fired_next == ((reset == Reset.ONCE) & (fired | fire.fire)),
            f"{bits}: only once is remembered",
        )
    h.cover(is_open & (reset == Reset.SUBTRACT) & (theta == 1))


PROOFS = [
    Proof(
        name="decay",
        claim="A decay takes ceil(|x| / 2^k) from x: it never passes 0, comes nearer with every sweep, and "
        "so reaches it; 0 stays.",
        parameters="A and V of 2 to 9 bits, every value, every k",
        cases={"": decays},
        bugs=("decay by a plain shift", "decay leaves small numbers for ever"),
        cover_depth=2,
    ),
    Proof(
        name="reset",
        claim="Firing leaves V - theta, 0 or V; the subtraction never wraps; a neuron is marked as fired "
        "only where its reset is once.",
        parameters="V of 2 to 32 bits, every value and threshold",
        cases={"": resets},
        bugs=("subtract takes the threshold twice", "fired bit kept whatever the reset"),
        cover_depth=2,
    ),
]
