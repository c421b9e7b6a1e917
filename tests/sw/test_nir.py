"""NIR: a graph says what the network does, comes back the same, and what has no node is refused by name."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import nir
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from nir_reader import follow
from reference import random_inputs
from yoso_sw import golden
from yoso_sw.network import NEVER, Layer, Network, Window
from yoso_sw.nir import NirError, export, from_nir, read, to_nir, write
from yoso_sw.nir.__main__ import main

NETWORKS = Path(__file__).parents[2] / "sw" / "networks"
LITERAL = NETWORKS / "mnist-784-100-10-stdbp.npz"


# ---- what must be the same -----------------------------------------------------------------------------


def channels_first(steps, window):
    return steps.reshape(window.rows, window.cols, window.channels).transpose(2, 0, 1)


def check_meaning(network, graph, inputs):
    """The graph's spikes, or potentials, are the golden model's in every layer."""
    result = golden.run(network, inputs, early_exit=False)
    for b, steps in enumerate(inputs):
        first = network.layers[0].window
        arrivals = steps if first is None else channels_first(steps, first)
        spikes, states = follow(graph, arrivals, network.steps)
        for i, layer in enumerate(network.layers):
            if layer.end <= layer.start:
                np.testing.assert_array_equal(states["potential"], result.potentials[i][b])
                continue
            expected = result.steps[i][b]
            if layer.window is not None:
                shape = (layer.window.out_rows, layer.window.out_cols, -1)
                expected = expected.reshape(shape).transpose(2, 0, 1)
            np.testing.assert_array_equal(spikes[f"fire{i}"], expected)


def same(ours, theirs):
    assert len(ours.layers) == len(theirs.layers)
    for a, b in zip(ours.layers, theirs.layers, strict=True):
        np.testing.assert_array_equal(a.weights, b.weights)
        assert a.weights.dtype == b.weights.dtype
        for field in dataclasses.fields(Layer):
            if field.name != "weights":
                assert getattr(a, field.name) == getattr(b, field.name), field.name
    for field in dataclasses.fields(Network):
        if field.name != "layers":
            assert getattr(ours, field.name) == getattr(theirs, field.name), field.name


# ---- networks that can be said -------------------------------------------------------------------------


def weights(rng, axons, neurons, bias=False):
    return np.clip(rng.normal(1, 4, (axons + bias, neurons)), -8, 7).astype(np.int8)


def dense(seed=1, decision="ttfs", bias=True, steps=20):
    rng = np.random.default_rng(seed)
    output = (40, 0, steps) if decision == "ttfs" else (1, 0, 0)
    layers = (
        Layer(weights(rng, 9, 7, bias), 50, 0, steps, bias=bias),
        Layer(weights(rng, 7, 6), 30, 0, steps),
        Layer(weights(rng, 6, 3, bias), *output, bias=bias),
    )
    return Network("dense", layers, steps, 10, decision, 4, {"seed": seed})


def convolution(seed=1, decision="ttfs", steps=24):
    """Two channels in, two convolutions, the first with a bias, then dense: every order of axons counts."""
    rng = np.random.default_rng(seed)
    first, second = Window(6, 5, 2, 3), Window(4, 3, 3, 2)
    output = (60, 0, steps) if decision == "ttfs" else (1, 0, 0)
    layers = (
        Layer(weights(rng, first.axons, 3, True), 60, 0, steps, bias=True, window=first),
        Layer(weights(rng, second.axons, 4), 40, 0, steps, window=second),
        Layer(weights(rng, 4 * second.positions, 3), *output),
    )
    return Network("convolution", layers, steps, 12, decision, 4)


@settings(max_examples=20)
@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from([dense, convolution]),
    decision=st.sampled_from(["ttfs", "softmax"]),
)
def test_a_graph_means_the_network_and_comes_back_equal(seed, kind, decision):
    network = kind(seed, decision)
    graph = to_nir(network)
    same(from_nir(graph), network)
    check_meaning(network, graph, random_inputs(np.random.default_rng(seed), 2, network))


@pytest.mark.parametrize("kind", [dense, convolution])
def test_neurons_spike_in_the_networks_of_these_tests(kind):
    network = kind()
    result = golden.run(network, random_inputs(np.random.default_rng(1), 20, network), early_exit=False)
    for steps in result.steps:
        assert (steps != NEVER).any() and (steps == NEVER).any()


@pytest.mark.parametrize("kind", [dense, convolution])
@pytest.mark.parametrize("decision", ["ttfs", "softmax"])
def test_a_file_means_the_network_and_comes_back_equal(tmp_path, kind, decision):
    network = kind(2, decision)
    write(tmp_path / "net.nir", to_nir(network))
    graph = read(tmp_path / "net.nir")
    same(from_nir(graph), network)
    check_meaning(network, graph, random_inputs(np.random.default_rng(3), 3, network))
    assert not list(tmp_path.glob("*.part"))


def test_the_committed_literal_network_survives_the_commands(tmp_path):
    file, back = tmp_path / "net.nir", tmp_path / "net.npz"
    done = CliRunner().invoke(main, ["export", LITERAL.stem, "--out", str(file)])
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(main, ["import", str(file), "--out", str(back)])
    assert done.exit_code == 0, done.output
    network = Network.load(LITERAL)
    same(Network.load(back), network)
    inputs = random_inputs(np.random.default_rng(1), 2, network, density=0.3)
    assert all((steps != NEVER).any() for steps in golden.run(network, inputs, early_exit=False).steps)
    check_meaning(network, read(file), inputs)


def test_the_integrator_may_follow_weights_without_bias():
    network = dense(bias=False)
    graph = to_nir(network)
    for i in range(3):  # swap I and Linear
        matrix = graph.nodes[f"weights{i}"]
        graph.nodes[f"arrived{i}"], graph.nodes[f"weights{i}"] = (
            matrix,
            nir.I(np.ones(len(matrix.weight), np.float32)),
        )
    graph = nir.NIRGraph(graph.nodes, graph.edges, graph.metadata)
    same(from_nir(graph), network)
    check_meaning(network, graph, random_inputs(np.random.default_rng(5), 3, network))


def foreign(**changes):
    """A graph of another tool: other names, no metadata, a whole threshold."""
    values = {
        "arrived": nir.I(np.ones(3)),
        "weights": nir.Linear(np.array([[3.0, -2.0, 5.0], [1.0, 1.0, 1.0]])),
        "fire": nir.IF(np.ones(2), np.full(2, 7.0), np.full(2, -1000.0)),
        **changes,
    }
    nodes = {"in": nir.Input(np.array([3])), **values, "out": nir.Output(np.array([2]))}
    names = list(nodes)
    return nir.NIRGraph(nodes, list(zip(names, names[1:], strict=False)))


def test_a_graph_without_metadata_needs_what_it_does_not_say():
    network = from_nir(foreign(), steps=20, levels=16)
    assert network.layers[0].threshold == 8  # V > 7, V whole
    assert (network.name, network.steps, network.levels, network.weight_bits) == ("nir", 20, 16, 8)
    assert network.decision == "ttfs"
    with pytest.raises(NirError, match="do not say steps; give --steps"):
        from_nir(foreign(), levels=16)
    with pytest.raises(NirError, match="do not say levels; give --levels"):
        from_nir(foreign(), steps=20)


# ---- what is refused -----------------------------------------------------------------------------------


def changed(network, index=0, **changes):
    layers = list(network.layers)
    layers[index] = dataclasses.replace(layers[index], **changes)
    return dataclasses.replace(network, layers=tuple(layers))


@pytest.mark.parametrize(
    ("network", "says"),
    [
        (changed(dense(), slope=3), "'dense', layer 0 has the constant slope 3; no NIR node"),
        (changed(dense(), 1, start=2), "layer 1 fires in steps 2..19 only; NIR has no firing windows"),
        (changed(dense(), 1, end=12), r"layer 1 fires in steps 0\.\.11 only"),
        (
            Network(
                "pooled",
                (
                    Layer(np.ones((9, 2), np.int8), 5, 0, 9, window=Window(6, 6, 1, 3), pool=True),
                    Layer(np.ones((8, 2), np.int8), 5, 0, 9),
                ),
                9,
                9,
            ),
            "'pooled', layer 0 is pooled by the earliest spike; NIR's pooling nodes sum or average",
        ),
        (
            Network("loud", (Layer(np.full((300, 2), 127, np.int8), 5, 0, 9),), 9, 9),
            r"A may reach 0\.\.38100 and V .* NIR has no clamp",
        ),
        (
            Network("deep", (Layer(np.full((200, 2), -127, np.int8), 5, 0, 99),), 99, 9),
            r"V -2489200\.\.4, where the chip clamps",
        ),
    ],
    ids=["slope", "start", "end", "pool", "A", "V"],
)
def test_what_no_node_says_is_not_exported(network, says):
    with pytest.raises(NirError, match=says):
        to_nir(network)


def test_a_layer_of_a_later_kind_is_not_exported(monkeypatch):
    @dataclasses.dataclass(frozen=True, eq=False)
    class Later(Layer):
        leak: int = 0

    network = dense()
    values = {field.name: getattr(network.layers[0], field.name) for field in dataclasses.fields(Layer)}
    later = Later(**values, leak=3)
    monkeypatch.setattr(export, "Layer", Later)
    with pytest.raises(NirError, match="layer 0: leak=3 cannot be said in NIR"):
        to_nir(dataclasses.replace(network, layers=(later, *network.layers[1:])))


TWO = np.ones(2)


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        ({"fire": nir.LIF(TWO, TWO, TWO, TWO)}, r"node 'fire' \(LIF\): it leaks"),
        ({"fire": nir.CubaLIF(TWO, TWO, TWO, TWO, TWO)}, r"node 'fire' \(CubaLIF\): it leaks"),
        ({"arrived": nir.LI(np.ones(3), np.ones(3), np.ones(3))}, r"node 'arrived' \(LI\): it leaks"),
        ({"fire": nir.Threshold(TWO)}, r"node 'fire' \(Threshold\): no part of a ReL-PSP layer"),
        ({"arrived": nir.Delay(np.ones(3))}, r"node 'arrived' \(Delay\): no part"),
        ({"arrived": nir.Scale(np.ones(3))}, r"node 'arrived' \(Scale\): no part"),
        ({"arrived": nir.I(np.full(3, 2.0))}, r"node 'arrived' \(I\): r=2\.0; it must be 1"),
        ({"fire": nir.IF(TWO * 0.5, TWO, TWO * -999)}, r"node 'fire' \(IF\): r=0\.5; it must be 1"),
        (
            {"fire": nir.IF(TWO, TWO)},
            r"node 'fire' \(IF\) resets to 0 and may spike again; .* 20 steps v_reset must be at most -151",
        ),
        ({"fire": nir.IF(TWO, np.array([7.0, 8.0]), TWO * -999)}, r"'fire' \(IF\): thresholds differ, 7"),
        ({"fire": nir.IF(TWO, TWO * -1, TWO * -999)}, r"'fire' \(IF\): v_threshold=-1\.0; it must be 0 or"),
        ({"fire": nir.IF(TWO, TWO * np.nan, TWO * -999)}, r"'fire' \(IF\): v_threshold=nan"),
        (
            {"weights": nir.Linear(np.array([[0.5, 1, 1], [1, 1, 1]]))},
            r"node 'weights' \(Linear\): weight 0\.5 is no whole number of -128\.\.127; train it in integers",
        ),
        ({"weights": nir.Linear(np.full((2, 3), 128.0))}, r"weight 128\.0 is no whole number"),
        ({"weights": nir.Linear(np.full((2, 3), np.nan))}, r"weight nan is no whole number"),
        (
            {
                "arrived": nir.Affine(np.ones((2, 3)), TWO),
                "weights": nir.I(TWO),
            },
            r"node 'arrived' \(Affine\): its bias stands before the integrator",
        ),
        (
            {"weights": nir.Affine(np.ones((2, 3)), np.ones(3))},
            r"'weights' \(Affine\): bias has shape \(3,\)",
        ),
        ({"arrived": nir.Linear(np.eye(3))}, r"node 'weights' \(Linear\) follows node 'arrived' \(Linear\)"),
        (
            {"arrived": nir.Flatten(np.array([3]), 0)},
            r"node 'fire' \(IF\) comes without integrator \(I\) of its spikes: it adds a spike's weight",
        ),
        (
            {"weights": nir.Linear(np.ones((2, 3))), "fire": nir.I(TWO), "more": nir.I(TWO)},
            "follows a potential",
        ),
        ({"fire": nir.Flatten(np.array([2]), 0)}, r"node 'fire' \(Flatten\) stands after the weights"),
    ],
    ids=lambda value: "-".join(type(node).__name__ for node in value.values()) if type(value) is dict else "",
)
def test_a_graph_that_is_no_network_of_relpsp_is_refused(nodes, says):
    with pytest.raises(NirError, match=says):
        from_nir(foreign(**nodes), steps=20, levels=16)


def conv(**changes):
    values = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": np.zeros(2), **changes}
    node = nir.Conv2d((4, 4), np.ones((2, 1, 3, 3)), **values)
    shape = np.array(node.output_type["output"])
    chain = {
        "in": nir.Input(np.array([1, 4, 4])),
        "arrived": nir.I(np.ones((1, 4, 4))),
        "conv": node,
        "fire": nir.IF(np.ones(shape), np.ones(shape), np.full(shape, -9999.0)),
        "out": nir.Output(shape),
    }
    names = list(chain)
    return nir.NIRGraph(chain, list(zip(names, names[1:], strict=False)))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"stride": 2}, r"node 'conv' \(Conv2d\): stride=\(2, 2\); a convolution has stride 1"),
        ({"padding": 1}, r"padding=\(1, 1\); a convolution has padding 0"),
        ({"padding": "same"}, "padding=same"),
        ({"groups": 2}, "groups=2"),
    ],
)
def test_a_convolution_of_another_kind_is_refused(changes, says):
    with pytest.raises(NirError, match=says):
        from_nir(conv(**changes), steps=20, levels=16)


def test_pooling_is_refused_with_the_reason():
    network = convolution()
    graph = to_nir(network)
    graph.nodes["arrived1"] = nir.SumPool2d(np.array([1, 1]), np.array([1, 1]), np.array([0, 0]))
    with pytest.raises(NirError, match=r"node 'arrived1' \(SumPool2d\): it sums spikes"):
        from_nir(graph)


def test_recurrence_branches_and_loose_ends_are_refused():
    nodes, edges = foreign().nodes, foreign().edges
    back = nir.NIRGraph(nodes, [*edges, ("fire", "fire")], type_check=False)
    with pytest.raises(NirError, match=r"node 'fire' \(IF\) has 2 inputs, 'weights', 'fire'; .*recurrence"):
        from_nir(back, steps=20, levels=16)
    loose = {**nodes, "alone": nir.I(np.ones(3))}
    with pytest.raises(NirError, match=r"node 'alone' \(I\) is not on the way from 'in' to 'out'"):
        from_nir(nir.NIRGraph(loose, edges, type_check=False), steps=20, levels=16)
    with pytest.raises(NirError, match="has 2 Input nodes"):
        second = {**nodes, "in2": nir.Input(np.array([3]))}
        from_nir(nir.NIRGraph(second, edges, type_check=False), steps=20, levels=16)


# ---- files and commands --------------------------------------------------------------------------------


def one_error(*command):
    done = CliRunner().invoke(main, list(command))
    assert done.exit_code == 1 and done.output.startswith("Error: "), done.output
    return done.output


def test_a_network_with_constant_slopes_is_one_error():
    assert "layer 0 has the constant slope 38" in one_error("export", "mnist-784-100-10")


def test_without_the_package_nir_is_one_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "nir", None)
    assert 'NIR needs the package nir: pip install "yoso[nir]"' in one_error("export", LITERAL.stem)


def test_an_unknown_network_lists_those_there_are():
    said = one_error("export", "mnist")
    assert "no trained network 'mnist'" in said and "mnist-784-800-10" in said


@pytest.mark.parametrize("content", [b"", b"text", None], ids=["empty", "text", "missing"])
def test_a_file_that_is_no_graph_is_one_error(tmp_path, content):
    path = tmp_path / "x.nir"
    if content is not None:
        path.write_bytes(content)
    said = one_error("import", str(path))
    assert "x.nir" in said and ("not a whole NIR graph" in said or "there is no NIR file" in said)


def test_a_truncated_file_is_one_error(tmp_path):
    path = tmp_path / "x.nir"
    write(path, to_nir(dense()))
    path.write_bytes(path.read_bytes()[:-200])
    assert "x.nir is not a whole NIR graph" in one_error("import", str(path))


def test_a_node_that_nir_does_not_know_is_named(tmp_path):
    import h5py

    path = tmp_path / "x.nir"
    write(path, to_nir(dense()))
    with h5py.File(path, "r+") as file:
        del file["node/nodes/fire0/type"]
        file["node/nodes/fire0/type"] = "Izhikevich"
    assert "node 'fire0' (Izhikevich): nir" in one_error("import", str(path))


def test_weights_beyond_the_bits_are_one_error(tmp_path):
    write(tmp_path / "x.nir", to_nir(dense()))
    said = one_error("import", str(tmp_path / "x.nir"), "--out", str(tmp_path / "x.npz"), "--bits", "3")
    assert "do not fit 3 bits" in said


def test_metadata_that_make_no_sense_are_one_error():
    graph = foreign()
    graph.metadata = {"steps": "many", "levels": 16, "about": "{"}
    with pytest.raises(NirError, match="say steps='many', no whole number; give --steps"):
        from_nir(graph)
    assert from_nir(graph, steps=20).about == {}


def test_what_is_written_is_plain(tmp_path):
    graph = to_nir(dense())
    assert json.loads(graph.metadata["about"]) == {"seed": 1}
    assert {type(value) for value in graph.metadata.values()} <= {str, int, float}
    assert graph.nodes["fire0"].v_threshold.dtype == np.float32


def test_the_golden_model_needs_neither_nir_nor_torch():
    code = "import sys, yoso_sw.golden, yoso_sw.card; assert not {'nir', 'h5py', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
