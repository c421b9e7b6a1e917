"""The core against the flit machine's PE: hazards, order, stalls, throughput and what it counts."""

import random

import pytest
from support.core_bench import CoreBench, chip, run_image
from yoso_hw.core.core import LUT_QUEUE
from yoso_hw.registers import Counter, Memory

plain_and_banked = pytest.mark.parametrize("banked", [False, True], ids=["plain", "banked"])
by_words = pytest.mark.parametrize("words", [1, 2, 3, 4, 5, 8])


# ---- arithmetic ------------------------------------------------------------------------------------------


@by_words
@plain_and_banked
def test_images_leave_the_state_and_send_the_flits_of_the_reference(words, banked):
    rng = random.Random(words)
    bench = CoreBench(chip(banked=banked), words, live=1, seed=words, threshold=60)
    due = run_image(bench, 12, rng)
    assert bench.out.taken == due and due
    assert bench.state() == bench.expected()


@pytest.mark.parametrize("lanes", [1, 2, 4, 8])
@plain_and_banked
def test_every_number_of_lanes(lanes, banked):
    rng = random.Random(lanes)
    live = max(1, lanes - 1)
    bench = CoreBench(
        chip(lanes, 5, banked=banked), 5, live=live, stall=0.5, seed=lanes, slope=30, window_start=6
    )
    due = run_image(bench, 14, rng)
    assert bench.out.taken == due and due
    assert bench.state() == bench.expected()


def test_every_neuron_of_the_default_chip_and_its_last_rows():
    rng = random.Random(7)
    bench = CoreBench(ChipParams(), 64, live=3, stall=0.2, seed=7, threshold=400)
    due = run_image(bench, 5, rng)
    due += [bench.flit_of(neuron) for neuron in bench.tick()]
    bench.spike(bench.params.weight_words - 64)
    bench.settle()
    assert bench.out.taken == due and due
    assert bench.state() == bench.expected()


def test_more_words_than_there_are_sweep_all_there_are_and_end():
    bench = CoreBench(chip(words=8), 8, threshold=1, slope=1)
    bench.configure(words=13)
    due = [bench.flit_of(neuron) for neuron in bench.tick()]
    bench.settle()
    assert bench.out.taken == due and len(due) == 16


def test_one_neuron_of_one_lane():
    bench = CoreBench(chip(1, 1, weights=4), 1, threshold=20)
    for row in range(4):
        bench.memory[Memory.WEIGHT][row] = bench.reference.memory[Memory.WEIGHT][row] = 5
    due = []
    for step in range(6):
        due += [bench.flit_of(neuron) for neuron in bench.tick()]
        if step < 2:
            bench.spike(step)
        bench.settle()
    assert bench.out.taken == due and len(due) == 1
    assert bench.state() == bench.expected() == {"a": [10], "v": [25], "fired": [1]}


def test_a_second_image_starts_from_nothing():
    rng = random.Random(9)
    bench = CoreBench(chip(), 3, seed=9, threshold=60)
    run_image(bench, 8, rng)
    # The parity goes on; a first sweep neither reads nor keeps what was there.
    bench.step_number = -1
    before = len(bench.out.taken)
    due = run_image(bench, 8, rng)
    assert bench.out.taken[before:] == due
    assert bench.state() == bench.expected()


@pytest.mark.parametrize(
    ("start", "end", "slope"), [(0, 32, 0), (3, 6, 0), (3, 6, 40), (0, 4, 60), (5, 5, 0), (6, 3, 9)]
)
def test_windows_and_slopes(start, end, slope):
    rng = random.Random(start)
    bench = CoreBench(chip(), 3, seed=2, window_start=start, window_end=end, slope=slope, threshold=100)
    due = run_image(bench, 9, rng, spikes=3)
    assert bench.out.taken == due and bool(due) == (end > start)
    assert bench.state() == bench.expected()


# ---- hazards ---------------------------------------------------------------------------------------------


@by_words
@plain_and_banked
def test_spikes_one_after_another_add_up_in_every_word(words, banked):
    """The read-after-write hazard on A: with fewer words than pipeline stages a word comes round too soon."""
    bench = CoreBench(chip(banked=banked), words, seed=words)
    bench.tick()
    for row in range(0, 40, 5):
        bench.spike(row)
    bench.settle()
    assert bench.state() == bench.expected()


@pytest.mark.parametrize("words", [1, 2, 3, 4, 5])
@plain_and_banked
def test_two_spikes_any_number_of_cycles_apart_add_up(words, banked):
    """Every distance between a word's write and its next read, through the pipeline's length and beyond."""
    bench = CoreBench(chip(banked=banked), words, seed=3)
    bench.tick()
    bench.settle()
    for gap in range(10):
        bench.spike(gap)
        bench.run(lambda: not bench.spikes.queue)
        bench.step(gap)
        bench.spike(gap + 10)
        bench.settle()
        assert bench.state() == bench.expected(), gap


@by_words
@plain_and_banked
def test_spikes_right_behind_a_sweep_find_what_it_left(words, banked):
    bench = CoreBench(chip(banked=banked), words, seed=5)
    for _ in range(3):
        bench.tick()
        for row in range(6):
            bench.spike(row)
        bench.settle()
        assert bench.state() == bench.expected()


# ---- order -----------------------------------------------------------------------------------------------


def test_a_spike_that_comes_before_the_tick_of_its_step_waits_for_it():
    bench = CoreBench(chip(), 3, seed=4)
    bench.tick()
    bench.settle()
    bench.spike(7, ahead=True)
    bench.step(20)
    assert bench.spikes.queue and bench.total("updates") == 0 and bench.total("stalls") == 0
    bench.tick()  # sweeps first: the reference, too
    bench.take(7)
    bench.settle()
    assert bench.state() == bench.expected() and bench.total("spikes_in") == 1


def test_a_spike_that_waits_at_the_tick_acts_from_the_next_step_on():
    bench = CoreBench(chip(), 4, seed=6)
    bench.tick()
    for ahead in (False, True):
        bench.spike(3, ahead=ahead)
    bench.step(25)
    before = list(bench.reference.a)
    bench.tick()
    bench.take(3)
    bench.settle()
    assert bench.state() == bench.expected()
    assert bench.expected()["v"] == before


@pytest.mark.parametrize("words", [1, 5])
def test_an_output_layer_reads_its_potentials_while_spikes_come_in_at_every_moment(words):
    """The sender reads V in a cycle in which the core is empty: just then the next spike may arrive."""
    bench = CoreBench(chip(), words, seed=8, slope=200, threshold=100, output=1, base=4)
    for gap in range(14):
        bench.step_number = -1
        bench.out.taken.clear()
        due = [bench.flit_of(neuron) for neuron in bench.tick()]
        assert len(due) == 2 * words
        bench.step(words + gap)
        for row in (10, 20, 30):
            bench.spike(row)
            bench.run(lambda: not bench.spikes.queue)
            bench.step(gap % 4)
        bench.settle()
        assert bench.state() == bench.expected(), gap
        assert bench.out.taken == due


def test_a_report_sends_every_neuron_in_use_uncounted():
    for words, live in ((1, 1), (1, 2), (3, 1)):
        bench = CoreBench(chip(), words, live=live, seed=1, threshold=1000, output=1)
        bench.tick()
        bench.spike(3)
        bench.settle()
        bench.tick()
        bench.settle()
        bench.tick(report=True)
        bench.settle()
        assert bench.out.taken == [bench.flit_of(neuron) for neuron in bench.reference.live]
        assert bench.total("spikes_out") == 0 and bench.total("sweeps") == 2


def test_a_report_of_a_hidden_layer_sends_nothing():
    bench = CoreBench(chip(), 2)
    bench.tick()
    bench.settle()
    bench.tick(report=True)
    bench.settle()
    assert bench.out.taken == []


# ---- no waiting for the network --------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [1, 4])
@plain_and_banked
def test_a_sweep_and_its_spikes_end_though_the_network_is_blocked_for_ever(lanes, banked):
    """The premise of freedom from deadlock: every neuron fires, none gets out, and the core still sinks."""
    bench = CoreBench(chip(lanes, 8, banked=banked), 8, stall=1.0, slope=200, threshold=100)
    due = [bench.flit_of(neuron) for neuron in bench.tick()]
    for row in range(5):
        bench.spike(row)
    bench.run(lambda: not bench.spikes.queue, limit=8 + 5 * 8 + 10)
    bench.step(4)
    assert bench.state() == bench.expected()
    assert bench.out.taken == [] and not bench.get(bench.dut.idle)
    bench.out.stall = 0.0
    bench.settle()
    assert bench.out.taken == due and len(due) == 8 * lanes


@pytest.mark.parametrize("words", [4, 2 * LUT_QUEUE])
def test_a_core_is_idle_no_sooner_than_its_last_neuron_is_sent(words):
    """One neuron alone fires: its word is still on its way through the queue when the sweep is over."""
    bench = CoreBench(chip(1, words), 1, slope=200, threshold=100)
    idle = bench.record(bench.dut.idle)
    due = [bench.flit_of(neuron) for neuron in bench.tick()]
    bench.settle()
    bench.step(5)
    assert bench.out.taken == due and len(due) == 1
    assert 1 not in idle[idle.index(0) : bench.out.cycles[-1]] and idle[-1] == 1


# ---- throughput ------------------------------------------------------------------------------------------


@by_words
def test_a_word_is_updated_every_cycle_and_spikes_follow_without_a_gap(words):
    bench = CoreBench(chip(), words)
    bench.tick()
    bench.settle()
    for row in range(10):
        bench.spike(row)
    bench.settle()
    first = bench.w_reads[0]
    assert bench.w_reads == list(range(first, first + 10 * words))


@by_words
def test_with_banks_an_odd_number_of_words_costs_one_cycle_a_spike(words):
    bench = CoreBench(chip(banked=True), words)
    bench.tick()
    bench.settle()
    for row in range(10):
        bench.spike(row)
    bench.settle()
    assert bench.w_reads[-1] - bench.w_reads[0] == 10 * (words + words % 2) - 1 - words % 2


@by_words
def test_a_sweep_takes_its_words_and_three_cycles(words):
    bench = CoreBench(chip(), words)
    writes = bench.record(bench.dut.memory.v_write)
    bench.tick()
    start = bench.cycle - 1  # the cycle of the tick
    bench.settle()
    assert [cycle for cycle, write in enumerate(writes) if write] == [
        start + 1 + 3 + word for word in range(words)
    ]


def test_a_neuron_that_fires_leaves_three_cycles_after_its_potential_is_written():
    bench = CoreBench(chip(1, 4), 1, slope=200, threshold=100)
    writes = bench.record(bench.dut.memory.v_write)
    bench.tick()
    bench.settle()
    (write,) = (cycle for cycle, each in enumerate(writes) if each)
    assert bench.out.cycles == [write + 4]  # 1 in the register, 1 in the queue, 2 in the sender


# ---- what it counts --------------------------------------------------------------------------------------


@plain_and_banked
def test_events_are_those_that_the_reference_counts(banked):
    rng = random.Random(3)
    bench = CoreBench(chip(banked=banked), 4, stall=0.3, seed=3, threshold=60)
    reads = {
        name: bench.record(getattr(bench.dut.memory, name))
        for name in ("a_read", "v_read", "a_write", "v_write")
    }
    run_image(bench, 10, rng)
    count = bench.reference.count
    assert bench.total("spikes_in") == count[Counter.SPIKES_IN] > 0
    assert bench.total("updates") == count[Counter.UPDATES]
    assert bench.total("sweeps") == count[Counter.SWEEPS] == 10
    assert bench.total("spikes_out") == len(bench.out.taken) > 0
    for name, counter in (
        ("a_read", Counter.ACC_READS),
        ("a_write", Counter.ACC_WRITES),
        ("v_read", Counter.POT_READS),
        ("v_write", Counter.POT_WRITES),
    ):
        assert sum(reads[name]) == count[counter], name


@pytest.mark.parametrize("row", [62, 63])
def test_a_spike_whose_row_runs_past_the_memory_is_dropped_with_an_error(row):
    bench = CoreBench(chip(), 3)
    bench.tick()
    bench.spike(row)
    bench.spike(61)
    bench.spike(row)
    bench.spike(5)
    bench.settle()
    assert bench.state() == bench.expected()
    assert sum(bench.bad_rows) == 2 and bench.total("spikes_in") == 2


def test_a_core_without_words_does_nothing():
    bench = CoreBench(chip(), 1)
    bench.set(bench.dut.config.words, 0)
    bench.pulse(tick=1, first=1)
    bench.step(6)
    assert bench.get(bench.dut.idle) == 1
    assert not any(any(events.values()) for events in bench.events) and not any(bench.bad_rows)
