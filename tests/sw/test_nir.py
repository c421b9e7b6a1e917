"""NIR: a graph says what the network does, comes back the same, and what has no node is refused by name."""

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
from support.nir_graphs import convolution, dense, foreign, same, strided
from support.nir_reader import follow
from support.reference import random_inputs
from yoso_sw.commands.nir import main
from yoso_sw.network import golden
from yoso_sw.network.network import NEVER, Network
from yoso_sw.nir import NirError, from_nir, read, to_nir, write

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
            if layer.neuron.end <= layer.neuron.start:
                np.testing.assert_array_equal(states["potential"], result.potentials[i][b])
                continue
            expected = result.steps[i][b]
            if layer.window is not None:
                shape = (layer.window.out_rows, layer.window.out_cols, -1)
                expected = expected.reshape(shape).transpose(2, 0, 1)
            np.testing.assert_array_equal(spikes[f"fire{i}"], expected)


# ---- networks that can be said -------------------------------------------------------------------------


@settings(max_examples=20)
@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from([dense, convolution, strided]),
    decision=st.sampled_from(["ttfs", "softmax"]),
)
def test_a_graph_means_the_network_and_comes_back_equal(seed, kind, decision):
    network = kind(seed, decision)
    graph = to_nir(network)
    same(from_nir(graph), network)
    check_meaning(network, graph, random_inputs(np.random.default_rng(seed), 2, network))


@pytest.mark.parametrize("kind", [dense, convolution, strided])
def test_neurons_spike_in_the_networks_of_these_tests(kind):
    network = kind()
    result = golden.run(network, random_inputs(np.random.default_rng(1), 20, network), early_exit=False)
    for steps in result.steps:
        assert (steps != NEVER).any() and (steps == NEVER).any()


@pytest.mark.parametrize("kind", [dense, convolution, strided])
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
    done = CliRunner().invoke(main, ["export", LITERAL.stem, "-o", str(file)])
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(main, ["import", str(file), "-o", str(back)])
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


def test_a_graph_without_metadata_needs_what_it_does_not_say():
    network = from_nir(foreign(), steps=20, levels=16)
    assert network.layers[0].neuron.threshold == 8  # V > 7, V whole
    assert (network.name, network.steps, network.levels, network.weight_bits) == ("nir", 20, 16, 8)
    assert network.decision == "ttfs"
    with pytest.raises(NirError, match="do not say steps; give --steps"):
        from_nir(foreign(), levels=16)
    with pytest.raises(NirError, match="do not say levels; give --levels"):
        from_nir(foreign(), steps=20)


# ---- files and commands --------------------------------------------------------------------------------


def one_error(*command):
    done = CliRunner().invoke(main, list(command))
    assert done.exit_code == 1 and done.output.startswith("Error: "), done.output
    return done.output


def test_a_network_with_constant_slopes_is_one_error():
    assert "layer 0: it has the constant slope 38" in one_error("export", "mnist-784-100-10")


def test_without_the_package_nir_is_one_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "nir", None)
    assert "needs nir, which is not installed: pip install 'yoso[nir]'" in one_error("export", LITERAL.stem)


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


def test_weights_beyond_the_bits_are_rounded_and_that_is_said(tmp_path):
    write(tmp_path / "x.nir", to_nir(dense()))
    command = ["import", str(tmp_path / "x.nir"), "-o", str(tmp_path / "x.npz"), "--bits", "3"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert (
        "approximate: weights times 0.375 are rounded to 3 bits: the largest error of a weight" in done.output
    )


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
    code = "import sys, yoso_sw.network.golden, yoso_sw.learn.card as card; "
    code += "assert not {'nir', 'h5py', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
