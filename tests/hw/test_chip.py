"""The chip against the golden model: networks on meshes of every kind, decisions, phases, errors, reset."""

import numpy as np
import pytest
from support.chip_host import fresh_host, left_by_golden, without_cycles
from support.reference import random_inputs, random_network
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter, Memory, PeError, Register, memory_shape
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.flits import one_node, read_flits, rectangle_fields
from yoso_sw.compile.predict import predict_counters
from yoso_sw.network.golden import run
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import NEVER, Network
from yoso_sw.network.neuron import Neuron

SMALL = {
    "lanes": 2,
    "neurons": 8,
    "weights": 128,
    "weight_bits": 4,
    "acc_bits": 8,
    "pot_bits": 16,
    "steps": 16,
}
CHIP = ChipParams(cols=3, rows=2, layers=4, classes=16, **SMALL)
CHIPS = {
    "3x2": CHIP,
    "unicast": ChipParams(cols=3, rows=2, layers=4, classes=16, multicast=False, **SMALL),
    "banked": ChipParams(cols=2, rows=2, layers=4, classes=16, banked=True, **SMALL),
}


def make(seed, sizes=(8, 7, 3), steps=10, params=CHIP, **kind):
    """A random network, its image and some inputs."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, list(sizes), steps, weight_bits=4, **kind)
    return network, compile_network(network, params), random_inputs(rng, 4, network)


def hand_made(weights, threshold, steps=6, *, params=CHIP):
    """One layer of ReL-PSP neurons."""
    layer = Layer(np.array(weights, np.int8), Neuron(threshold, 0, steps))
    network = Network("by hand", (layer,), steps, steps, "ttfs", 4)
    return network, compile_network(network, params)


def silent(count):
    return np.full(count, NEVER, np.int16)


def expected(network, inputs, params=CHIP, early_exit=True):
    return left_by_golden(run(network, inputs[None], params=params, early_exit=early_exit))


# ---- networks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "stall"), [("3x2", 0.0), ("3x2", 0.5), ("unicast", 0.5), ("banked", 0.5)])
def test_random_networks_leave_what_the_golden_model_says(kind, stall):
    params = CHIPS[kind]
    network, image, inputs = make(11, params=params, slopes=True)
    host = fresh_host(params, stall=stall).load(image)
    for k in range(2):
        rtl = host.classify(image, inputs[k], early_exit=k == 0)
        assert without_cycles(rtl) == expected(network, inputs[k], params, k == 0)
    assert host.errors() == 0


def test_one_pe_is_a_chip():
    params = ChipParams(cols=1, rows=1, layers=2, classes=4, **SMALL)
    network, image, inputs = make(3, (6, 4), params=params)
    host = fresh_host(params).load(image)
    for k in range(3):
        assert without_cycles(host.classify(image, inputs[k])) == expected(network, inputs[k], params)


def test_softmax_takes_the_highest_potential_after_the_last_step():
    network, image, inputs = make(5, decision="softmax")
    host = fresh_host(CHIP).load(image)
    for k in range(2):
        rtl = host.classify(image, inputs[k])
        assert without_cycles(rtl) == expected(network, inputs[k]) and not rtl["decision"][2]


def test_a_second_network_leaves_no_trace_of_the_first():
    host = fresh_host(CHIP)
    for seed, sizes in ((7, (8, 7, 3)), (8, (5, 12)), (9, (6, 5, 4, 2))):
        network, image, inputs = make(seed, sizes)
        rtl = host.load(image).classify(image, inputs[0], early_exit=False)
        assert without_cycles(rtl) == expected(network, inputs[0], early_exit=False)


def test_an_image_without_a_spike_is_decided_by_the_lowest_index():
    network, image = hand_made(np.ones((3, 5)), 4)
    host = fresh_host(CHIP).load(image)
    rtl = host.classify(image, silent(3))
    assert without_cycles(rtl) == expected(network, silent(3)) and rtl["decision"] == (0, 5, False)


# ---- decisions -------------------------------------------------------------------------------------------

#: Weights of one axon to 16 classes on several PEs, and the class that wins: higher V, then lower index.
TIES = {
    "tie within a PE": ([0, 0, 0, 6, 6, 0, 0, 0, *[0] * 8], 3),
    "tie across PEs": ([0, 0, 0, 0, 0, 0, 6, 0, 6, 0, 0, 0, 6, 0, 0, 0], 6),
    "higher potential at a higher index": ([5, 5, 5, 5, 0, 0, 0, 0, 0, 0, 6, 6, 0, 0, 0, 5], 10),
    "higher potential at a lower index": ([0, 7, 0, 0, 0, 0, 0, 0, *[6] * 8], 1),
}


@pytest.mark.parametrize("early_exit", [True, False])
@pytest.mark.parametrize(("row", "winner"), TIES.values(), ids=TIES)
def test_the_higher_potential_wins_then_the_lower_index_also_across_pes(row, winner, early_exit):
    network, image = hand_made([row], 10)
    assert len(image.layers[0].slices) > 1
    inputs = np.zeros(1, np.int16)
    rtl = fresh_host(CHIP).load(image).classify(image, inputs, early_exit=early_exit)
    assert without_cycles(rtl) == expected(network, inputs, early_exit=early_exit)
    assert rtl["decision"] == (winner, 2, True)


@pytest.mark.parametrize(("row", "winner"), TIES.values(), ids=TIES)
def test_the_same_rule_decides_when_nothing_fired(row, winner):
    network, image = hand_made([row], 1000)
    inputs = np.zeros(1, np.int16)
    rtl = fresh_host(CHIP).load(image).classify(image, inputs)
    assert without_cycles(rtl) == expected(network, inputs) and rtl["decision"] == (winner, 5, False)


def test_the_earliest_spike_wins_over_later_and_higher_ones():
    network, image = hand_made([[3, 0], [0, 7]], 5)
    inputs = np.array([0, 1], np.int16)  # neuron 0 fires at 2 with 6, neuron 1 at 2 with 7; then at 3
    for first, winner in ((1, 1), (2, 0)):
        inputs[1] = first
        rtl = fresh_host(CHIP).load(image).classify(image, inputs, early_exit=False)
        assert without_cycles(rtl) == expected(network, inputs, early_exit=False)
        assert rtl["decision"][0] == winner


def test_early_exit_drains_the_rest_of_the_image_and_the_next_one_is_right():
    """Most of the input comes after the decision; it must neither run nor leak into the next image."""
    rows = [[7, 0]] + [[0, 7]] * 5
    network, image = hand_made(rows, 7, steps=12)
    late = np.array([0, 5, 6, 7, 8, 9], np.int16)
    other = np.array([NEVER, 0, 0, 0, 0, 0], np.int16)
    host = fresh_host(CHIP).load(image)
    for inputs, winner in ((late, 0), (other, 1), (late, 0), (late, 0)):
        rtl = host.classify(image, inputs)
        assert without_cycles(rtl) == expected(network, inputs) and rtl["decision"][0] == winner
    assert host.errors() == 0


# ---- counters, read-back, cycles -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "decision"), [("3x2", "ttfs"), ("3x2", "softmax"), ("unicast", "ttfs"), ("banked", "ttfs")]
)
def test_counters_are_those_that_the_software_predicts(kind, decision):
    params = CHIPS[kind]
    network, image, inputs = make(21, params=params, decision=decision)
    host = fresh_host(params).load(image)
    host.clear_counters()
    for k in range(2):
        host.send(image.image_flits(inputs[k]), 2)
    got = host.counters()
    got[:, :, Counter.STALLS] = 0
    due = predict_counters(image, run(network, inputs[:2], params=params))
    np.testing.assert_array_equal(got, due)


def test_every_memory_of_every_node_reads_back_through_the_network():
    params, rng = CHIPS["banked"], np.random.default_rng(1)
    host, contents = fresh_host(params), {}
    for x in range(params.cols):
        for y in range(params.rows):
            for memory in (Memory.WEIGHT, Memory.ACCUMULATED, Memory.POTENTIAL, Memory.SPIKE):
                depth, width = memory_shape(params, memory)
                words = [int(word) for word in rng.integers(0, 1 << width, depth)]
                contents[x, y, memory] = words
                host.write(x, y, memory, 0, words)
    assert {key: host.read(*key) for key in contents} == contents


def test_cycles_run_from_start_accepted_to_decision_valid():
    _, image, inputs = make(31)
    host = fresh_host(CHIP).load(image)
    host.ticks.clear()
    host.send(image.image_flits(inputs[0]))
    host.run(lambda: host.get(host.dut.host_out.valid))
    decided = host.cycle - 1  # the output FIFO takes the decision in one cycle, shows it in the next
    started = host.ticks[0]
    _, cycles = host.send([], 2)
    assert cycles["cycles"] == decided - started


@pytest.mark.parametrize("neurons", [1, 16])
def test_the_barrier_costs_at_most_16_cycles_a_step(neurons):
    """Nine, and as many in a mesh of 6 x 7, whose registers are the same (tests/hw/test_barrier.py)."""
    _, image = hand_made(np.ones((2, neurons)), 1000, steps=12)
    words = max(part.words(CHIP.lanes) for part in image.layers[0].slices)
    host = fresh_host(CHIP).load(image)
    host.ticks.clear()
    host.classify(image, silent(2))
    lengths = np.diff(host.ticks)
    assert list(lengths) == [words + 9] * 12


def test_images_sent_one_behind_the_other_are_answered_in_turn():
    """The host waits for no answer: what is left of an image is drained, what follows waits at the port."""
    network, image, inputs = make(33)
    host = fresh_host(CHIP).load(image)
    host.stall(0.3)
    answers = host.send(np.concatenate([image.image_flits(each) for each in inputs]), 2 * len(inputs))
    assert [answer["name"] for answer in answers] == ["DECISION", "CYCLES"] * len(inputs)
    due = run(network, inputs, params=CHIP)
    assert [answer["index"] for answer in answers[::2]] == due.decisions.tolist()


# ---- what goes wrong -------------------------------------------------------------------------------------


def to_node(x, y):
    return rectangle_fields(one_node(x, y))


def test_wrong_packets_before_and_within_an_image_are_dropped_and_it_comes_out_right():
    network, image, inputs = make(41)
    host, pack = fresh_host(CHIP).load(image), image.packets.pack
    outside = {"x0": 0, "x1": 3, "y0": 0, "y1": 1}
    wrong_in_load = [
        pack("SPIKE", **to_node(0, 0), tag=1, parity=0, row=0),
        pack("STEP"),
        pack("END"),
        pack("SEEK", **outside, memory=0, address=0),
        pack("START", steps=0, early=0),
        pack("START", steps=CHIP.steps + 1, early=0),
        pack("REPLY", x=0, y=0, data=1),
        7,
    ]
    host.send(wrong_in_load)
    assert host.errors() == 0b10111
    flits = list(image.image_flits(inputs[0], early_exit=False))
    wrong_in_run = [
        pack("SPIKE", **outside, tag=1, parity=0, row=0),
        pack("SPIKE", **{**outside, "x0": 2, "x1": 1}, tag=1, parity=0, row=0),
        pack("WRITE", **to_node(1, 1), data=0xFFFF),
        pack("START", steps=3, early=1),
        pack("RESULT", index=0, potential=100),
    ]
    flits[2:2] = wrong_in_run
    host.spikes.clear()
    decision, _ = host.send(flits, 2)
    due = expected(network, inputs[0], early_exit=False)
    assert (decision["index"], decision["step"], bool(decision["spiked"])) == due["decision"]
    fired = sorted((*image.spike_of(x, y, flit), step) for x, y, step, flit in host.spikes)
    assert fired == due["fired"]
    host.clear_errors()
    assert host.errors() == 0
    assert without_cycles(host.classify(image, inputs[1])) == expected(network, inputs[1])


@pytest.mark.parametrize("error", PeError)
def test_an_error_of_a_pe_reaches_the_host_and_can_be_cleared(error):
    network, image, inputs = make(43, (4, 16))
    host, pack = fresh_host(CHIP).load(image), image.packets.pack
    part = max(image.layers[0].slices, key=lambda part: part.count)
    at = to_node(part.x, part.y)
    if error is PeError.BAD_ADDRESS:
        depth, _ = memory_shape(CHIP, Memory.SPIKE)
        host.send([pack("SEEK", **at, memory=Memory.SPIKE, address=depth), pack("WRITE", **at, data=0)])
    elif error is PeError.CUT_WORD:
        host.send([pack("SEEK", **at, memory=Memory.POTENTIAL, address=0), pack("WRITE", **at, data=0)])
        host.read(part.x, part.y, Memory.SPIKE, 0, 1)
    elif error is PeError.BAD_DESTINATION:
        host.write(part.x, part.y, Memory.REGISTER, Register.DESTINATION, [0b0101_1111])
    else:
        flits = list(image.image_flits(silent(network.inputs)))
        flits.insert(1, pack("SPIKE", **at, tag=1, parity=0, row=CHIP.weight_words - 1))
        host.send(flits, 2)
    host.step(10)
    assert host.errors() == 0b01000
    assert host.read(part.x, part.y, Memory.REGISTER, Register.ERRORS, 1) == [1 << error]
    host.write(part.x, part.y, Memory.REGISTER, Register.ERRORS, [0])
    host.step(10)
    host.clear_errors()
    assert host.errors() == 0
    assert without_cycles(host.classify(image, inputs[0])) == expected(network, inputs[0])


@pytest.mark.parametrize("cycles", [3, 90])
def test_a_chip_that_is_reset_in_the_middle_of_an_image_runs_the_next_one(cycles):
    network, image, inputs = make(47)
    host = fresh_host(CHIP).load(image)
    host.begin(image.image_flits(inputs[0], early_exit=False), cycles)
    host.restart()
    host.load(image)
    assert without_cycles(host.classify(image, inputs[1])) == expected(network, inputs[1])


def test_a_chip_that_is_reset_in_the_middle_of_the_load_phase_loads_again():
    network, image, inputs = make(48)
    host = fresh_host(CHIP)
    host.begin(image.load_flits()[:-7], 150)
    host.restart()
    host.load(image)
    assert without_cycles(host.classify(image, inputs[0])) == expected(network, inputs[0])


def test_start_right_behind_the_last_word_of_the_load_phase_waits_for_it():
    network, image, inputs = make(49)
    host = fresh_host(CHIP)
    flits = [*image.load_flits(), *image.image_flits(inputs[0], early_exit=False)]
    decision, _ = host.send(flits, 2)
    due = expected(network, inputs[0], early_exit=False)
    assert (decision["index"], decision["step"], bool(decision["spiked"])) == due["decision"]
    fired = sorted((*image.spike_of(x, y, flit), step) for x, y, step, flit in host.spikes)
    assert fired == due["fired"]


@pytest.mark.parametrize("replies", [2, 3, 4, 7])
def test_an_image_starts_when_every_reply_is_out(replies):
    """Two wait in the host port's FIFO, which no answer can overtake; one in its register, others before."""
    _, image, inputs = make(50)
    host = fresh_host(CHIP).load(image)
    host.stall_answers(1.0)
    read = read_flits(host.packets, 2, 1, Memory.SPIKE, 0, replies)
    host.begin([*read, *image.image_flits(inputs[0], True)], 300)
    assert bool(host.ticks) == (replies <= 2)
    host.stall_answers(0.0)
    names = [answer["name"] for answer in host.send([], replies + 2)]
    assert names == ["REPLY"] * replies + ["DECISION", "CYCLES"]
