"""The saturating adder, in every width that a chip may have."""

from __future__ import annotations

from amaranth.hdl import Mux
from yoso_hw.adder import SaturatingAdder

from formal.harness import Harness, Proof

#: Widest sum of a chip (`ChipParams`).
WIDEST = 32

#: A and a weight; V and A or a slope.
WIDTHS = [(acc, weight) for acc in range(2, WIDEST + 1) for weight in range(2, min(acc, 8) + 1)] + [
    (pot, pot) for pot in range(9, WIDEST + 1)
]


def build(h: Harness) -> None:
    a, b = h.free("a", WIDEST), h.free("b", WIDEST)
    for width, addend_width in WIDTHS:
        name = f"adder_{width}_{addend_width}"
        h.m.submodules[name] = adder = SaturatingAdder(width, addend_width)
        augend, addend = a[:width].as_signed(), b[:addend_width].as_signed()
        h.m.d.comb += [adder.a.eq(augend), adder.b.eq(addend)]
        low, high = -(1 << (width - 1)), (1 << (width - 1)) - 1
        exact = augend + addend
        clamped = Mux(exact < low, low, Mux(exact > high, high, exact))
        h.check(adder.sum == clamped, f"{name}: the sum is the exact one, clamped")
        if (width, addend_width) == (16, 8):
            h.cover(exact > high)
            h.cover(exact < low)
            h.cover((exact == high) | (exact == low))


PROOFS = [
    Proof(
        name="adder",
        claim="The sum is the exact sum, clamped: it never wraps.",
        parameters=f"all {len(WIDTHS)} pairs of widths that a chip can have: A of 2 to 32 bits with weights "
        "of 2 to 8, V of 2 to 32 bits",
        cases={"": build},
        bugs=("adder wraps",),
        cover_depth=2,
    )
]
