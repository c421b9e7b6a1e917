"""The router's arbiters: the crossbar's, one an output, and the bus's."""

from __future__ import annotations

from amaranth.hdl import Signal, Value
from yoso_hw.router.bus import Arbiter
from yoso_hw.router.crossbar import RoundRobin

from formal.harness import Harness, Proof, implies

#: Inputs that share an output of a crossbar; those that share a bus are five.
COUNTS = (2, 3, 4, 5)


def grants(h: Harness, dut: RoundRobin | Arbiter, served: Value) -> None:
    """What both promise; `served` has a bit for the requester that is served in this cycle."""
    m, count = h.m, dut.count
    one_hot = (dut.grant & (dut.grant - 1)) == 0
    h.check(one_hot & ((dut.grant & ~dut.requests) == 0), f"of {count}: at most one, and of those who ask")
    h.check(dut.grant.any() == dut.requests.any(), f"of {count}: somebody, if somebody asks")

    who = h.fixed(f"who{count}", range(count))
    h.assume(who < count)
    others = Signal(range(count + 1), name=f"others{count}")  # served while I asked, since my last turn
    with m.If(served.bit_select(who, 1)):
        m.d.sync += others.eq(0)
    with m.Elif(dut.requests.bit_select(who, 1) & served.any()):
        m.d.sync += others.eq(others + 1)
    h.check(others < count, f"of {count}: whoever asks is served after all others at the latest")
    h.cover(served.bit_select(who, 1) & (others == count - 1))


def round_robin(h: Harness) -> None:
    for count in COUNTS:
        h.m.submodules[f"arbiter{count}"] = dut = RoundRobin(count)
        h.drive(dut.requests, f"requests{count}")
        h.drive(dut.taken, f"taken{count}")
        served = Signal(count, name=f"served{count}")
        h.m.d.comb += served.eq(dut.grant & dut.taken.replicate(count))
        waiting = h.past(dut.requests & ~served)
        h.assume((waiting & ~dut.requests) == 0)
        untaken = h.past(dut.grant & ~served)
        h.check(implies(untaken.any(), dut.grant == untaken), f"of {count}: a grant that is not taken stays")
        grants(h, dut, served)


def longest_ago(h: Harness) -> None:
    for count in COUNTS:
        h.m.submodules[f"arbiter{count}"] = dut = Arbiter(count)
        h.drive(dut.requests, f"requests{count}")
        grants(h, dut, dut.grant)


PROOFS = [
    Proof(
        name="arbiter",
        claim="One of those who ask is granted, a grant of the crossbar's that is not taken stays, and "
        "nobody who asks waits for more than one turn of each other; on a bus, not even who asks on and off.",
        parameters=f"{', '.join(map(str, COUNTS))} requesters",
        cases={"crossbar": round_robin, "bus": longest_ago},
        bugs=("round robin starves", "flit changes while it waits", "arbiter of the bus starves"),
        assumptions=("crossbar: a request stays until it is served",),
    )
]
