"""The router's round-robin arbiter."""

from __future__ import annotations

from amaranth.hdl import Signal
from harness import Harness, Proof, implies
from yoso_hw.router import RoundRobin

#: Inputs that share an output of the router.
COUNTS = (2, 3, 4, 5)


def arbiter(h: Harness, count: int) -> None:
    m = h.m
    m.submodules[f"arbiter{count}"] = dut = RoundRobin(count)
    h.drive(dut.requests, f"requests{count}")
    h.drive(dut.taken, f"taken{count}")
    served = Signal(count, name=f"served{count}")
    m.d.comb += served.eq(dut.grant & dut.taken.replicate(count))
    waiting = h.past(dut.requests & ~served)
    h.assume((waiting & ~dut.requests) == 0)

    one_hot = (dut.grant & (dut.grant - 1)) == 0
    h.check(one_hot & ((dut.grant & ~dut.requests) == 0), f"of {count}: at most one, and of those who ask")
    h.check(dut.grant.any() == dut.requests.any(), f"of {count}: somebody, if somebody asks")
    untaken = h.past(dut.grant & ~served)
    h.check(implies(untaken.any(), dut.grant == untaken), f"of {count}: a grant that is not taken stays")

    who = h.fixed(f"who{count}", range(count))
    h.assume(who < count)
    mine = dut.requests.bit_select(who, 1) & ~served.bit_select(who, 1)
    others = Signal(range(count + 1), name=f"others{count}")  # served while I wait
    with m.If(~mine):
        m.d.sync += others.eq(0)
    with m.Elif(served.any()):
        m.d.sync += others.eq(others + 1)
    h.check(others < count, f"of {count}: whoever asks is served after all others at the latest")
    h.cover(mine & (others == count - 1))


def build(h: Harness) -> None:
    for count in COUNTS:
        arbiter(h, count)


PROOFS = [
    Proof(
        name="arbiter",
        claim="One of those who ask is granted, the grant stays until it is taken, and nobody waits for more "
        "than one turn of each other.",
        parameters=f"{', '.join(map(str, COUNTS))} requesters",
        cases={"": build},
        bugs=("round robin starves", "flit changes while it waits"),
        assumptions=("a request stays until it is served",),
    )
]
