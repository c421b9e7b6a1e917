"""STDBP: spike times and their gradients, in continuous time and on whole steps."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from support.finite_difference import numeric_gradient
from support.reference import random_inputs, random_network
from yoso_hw.params import ChipParams
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.layer_config import LayerConfig, NeuronConfig
from yoso_sw.learn.stdbp import plain, stdbp
from yoso_sw.learn.stdbp.export import export
from yoso_sw.learn.stdbp.rule import Stdbp
from yoso_sw.learn.times import decide, input_times, spike_time_loss
from yoso_sw.network import golden
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import NEVER, Network
from yoso_sw.network.neuron import Neuron
from yoso_sw.network.vectors import load_vectors

#: Those of the neuron that the rule trains.
VECTORS = [vector for vector in load_vectors(Path(__file__).parents[1] / "vectors") if vector.network.rel_psp]
INF = float("inf")


def some_layer(seed, axons=12, neurons=8, silent=2, whole_inputs=False):
    """Random times (5, axons), some silent, and weights (axons, neurons), in double precision."""
    rng = np.random.default_rng(seed)
    times = rng.uniform(0, 10, (5, axons))
    times = np.floor(times) if whole_inputs else times
    times[:, rng.permutation(axons)[:silent]] = INF
    return torch.tensor(times), torch.tensor(rng.normal(0.3, 0.6, (axons, neurons)))


# ---- forward, continuous time ----------------------------------------------------------------------------


@pytest.mark.parametrize(("start", "end"), [(0, 20), (6, 14), (9, 10)])
@pytest.mark.parametrize("seed", range(4))
def test_a_neuron_fires_where_its_potential_first_reaches_the_threshold(seed, start, end):
    times, weights = some_layer(seed)
    fired, potential = stdbp.spike_times(times, weights, 5.0, start, end, 20)
    grid = torch.linspace(start, end - 1e-6, 4001, dtype=torch.float64)
    over = torch.stack([stdbp.potentials(times, weights, float(now)) for now in grid]) >= 5.0
    first = torch.where(over.any(0), grid[over.int().argmax(0)], INF)
    same = (fired == first) | ((fired - first).abs() <= (end - start) / 4000 + 1e-6)
    assert same.all()
    for image, neuron in torch.nonzero(fired.isfinite() & (fired > start)).tolist():
        reached = stdbp.potentials(times[image], weights[:, neuron], float(fired[image, neuron]))
        assert reached == pytest.approx(5.0)
    at_last = stdbp.potentials(times, weights, 20.0)
    assert torch.allclose(potential[fired.isinf()], at_last[fired.isinf()])


def test_equation_11_gives_the_spike_time():
    times, weights = torch.tensor([[1.0, 2.0, 9.0]]), torch.tensor([[2.0], [1.0], [5.0]])
    fired, _ = stdbp.spike_times(times, weights, 8.0, 0, 20, 19)
    assert fired.item() == pytest.approx((8 + 2 * 1 + 1 * 2) / (2 + 1))


@pytest.mark.parametrize("slope", [1e-3, 1e-4, 1e-5])
def test_a_spike_never_comes_before_the_one_that_lets_it_cross(slope):
    """V stops just below theta and goes on with next to no slope: where rounding tells most."""
    generator = torch.Generator().manual_seed(1)
    stops = 32 - 4e-5 * torch.rand(2000, generator=generator)
    times = torch.stack([torch.zeros(2000), stops, stops + 1], dim=1)[stops < 32]
    weights = torch.tensor([[1.0], [slope - 1.0], [1.0]])
    fired, _ = stdbp.spike_times(times, weights, 32.0, 0, 64, 63)
    assert len(times) > 1900 and fired.isfinite().all() and (fired[:, 0] >= times[:, 1]).all()


@pytest.mark.parametrize("seed", range(3))
def test_whole_steps_are_continuous_time_rounded_up(seed):
    rng = np.random.default_rng(seed)
    times = torch.tensor(rng.integers(0, 12, (20, 30)).astype(np.float32))
    weights = torch.tensor(rng.integers(-10, 16, (30, 25)).astype(np.float32))
    real, _ = stdbp.spike_times(times, weights, 300, 4, 25, 24)
    whole, _ = stdbp.spike_times(times, weights, 300, 4, 25, 24, whole=True)
    assert torch.equal(whole, torch.where(real.ceil() < 25, real.ceil(), INF))
    assert 0.2 < whole.isfinite().float().mean() < 1


@pytest.mark.parametrize("opening", [-900, -1, 0, 1, 36, 37, 38, 591, 592, 593, 5000])
def test_a_constant_slope_fires_as_the_arithmetic_says(opening):
    theta, c, s, e = 629, 37, 16, 32
    step = s + max(1, -((opening - theta) // c)) - 1
    fired = stdbp.ramp_times(torch.tensor([float(opening)]), theta, c, s, e, whole=True)
    assert fired.item() == (step if step < e else INF)


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


# ---- forward, whole steps: the golden model, spike for spike -------------------------------------------


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


# ---- gradients -------------------------------------------------------------------------------------------


def test_the_gradient_is_equations_13_and_14():
    times = torch.tensor([[1.0, 2.0, 9.0]], requires_grad=True)
    weights = torch.tensor([[2.0], [1.0], [5.0]], requires_grad=True)
    fired, _ = stdbp.spike_times(times, weights, 8.0, 0, 20, 19)
    fired.sum().backward()
    t = fired.item()
    assert weights.grad.squeeze().tolist() == pytest.approx([(1 - t) / 3, (2 - t) / 3, 0])
    assert times.grad.squeeze().tolist() == pytest.approx([2 / 3, 1 / 3, 0])


def test_a_floor_under_the_slope_bounds_the_gradient_of_a_spike_that_grazes_the_threshold():
    def gradients(min_slope):
        times = torch.tensor([[0.0, 4.0]], requires_grad=True)
        weights = torch.tensor([[2.0, 2.0], [-1.9, 2.0]], requires_grad=True)  # slopes 0.1 and 4 at the spike
        fired, _ = stdbp.spike_times(times, weights, 9.5, 0, 40, 19, min_slope=min_slope)
        fired.sum().backward()
        return weights.grad, fired.detach()

    (exact, fired), (bounded, same) = gradients(0.0), gradients(1.0)
    assert torch.equal(fired, same)
    assert bounded[:, 0].tolist() == pytest.approx((exact[:, 0] * 0.1 / (9.5 / 19)).tolist(), rel=1e-5)
    assert torch.equal(bounded[:, 1], exact[:, 1])


@pytest.mark.parametrize(("start", "end"), [(0, 20), (6, 14)])
@pytest.mark.parametrize("seed", range(4))
def test_the_gradient_of_spike_times_is_the_finite_difference(seed, start, end):
    times, weights = some_layer(seed)
    weighting = torch.tensor(np.random.default_rng(seed).normal(size=(5, 8)))

    def cost(t, w):
        fired, _ = stdbp.spike_times(t, w, 5.0, start, end, 20)
        return (weighting * torch.where(fired.isfinite(), fired, 0)).sum()

    times.requires_grad_()
    weights.requires_grad_()
    cost(times, weights).backward()
    t, w = times.detach(), weights.detach()
    assert torch.allclose(weights.grad, numeric_gradient(lambda x: cost(t, x), w), atol=1e-5, rtol=1e-5)
    assert torch.allclose(times.grad, numeric_gradient(lambda x: cost(x, w), t), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("hidden", ["slope A", "constant slope"])
@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_through_two_layers_is_the_finite_difference(seed, hidden):
    times, first = some_layer(seed)
    second = torch.tensor(np.random.default_rng(seed).normal(0.5, 0.5, (8, 3)))
    labels = torch.tensor([0, 1, 2, 0, 1])

    def cost(t, w):
        if hidden == "slope A":
            middle, _ = stdbp.spike_times(t, w, 5.0, 0, 20, 30)
        else:
            middle = stdbp.ramp_times(stdbp.potentials(t, w, 9), 11.0, 1.0, 10, 20)
        fired, _ = stdbp.spike_times(middle, second, 6.0, 0, 31, 30)
        return spike_time_loss(fired, labels, 31, 2.0)

    first.requires_grad_()
    cost(times, first).backward()
    expected = numeric_gradient(lambda x: cost(times, x), first.detach())
    assert expected.abs().max() > 1e-3
    assert torch.allclose(first.grad, expected, atol=1e-5, rtol=1e-4)


def test_a_spike_at_the_opening_of_its_window_passes_no_gradient():
    times = torch.tensor([[0.0, 1.0]], requires_grad=True)
    weights = torch.tensor([[3.0], [3.0]], requires_grad=True)
    for whole in (False, True):
        fired, _ = stdbp.spike_times(times, weights, 5.0, 8, 20, 19, whole)
        assert fired.item() == 8
        fired.sum().backward()
        assert not weights.grad.any() and not times.grad.any()


def test_a_silent_neuron_learns_only_where_it_is_to_be_revived():
    labels = torch.tensor([0])
    for revive in (False, True):
        times = torch.tensor([[0.0, 1.0, INF]], requires_grad=True)
        weights = torch.tensor([[0.1, 2.0], [0.1, 2.0], [0.1, 2.0]], requires_grad=True)
        fired, _ = stdbp.spike_times(times, weights, 9.0, 0, 20, 19, revive=revive)
        assert fired[0, 0] == INF and fired[0, 1] < 20
        spike_time_loss(fired, labels, 20, 1.0).backward()
        assert torch.isfinite(weights.grad).all() and torch.isfinite(times.grad).all()
        assert (weights.grad[:2, 0] < 0).all() == revive  # stronger weights bring the target's spike
        assert not weights.grad[2].any()


def test_the_loss_is_equation_12():
    times = torch.tensor([[3.0, 4.0, INF]])
    exp = np.exp([-3.0, -4.0, -6.0])
    expected = -np.log(exp[1] / exp.sum())
    assert spike_time_loss(times, torch.tensor([1]), 6, 1.0).item() == pytest.approx(expected)


def test_the_earliest_spike_decides_then_the_higher_potential_then_the_lower_index():
    times = torch.tensor([[5.0, 4.0, 4.0], [4.0, 4.0, 4.0], [INF, INF, INF], [INF, 9.0, INF]])
    potential = torch.tensor([[9.0, 1.0, 2.0], [3.0, 7.0, 7.0], [-5.0, -1.0, -2.0], [8.0, 1.0, 9.0]])
    assert decide(times, potential).tolist() == [2, 1, 1, 1]


# ---- two ways to one result ------------------------------------------------------------------------------


@pytest.mark.parametrize("min_slope", [0.0, 3.0])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(("start", "end", "last"), [(0, 20, 19), (6, 14, 19), (0, 40, 39), (9, 10, 30)])
@pytest.mark.parametrize("seed", range(3))
def test_the_kernels_are_plain_pytorch_and_autograd(seed, start, end, last, whole, min_slope):
    results = []
    for function in (stdbp.spike_times, plain.spike_times):
        times, weights = some_layer(seed, 20, 9, silent=4, whole_inputs=whole)
        weights = (8 * weights).round() if whole else weights
        times.requires_grad_(), weights.requires_grad_()
        threshold = 60 if whole else 8.0
        fired, potential = function(
            times, weights, threshold, start, end, last, whole, True, min_slope=min_slope
        )
        pull = torch.randn(fired.shape, generator=torch.Generator().manual_seed(seed), dtype=fired.dtype)
        torch.autograd.backward([fired], [pull])
        results.append((fired.detach(), potential, times.grad, weights.grad))
    ours, theirs = results
    assert ours[0].isfinite().any() and torch.equal(ours[0].isinf(), theirs[0].isinf())
    parts = 2 if whole else 4  # plain PyTorch's gradients on whole steps are of the time before rounding
    for a, b in zip(ours[:parts], theirs[:parts], strict=True):
        torch.testing.assert_close(a, b)


def test_a_spike_on_the_eve_of_the_window_is_in_the_potential_of_a_neuron_that_fires_as_it_opens():
    times, weights = torch.tensor([[0.0, 4.0]]), torch.tensor([[3.0], [5.0]])
    fired, potential = stdbp.spike_times(times, weights, 6, 5, 10, 9, whole=True)
    assert (fired.item(), potential.item()) == (5, 4 * 3 + 8)


@pytest.mark.parametrize("whole", [False, True])
def test_threads_change_nothing(whole):
    rng = np.random.default_rng(0)
    times = torch.tensor(rng.integers(0, 16, (64, 200)).astype(np.float32), requires_grad=True)
    weights = torch.tensor(rng.integers(-9, 14, (200, 300)).astype(np.float32), requires_grad=True)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            times.grad = weights.grad = None
            fired, potential = stdbp.spike_times(times, weights, 500, 0, 40, 39, whole)
            fired[fired.isfinite()].square().sum().backward()
            results.append((fired.detach(), potential, times.grad, weights.grad))
    finally:
        torch.set_num_threads(before)
    assert results[0][0].isfinite().any()
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))
