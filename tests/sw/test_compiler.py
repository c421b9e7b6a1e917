"""The compiler: its flits, taken literally, compute the network; what does not fit is refused by name."""

import dataclasses
import json
import math

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from support.flit_machine import FlitMachine
from support.reference import random_events, random_inputs, random_network, simulate
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter, Memory, Register
from yoso_sw.commands.compile import main
from yoso_sw.compile.compiler import CompileError, compile_network
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.mapping import choose_nodes, lower_bound
from yoso_sw.compile.predict import PREDICTED, predict_counters, predict_load_counters
from yoso_sw.network.events import Events
from yoso_sw.network.golden import run
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import NEVER, Network
from yoso_sw.network.neuron import CLEARED, KEPT, Neuron, Reset

SMALL = ChipParams(
    cols=3, rows=3, neurons=16, weights=64, acc_bits=12, pot_bits=16, steps=32, layers=4, classes=16
)


FIVE = Neuron(threshold=5, start=0, end=16)


def dense(inputs: int, neurons: int, *, bias: bool = False, weight: int = 1, neuron: Neuron = FIVE) -> Layer:
    return Layer(np.full((inputs + bias, neurons), weight, np.int8), neuron, bias=bias)


def chain(*layers: Layer, **fields) -> Network:
    return Network(**{"name": "net", "layers": layers, "steps": 16, "levels": 16, **fields})


@pytest.mark.parametrize("lanes", [1, 2, 4, 8])
@pytest.mark.parametrize("spread", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_the_flits_compute_the_network_and_count_as_predicted(lanes, spread, seed):
    rng = np.random.default_rng(100 * lanes + seed)
    sizes = [[9, 13, 5], [12, 7], [8, 9, 6, 4]][seed % 3]
    bits = [8, 5, 3][seed // 2]
    network = random_network(
        rng, sizes, 18, decision="softmax" if seed == 4 else "ttfs", slopes=seed % 2 == 0, weight_bits=bits
    )
    params = dataclasses.replace(SMALL, lanes=lanes, weights=128, cols=4, rows=5, weight_bits=bits)
    image = compile_network(network, params, spread=spread)
    machine = FlitMachine(params)
    machine.load(image.load_flits())
    for (x, y), pe in machine.nodes.items():
        loaded = predict_load_counters(image)[y, x]
        assert [pe.count[counter] for counter in Counter] == loaded.tolist()
        pe.count.clear()
    inputs = random_inputs(rng, 6, network)
    early = seed % 2 == 1
    golden = run(network, inputs, params=params, early_exit=early)
    for b, steps in enumerate(inputs):
        decision, spikes = machine.run(image.image_flits(steps, early))
        assert decision == (golden.decisions[b], golden.decision_steps[b], golden.spiked[b])
        seen = {}
        for x, y, step, flit in spikes:
            neuron = image.spike_of(x, y, flit)
            assert neuron not in seen
            seen[neuron] = step
        expected = {
            (layer, int(j)): int(fired[b, j])
            for layer, fired in enumerate(golden.steps)
            for j in np.flatnonzero(fired[b] != NEVER)
        }
        assert seen == expected
    predicted = predict_counters(image, golden)
    for (x, y), pe in machine.nodes.items():
        for counter in PREDICTED:
            assert pe.count[counter] == predicted[y, x, counter], (x, y, counter.name)


@pytest.mark.parametrize("lanes", [1, 2, 4, 8])
@pytest.mark.parametrize("decision", ["ttfs", "softmax", "count"])
@pytest.mark.parametrize("seed", range(4))
def test_the_flits_compute_networks_of_the_whole_family_and_count_as_predicted(lanes, decision, seed):
    rng = np.random.default_rng([lanes, seed, len(decision)])
    sizes = [[9, 13, 5], [12, 7], [5, 9, 6, 4], [8, 7, 9, 5, 3]][seed]
    network = random_network(rng, sizes, 18, decision=decision, weight_bits=4, family=True)
    params = dataclasses.replace(
        SMALL, lanes=lanes, weights=128, cols=4, rows=5, layers=5, weight_bits=4, neuron="all"
    )
    image = compile_network(network, params, spread=bool(seed % 2))
    machine = FlitMachine(params)
    machine.load(image.load_flits())
    for pe in machine.nodes.values():
        pe.count.clear()
    images = random_events(rng, 4, network)
    for events in images:
        expected = simulate(network, events, params, early_exit=bool(seed % 2))
        decided, spikes = machine.run(image.image_flits(events, bool(seed % 2)))
        assert decided == (expected.decision, expected.decision_step, expected.spiked)
        seen = [(*image.spike_of(x, y, flit), step) for x, y, step, flit in spikes]
        assert sorted(seen) == [
            (layer, j, step)
            for layer, fired in enumerate(expected.steps)
            for j, steps in enumerate(fired)
            for step in steps
        ]
        for layer, own in enumerate(image.layers):
            for part in own.slices:
                state, held = (
                    machine.nodes[part.x, part.y].state(),
                    slice(part.first, part.first + part.count),
                )
                assert state["a"] == expected.accumulated[layer][held]
                assert state["v"] == expected.potentials[layer][held]
        if decision == "count":
            assert [machine.counts[j] for j in range(network.classes)] == [*map(len, expected.steps[-1])]
    predicted = predict_counters(image, run(network, images, params=params, early_exit=bool(seed % 2)))
    for (x, y), pe in machine.nodes.items():
        for counter in PREDICTED:
            assert pe.count[counter] == predicted[y, x, counter], (x, y, counter.name)


def test_a_sweep_that_writes_a_or_reads_a_bias_row_is_counted_by_hand():
    """Three neurons in two words, three steps, one spike: cleared with a bias, and kept with one."""
    params = dataclasses.replace(SMALL, lanes=2, neuron="all")
    spike = Events.of_pairs(np.array([0]), np.array([1]), np.array([0]), 1, 2)
    for current, (updates, reads, acc_reads, acc_writes) in {
        CLEARED: (2, 2 + 3 * 2, 2 + 2 * 2, 2 + 3 * 2),  # each of three sweeps writes A and reads the bias
        KEPT: (4, 4, 4 + 2 * 2, 4 + 2),  # the bias is a spike; the first sweep alone writes A
    }.items():
        neuron = Neuron(100, 1, 3, current=current, reset=Reset.SUBTRACT)
        network = chain(dense(2, 3, bias=True, neuron=neuron), steps=3, levels=3, decision="count")
        image = compile_network(network, params, spread=False)
        own = predict_counters(image, run(network, spike, params=params))[0, 0]
        assert own[Counter.UPDATES] == updates and own[Counter.WEIGHT_READS] == reads
        assert own[Counter.ACC_READS] == acc_reads and own[Counter.ACC_WRITES] == acc_writes
        assert (own[Counter.SPIKES_IN], own[Counter.SPIKES_OUT]) == (updates // 2, 0)
        assert own[Counter.POT_WRITES] == 6 and own[Counter.POT_READS] == 4 + 3  # and a report of three


@settings(max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=4),
    cols=st.integers(1, 6),
    rows=st.integers(1, 6),
    lanes=st.sampled_from([1, 2, 4, 8]),
    bias=st.booleans(),
    spread=st.booleans(),
)
def test_every_mapping_holds_each_neuron_once_within_every_capacity(sizes, cols, rows, lanes, bias, spread):
    params = dataclasses.replace(SMALL, cols=cols, rows=rows, lanes=lanes, weights=400, classes=64)
    layers = [dense(m, n, bias=bias) for m, n in zip(sizes, sizes[1:], strict=False)]
    try:
        image = compile_network(chain(*layers), params, spread=spread)
    except CompileError as error:
        assert "mesh has" in str(error)
        words = [-(-layer.neurons // lanes) for layer in layers]
        most = [min(params.neurons // lanes, 400 // lanes // len(layer.weights)) for layer in layers]
        assert sum(math.ceil(n / k) for n, k in zip(words, most, strict=True)) > cols * rows
        return
    nodes = [(part.x, part.y) for layer in image.layers for part in layer.slices]
    assert len(set(nodes)) == len(nodes)
    for index, (layer, own) in enumerate(zip(layers, image.layers, strict=True)):
        held = [j for part in own.slices for j in range(part.first, part.first + part.count)]
        assert held == list(range(layer.neurons))
        words = [part.words(lanes) for part in own.slices]
        assert own.stride == max(words) and max(words) - min(words) <= 1
        assert max(words) <= params.neuron_words and own.axons * own.stride <= params.weight_words
        assert all(part.first % lanes == 0 for part in own.slices)
        assert own.tag == index + 1
        xs, ys = [part.x for part in own.slices], [part.y for part in own.slices]
        assert own.rectangle == (min(xs), max(xs), min(ys), max(ys))
        assert len(own.slices) >= lower_bound(layer, params)
    assert any((part.x, part.y) == (0, 0) for part in image.layers[-1].slices)


def paper_network() -> Network:
    return chain(dense(784, 800, bias=True), dense(800, 10))


def test_784_800_10_takes_40_pes_and_one():
    image = compile_network(paper_network(), spread=False)
    assert [len(layer.slices) for layer in image.layers] == [40, 1]
    assert {part.count for part in image.layers[0].slices} == {20}
    assert lower_bound(paper_network().layers[0], ChipParams()) == pytest.approx(785 * 800 / 16384)


def test_the_spare_pe_of_784_800_10_takes_a_word_from_the_output_layer():
    image = compile_network(paper_network())
    assert [len(layer.slices) for layer in image.layers] == [40, 2]
    assert [layer.stride for layer in image.layers] == [5, 2]
    assert image.layers[1].rectangle == (0, 1, 0, 0)


def test_spreading_never_makes_a_layer_slower():
    for neurons in range(1, 60):
        network = chain(dense(6, neurons), dense(neurons, 3))
        params = dataclasses.replace(SMALL, cols=5, rows=5, weights=256)
        packed, spread = (compile_network(network, params, spread=flag) for flag in (False, True))
        for before, after in zip(packed.layers, spread.layers, strict=True):
            assert after.stride <= before.stride


@st.composite
def free_nodes(draw):
    """A mesh with some nodes free, and a number of them to choose."""
    cols, rows = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    nodes = st.integers(0, cols * rows - 1)
    chosen = draw(st.sets(nodes, min_size=1))
    free = np.isin(np.arange(cols * rows), list(chosen)).reshape(rows, cols)
    return free, draw(st.integers(1, len(chosen)))


@settings(max_examples=40)
@given(free_nodes())
def test_nodes_come_from_the_smallest_rectangle_that_has_enough(case):
    free, count = case
    rows, cols = free.shape
    best = min(
        (x1 - x0 + 1) * (y1 - y0 + 1)
        for x0 in range(cols)
        for x1 in range(x0, cols)
        for y0 in range(rows)
        for y1 in range(y0, rows)
        if free[y0 : y1 + 1, x0 : x1 + 1].sum() >= count
    )
    before = free.copy()
    nodes = choose_nodes(free, count)
    assert len(set(nodes)) == count and all(before[y, x] and not free[y, x] for x, y in nodes)
    assert before.sum() - free.sum() == count
    xs, ys = zip(*nodes, strict=True)
    assert (max(xs) - min(xs) + 1) * (max(ys) - min(ys) + 1) == best


def registers_of(image: WeightImage, x: int, y: int) -> list[int]:
    machine = FlitMachine(image.params)
    machine.load(image.load_flits())
    return list(machine.nodes[x, y].memory[Memory.REGISTER])


def test_a_second_image_leaves_nothing_of_the_first():
    big, small = chain(dense(6, 40), dense(40, 3)), chain(dense(6, 2))
    params = dataclasses.replace(SMALL, weights=256)
    machine = FlitMachine(params)
    machine.load(compile_network(big, params).load_flits())
    image = compile_network(small, params)
    machine.load(image.load_flits())
    used = {(part.x, part.y) for layer in image.layers for part in layer.slices}
    for node, pe in machine.nodes.items():
        if node not in used:
            assert not any(pe.memory[Memory.REGISTER]), node
    assert len(used) < params.nodes


def test_a_window_that_starts_after_the_image_starts_at_its_end():
    layer = dataclasses.replace(dense(4, 3), neuron=Neuron(5, 30_000, 16, 3))
    image = compile_network(chain(layer), SMALL)
    assert registers_of(image, 0, 0)[Register.WINDOW_START] == 16
    assert registers_of(image, 0, 0)[Register.WINDOW_END] == 16


def test_a_one_node_mesh_runs_a_one_layer_network():
    params = dataclasses.replace(SMALL, cols=1, rows=1)
    assert compile_network(chain(dense(4, 3)), params).pes == 1


@pytest.mark.parametrize(
    ("network", "changes", "message"),
    [
        (chain(dense(4, 3), steps=33), {}, "33 steps.*counts 32.*steps >= 33"),
        (chain(*[dense(2, 2)] * 4), {}, "4 layers.*tags for 3.*layers >= 5"),
        (chain(dense(2, 17)), {}, "17 outputs.*numbers 16.*classes >= 17"),
        (
            chain(dense(4, 3, neuron=Neuron(32768, 0, 16))),
            {},
            "layer 0: threshold=32768.*32767",
        ),
        (
            chain(dense(4, 3, neuron=Neuron(5, 0, 16, 32768))),
            {},
            "layer 0: slope=32768.*32767",
        ),
        (chain(dense(4, 3), dense(3, 2, weight=8)), {"weight_bits": 4}, r"layer 1: weights 8..8.*4 bits"),
        (chain(dense(4, 3, weight=-9)), {"weight_bits": 4}, r"layer 0: weights -9..-9.*4 bits"),
        (chain(dense(4, 3, weight=32)), {"acc_bits": 8}, "layer 0, neuron 0: its positive.* 128.*-128..127"),
        (chain(dense(3, 3, weight=-43)), {"acc_bits": 8}, "layer 0, neuron 0: its negative.* sum to -129"),
        (chain(dense(17, 3)), {}, "layer 0 has 17 axons.*16 axons at 4 lanes.*weights >= 68"),
        (chain(dense(16, 37)), {"classes": 64}, "needs 10 PEs, and the 3 x 3 mesh has 9"),
        (chain(dense(4, 16), dense(16, 13)), {"cols": 1}, r"needs 1 \+ 4 = 5 PEs, and the 1 x 3 mesh has 3"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(network, changes, message):
    with pytest.raises(CompileError, match=message):
        compile_network(network, dataclasses.replace(SMALL, **changes))


def test_the_bound_on_a_is_exact_and_names_the_neuron():
    params = dataclasses.replace(SMALL, acc_bits=8)
    weights = np.zeros((4, 5), np.int8)
    weights[:, 3] = [100, 27, -100, -28]
    compile_network(chain(Layer(weights, Neuron(5, 0, 16))), params)
    for row, change, sign in ((1, 1, "positive"), (3, -1, "negative")):
        beyond = weights.copy()
        beyond[row, 3] += change
        with pytest.raises(CompileError, match=f"neuron 3: its {sign}"):
            compile_network(chain(Layer(beyond, Neuron(5, 0, 16))), params)


# ---- the command -----------------------------------------------------------------------------------------


@pytest.fixture
def network_file(tmp_path):
    chain(dense(6, 8), dense(8, 3)).save(tmp_path / "net.npz")
    return tmp_path / "net.npz"


def test_the_command_writes_an_image_and_says_what_it_did(network_file, tmp_path):
    result = CliRunner().invoke(
        main, [str(network_file), "-o", str(tmp_path / "net.img"), "--set", "lanes=2"]
    )
    assert result.exit_code == 0, result.output
    assert "6-8-3" in result.output and "layer 1: 8 axons x 3 neurons" in result.output
    image = WeightImage.load(tmp_path / "net.img")
    assert image.params == ChipParams(lanes=2)


def test_the_command_takes_a_chip_file(network_file, tmp_path):
    (tmp_path / "chip.json").write_text(SMALL.to_json())
    arguments = [str(network_file), "-o", str(tmp_path / "net.img"), "--chip", str(tmp_path / "chip.json")]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert WeightImage.load(tmp_path / "net.img").params == SMALL


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.npz", "-o", "out.img"], "there is no trained network"),
        (["net.npz", "-o", "out.img", "--set", "lanes=3"], "lanes=3"),
        (["net.npz", "-o", "out.img", "--set", "lanes=x"], "lanes='x' is not of type int"),
        (["net.npz", "-o", "out.img", "--set", "banked=yes"], "banked='yes' is not of type bool"),
        (["net.npz", "-o", "out.img", "--set", "speed=9"], "a name of cols"),
        (["net.npz", "-o", "out.img", "--set", "steps=8"], "16 steps"),
        (["net.npz", "-o", "out.img", "--chip", "net.npz"], "chip"),
        (["net.npz", "-o", "out.img", "--chip", "none.json"], "no chip 'none.json'"),
        (["net.npz", "-o", "out.img", "--chip", "list.json"], "chip parameters"),
        (["net.npz", "-o", "no/such/folder/out.img"], "cannot write"),
        (["net.npz", "-o", "."], "is a directory"),
        (["net.npz", "-o", ""], "not the name of a file"),
        (["list.json", "-o", "out.img"], "not a whole network file"),
    ],
)
def test_the_command_answers_bad_input_with_one_error_line(network_file, arguments, message, monkeypatch):
    monkeypatch.chdir(network_file.parent)
    (network_file.parent / "list.json").write_text(json.dumps([1, 2]))
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code in (1, 2) and isinstance(result.exception, SystemExit)
    assert message in result.output and result.output.count("Error:") == 1
    assert not (network_file.parent / "out.img").exists()
