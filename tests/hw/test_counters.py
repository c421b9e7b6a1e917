"""Performance counters: every event counts once in its own counter, modulo 2**32."""

import random

import pytest
from bench import Bench
from yoso_hw.counters import Counters
from yoso_hw.registers import Counter


def read(bench):
    bench.step(len(Counter))  # every counter has had its turn
    values = []
    for counter in Counter:
        bench.set(bench.dut.address, counter)
        values.append(bench.get(bench.dut.rdata))
    return values


def test_events_of_one_cycle_each_count_in_their_own_counter():
    rng = random.Random(1)
    bench, counts = Bench(Counters()), [0] * len(Counter)
    for _ in range(100):
        events = rng.getrandbits(len(Counter))
        bench.drive(events=events)
        bench.step()
        counts = [count + (events >> i & 1) for i, count in enumerate(counts)]
    bench.drive(events=0)
    assert read(bench) == counts


@pytest.mark.parametrize("counter", Counter)
def test_writing_a_counter_sets_it_alone(counter):
    bench = Bench(Counters())
    bench.drive(events=(1 << len(Counter)) - 1)
    bench.step(3)
    bench.drive(events=0)
    bench.step(len(Counter))
    bench.pulse(address=counter, write=1, wdata=1000)
    assert read(bench) == [1000 if other is counter else 3 for other in Counter]


def test_an_event_in_every_cycle_and_writes_in_every_other_lose_nothing():
    bench = Bench(Counters())
    for _ in range(40):
        bench.pulse(events=(1 << len(Counter)) - 1, address=Counter.SPIKES_IN, write=1, wdata=7)
        bench.pulse(events=(1 << len(Counter)) - 1)
    assert read(bench) == [7 + 2 if counter is Counter.SPIKES_IN else 80 for counter in Counter]


def test_a_held_counter_stands_still_and_loses_nothing():
    bench = Bench(Counters())
    bench.pulse(events=(1 << len(Counter)) - 1)
    bench.drive(hold=1, address=Counter.UPDATES)
    bench.step()
    before = bench.get(bench.dut.rdata)
    bench.step(2 * len(Counter))
    assert bench.get(bench.dut.rdata) == before
    bench.drive(hold=0)
    assert read(bench) == [1] * len(Counter)


def test_a_counter_wraps_after_its_32nd_bit():
    bench = Bench(Counters())
    bench.pulse(address=Counter.UPDATES, write=1, wdata=0xFFFF_FFFF)
    bench.pulse(events=1 << Counter.UPDATES)
    assert read(bench) == [0] * len(Counter)
