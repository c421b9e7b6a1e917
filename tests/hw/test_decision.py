"""Decision unit: the higher potential wins, then the lower index, in whatever order results come."""

import itertools
import random

import pytest
from support.bench import Bench
from yoso_hw.decision import Decision
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams

PARAMS = ChipParams()
PACKETS = Packets(PARAMS)


def expected(results):
    return min(results, key=lambda result: (-result[1], result[0]))[0]


def offer(bench, results):
    for index, potential in results:
        flit = PACKETS.pack("RESULT", index=index, potential=potential)
        bench.pulse(valid=1, flit=flit)


def rtl(results):
    bench = Bench(Decision(PARAMS))
    bench.drive(enable=1)
    offer(bench, results)
    assert bench.get(bench.dut.found)
    return bench.get(bench.dut.index)


@pytest.mark.parametrize(
    "results",
    [
        [(0, 5)],
        [(0, 5), (1, 6), (2, 4)],
        [(3, -5), (2, -6), (1, -5)],
        [(7, PARAMS.pot_min), (255, PARAMS.pot_max)],
        [(7, PARAMS.pot_min), (6, PARAMS.pot_min), (0, PARAMS.pot_min)],
        [(2, 9), (1, 9), (3, 9)],
    ],
)
def test_the_order_of_results_does_not_matter(results):
    for order in itertools.permutations(results):
        assert rtl(order) == expected(results)


def test_random_results_with_many_ties():
    rng = random.Random(11)
    for _ in range(10):
        indices = rng.sample(range(PARAMS.classes), 12)
        results = [(index, rng.randint(-2, 2)) for index in indices]
        assert rtl(results) == expected(results)


def test_nothing_counts_while_it_is_not_enabled():
    bench = Bench(Decision(PARAMS))
    offer(bench, [(1, 5)])
    assert bench.get(bench.dut.found) == 0
    bench.drive(enable=1)
    offer(bench, [(2, 3)])
    bench.drive(enable=0)
    offer(bench, [(0, 9)])
    assert (bench.get(bench.dut.found), bench.get(bench.dut.index)) == (1, 2)


def test_clear_forgets_the_best_so_far():
    bench = Bench(Decision(PARAMS))
    bench.drive(enable=1)
    offer(bench, [(3, 100)])
    bench.pulse(clear=1)
    assert bench.get(bench.dut.found) == 0
    offer(bench, [(9, -100)])
    assert (bench.get(bench.dut.found), bench.get(bench.dut.index)) == (1, 9)


def test_the_best_so_far_stays_as_it_is_until_it_is_asked_for():
    """Whatever stands on the wires of a result that is none."""
    rng, bench = random.Random(3), Bench(Decision(PARAMS))
    bench.drive(enable=1)
    offer(bench, [(9, -100)])
    seen = [bench.record(bench.dut.found), bench.record(bench.dut.index)]
    for _ in range(40):
        flit = PACKETS.pack("RESULT", index=rng.randrange(PARAMS.classes), potential=rng.randint(-99, 99))
        bench.drive(flit=flit)
        bench.step()
    assert [set(values) for values in seen] == [{1}, {9}]


# ---- counts ----------------------------------------------------------------------------------------------

FAMILY = ChipParams(classes=16, neuron="all")


def counting():
    """A decision unit in an image whose spikes are counted."""
    bench = Bench(Decision(FAMILY))
    bench.run(lambda: bench.get(bench.dut.ready))
    bench.pulse(clear=1)
    bench.drive(enable=1, counting=1, spikes=1)
    return bench


def spike(bench, index, potential=0):
    flit = Packets(FAMILY).pack("RESULT", index=index, potential=potential)
    bench.pulse(valid=1, flit=flit)


@pytest.mark.parametrize(
    "steps", [[{3}], [{3, 5}], [{1, 9}, {9}], [{1, 9}, {9}, {1}], [{2, 4, 6}, {4, 6}, {6, 2}]]
)
def test_the_most_spikes_then_the_lowest_index_win_in_whatever_order_those_of_a_step_come(steps):
    fired = [index for step in steps for index in step]
    wanted = min(set(fired), key=lambda index: (-fired.count(index), index))
    for orders in itertools.product(*(itertools.permutations(sorted(step)) for step in steps)):
        bench = counting()
        for order in orders:
            for index in order:
                spike(bench, index, potential=-index)
            bench.step(3)  # a barrier takes longer
        assert bench.get(bench.dut.found) and bench.get(bench.dut.index) == wanted, orders


def test_potentials_of_a_report_decide_after_an_image_without_spikes():
    bench = counting()
    bench.step(5)
    assert not bench.get(bench.dut.found)
    bench.drive(counting=0, spikes=0)
    for index, potential in ((4, -3), (2, 7), (9, 7)):
        spike(bench, index, potential)
    assert bench.get(bench.dut.index) == 2
    bench.pulse(ask=1, asked=2)
    assert bench.get(bench.dut.count) == 0
