"""A PE through its router port: images, read-back, counters, errors, and what it must not wait for."""

from pathlib import Path

import pytest
from support.paths import square
from support.pe_bench import PeBench
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter, Memory, PeError, Register, memories, memory_shape, pack_all, pack_entry
from yoso_sw.compile.compiler import weight_words
from yoso_sw.compile.mapping import Slice
from yoso_sw.network.vectors import load_vector

VECTORS = Path(__file__).parents[1] / "vectors"


def chip(lanes=2, words=4, **rest):
    sizes = {"cols": 2, "rows": 1, "lanes": lanes, "neurons": lanes * words, "weights": lanes * 24}
    widths = {"weight_bits": 5, "acc_bits": 9, "pot_bits": 11, "steps": 32, "layers": 4}
    return ChipParams(**{**sizes, **widths, **rest})


CHIPS = {
    "one lane": (chip(1), 3, 1),
    "two lanes": (chip(2), 4, 1),
    "four lanes, banked": (chip(4, 5, banked=True), 5, 3),
    "eight lanes": (chip(8, 2), 2, 8),
    "one neuron": (chip(1, 1), 1, 1),
    "unicast, banked": (chip(2, multicast=False, banked=True), 3, 2),
    "convolution": (chip(2, side=5), 4, 1),
    "convolution, unicast, banked, bus": (chip(2, side=2, multicast=False, banked=True, router="bus"), 3, 1),
}
by_chip = pytest.mark.parametrize(("params", "words", "live"), CHIPS.values(), ids=CHIPS)


def unicast(bench, flits):
    """Flits as they leave a PE: a copy for each of the two nodes where the chip knows no multicast."""
    if bench.params.multicast:
        return flits
    copies = []
    for flit in flits:
        fields = bench.packets.unpack(flit)
        body = {name: value for name, value in fields.items() if name not in ("name", "kind")}
        copies += [bench.packets.pack("SPIKE", **{**body, "x0": x, "x1": x}) for x in (0, 1)]
    return copies


@by_chip
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_images_leave_state_flits_and_counters_as_in_the_reference(params, words, live, stall):
    bench = PeBench(params, words, live=live, stall=stall, seed=words, threshold=90).start()
    bench.write(Memory.COUNTER, 0, *[0] * len(Counter))
    bench.settle()
    bench.reference.count.clear()
    due = bench.image(8) + bench.image(5)
    assert bench.out.taken == unicast(bench, due) and due
    got = bench.counters()
    assert got.pop(Counter.STALLS) >= 0
    assert got == {counter: bench.reference.count[counter] for counter in got}
    assert bench.state() == bench.expected()


@by_chip
def test_every_memory_and_register_reads_back_through_the_network(params, words, live):
    bench = PeBench(params, words, live=live, stall=0.2)
    contents = {}
    for memory in {*memories(params)} - {Memory.REGISTER, Memory.COUNTER}:
        depth, width = memory_shape(params, memory)
        contents[memory] = [bench.rng.getrandbits(width) for _ in range(depth)]
        bench.write(memory, 0, *contents[memory])
    registers = pack_all(params, **bench.settings)
    bench.write(Memory.REGISTER, 0, *registers)
    for memory, values in contents.items():
        assert bench.read(memory) == values
    assert bench.read(Memory.REGISTER) == registers


def test_every_counter_can_be_set_and_reads_back():
    bench = PeBench(chip(), 2)
    bench.write(Memory.COUNTER, 0, *range(1000, 1000 + len(Counter)))
    assert list(bench.counters().values()) == list(range(1000, 1000 + len(Counter)))


def test_an_output_layer_sends_results_and_reports_every_neuron():
    bench = PeBench(chip(), 3, live=1, threshold=90, output=1, base=7).start()
    due = bench.image(8)
    bench.settings["threshold"] = 1023
    bench.write(Memory.REGISTER, Register.THRESHOLD, 1023)
    bench.settle()
    due += bench.image(3)
    due += bench.tick(report=True)
    bench.settle()
    assert bench.out.taken == due and bench.state() == bench.expected()
    assert {bench.packets.unpack(flit)["name"] for flit in due} == {"RESULT"}


def test_spikes_are_traced_as_they_leave_the_core_and_reports_are_not():
    bench = PeBench(chip(), 3, stall=0.3, threshold=90, output=1).start()
    trace = []
    bench.each_cycle(
        lambda: trace.append(bench.get(bench.dut.trace_flit)) if bench.get(bench.dut.trace) else None
    )
    due = bench.image(8)
    bench.tick(report=True)
    bench.settle()
    assert trace == due


# ---- order and waiting -----------------------------------------------------------------------------------


def test_a_spike_before_the_tick_waits_and_the_pe_is_not_idle():
    bench = PeBench(chip(), 3).start()
    bench.tick()
    bench.settle()
    bench.spike(4, ahead=True)
    bench.step(20)
    assert bench.get(bench.dut.idle) == 0
    bench.tick()
    bench.take(4)
    bench.settle()
    assert bench.state() == bench.expected() and bench.counters()[Counter.SPIKES_IN] == 1


def test_spikes_of_another_layers_tag_are_dropped_uncounted():
    bench = PeBench(chip(), 3).start()
    bench.tick()
    for row in range(8):
        bench.spike(row, tag=row % 4)
    bench.settle()
    assert bench.state() == bench.expected() and bench.counters()[Counter.SPIKES_IN] == 2


def test_a_pe_of_no_layer_takes_part_in_nothing():
    bench = PeBench(chip(), 0, tag=0)
    bench.tick()
    for row in range(8):
        bench.spike(row, tag=row % 4)
    bench.settle()
    assert bench.out.taken == [] and not any(bench.counters().values())


@pytest.mark.parametrize("banked", [False, True])
def test_sweep_and_spikes_end_though_the_network_is_blocked_for_ever(banked):
    bench = PeBench(chip(words=4, banked=banked), 4, slope=200, threshold=100).start()
    bench.out.stall = 1.0
    due = bench.tick()
    for row in range(8):
        bench.spike(row)
    bench.run(lambda: not bench.into.queue, limit=100)
    bench.step(8 * 4)
    assert len(due) == 8 and bench.out.taken == [] and bench.get(bench.dut.idle) == 0
    bench.out.stall = 0.0
    bench.settle()
    assert bench.out.taken == due
    bench.out.taken.clear()
    assert bench.state() == bench.expected()


def test_cycles_in_which_the_network_takes_no_spike_are_counted_as_stalls():
    bench = PeBench(chip(), 4, slope=200, threshold=100).start()
    bench.out.stall = 1.0
    bench.tick()
    bench.step(40)
    bench.out.stall = 0.0
    bench.settle()
    bench.out.taken.clear()
    assert 28 <= bench.counters()[Counter.STALLS] <= 40


# ---- convolution -----------------------------------------------------------------------------------------


def maps(pool=False, **rest):
    """A PE that holds 2 x 4 positions of two filter words, and its paths."""
    params = chip(2, 16, **{"weights": 2 * 64, "side": 5, **rest})
    return params, square(params, 2, 4, 2, kernel=2, blocks=2 if pool else 0)


def convolved(bench, steps):
    """Random spikes from inside and outside, a bias in the first step; the flits that must leave."""
    bench.step_number, due = -1, []
    for step in range(steps):
        due += bench.tick()
        if step == 0:
            bench.spike(32, 4, 4)
        for _ in range(bench.rng.randrange(7)):
            bench.spike(8 * bench.rng.randrange(8), bench.rng.randrange(4), bench.rng.randrange(4))
        bench.settle()
    return due


@pytest.mark.parametrize("pool", [False, True], ids=["every neuron", "pooled"])
@pytest.mark.parametrize(
    "rest",
    [{}, {"banked": True, "router": "bus"}, {"multicast": False}, {"neuron": "all"}],
    ids=["plain", "banked, bus", "unicast", "family"],
)
def test_a_part_of_a_map_leaves_flits_counters_and_inner_fires_as_in_the_reference(rest, pool):
    params, paths = maps(pool, **rest)
    bench = PeBench(params, 16, live=1, stall=0.2, seed=3, paths=paths, threshold=60).start()
    bench.write(Memory.COUNTER, 0, *[0] * len(Counter))
    bench.settle()
    bench.reference.count.clear()
    shown, fired = [], []
    bench.each_cycle(
        lambda: shown.append(bench.get(bench.dut.inner)) if bench.get(bench.dut.inner_valid) else None
    )
    sweep = bench.reference.sweep

    def watched(step):
        passed = sweep(step)
        fired.extend(bench.reference.inner)
        return passed

    bench.reference.sweep = watched
    due = convolved(bench, 8) + convolved(bench, 5)
    assert bench.out.taken == unicast(bench, due) and due
    bench.out.taken.clear()
    got = bench.counters()
    assert got.pop(Counter.STALLS) >= 0
    assert got == {counter: bench.reference.count[counter] for counter in got}
    found = [(each["word"], lane) for each in shown for lane in range(2) if each["lanes"] >> lane & 1]
    assert sorted(found) == sorted(fired) and bool(fired) == pool
    state, expected = bench.state(), bench.expected()
    live = bench.reference.live
    assert all([state[name][j] for j in live] == [expected[name][j] for j in live] for name in state)


def test_a_spike_ahead_of_its_tick_that_waits_for_its_tables_keeps_the_pe_from_being_idle():
    params, paths = maps()
    bench = PeBench(params, 16, paths=paths).start()
    bench.tick()
    bench.settle()
    bench.spike(8, 1, 1, ahead=True)
    bench.step(20)
    assert bench.get(bench.dut.idle) == 0
    bench.tick()
    bench.take(8, 1, 1)
    bench.settle()
    assert bench.state() == bench.expected() and bench.counters()[Counter.SPIKES_IN] == 1


def test_spikes_that_do_not_reach_the_pe_are_dropped_uncounted_and_are_no_error():
    params, paths = maps()
    bench = PeBench(params, 16, paths=paths).start()
    bench.tick()
    for place in ((2, 0), (3, 1), (2, 2), (1, 1), (3, 3)):
        bench.spike(8, *place)
    bench.settle()
    assert bench.state() == bench.expected() and bench.get(bench.dut.error) == 0
    assert bench.counters()[Counter.SPIKES_IN] == 1


def test_a_table_that_leads_out_of_the_words_in_use_is_an_error_and_the_pe_goes_on():
    params, paths = maps()
    bench = PeBench(params, 16, paths=paths).start()
    bench.write(Memory.ROWS, 2, pack_entry(params, Memory.ROWS, lines=7, weight_offset=0, neuron_offset=15))
    bench.settle()
    bench.tick()
    bench.into.put(bench.packets.pack("SPIKE", **bench.at, tag=1, parity=bench.parity, row=8, r=2, q=1))
    bench.settle()
    assert bench.read(Memory.REGISTER, Register.ERRORS, 1) == [1 << PeError.BAD_ROW]
    assert bench.counters()[Counter.SPIKES_IN] == 0
    bench.write(Memory.REGISTER, Register.ERRORS, 0)
    bench.write(Memory.ROWS, 0, *paths.tables()[Memory.ROWS])
    bench.settle()
    due = convolved(bench, 6)
    assert bench.out.taken == due and bench.read(Memory.REGISTER, Register.ERRORS, 1) == [0]


# ---- errors ----------------------------------------------------------------------------------------------


def test_a_word_past_the_end_of_a_memory_is_dropped_and_leaves_a_sticky_bit():
    bench = PeBench(chip(), 3).start()
    depth, _ = memory_shape(bench.params, Memory.WEIGHT)
    before = bench.read(Memory.WEIGHT)
    flits = [
        bench.packets.pack("SEEK", **bench.at, memory=Memory.WEIGHT, address=depth),
        bench.packets.pack("WRITE", **bench.at, data=0xFFFF),
    ]
    bench.into.put(*flits)
    bench.settle()
    assert bench.get(bench.dut.error) == 1
    assert bench.read(Memory.REGISTER, Register.ERRORS, 1) == [1 << PeError.BAD_ADDRESS]
    assert bench.read(Memory.WEIGHT) == before
    bench.write(Memory.REGISTER, Register.ERRORS, 0)
    bench.settle()
    assert bench.get(bench.dut.error) == 0
    due = bench.image(6)
    assert bench.out.taken == due and bench.get(bench.dut.error) == 0


def test_a_row_past_the_end_is_dropped_and_leaves_a_sticky_bit():
    bench = PeBench(chip(), 3).start()
    bench.tick()
    for row in (22, 23, 5, 22):
        bench.spike(row)
    bench.settle()
    assert bench.state() == bench.expected()
    assert bench.read(Memory.REGISTER, Register.ERRORS, 1) == [1 << PeError.BAD_ROW]
    assert bench.counters()[Counter.SPIKES_IN] == 1


# ---- saturation of A, which the compiler rules out -------------------------------------------------------


def test_accumulated_weights_clamp_as_in_the_frozen_vector():
    """Axons in ascending order, one PE: the only way in which the order of spikes is fixed."""
    vector = load_vector(VECTORS / "clamp-accumulated.json")
    (layer,) = vector.network.layers
    bench = PeBench(
        vector.params, 1, live=layer.neurons, threshold=layer.neuron.threshold, window_end=layer.neuron.end
    ).start()
    rows = weight_words(layer, Slice(1, 0, 0, layer.neurons), 1, vector.params)
    bench.write(Memory.WEIGHT, 0, *map(int, rows))
    bench.settle()
    for case in vector.cases:
        bench.step_number = -1
        for step in range(case.last + 1):
            bench.tick()
            for axon, at in enumerate(case.inputs.steps[0]):
                if at == step:
                    bench.spike(axon)
            bench.settle()
        bench.out.taken.clear()
        assert bench.state()["a"] == list(case.accumulated[0])
        assert bench.state()["v"] == list(case.potentials[0])
