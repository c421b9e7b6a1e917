"""Performance counters: every event counts once in its own counter, modulo 2**32."""

import random

import pytest
from support.bench import Bench
from yoso_hw.counters import Counters
from yoso_hw.registers import Counter


def read(bench):
    """Every counter, as the memory interface reads it."""
    values = []
    for counter in Counter:
        bench.drive(bench.dut.access, read=1, address=counter)
        bench.step(2)
        values.append(bench.get(bench.dut.access.rdata))
        bench.step()
        bench.drive(bench.dut.access, read=0)
    return values


def cleared():
    bench = Bench(Counters())
    for counter in Counter:
        bench.pulse(bench.dut.access, address=counter, write=1, wdata=0)
        bench.step()
    return bench


def test_events_of_one_cycle_each_count_in_their_own_counter():
    rng = random.Random(1)
    bench, counts = cleared(), [0] * len(Counter)
    for _ in range(100):
        events = rng.getrandbits(len(Counter))
        bench.drive(events=events)
        bench.step()
        counts = [count + (events >> i & 1) for i, count in enumerate(counts)]
    bench.drive(events=0)
    assert read(bench) == counts


@pytest.mark.parametrize("counter", Counter)
def test_writing_a_counter_sets_it_alone(counter):
    bench = cleared()
    bench.drive(events=(1 << len(Counter)) - 1)
    bench.step(3)
    bench.drive(events=0)
    bench.step(len(Counter))
    bench.pulse(bench.dut.access, address=counter, write=1, wdata=1000)
    assert read(bench) == [1000 if other is counter else 3 for other in Counter]


@pytest.mark.parametrize("gap", range(20))
def test_events_right_before_and_after_a_write_count_before_and_after_it(gap):
    """Whichever counter has its turn just then."""
    bench = cleared()
    bench.step(gap)
    bench.drive(events=(1 << len(Counter)) - 1)
    bench.step(30)
    bench.drive(events=0)
    bench.pulse(bench.dut.access, address=Counter.UPDATES, write=1, wdata=7)
    bench.drive(events=(1 << len(Counter)) - 1)
    bench.step(40)
    bench.drive(events=0)
    assert read(bench) == [7 + 40 if counter is Counter.UPDATES else 70 for counter in Counter]


def test_writes_in_every_other_cycle_and_events_between_lose_nothing():
    bench = cleared()
    for _ in range(40):
        bench.drive(events=0)
        bench.pulse(bench.dut.access, address=Counter.SPIKES_IN, write=1, wdata=7)
        bench.pulse(events=(1 << len(Counter)) - 1)
    assert read(bench) == [7 + 1 if counter is Counter.SPIKES_IN else 40 for counter in Counter]


@pytest.mark.parametrize("gap", range(13))
def test_a_counter_that_is_read_goes_on_counting_afterwards(gap):
    bench = cleared()
    bench.pulse(events=(1 << len(Counter)) - 1)
    bench.step(gap)
    assert read(bench) == [1] * len(Counter)
    bench.drive(events=(1 << len(Counter)) - 1)
    bench.step(50)
    bench.drive(events=0)
    assert read(bench) == [51] * len(Counter)


def test_a_counter_wraps_after_its_32nd_bit():
    bench = cleared()
    bench.pulse(bench.dut.access, address=Counter.UPDATES, write=1, wdata=0xFFFF_FFFF)
    bench.pulse(events=1 << Counter.UPDATES)
    assert read(bench) == [0] * len(Counter)
