"""PortChain of a block that has more ports than a device has pins: it reaches every port, one cycle apart."""

import random

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from support.bench import Bench
from yoso_synth.port_chain import PortChain


class Swap(wiring.Component):
    """Its inputs come out, crossed over, with no register between."""

    def __init__(self) -> None:
        super().__init__({"a": In(2), "b": In(3), "x": Out(3), "y": Out(2)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += Cat(self.x, self.y).eq(Cat(self.b, self.a))
        return m


def test_every_input_is_driven_and_every_output_is_seen():
    rng, bench = random.Random(1), Bench(PortChain(Swap()))
    before, seen, after = [0] * 5, [0] * 5, [0] * 5
    for _ in range(60):
        bit = rng.getrandbits(1)
        bench.drive(i=bit)
        assert bench.get(bench.dut.o) == after[-1]
        a, b = before[:2], before[2:]
        after = [old ^ up for old, up in zip(seen, [0, *after[:-1]], strict=True)]
        seen = [*b, *a]
        before = [bit, *before[:-1]]
        bench.step()


def test_a_port_that_is_stuck_changes_what_comes_out():
    class Stuck(Swap):
        def elaborate(self, platform: object) -> Module:
            m = Module()
            m.d.comb += Cat(self.x, self.y).eq(Cat(self.b, self.a[0]))
            return m

    ends = []
    for block in (Swap(), Stuck()):
        bench = Bench(PortChain(block))
        out = bench.record(bench.dut.o)
        for bit in (1, 0, 1, 1, 0, 1, 0, 0, 1):
            bench.drive(i=bit)
            bench.step()
        bench.step(12)
        ends.append(out)
    assert ends[0] != ends[1]
