"""Spike counts: right for any order of spikes, in images that follow each other at once, and after reset."""

import random
from collections import Counter

from support.bench import Bench
from yoso_hw.params import ChipParams
from yoso_hw.spike_counts import SpikeCounts

PARAMS = ChipParams(classes=8, steps=16, neuron="all")
SHORTEST_PAUSE = 3  # cycles of an image at least in which no output spikes


class Counting(Bench):
    """Counts beside a `collections.Counter`."""

    def __init__(self, params=PARAMS, seed=0):
        super().__init__(SpikeCounts(params), seed=seed)
        self.seen = Counter()
        self.run(lambda: self.get(self.dut.ready))

    def begin(self):
        self.pulse(begin=1)
        self.seen.clear()

    def spike(self, index):
        """Returns the count that comes the cycle after."""
        self.pulse(spike=1, index=index)
        self.seen[index] += 1
        return self.get(self.dut.count)

    def ask(self, index):
        self.pulse(ask=1, index=index)
        return self.get(self.dut.count)


def test_a_spike_comes_with_how_many_there_were_up_to_it():
    bench = Counting()
    bench.begin()
    got = []
    for index in (3, 5, 3, 7, 5, 3):
        got.append(bench.spike(index))
        bench.step(2)
    assert got == [1, 1, 2, 1, 2, 3]


def test_spikes_of_different_outputs_may_follow_each_other_in_every_cycle():
    bench = Counting()
    bench.begin()
    for _ in range(3):
        assert len({bench.spike(index) for index in range(8)}) == 1
    assert [bench.ask(index) for index in range(8)] == [3] * 8


def test_a_count_that_was_asked_for_stays_until_the_next_one():
    bench = Counting()
    bench.begin()
    bench.spike(6)
    bench.step(1)
    assert bench.ask(6) == 1
    bench.step(20)
    assert bench.get(bench.dut.count) == 1
    assert bench.ask(2) == 0


def test_an_image_that_begins_at_once_counts_from_0_however_many_there_were_before():
    """More images than numbers of images, each as short as can be."""
    rng = random.Random(1)
    bench = Counting()
    for _ in range(70):
        bench.begin()
        for _ in range(rng.randrange(9)):
            index = rng.randrange(8)
            assert bench.spike(index) == bench.seen[index]
            bench.step(rng.choice([1, 1, 2, 7]))
        bench.step(SHORTEST_PAUSE)
        wanted = [bench.seen[index] for index in range(8)]
        assert [bench.ask(index) for index in range(8)] == wanted


def test_an_output_that_is_silent_for_as_many_images_as_there_are_numbers_is_0_then_too():
    bench = Counting()
    bench.begin()
    bench.spike(4)
    for _ in range(8):
        bench.step(SHORTEST_PAUSE)
        bench.begin()
    assert bench.ask(4) == 0


def test_the_walker_never_undoes_a_spike_that_comes_where_it_stands():
    """Every phase between the walker and the spike, on a count of an image gone by."""
    for phase in range(10):
        bench = Counting()
        bench.begin()
        bench.spike(5)
        bench.step(2)
        bench.begin()
        bench.step(phase)
        assert bench.spike(5) == 1
        bench.step(20)
        assert bench.ask(5) == 1, phase


def test_an_image_must_wait_until_the_memory_has_been_cleared_after_reset():
    bench = Bench(SpikeCounts(PARAMS))
    waited = bench.run(lambda: bench.get(bench.dut.ready)) or bench.cycle
    assert 8 <= waited <= 10


def test_the_most_spikes_and_the_most_outputs_are_counted():
    params = ChipParams(classes=4096, steps=1024, neuron="all")
    bench = Bench(SpikeCounts(params))
    bench.run(lambda: bench.get(bench.dut.ready), 5000)
    bench.pulse(begin=1)
    for count in range(1, 1025):
        bench.pulse(spike=1, index=4095)
        assert bench.get(bench.dut.count) == count
        bench.step(1)
