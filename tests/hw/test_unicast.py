"""Unicast: a flit for a rectangle becomes one flit for each of its nodes, and all else passes unchanged."""

import itertools
import random

import pytest
from support.bench import Bench, held
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.unicast import Unicast

CHIPS = {
    "1x1": ChipParams(cols=1, rows=1),
    "1x5": ChipParams(cols=1, rows=5),
    "3x4": ChipParams(cols=3, rows=4),
    "6x7": ChipParams(),
    "2x3, with convolution": ChipParams(cols=2, rows=3, side=35),
}
by_chip = pytest.mark.parametrize("params", CHIPS.values(), ids=CHIPS)


def rectangles(params):
    spans = [
        [(low, high) for low in range(size) for high in range(low, size)]
        for size in (params.cols, params.rows)
    ]
    return [(*x, *y) for x, y in itertools.product(*spans)]


def spike(packets, x0, x1, y0, y1, row):
    place = {"r": 34 - row % 35, "q": row % 35} if packets.params.side else {}
    return packets.pack("SPIKE", x0=x0, x1=x1, y0=y0, y1=y1, tag=1, parity=0, row=row, **place)


def copies(packets, x0, x1, y0, y1, row):
    return [spike(packets, x, x, y, y, row) for y in range(y0, y1 + 1) for x in range(x0, x1 + 1)]


@by_chip
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_each_node_of_each_rectangle_gets_one_copy_row_by_row(params, stall):
    packets, bench = Packets(params), Bench(Unicast(params), seed=1)
    cases = [(*rectangle, row) for row, rectangle in enumerate(rectangles(params))]
    due = [flit for case in cases for flit in copies(packets, *case)]
    bench.source(bench.dut.i, *(spike(packets, *case) for case in cases), stall=stall)
    sink = bench.sink(bench.dut.o, stall=stall)
    bench.run(lambda: len(sink.taken) == len(due), limit=6 * len(due))
    bench.step(5)
    assert sink.taken == due


def test_each_copy_stays_as_it_is_until_it_is_taken():
    params = ChipParams(cols=3, rows=4)
    packets, bench = Packets(params), Bench(Unicast(params))
    bench.source(bench.dut.i, spike(packets, 1, 2, 0, 1, 7))
    sink = bench.sink(bench.dut.o)
    due = copies(packets, 1, 2, 0, 1, 7)
    assert [held(sink) for _ in due] == due


def test_one_copy_leaves_every_cycle():
    params = ChipParams(cols=3, rows=4)
    packets, bench = Packets(params), Bench(Unicast(params))
    bench.source(bench.dut.i, *(spike(packets, 0, 2, 0, 3, row) for row in range(3)))
    sink = bench.sink(bench.dut.o)
    bench.step(36)
    assert sink.cycles == list(range(36))


@by_chip
def test_flits_to_the_host_pass_unchanged(params):
    packets, rng = Packets(params), random.Random(5)
    flits = [
        *(packets.pack("REPLY", x=0, y=0, data=rng.getrandbits(16)) for _ in range(8)),
        *(packets.pack("RESULT", index=1, potential=rng.randint(-9, 9)) for _ in range(8)),
    ]
    bench = Bench(Unicast(params))
    bench.source(bench.dut.i, *flits)
    sink = bench.sink(bench.dut.o, stall=0.4)
    bench.run(lambda: len(sink.taken) == len(flits))
    assert sink.taken == flits
