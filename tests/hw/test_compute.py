"""Compute: operations on words, against a list of words that is always up to date."""

import random
from dataclasses import replace

import pytest
from support.bench import Bench, held
from support.extremes import LARGEST
from yoso_hw.core.compute import HISTORY, Compute
from yoso_hw.core.ops import Op
from yoso_hw.params import ChipParams

PARAMS = ChipParams(lanes=2, neurons=16, weights=64, weight_bits=4, acc_bits=6, pot_bits=7)
SPIKE, SWEEP, FIRST = Op.SPIKE.value, Op.SWEEP.value, Op.FIRST.value


def clamp(value, bits):
    return min(max(value, -(1 << bits - 1)), (1 << bits - 1) - 1)


class ComputeBench(Bench):
    """Feeds operations whose A is as old as the pipeline can make it: `HISTORY` operations behind."""

    def __init__(self, params=PARAMS, *, stall=0.0, seed=0, sloped=0, slope=1):
        super().__init__(Compute(params), seed=seed)
        self.params = params
        self.rng = random.Random(seed)
        self.sloped, self.slope = sloped, slope
        self.drive(self.dut.step, sloped=sloped)
        self.drive(self.dut.neuron, slope=slope)
        self.requests = self.source(self.dut.request)
        self.results = self.sink(self.dut.result, stall=stall)
        self.a = {word: [0] * self.params.lanes for word in range(8)}
        self.p = {word: [{"v": 0, "fired": 0}] * self.params.lanes for word in range(8)}
        self.pending: list = []  # (word, A) that the SRAM has not got yet
        self.expected: list = []
        self.sram = {word: [0] * self.params.lanes for word in range(8)}

    def operate(self, op, word, *, age=HISTORY):
        """One operation; its read was made when the last `age` results had not been written."""
        while len(self.pending) > age:
            written, value = self.pending.pop(0)
            self.sram[written] = value
        w = [
            self.rng.randint(self.params.weight_min, self.params.weight_max) for _ in range(self.params.lanes)
        ]
        self.drive(a=self.sram[word], p=self.p[word], w=w)
        last = self.rng.getrandbits(1)
        self.requests.put({"op": op, "word": word, "last": last})
        self.run(lambda: not self.requests.queue)
        self._model(op, word, last, w)

    def _model(self, op, word, last, w):
        a, p = self.a[word], self.p[word]
        if op == SPIKE:
            a = [clamp(x + y, self.params.acc_bits) for x, y in zip(a, w, strict=True)]
        elif op == FIRST:
            a, p = [0] * self.params.lanes, [{"v": 0, "fired": 0}] * self.params.lanes
        if op != SPIKE:
            gains = [self.slope] * self.params.lanes if self.sloped else a
            p = [
                each if each["fired"] else {"v": clamp(each["v"] + gain, self.params.pot_bits), "fired": 0}
                for each, gain in zip(p, gains, strict=True)
            ]
        self.a[word] = a
        if op != SWEEP:
            self.pending.append((word, a))
        self.expected.append({"op": op, "word": word, "last": last, "a": a, "p": p})

    def finish(self):
        self.run(lambda: len(self.results.taken) == len(self.expected))
        self.step(3)
        assert self.get(self.dut.idle)
        return [meaningful(each) for each in self.results.taken]


def meaningful(result):
    """A is new in SPIKE and FIRST, the potential in SWEEP and FIRST."""
    left_out = {SPIKE: "p", SWEEP: "a"}.get(result["op"])
    return {name: value for name, value in result.items() if name != left_out}


@pytest.mark.parametrize("distance", range(1, 6))
@pytest.mark.parametrize("stall", [0.0, 0.6])
def test_a_word_that_comes_round_after_any_number_of_operations_is_forwarded(distance, stall):
    bench = ComputeBench(stall=stall, seed=distance)
    for word in range(8):
        bench.operate(FIRST, word)
    for k in range(30):
        bench.operate(SPIKE, k % distance)
    assert bench.finish() == [meaningful(each) for each in bench.expected]


@pytest.mark.parametrize("params", [PARAMS, ChipParams(), LARGEST], ids=["narrow", "default", "largest"])
@pytest.mark.parametrize("age", range(HISTORY + 1))
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_spikes_and_sweeps_in_any_order_with_reads_of_any_age(age, stall, params):
    bench = ComputeBench(params, stall=stall, seed=age)
    for word in range(8):
        bench.operate(FIRST, word)
    for _ in range(60):
        bench.operate(bench.rng.choice([SPIKE, SPIKE, SWEEP]), bench.rng.choice([0, 0, 1, 2, 7]), age=age)
    assert bench.finish() == [meaningful(each) for each in bench.expected]


@pytest.mark.parametrize("bits", range(2, 33))
def test_a_and_v_of_every_width_clamp(bits):
    params = replace(PARAMS, weight_bits=min(bits, 8), acc_bits=bits, pot_bits=bits)
    bench = ComputeBench(params, seed=bits)
    bench.a[0] = bench.sram[0] = [params.acc_max, params.acc_min]
    bench.p[0] = [{"v": params.pot_max, "fired": 0}, {"v": params.pot_min, "fired": 0}]
    for op in (SWEEP, SPIKE, SWEEP, SPIKE):
        bench.operate(op, 0)
        bench.p[0] = bench.expected[-1]["p"]
    assert bench.finish() == [meaningful(each) for each in bench.expected]


def test_sweeps_add_the_constant_slope_where_there_is_one():
    bench = ComputeBench(sloped=1, slope=9)
    for op, word in [(FIRST, 0), (SPIKE, 0), (SWEEP, 0), (FIRST, 3), (SWEEP, 3)]:
        bench.operate(op, word)
    assert bench.finish() == [meaningful(each) for each in bench.expected]


def test_a_neuron_that_fired_keeps_its_potential():
    bench = ComputeBench()
    bench.p[2] = [{"v": 20, "fired": 1}, {"v": -20, "fired": 0}]
    bench.operate(SPIKE, 2)
    bench.operate(SWEEP, 2)
    bench.finish()
    assert bench.results.taken[1]["p"][0] == {"v": 20, "fired": 1}
    assert bench.results.taken[1]["p"][1] == {"v": -20 + bench.a[2][1], "fired": 0}


def test_a_first_sweep_ignores_what_the_memories_hold():
    bench = ComputeBench()
    bench.sram[1] = bench.a[1] = [31, -32]
    bench.p[1] = [{"v": 63, "fired": 1}, {"v": -64, "fired": 0}]
    for op in (SWEEP, SPIKE, FIRST, SPIKE):
        bench.operate(op, 1)
    assert bench.finish() == [meaningful(each) for each in bench.expected]
    assert bench.results.taken[2]["p"] == [{"v": 0, "fired": 0}] * 2


def test_two_cycles_from_request_to_result_and_one_word_a_cycle():
    bench = ComputeBench()
    for k in range(12):
        bench.operate(SPIKE, k % 8)
    bench.finish()
    assert bench.results.cycles == list(range(2, 14))


def test_each_result_stays_as_it_is_until_it_is_taken():
    """Though the next operation waits behind it, with other operands on the SRAMs' outputs."""
    bench = ComputeBench(seed=3)
    bench.operate(FIRST, 1)
    for op in (SPIKE, SPIKE, SWEEP, SPIKE, FIRST, SPIKE):
        bench.run(lambda: bench.get(bench.dut.result.valid))
        bench.results.stall = 1.0
        bench.operate(op, 1)
        held(bench.results)
    bench.results.stall = 0.0
    assert bench.finish() == [meaningful(each) for each in bench.expected]
