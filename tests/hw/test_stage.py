"""Stage: a register between two streams."""

import random

import pytest
from support.bench import Bench
from yoso_hw.stage import Stage

by_pace = pytest.mark.parametrize(("through", "pace"), [(True, 1), (False, 2)])


@by_pace
@pytest.mark.parametrize(("offers", "takes"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.6, 0.6)])
def test_flits_come_out_once_and_in_order(through, pace, offers, takes):
    rng = random.Random(1)
    flits = [rng.getrandbits(8) for _ in range(60)]
    bench = Bench(Stage(8, through), seed=2)
    source, sink = bench.source(bench.dut.i, stall=offers), bench.sink(bench.dut.o, stall=takes)
    source.put(*flits)
    bench.run(lambda: len(sink.taken) == len(flits))
    bench.step(5)
    assert sink.taken == flits


@by_pace
def test_a_flit_is_held_for_a_cycle_and_the_next_one_follows_at_its_pace(through, pace):
    bench = Bench(Stage(8, through))
    source, sink = bench.source(bench.dut.i), bench.sink(bench.dut.o)
    source.put(*range(20))
    bench.step(2 + 20 * pace)
    assert source.sent == list(range(0, 20 * pace, pace))
    assert sink.cycles == [cycle + 1 for cycle in source.sent]


@by_pace
def test_one_flit_waits_and_does_not_change(through, pace):
    bench = Bench(Stage(8, through))
    source, sink = bench.source(bench.dut.i), bench.sink(bench.dut.o, stall=1.0)
    source.put(7, 8, 9)
    bench.step(10)
    assert len(source.sent) == 1 and bench.get(bench.dut.o.valid) and bench.get(bench.dut.o.payload) == 7
    assert not sink.taken


def test_only_a_stage_that_lets_through_sees_the_other_side_in_the_same_cycle():
    for through in (True, False):
        bench = Bench(Stage(8, through))
        bench.source(bench.dut.i).put(1)
        bench.step(1)
        for ready in (0, 1):
            bench.set(bench.dut.o.ready, ready)
            assert bench.get(bench.dut.i.ready) == (ready if through else 0)
