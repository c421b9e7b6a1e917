"""NIR as other tools write it: what is imported, exactly or not, and what is refused, with every obstacle."""

from pathlib import Path

import nir
import numpy as np
import pytest
from click.testing import CliRunner
from support.nir_graphs import foreign, same
from support.nir_steps import follow_steps
from yoso_sw.commands.nir import main
from yoso_sw.network import golden
from yoso_sw.network.events import Events
from yoso_sw.network.neuron import CLEARED, KEPT, Reset
from yoso_sw.nir import NirError, convert, from_nir, measure, read, write
from yoso_sw.nir.measure import record

CASES = Path(__file__).parents[3] / "shared" / "cases" / "nir-foreign"

T, TWO = 20, np.ones(2)
WEIGHTS = np.array([[3.0, -2.0, 5.0], [1.0, 1.0, 1.0]])
LINEAR = nir.Linear(WEIGHTS)


def graph_of(*nodes, inputs=3, outputs=2):
    chain = {"in": nir.Input(np.array([inputs])), **{f"{i}": node for i, node in enumerate(nodes)}}
    chain["out"] = nir.Output(np.array([outputs]))
    names = list(chain)
    return nir.NIRGraph(chain, list(zip(names, names[1:], strict=False)), type_check=False)


def imported(*nodes, **told):
    return convert(graph_of(*nodes), **{"steps": T, **told})


def neuron(*nodes, **told):
    return imported(*nodes, **told).network.layers[-1].neuron


def spikes(inputs, images=10):
    return np.random.default_rng(3).random((images, T, inputs)) < 0.3


# ---- what is exact -------------------------------------------------------------------------------------


def test_if_without_an_integrator_is_reset_to_zero_or_by_subtraction():
    conversion = imported(LINEAR, nir.IF(TWO, TWO * 7))
    network = conversion.network
    own = network.layers[0].neuron
    assert (own.threshold, own.start, own.end, own.current, own.reset) == (8, 1, T + 1, CLEARED, Reset.ZERO)
    assert (network.decision, network.code, network.steps, network.levels) == ("count", "events", T + 1, T)
    assert conversion.exact and "exact: weights are whole numbers" in str(conversion)
    subtract = imported(LINEAR, nir.IF(TWO, TWO * 7), reset="subtract")
    assert subtract.network.layers[0].neuron.threshold == 7
    assert "approximate: it fires at V = 7 as well, not only above it" in str(subtract)
    assert imported(LINEAR, nir.IF(TWO, TWO * np.float32(6.9999995)), reset="subtract").exact


@pytest.mark.parametrize("bias", [False, True])
def test_float_weights_of_a_common_scale_spike_as_in_the_graph(bias):
    affine = nir.Affine(WEIGHTS.astype(np.float32) / 10, np.float32([0.2, -0.1]) * bias)
    conversion = imported(affine, nir.IF(TWO, TWO * np.float32(0.75)))
    assert conversion.exact and "weights times 10 are whole numbers" in str(conversion)
    layer = conversion.network.layers[0]
    np.testing.assert_array_equal(layer.weights[:3], WEIGHTS.T)
    assert layer.bias == bias and layer.neuron.threshold == 8
    images = spikes(3)
    result = golden.run(conversion.network, Events.of_record(images), early_exit=False)
    ours = record(result.spikes[0], T + 1)
    for b, image in enumerate(images):
        theirs, _ = follow_steps(graph_of(affine, nir.IF(TWO, TWO * 0.75)), image)
        np.testing.assert_array_equal(theirs["1"], ours[b, 1:])
    assert measure(conversion, Events.of_record(images)).equal == len(images)


def test_weights_that_share_no_scale_are_rounded_and_the_largest_error_is_told():
    rng = np.random.default_rng(1)
    weights = rng.normal(0, 1, (2, 3)).astype(np.float32)
    conversion = imported(nir.Linear(weights), nir.IF(TWO, TWO))
    assert not conversion.exact
    (loss,) = conversion.layers[0].losses
    whole, scale = conversion.network.layers[0].weights.T, 127 / np.abs(weights).max()
    assert f"the largest error of a weight is {np.abs(whole / scale - weights).max():.3g}" in loss
    measured = measure(conversion, Events.of_record(spikes(3)))
    assert 0 < measured.errors[0] < 0.2 and measured.equal >= 9


@pytest.mark.parametrize(
    "node",
    [nir.Scale(np.array([2.0, 1.0, 1.0])), nir.Delay(np.zeros(3)), nir.Scale(np.full(3, 2.0))],
    ids=["scale", "delay0", "scale-all"],
)
def test_nodes_that_weights_can_take_in_are_taken_in(node):
    by = getattr(node, "scale", np.ones(3))
    network = imported(node, LINEAR, nir.IF(TWO, TWO * 7)).network
    np.testing.assert_array_equal(network.layers[0].weights, (WEIGHTS * by).T)


def test_a_scale_behind_the_weights_scales_the_bias_as_well():
    network = imported(nir.Affine(WEIGHTS, TWO), nir.Scale(np.array([1.0, 3.0])), nir.IF(TWO, TWO)).network
    np.testing.assert_array_equal(network.layers[0].weights[:, 1], [3, 3, 3, 3])


def test_a_nested_graph_is_laid_flat():
    sub = graph_of(nir.IF(TWO, TWO * 7), inputs=2)
    conversion = imported(LINEAR, sub)
    same(conversion.network, imported(LINEAR, nir.IF(TWO, TWO * 7)).network)
    assert "node '1.0' (IF)" in str(conversion)


def test_scalar_parameters_are_those_of_every_neuron():
    scalar = nir.IF(np.array(1.0), np.array(7.0), np.array(0.0))
    same(imported(LINEAR, scalar).network, imported(LINEAR, nir.IF(TWO, TWO * 7)).network)
    kept = graph_of(nir.I(np.array(1.0)), LINEAR, nir.IF(np.array(1.0), np.array(7.0), np.array(-1000.0)))
    same(from_nir(kept, steps=T, levels=16), from_nir(foreign(), steps=T, levels=16))


def test_zero_biases_are_no_biases_wherever_they_stand():
    zero = nir.Affine(WEIGHTS, 0 * TWO)
    first = imported(zero, nir.I(TWO), nir.IF(TWO, TWO * 7, TWO * -1000), levels=16).network
    same(first, from_nir(foreign(), steps=T, levels=16))
    assert not first.layers[0].bias


def test_a_time_unit_is_what_a_step_is_of_it():
    seconds = (nir.I(np.full(3, 1e3)), LINEAR, nir.IF(TWO * 1e3, TWO * 7, TWO * -1e6))
    same(imported(*seconds, dt=1e-3, levels=16).network, from_nir(foreign(), steps=T, levels=16))


def test_a_threshold_of_a_potential_decides_by_its_first_crossing():
    network = imported(nir.I(np.ones(3)), LINEAR, nir.Threshold(TWO * 7)).network
    own = network.layers[0].neuron
    assert (own.reset, own.current, own.threshold, network.decision) == (Reset.ONCE, CLEARED, 8, "ttfs")
    assert neuron(LINEAR, nir.I(TWO), nir.Threshold(TWO * 7)) == own
    leaky = neuron(LINEAR, nir.LI(TWO * 4, TWO * 4, 0 * TWO), nir.Threshold(TWO * 7))
    assert (leaky.reset, leaky.leak) == (Reset.ONCE, 2)


# ---- what is approximate -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nodes", "fields"),
    [
        ([nir.LIF(TWO * 8, TWO * 8, 0 * TWO, TWO * 7)], (CLEARED, 3, Reset.ZERO)),
        ([nir.CubaLIF(TWO * 2, TWO * 8, TWO * 8, 0 * TWO, TWO * 7, w_in=2.0)], (1, 3, Reset.ZERO)),
        ([nir.LI(TWO * 4, TWO * 4, 0 * TWO), nir.IF(TWO, TWO * 7)], (2, 0, Reset.ZERO)),
        ([nir.LI(TWO * 4, TWO * 4, 0 * TWO)], (CLEARED, 2, Reset.NEVER)),
        ([nir.CubaLI(TWO * 2, TWO * 8, TWO * 8, 0 * TWO, 2.0)], (1, 3, Reset.NEVER)),
        ([nir.LI(TWO * 4, TWO * 4, 0 * TWO), nir.I(TWO)], (2, 0, Reset.NEVER)),
    ],
    ids=["LIF", "CubaLIF", "LI-IF", "LI", "CubaLI", "LI-I"],
)
def test_a_leak_is_a_decay_and_is_told(nodes, fields):
    conversion = imported(LINEAR, *nodes)
    own = conversion.network.layers[0].neuron
    assert (own.current, own.leak, own.reset) == fields
    np.testing.assert_array_equal(conversion.network.layers[0].weights, WEIGHTS.T)
    assert not conversion.exact and "of itself a step; here 1/" in str(conversion)
    measured = measure(conversion, Events.of_record(spikes(3)))
    assert 0 < measured.errors[0] < 2 * T and measured.equal >= 5


def test_a_leak_between_two_decays_becomes_the_nearer_one_and_its_error_shows_on_data():
    leaky = (LINEAR, nir.LI(TWO * 20, TWO * 20, 0 * TWO))
    conversion = imported(*leaky)
    assert "its potential loses 0.05 of itself a step; here 1/16, rounded up" in str(conversion)
    images = spikes(3)
    measured = measure(conversion, Events.of_record(images))
    result = golden.run(conversion.network, Events.of_record(images), early_exit=False)
    theirs = np.array([follow_steps(graph_of(*leaky), image)[1]["1"][-1] for image in images])
    assert measured.errors[0] >= np.abs(theirs - result.potentials[0]).max() - 1e-9 > 1


def test_a_layer_that_leaks_takes_the_largest_unit_that_its_weights_have():
    leaky = nir.LI(TWO * 4, TWO * 4, 0 * TWO)
    fine, coarse = (
        imported(nir.Linear(weights), leaky) for weights in (WEIGHTS.astype(np.float32) / 10, WEIGHTS)
    )
    np.testing.assert_array_equal(fine.network.layers[0].weights, 25 * WEIGHTS.T)
    errors = [measure(own, Events.of_record(spikes(3))).errors[0] for own in (fine, coarse)]
    assert errors[0] * 10 < errors[1] / 5


def test_rounded_weights_leave_a_the_room_that_it_needs():
    weights = np.random.default_rng(1).uniform(0.5, 1, (2, 900))
    graph = graph_of(nir.Linear(weights), nir.IF(TWO, TWO), inputs=900)
    layer = from_nir(graph, steps=T).layers[0]
    assert 32000 < layer.weights.astype(int).sum(0).max() <= 32767


def test_a_readout_of_weights_alone_sums_its_spikes():
    conversion = imported(LINEAR, nir.I(TWO))
    assert conversion.network.decision == "softmax" and conversion.exact
    images = spikes(3)
    result = golden.run(conversion.network, Events.of_record(images), early_exit=False)
    np.testing.assert_array_equal(result.potentials[0], images.sum(1) @ WEIGHTS.T)


# ---- what is refused -----------------------------------------------------------------------------------


def test_all_obstacles_are_listed_by_node_and_what_has_to_be_given_last():
    graph = graph_of(nir.I(np.ones(3)), nir.Linear(WEIGHTS * np.nan), nir.IF(TWO, np.array([1, 2.0])))
    with pytest.raises(NirError) as caught:
        from_nir(graph)
    first, *lines = str(caught.value).splitlines()
    assert first == f"{len(lines)} obstacles:" and [line.split(":")[0].strip() for line in lines] == [
        "node '1' (Linear)",
        "node '2' (IF)",
        "the graph's metadata do not say steps; give --steps",
        "the graph's metadata do not say levels; give --levels",
    ]


def test_a_file_without_input_and_output_is_refused(tmp_path):
    nodes = {"a": nir.I(np.ones(3)), "b": LINEAR, "c": nir.IF(TWO, TWO * 7, TWO * -1000)}
    graph = nir.NIRGraph(nodes, [("a", "b"), ("b", "c")], type_check=False)
    for label in set(graph.nodes) - set(nodes):
        del graph.nodes[label]
    graph.edges = [("a", "b"), ("b", "c")]
    write(tmp_path / "x.nir", graph)
    with pytest.raises(NirError, match=r"(?s)has 0 Input nodes.*has 0 Output nodes"):
        from_nir(read(tmp_path / "x.nir"), steps=T, levels=16)


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        ([LINEAR], r"node 'out' \(Output\): it follows no neuron"),
        ([LINEAR, nir.Threshold(TWO)], r"node '1' \(Threshold\): it comes without an integrator"),
        ([LINEAR, nir.IF(TWO, TWO, TWO * -1)], r"node '1' \(IF\): it resets to -1 and may spike again"),
        ([nir.IF(np.ones(3), np.ones(3))], r"node '0' \(IF\): it comes without weights"),
        ([nir.Affine(WEIGHTS, TWO), nir.I(TWO), nir.IF(TWO, TWO)], "a ramp"),
    ],
)
def test_what_no_layer_does_is_refused(nodes, says):
    with pytest.raises(NirError, match=says):
        imported(*nodes)


# ---- files of other tools ------------------------------------------------------------------------------


def exact(output):
    return "exact: weights" in output and "approximate" not in output


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not here")
@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("300-classes", exact),
        ("affine-zero-bias", exact),
        ("affine-zero-bias-first", exact),
        ("delay0", exact),
        ("if-direct", exact),
        ("if-integrated-dt1ms", exact),
        ("if-integrated-float", lambda said: exact(said) and "weights times 10 are whole" in said),
        ("if-integrated-silent", exact),
        ("nested", exact),
        ("scale", exact),
        ("threshold", exact),
    ],
)
def test_a_file_of_another_tool_is_imported(case, says, tmp_path):
    command = ["import", str(CASES / f"{case}.nir"), "-o", str(tmp_path / "x.npz"), "--steps", "10"]
    dt = ["--dt", "0.001"] if "dt1ms" in case else []
    done = CliRunner().invoke(main, [*command, "--levels", "10", *dt])
    assert done.exit_code == 0 and says(done.output), done.output


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not here")
@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("conv-1d", ["node '2' (Conv1d): no part of a layer", "give --steps", "give --levels"]),
        ("if-integrated", ["node '3' (IF): it resets to 0", "node '6' (IF)", "give --levels"]),
        ("if-nan", ["node '2' (Linear): weight=nan", "give --steps", "give --levels"]),
        ("no-input", ["0 Input nodes", "0 Output nodes", "give --steps", "give --levels"]),
        ("only-linear", ["node '2' (Output)", "give --steps"]),
        ("scalar-if", ["not a whole NIR graph"]),
    ],
)
def test_a_file_of_another_tool_is_refused_with_all_obstacles(case, says, tmp_path):
    steps = ["--steps", "10"] if case == "if-integrated" else []
    command = ["import", str(CASES / f"{case}.nir"), "-o", str(tmp_path / "x.npz"), *steps]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 1
    places = [done.output.find(part) for part in says]
    assert -1 not in places and places == sorted(places), done.output
    assert not (tmp_path / "x.npz").exists()


def test_current_kept_is_what_an_integrator_before_the_weights_says():
    assert neuron(nir.I(np.ones(3)), LINEAR, nir.I(TWO), levels=4).current == KEPT
