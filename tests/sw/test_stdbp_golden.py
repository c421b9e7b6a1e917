"""STDBP on whole steps: the golden model, spike for spike."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from support.reference import random_inputs, random_network
from yoso_hw.params import ChipParams
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.layer_config import LayerConfig, NeuronConfig
from yoso_sw.learn.stdbp import stdbp
from yoso_sw.learn.stdbp.export import export
from yoso_sw.learn.stdbp.rule import Stdbp
from yoso_sw.learn.times import decide, input_times
from yoso_sw.network import golden
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import NEVER, Network
from yoso_sw.network.neuron import Neuron
from yoso_sw.network.vectors import load_vectors

#: Those of the neuron that the rule trains.
VECTORS = [vector for vector in load_vectors(Path(__file__).parents[1] / "vectors") if vector.network.rel_psp]


@pytest.mark.parametrize("kernels", [True, False], ids=["kernels", "torch alone"])
@pytest.mark.parametrize(("falls", "fires"), [(-10, 4), (-7, 2), (-6, 2)])
def test_a_potential_that_falls_below_the_threshold_as_the_window_opens_does_not_fire(
    monkeypatch, kernels, falls, fires
):
    """Spikes of 6 at 0, `falls` at 1 and 20 at 3, theta = 5, window [2, 8): V(1) = 6, V(2) = 12 + falls."""
    monkeypatch.setattr(stdbp, "KERNELS", kernels)
    weights, inputs = np.array([[6], [falls], [20]], np.int8), np.array([[0, 1, 3]], np.int16)
    network = Network("n", (Layer(weights, Neuron(5, 2, 8)),), 8, 8)
    assert golden.run(network, inputs).steps[0].tolist() == [[fires]]
    ((steps, _),) = steps_forward(network, inputs, network.chip)
    assert steps.tolist() == [[fires]]


def steps_forward(network, steps, chip):
    """(spike steps, V) of each layer on whole steps, for input steps (batch, inputs)."""
    results = []
    times = input_times(steps)
    for layer in network.layers:
        if layer.bias:
            times = torch.cat([times, torch.zeros(len(times), 1)], dim=1)
        weights, last = torch.from_numpy(layer.weights).float(), network.steps - 1
        times, potential = stdbp.spike_times(
            times,
            weights,
            layer.neuron.threshold,
            layer.neuron.start,
            layer.neuron.end,
            last,
            True,
            False,
            layer.neuron.slope,
            chip,
            layer.window,
        )
        results.append((torch.where(times.isinf(), NEVER, times).numpy(), potential.numpy()))
        if layer.pool:
            sides = layer.window.out_rows // 2, 2, layer.window.out_cols // 2, 2, -1
            times = times.reshape(len(times), *sides).amin((2, 4)).flatten(1)
    return results


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("decision", ["ttfs", "softmax"])
@pytest.mark.parametrize("seed", range(12))
def test_the_trainers_steps_are_the_golden_models(seed, decision, narrow):
    rng = np.random.default_rng(seed)
    network = random_network(rng, [14, 11, 6], 24, decision=decision, slopes=True)
    chip = ChipParams(weight_bits=4, acc_bits=6, pot_bits=9) if narrow else ChipParams()
    if any(layer.neuron.threshold > chip.pot_max for layer in network.layers):
        chip = ChipParams(weight_bits=4, acc_bits=6, pot_bits=12)
    inputs = random_inputs(rng, 20, network)
    result = golden.run(network, inputs, params=chip, early_exit=False)
    for layer, (steps, potential) in enumerate(steps_forward(network, inputs, chip)):
        assert np.array_equal(steps, result.steps[layer])
        assert np.array_equal(potential, result.potentials[layer])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_the_trainer_passes_the_frozen_vectors(vector):
    for case in vector.cases:
        results = steps_forward(vector.network, case.inputs.steps, vector.params)
        for layer, (steps, potential) in enumerate(results):
            seen = np.where(steps[0] <= case.last, steps[0], NEVER)  # an early exit hides later spikes
            assert np.array_equal(seen, case.spikes[layer].steps[0])
            if case.last == vector.network.steps - 1:
                assert np.array_equal(potential[0], case.potentials[layer])
        decided = decide(*as_tensors(results[-1]))
        assert decided.item() == case.decision


def as_tensors(result):
    steps, potential = result
    return input_times(steps), torch.from_numpy(potential).double()


WINDOWS = {
    "constant slope, softmax": (
        LayerConfig(30, NeuronConfig("constant", 17, 16, 32), bias=True, std=0.1),
        LayerConfig(5, std=0.2),
    ),
    "constant slopes, ttfs": (
        LayerConfig(30, NeuronConfig("constant", 9, 16, 24), std=0.1),
        LayerConfig(5, NeuronConfig("constant", 12, 24, 33), bias=True, std=0.2),
    ),
    "the paper's": (
        LayerConfig(30, NeuronConfig(threshold=16, end=33), bias=True, mean=0.05, std=0.1),
        LayerConfig(5, NeuronConfig(threshold=16, end=33), mean=0.1, std=0.2),
    ),
    "windows of slope A": (
        LayerConfig(30, NeuronConfig(threshold=16, start=8, end=24), mean=0.05, std=0.1),
        LayerConfig(5, NeuronConfig(threshold=30, start=14, end=33), mean=0.1, std=0.2),
    ),
}


def test_the_models_adders_are_as_wide_as_its_configuration_says():
    layers = (
        LayerConfig(3, NeuronConfig(threshold=4, end=33), mean=0.5, std=0.0),
        LayerConfig(2, NeuronConfig(threshold=4, end=33), mean=0.5, std=0.0),
    )
    base = TrainConfig(
        name="loud", layers=layers, steps=33, levels=16, float_epochs=1, integer_epochs=1, inputs=60
    )
    wide = dataclasses.replace(base, weight_bits=8, acc_bits=20, pot_bits=24)
    narrow = dataclasses.replace(base, weight_bits=8, acc_bits=11, pot_bits=12)
    images = np.full((2, 60), 255, np.uint8)
    seen = []
    for config in (wide, narrow):
        model = Stdbp(config)
        model.quantise()
        network = Network(
            "loud",
            tuple(map(export, model.chain)),
            33,
            16,
            acc_bits=config.acc_bits,
            pot_bits=config.pot_bits,
        )
        result = golden.run(network, images, early_exit=False)
        with torch.no_grad():
            spikes = model(input_times(golden.input_steps(images, 16)))
        for expected, (_, potential) in zip(result.potentials, spikes, strict=True):
            assert np.array_equal(potential.numpy(), expected)
        seen.append(result.potentials[0][0, 0])
    assert seen[0] > 2047 >= seen[1]
    with pytest.raises(TrainingError, match=r"add up to .*, beyond 1023.*acc_bits"):
        model.export({})


@pytest.mark.parametrize("bits", [4, 5, 8])
@pytest.mark.parametrize("kind", WINDOWS)
def test_the_models_integers_are_the_golden_models(kind, bits):
    config = TrainConfig(
        name="random",
        layers=WINDOWS[kind],
        steps=33,
        levels=16,
        float_epochs=1,
        integer_epochs=1,
        decision="softmax" if "softmax" in kind else "ttfs",
        weight_bits=bits,
        inputs=60,
    )
    model = Stdbp(config)
    model.quantise()
    images = np.random.default_rng(bits).integers(0, 256, (40, 60)).astype(np.uint8)
    images[images < 80] = 0
    network = model.export({})
    result = golden.run(network, images, early_exit=False)
    with torch.no_grad():
        layers = model(input_times(golden.input_steps(images, 16)))
    for expected, (times, _) in zip(result.steps, layers, strict=True):
        assert np.array_equal(torch.where(times.isinf(), NEVER, times).numpy(), expected)
    assert 0 < (result.steps[0] != NEVER).mean()
    if config.decision == "softmax":
        assert np.array_equal(layers[-1][1].numpy(), result.potentials[-1])
    if network.layers[-1].neuron.slope == 0:
        assert np.array_equal(decide(*layers[-1]).numpy(), result.decisions)
