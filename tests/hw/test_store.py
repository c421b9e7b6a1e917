"""Store: what is written where, and which neurons are said to fire."""

import random
from dataclasses import replace

import pytest
from support.bench import Bench
from support.extremes import LARGEST
from yoso_hw.core.ops import Op
from yoso_hw.core.store import Store
from yoso_hw.params import ChipParams

PARAMS = ChipParams(lanes=4, neurons=32, weights=64, acc_bits=8, pot_bits=8)
SPIKE, SWEEP, FIRST = Op.SPIKE.value, Op.SWEEP.value, Op.FIRST.value


def potentials(*v, fired=0):
    return [{"v": each, "fired": fired >> i & 1} for i, each in enumerate(v)]


def store(bench, op, word, p, a=(1, -2, 3, -4), *, last=0):
    bench.set(bench.dut.result.payload, {"op": op, "word": word, "last": last, "a": list(a), "p": p})
    bench.set(bench.dut.result.valid, 1)
    names = ("a_write", "v_write", "word", "a", "p", "fire_valid", "fire")
    return {name: bench.get(getattr(bench.dut, name)) for name in names}


def bench_of(params=PARAMS, **setup):
    bench = Bench(Store(params))
    settings = {"last_mask": 0b1111, "open": 1, **setup}
    bench.drive(bench.dut.step, open=settings.pop("open"))
    bench.drive(bench.dut.neuron, threshold=50)
    bench.drive(**settings)
    return bench


@pytest.mark.parametrize("op", [SPIKE, SWEEP, FIRST])
def test_a_spike_writes_a_a_sweep_writes_v_and_a_first_sweep_both(op):
    got = store(bench_of(), op, 3, potentials(9, 8, 7, 6))
    assert (got["a_write"], got["v_write"]) == (op != SWEEP, op != SPIKE)
    assert got["word"] == 3 and got["a"] == [1, -2, 3, -4] and not got["fire_valid"]


def test_neurons_at_or_above_the_threshold_fire_and_are_marked():
    got = store(bench_of(), SWEEP, 3, potentials(49, 50, 51, -50))
    assert got["fire_valid"] and got["fire"] == {"word": 3, "lanes": 0b0110}
    assert got["p"] == potentials(49, 50, 51, -50, fired=0b0110)


@pytest.mark.parametrize("params", [PARAMS, ChipParams(), replace(LARGEST, lanes=4)])
def test_of_any_chip_the_last_word_and_the_ends_of_a_and_v_are_written_as_they_are(params):
    bench = bench_of(params)
    bench.drive(bench.dut.neuron, threshold=params.pot_max)
    v = (params.pot_max, params.pot_min, params.pot_max - 1, -1)
    a = (params.acc_max, params.acc_min, -1, 0)
    got = store(bench, FIRST, params.neuron_words - 1, potentials(*v), a)
    assert got["a"] == [*a] and got["p"] == potentials(*v, fired=0b0001)
    assert got["word"] == params.neuron_words - 1 and got["fire"] == {"word": got["word"], "lanes": 0b0001}


def test_a_neuron_that_has_fired_stays_marked_and_fires_no_more():
    got = store(bench_of(), SWEEP, 3, potentials(99, 99, 0, 0, fired=0b0101))
    assert got["fire"]["lanes"] == 0b0010 and got["p"] == potentials(99, 99, 0, 0, fired=0b0111)


def test_nothing_fires_outside_the_window_nor_on_a_spike():
    assert not store(bench_of(open=0), SWEEP, 3, potentials(99, 99, 99, 99))["fire_valid"]
    assert not store(bench_of(), SPIKE, 3, potentials(99, 99, 99, 99))["fire_valid"]


@pytest.mark.parametrize("words", [1, 2, 8])
def test_lanes_of_the_last_word_that_hold_no_neuron_do_not_fire(words):
    bench = bench_of(last_mask=0b0011)
    for word in range(words):
        last = word == words - 1
        got = store(bench, SWEEP, word, potentials(99, 99, 99, 99), last=last)
        assert got["fire"] == {"word": word, "lanes": 0b0011 if last else 0b1111}


def test_the_lanes_that_hold_no_neuron_do_not_fire_alone():
    assert not store(bench_of(last_mask=1), SWEEP, 0, potentials(0, 99, 99, 99), last=1)["fire_valid"]


def test_with_convolution_the_lanes_that_had_fired_before_are_told_under_the_same_mask():
    bench = bench_of(replace(PARAMS, side=9), last_mask=0b0111)
    for last in (0, 1):
        got = store(bench, SWEEP, 3, potentials(99, 99, 0, 0, fired=0b1101), last=last)
        assert bench.get(bench.dut.marked) == (0b0101 if last else 0b1101)
        assert got["fire"]["lanes"] == 0b0010 and got["p"] == potentials(99, 99, 0, 0, fired=0b1111)


def test_with_banks_a_word_is_written_in_cycles_that_do_not_read_its_bank():
    bench = bench_of(ChipParams(lanes=4, neurons=32, weights=64, acc_bits=8, pot_bits=8, banked=True))
    rng = random.Random(1)
    for _ in range(20):
        bank, word = rng.getrandbits(1), rng.randrange(8)
        bench.drive(bank=bank)
        got = store(bench, FIRST, word, potentials(99, 0, 0, 0))
        free = word % 2 != bank
        assert bench.get(bench.dut.result.ready) == free
        assert (got["a_write"], got["v_write"], got["fire_valid"]) == (free, free, free)


def test_without_banks_it_never_waits():
    bench = bench_of()
    for bank in (0, 1):
        bench.drive(bank=bank)
        assert bench.get(bench.dut.result.ready) == 1
