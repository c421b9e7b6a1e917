"""The core of a chip with convolution against the flit machine's PE: paths, pooling, order, idle, events."""

import random
from dataclasses import replace

import pytest
from support.core_bench import CoreBench, chip
from support.paths import Paths, random_paths, square
from yoso_hw.core.core import LUT_QUEUE
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter, Memory, Reset

SIDE = 7
plain_and_banked = pytest.mark.parametrize("banked", [False, True], ids=["plain", "banked"])


def run_image(bench, paths, channel, steps, rng, spikes=6):
    """Random spikes from anywhere in every step, a bias in the first; the flits that must have left."""
    due, bench.step_number = [], -1
    for step in range(steps):
        due += [bench.flit_of(neuron) for neuron in bench.tick()]
        if step == 0:
            bench.spike(rng.randrange(bench.params.weight_words - paths.filter_words), SIDE - 1, SIDE - 1)
        for _ in range(rng.randrange(spikes + 1)):
            row = channel * rng.randrange(bench.params.weight_words // channel)
            bench.spike(row, rng.randrange(SIDE - 1), rng.randrange(SIDE - 1))
            bench.step(rng.choice([0, 0, 0, 1, 5]))
        bench.settle()
    return due


def live_state(bench):
    """A, V and fired of lanes that hold neurons, of core and reference."""
    live, lanes = bench.reference.live, bench.params.lanes
    found, due = bench.state(), bench.expected()
    assert len(found["a"]) <= bench.words * lanes
    return [{name: [each[name][j] for j in live] for name in each} for each in (found, due)]


def check(bench, due):
    found, expected = live_state(bench)
    assert bench.out.taken == due and found == expected


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("pool", [False, True], ids=["every neuron", "pooled"])
@plain_and_banked
@pytest.mark.parametrize("seed", range(4))
def test_images_leave_the_state_and_send_the_flits_of_the_reference(seed, banked, pool, stall):
    rng = random.Random(seed)
    params = chip(2, 16, banked=banked, side=SIDE)
    paths, channel = random_paths(params, rng, pool=pool)
    bench = CoreBench(
        params, paths.words, live=rng.choice([1, 2]), seed=seed, paths=paths, stall=stall, threshold=20
    )
    due = run_image(bench, paths, channel, 12, rng)
    check(bench, due)
    due += run_image(bench, paths, channel, 4, rng)  # a second image begins from nothing
    check(bench, due)
    assert due and not sum(bench.bad_rows)


@pytest.mark.parametrize("lanes", [1, 4, 8])
@pytest.mark.parametrize("pool", [False, True], ids=["every neuron", "pooled"])
def test_every_number_of_lanes_with_as_many_filters_one_less_and_one_more(lanes, pool):
    rng = random.Random(lanes)
    for filters in {max(1, lanes - 1), lanes, lanes + 1}:
        words = -(-filters // lanes)
        params = chip(lanes, 8 * words, side=SIDE)
        paths = square(params, 2, 4, words, blocks=2 if pool else 0)
        live = (filters - 1) % lanes + 1
        bench = CoreBench(params, paths.words, live=live, seed=filters, paths=paths, slope=30, threshold=50)
        due = run_image(bench, paths, 9 * words, 8, rng)
        check(bench, due)
        assert len(due) >= 2 * filters


@pytest.mark.parametrize("reset", [*Reset])
@pytest.mark.parametrize("pool", [False, True], ids=["every neuron", "pooled"])
@plain_and_banked
def test_the_whole_family_with_bias_row_and_charge(reset, pool, banked):
    """A pooled neuron that fires more than once is heard in every step in which it does."""
    rng = random.Random(reset)
    params = chip(2, 16, banked=banked, side=SIDE, neuron="all")
    paths = square(params, 2, 4, 2, blocks=2 if pool else 0)
    for charge, decays in ((0, 1), (3, 0), (5, 1)):
        told = {"reset": reset, "leak": 3, "decays": decays, "current": 2 * decays, "charge": charge}
        told |= {"bias": decays, "bias_row": 64 - 2}
        bench = CoreBench(
            params, paths.words, live=1, seed=charge, paths=paths, threshold=40, stall=0.2, **told
        )
        due = run_image(bench, paths, 18, 10, rng)
        check(bench, due)
        assert bool(due) == (reset != Reset.NEVER) and not sum(bench.bad_rows)


def test_the_default_chip_with_every_word_in_use():
    rng = random.Random(7)
    params = ChipParams(side=35)
    paths = square(params, 8, 4, 2, blocks=2)
    bench = CoreBench(params, 64, live=3, stall=0.2, seed=7, paths=paths, threshold=400)
    due = []
    for _ in range(5):
        due += [bench.flit_of(neuron) for neuron in bench.tick()]
        for _ in range(6):
            bench.spike(18 * rng.randrange(params.weight_words // 18), rng.randrange(10), rng.randrange(6))
        bench.settle()
    check(bench, due)
    assert due


def test_a_dense_layer_is_a_map_of_one_position():
    rng = random.Random(2)
    for words in (1, 2, 5, 8):
        bench = CoreBench(chip(side=SIDE), words, live=1, seed=words, threshold=60)
        due = []
        for _ in range(10):
            due += [bench.flit_of(neuron) for neuron in bench.tick()]
            for _ in range(rng.randrange(7)):
                bench.spike(rng.randrange(bench.params.weight_words - words + 1))
            bench.settle()
        check(bench, due)
        assert due


# ---- hazards ---------------------------------------------------------------------------------------------


@plain_and_banked
@pytest.mark.parametrize(("lines", "run"), [(1, 1), (1, 2), (2, 1), (1, 3), (2, 2), (4, 1)])
def test_words_that_come_round_after_any_number_of_others_add_up(lines, run, banked):
    """Lines of no pitch: within a spike, too, a word is asked for again as many words later as a line has."""
    params = chip(2, 8, banked=banked, side=SIDE)
    paths = Paths(params, 8, 1, 0, 1, rows={1: {"lines": lines}}, columns={1: {"run": run}, 2: {"run": 1}})
    bench = CoreBench(params, 8, paths=paths, seed=run)
    bench.tick()
    for i in range(12):
        bench.spike(3 * i, 1, 1 + (i % 3 == 2))
        bench.step(i % 4)
    bench.settle()
    assert bench.state() == bench.expected()


@plain_and_banked
def test_spikes_right_behind_a_sweep_in_pool_order_find_what_it_left(banked):
    params = chip(2, 8, banked=banked, side=SIDE)
    bench = CoreBench(params, 8, paths=square(params, 2, 4, blocks=2), seed=5)
    for _ in range(4):
        bench.tick()
        for i in range(6):
            bench.spike(9 * i, i % 3, i % 2)
        bench.settle()
        assert bench.state() == bench.expected()


# ---- order and idle --------------------------------------------------------------------------------------


def test_a_spike_ahead_of_its_tick_keeps_the_core_from_being_idle_wherever_it_waits():
    """One in each register before the walker, and one at the door: as many as wait, the step is not over."""
    params = chip(side=SIDE)
    for ahead in (1, 2, 3):
        bench = CoreBench(params, 8, paths=square(params, 2, 4), seed=4)
        bench.tick()
        bench.settle()
        for i in range(ahead):
            bench.spike(9 * i, 1, 1, ahead=True)
        bench.step(20)
        assert bench.get(bench.dut.idle) == 0 and bench.total("updates") == 0 and bench.total("stalls") == 0
        assert len(bench.spikes.queue) == max(0, ahead - 2)
        bench.tick()
        for i in range(ahead):
            bench.take(9 * i, 1, 1)
        bench.settle()
        assert bench.state() == bench.expected() and bench.total("spikes_in") == ahead


def test_a_core_is_not_idle_from_the_moment_that_it_takes_a_spike_until_its_words_are_written():
    """For every distance to the last spike: between two registers, too, it must be seen."""
    params = chip(side=SIDE)
    for gap in range(12):
        bench = CoreBench(params, 8, paths=square(params, 2, 4), seed=gap)
        idle = bench.record(bench.dut.idle)
        writes = bench.record(bench.dut.memory.a_write)
        bench.tick()
        bench.settle()
        for i in range(2):
            bench.spike(9 * i, 0, 1)
            bench.run(lambda bench=bench: not bench.spikes.queue)
            bench.step(gap)
        bench.settle()
        bench.step(3)
        last = max(cycle for cycle, write in enumerate(writes) if write)
        for came, until in zip(bench.spikes.sent, [bench.spikes.sent[1], last], strict=True):
            busy = range(came + 1, min(came + 3 + 6 + 2, until) + 1)
            assert not any(idle[cycle] for cycle in busy), gap
        assert idle[last + 1] == 1


@pytest.mark.parametrize("pools", [False, True])
@pytest.mark.parametrize("words", [4, 2 * LUT_QUEUE])
def test_a_core_is_idle_no_sooner_than_its_last_neuron_is_sent(words, pools):
    params = chip(1, words, side=SIDE)
    paths = square(params, 2, 2, blocks=int(pools))
    bench = CoreBench(params, 4, paths=paths, slope=200, threshold=100)
    idle = bench.record(bench.dut.idle)
    due = [bench.flit_of(neuron) for neuron in bench.tick()]
    bench.settle()
    bench.step(5)
    assert bench.out.taken == due and len(due) == (1 if pools else 4)
    assert 1 not in idle[idle.index(0) : bench.out.cycles[-1]] and idle[-1] == 1


def test_an_output_layer_reads_its_potentials_while_spikes_come_in_at_every_moment():
    """A and V share their read address: the sender must yield to each word of a spike, the first included."""
    params = chip(side=SIDE)
    for gap in range(16):
        bench = CoreBench(params, 5, seed=8, slope=200, threshold=100, output=1, base=4)
        due = [bench.flit_of(neuron) for neuron in bench.tick()]
        assert len(due) == 10
        bench.step(3 + gap)
        for row in (10, 20, 30):
            bench.spike(row)
            bench.run(lambda bench=bench: not bench.spikes.queue)
            bench.step(gap % 5)
        bench.settle()
        assert bench.state() == bench.expected(), gap
        assert bench.out.taken == due


def test_spikes_of_a_step_that_charges_wait_for_its_sweep_and_not_for_each_other():
    params = replace(chip(side=SIDE, neuron="all"), steps=32)
    for words in (1, 2, 8):
        bench = CoreBench(params, words, seed=1, charge=1, threshold=1000)
        bench.tick()
        bench.settle()
        writes = bench.record(bench.dut.memory.v_write)
        start = bench.cycle
        bench.tick()
        for row in range(6):
            bench.spike(row)
        bench.settle()
        assert bench.state() == bench.expected()
        assert bench.w_reads == [*range(bench.w_reads[0], bench.w_reads[0] + 6 * words)]
        assert bench.w_reads[0] > start + max(i for i, write in enumerate(writes) if write)


@plain_and_banked
def test_a_pooled_sweep_and_its_spikes_end_though_the_network_is_blocked_for_ever(banked):
    params = chip(4, 16, banked=banked, side=SIDE)
    bench = CoreBench(params, 16, stall=1.0, paths=square(params, 4, 4, blocks=2), slope=200, threshold=100)
    due = [bench.flit_of(neuron) for neuron in bench.tick()]
    for i in range(5):
        bench.spike(9 * i, i % 4, 1)
    bench.run(lambda: not bench.spikes.queue, limit=2 * (16 + 5 * 9) + 10)
    bench.step(60)
    assert bench.state() == bench.expected()
    assert bench.out.taken == [] and not bench.get(bench.dut.idle)
    bench.out.stall = 0.0
    bench.settle()
    assert bench.out.taken == due and len(due) == 4 * 4


@pytest.mark.parametrize(
    "told",
    [
        {"filter_words": 0, "neuron_pitch": 0},
        {"filter_words": 15, "neuron_pitch": 15, "blocks": 15},
        {"blocks": 1, "words": 7},
        {"blocks": 3, "neuron_pitch": 1},
        {"words": 15, "blocks": 1},
    ],
    ids=str,
)
@plain_and_banked
def test_whatever_the_registers_say_sweeps_and_spikes_end(told, banked):
    params = chip(2, 8, banked=banked, side=SIDE)
    bench = CoreBench(params, 8, slope=50, threshold=100, paths=square(params, 2, 4, kernel=4))
    bench.memory[Memory.ROWS][0] = bench.memory[Memory.COLUMNS][0] = (
        -1 & 0xFFF
    )  # as many lines and words as can be
    bench.configure(**told)
    for step in range(3):
        bench.pulse(tick=1, first=step == 0)
        bench.step_number += 1
        bench.drive(parity=(step + 1) & 1, step=step)
        for place in ((0, 0), (1, 0), (0, 1), (1, 1)):
            bench.spikes.put({"row": 9, "parity": (step + 1) & 1, **bench.at(place)})
        bench.settle(limit=400)


# ---- what it counts and shows ----------------------------------------------------------------------------


@pytest.mark.parametrize("pool", [False, True], ids=["every neuron", "pooled"])
@plain_and_banked
def test_events_are_those_that_the_reference_counts(banked, pool):
    """A dropped spike is no event; of a group that passes one neuron is sent."""
    rng = random.Random(3)
    params = chip(2, 16, banked=banked, side=SIDE)
    paths, channel = random_paths(params, rng, pool=pool)
    bench = CoreBench(params, paths.words, stall=0.3, seed=3, paths=paths, threshold=40)
    reads = {
        name: bench.record(getattr(bench.dut.memory, name))
        for name in ("a_read", "v_read", "a_write", "v_write", "w_read", "spike_read")
    }
    due = run_image(bench, paths, channel, 10, rng)
    count = bench.reference.count
    assert bench.total("spikes_in") == count[Counter.SPIKES_IN] > 0
    assert bench.total("spikes_in") < len(bench.spikes.sent)
    assert bench.total("updates") == count[Counter.UPDATES]
    assert bench.total("sweeps") == count[Counter.SWEEPS] == 10
    assert bench.total("spikes_out") == len(due) == sum(reads["spike_read"]) > 0
    for name, counter in (
        ("a_read", Counter.ACC_READS),
        ("a_write", Counter.ACC_WRITES),
        ("v_read", Counter.POT_READS),
        ("v_write", Counter.POT_WRITES),
        ("w_read", Counter.WEIGHT_READS),
    ):
        assert sum(reads[name]) == count[counter], name


@pytest.mark.parametrize("pool", [False, True], ids=["every neuron", "pooled"])
@plain_and_banked
def test_inner_fires_are_shown_where_the_pe_pools_each_once_and_before_pooling(banked, pool):
    rng = random.Random(5)
    params = chip(2, 16, banked=banked, side=SIDE)
    paths = square(params, 4, 4, blocks=2 if pool else 0)
    bench = CoreBench(params, 16, seed=3, paths=paths, threshold=40, live=1)
    shown, due = [], []
    bench.each_cycle(
        lambda: shown.append(bench.get(bench.dut.inner)) if bench.get(bench.dut.inner_valid) else None
    )
    for _ in range(8):
        bench.tick()
        due += sorted(bench.reference.inner)
        for _ in range(4):
            bench.spike(9 * rng.randrange(7), rng.randrange(6), rng.randrange(6))
        bench.settle()
        found = sorted(
            (each["word"], lane) for each in shown for lane in range(2) if each["lanes"] >> lane & 1
        )
        assert found == sorted(due)
    assert bool(due) == pool


def test_the_rest_of_a_spike_whose_path_leaves_the_words_in_use_is_dropped_with_one_error():
    params = chip(2, 8, side=SIDE)
    paths = square(params, 2, 4)
    paths.rows[3] = {"lines": 5}
    bench = CoreBench(params, 8, paths=paths)
    bench.tick()
    bench.spike(0, 0, 0)
    bench.spikes.put({"row": 0, "parity": (bench.step_number + 1) & 1, "r": 3, "q": 0})
    bench.spike(18, 1, 1)
    walked, bad = paths.spike({"row": 0, "r": 3, "q": 0})
    for word, row in walked:
        for lane in range(2):
            bench.reference.a[2 * word + lane] += bench.reference.weights(row, lane)
    bench.settle()
    assert bad and sum(bench.bad_rows) == 1 and bench.total("spikes_in") == 2 and len(walked) == 6
    assert bench.state() == bench.expected()
