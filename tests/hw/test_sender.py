"""Sender: the flits of neurons that fired, and of a report, at the pace of the network."""

import random
from dataclasses import replace

import pytest
from support.bench import Bench, held
from support.extremes import LARGEST
from yoso_hw.core.sender import Sender
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.registers import Memory, memory_shape, unpack_entry

PARAMS = ChipParams(cols=4, rows=4, lanes=4, neurons=32, weights=256, acc_bits=8, pot_bits=12)
PACKETS = Packets(PARAMS)
CHIPS = {
    **{f"{lanes} lanes": replace(PARAMS, lanes=lanes, neurons=8 * lanes) for lanes in (1, 2, 4, 8)},
    "default": ChipParams(),
    "convolution": ChipParams(side=35),
    "largest": LARGEST,
}


class SenderBench(Bench):
    def __init__(self, params=PARAMS, *, stall=0.0, seed=0, **setup):
        super().__init__(Sender(params), seed=seed)
        self.params, self.packets = params, Packets(params)
        rng = random.Random(seed)
        width = memory_shape(params, Memory.SPIKE)[1]
        self.entries = [rng.getrandbits(width) for _ in range(params.neurons)]
        self.v = [rng.randint(params.pot_min, params.pot_max) for _ in range(params.neurons)]
        self.setup = {"words": 8, "last_mask": (1 << params.lanes) - 1, "parity": 1, "base": 0, **setup}
        self.to = {"x0": 1, "x1": params.cols - 1, "y0": 0, "y1": params.rows - 1}
        self.drive(**self.setup, destination_tag=params.layers - 1, destination=self.to)
        self.fires = self.source(self.dut.fire)
        self.out = self.sink(self.dut.out, stall=stall)
        self.counted = self.record(self.dut.counted)
        self.v_reads = self.record(self.dut.v_read)
        self.each_cycle(self._memories)

    def _memories(self):
        """The two memories answer a cycle after the request."""
        dut, lanes = self.dut, self.params.lanes
        if self.get(dut.spike_read):
            yield dut.spike_row, self.entries[self.get(dut.spike_neuron)]
        if self.get(dut.v_read):
            first = self.get(dut.v_word) * lanes
            yield dut.p, [{"v": each, "fired": 1} for each in self.v[first : first + lanes]]

    def flit(self, neuron):
        if self.setup.get("output"):
            index = (self.setup["base"] + neuron) % (1 << self.params.class_bits)
            return self.packets.pack("RESULT", index=index, potential=self.v[neuron])
        parity, entry = self.setup["parity"], unpack_entry(self.params, Memory.SPIKE, self.entries[neuron])
        return self.packets.pack("SPIKE", **self.to, tag=self.params.layers - 1, parity=parity, **entry)

    def finish(self, count):
        self.run(lambda: len(self.out.taken) >= count)
        self.step(5)
        assert self.get(self.dut.idle)


def fired(rng, lanes, words):
    """Random fired lanes of some words, and the neurons that they mean."""
    payloads = [{"word": word, "lanes": rng.randrange(1, 1 << lanes)} for word in words]
    neurons = [
        each["word"] * lanes + lane for each in payloads for lane in range(lanes) if each["lanes"] >> lane & 1
    ]
    return payloads, neurons


@pytest.mark.parametrize("stall", [0.0, 0.7])
@pytest.mark.parametrize(
    "setup", [{}, {"parity": 0}, {"output": 1, "base": 9}], ids=["odd", "even", "output"]
)
@pytest.mark.parametrize("params", CHIPS.values(), ids=CHIPS)
def test_each_neuron_that_fired_is_sent_once_in_order(params, setup, stall):
    bench = SenderBench(params, stall=stall, seed=params.lanes, **setup)
    words = [0, 1, 2, 5, 7, 6, params.neuron_words - 2]
    payloads, neurons = fired(random.Random(params.lanes), params.lanes, words)
    bench.fires.put(*payloads)
    bench.finish(len(neurons))
    assert bench.out.taken == [bench.flit(neuron) for neuron in neurons]
    assert sum(bench.counted) == len(neurons)


def test_a_flit_is_offered_two_cycles_after_its_word_came_and_lanes_follow_every_cycle():
    bench = SenderBench()
    bench.fires.put({"word": 1, "lanes": 0b1111})
    bench.step(8)
    assert bench.out.cycles == [cycle + 2 + i for cycle in bench.fires.sent for i in range(4)]


def test_each_word_after_the_first_costs_one_cycle_more_than_its_flits():
    bench = SenderBench()
    bench.fires.put(*({"word": word, "lanes": 0b0111} for word in range(3)))
    bench.step(16)
    first = bench.out.cycles[0]
    assert bench.out.cycles == [first + i for i in (0, 1, 2, 4, 5, 6, 8, 9, 10)]


@pytest.mark.parametrize(("words", "mask"), [(1, 0b0001), (1, 0b1111), (2, 0b0111), (8, 0b1111)])
@pytest.mark.parametrize("stall", [0.0, 0.6])
def test_a_report_sends_every_neuron_in_use_and_counts_none(words, mask, stall):
    bench = SenderBench(words=words, last_mask=mask, output=1, stall=stall)
    bench.pulse(report=1)
    neurons = [j for j in range(words * 4) if j // 4 < words - 1 or mask >> j % 4 & 1]
    bench.finish(len(neurons))
    assert bench.out.taken == [bench.flit(neuron) for neuron in neurons] and sum(bench.counted) == 0


@pytest.mark.parametrize("setup", [{"output": 0}, {"output": 1, "words": 0}])
def test_a_report_of_no_output_layer_sends_nothing(setup):
    bench = SenderBench(**setup)
    bench.pulse(report=1)
    bench.step(10)
    assert bench.out.taken == [] and bench.get(bench.dut.idle) == 1


def test_potentials_are_read_only_while_the_core_is_quiet():
    bench = SenderBench(output=1)
    bench.drive(core_busy=1)
    bench.fires.put({"word": 2, "lanes": 0b0101})
    bench.step(10)
    assert sum(bench.v_reads) == 0 and bench.get(bench.dut.idle) == 0
    bench.drive(core_busy=0)
    bench.finish(2)
    assert bench.out.taken == [bench.flit(8), bench.flit(10)]


def test_spikes_leave_while_the_core_is_busy():
    bench = SenderBench()
    bench.drive(core_busy=1)
    bench.fires.put({"word": 2, "lanes": 0b0101})
    bench.finish(2)
    assert bench.out.taken == [bench.flit(8), bench.flit(10)] and sum(bench.v_reads) == 0


@pytest.mark.parametrize("setup", [{}, {"output": 1, "base": 9}], ids=["SPIKE", "RESULT"])
def test_a_flit_stays_as_it_is_until_the_network_takes_it(setup):
    """A result too, though the core begins to work meanwhile."""
    bench = SenderBench(stall=1.0, **setup)
    bench.fires.put({"word": 0, "lanes": 0b1010}, {"word": 3, "lanes": 1})
    for neuron in (1, 3, 12):
        bench.run(lambda: bench.get(bench.dut.out.valid))
        bench.drive(core_busy=1)
        assert held(bench.out) == bench.flit(neuron) and sum(bench.counted) == len(bench.out.taken)
        bench.drive(core_busy=0)
    bench.finish(3)
