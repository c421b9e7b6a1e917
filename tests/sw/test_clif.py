"""Rule clif: its sweeps, its gradient of the current step alone, and integers that are the golden model's."""

import dataclasses

import numpy as np
import pytest
import torch
from support.quarters import CLIF, small_config
from yoso_sw.compile.compiler import check_network
from yoso_sw.data.encoding import rate
from yoso_sw.learn import family
from yoso_sw.learn.clif.export import check_fits
from yoso_sw.learn.clif.rule import Clif
from yoso_sw.learn.clif.scan import scan
from yoso_sw.learn.clif.surrogate import highest, slope
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.layer_config import LayerConfig, NeuronConfig
from yoso_sw.network import golden
from yoso_sw.network.layer import Window
from yoso_sw.network.neuron import Neuron, Reset

STEPS, LEVELS = 9, 6


def three_layers(current=2, leak=3, **changes):
    """12 inputs of code rate, two spiking layers of 8 and 7 and a readout of 4, all with a bias."""
    layers = [
        LayerConfig(
            neurons,
            NeuronConfig(start=i + 1, end=i + 1 + LEVELS, current=current, leak=leak),
            bias=True,
            mean=0.1,
            std=0.3,
        )
        for i, neurons in enumerate((8, 7))
    ]
    layers.append(LayerConfig(4, NeuronConfig(current=0), bias=True, std=0.3))
    shape = {"steps": STEPS, "levels": LEVELS, "code": "rate", "inputs": 12, "rows": 1}
    return small_config(**{**CLIF, **shape, "layers": tuple(layers), **changes})


def convolved(**changes):
    """8 x 8 inputs, a pooled convolution, one with a stride and a border, 7 neurons and a readout of 4."""
    shapes = ({"kernel": 3, "pool": True}, {"kernel": 2, "stride": 2, "padding": 1}, {})
    layers = [
        LayerConfig(
            neurons,
            NeuronConfig(start=i + 1, end=i + 1 + LEVELS, current=2, leak=3),
            bias=True,
            mean=0.05,
            std=0.3,
            **shape,
        )
        for i, (neurons, shape) in enumerate(zip((3, 4, 7), shapes, strict=True))
    ]
    layers.append(LayerConfig(4, NeuronConfig(current=0), bias=True, std=0.3))
    shape = {"steps": LEVELS + 4, "levels": LEVELS, "code": "rate", "inputs": 64, "rows": 8}
    return small_config(**{**CLIF, **shape, "layers": tuple(layers), **changes})


def some_events(images=40, seed=5, inputs=12):
    pixels = np.random.default_rng(seed).integers(0, 256, (images, inputs))
    return rate.encode(pixels.astype(np.uint8), LEVELS, 0, 0)


# ---- sweeps ------------------------------------------------------------------------------------------------


def test_a_float_sweep_leaks_v_adds_a_fires_subtracts_and_then_a_decays():
    arrived = torch.tensor([[[4.0], [0.0], [0.0]]])
    neuron = Neuron(1, 1, 4, current=1, leak=2, reset=Reset.SUBTRACT)
    fired, reached, v, a = scan(arrived, neuron, 5.0, 5, torch.tensor([1.0]))
    # Sweep 0 brings the bias, 1, and the spike of step 0 its 4.
    after = [0, 5, 0.75 * 0 + 3.5, 0.75 * 3.5 + 2.75, 0.75 * 0.375 + 1.375]
    assert reached[0, :, 0].tolist() == after
    assert fired[0, :, 0].tolist() == [0, 1, 0, 1, 0]
    assert v.tolist() == [[after[4]]] and a.tolist() == [[1.375 / 2]]


def test_without_decays_that_round_float_and_integer_sweeps_are_one():
    generator = torch.Generator().manual_seed(1)
    arrived = torch.randint(-5, 9, (20, 6, 5), generator=generator).float()
    neuron = Neuron(7, 1, 8, current=0, leak=0, reset=Reset.SUBTRACT)
    bias = torch.tensor([1.0, -1, 2, 0, 3])
    ours = scan(arrived, neuron, 7.0, 9, bias)
    assert ours[0].sum() > 100
    assert all(map(torch.equal, ours, family.scan(arrived, neuron, three_layers().chip, 9, bias)))


# ---- the gradient ------------------------------------------------------------------------------------------


def smooth(x, steepness):
    """The function whose derivative `slope` is: 1/2 + x / (1 + steepness |x|)."""
    return 0.5 + x / (1 + steepness * x.abs())


@pytest.mark.parametrize("steepness", [10.0, 3.0])
def test_the_slope_is_the_derivative_of_a_smooth_step(steepness):
    x = torch.linspace(-3, 3, 101, dtype=torch.float64)
    difference = (smooth(x + 1e-6, steepness) - smooth(x - 1e-6, steepness)) / 2e-6
    assert torch.allclose(slope(x, steepness), difference, rtol=1e-4, atol=1e-6)


def brings(layer, weights, spikes):
    """What the spikes of one step, (batch, inputs), bring to each neuron, and its bias."""
    found = family.synapse(spikes[:, None], weights[:-1], layer.window, whole=False)[:, 0]
    return found + weights[-1].repeat(layer.positions)


def going_on(layer, v):
    """V of neurons, (batch, neurons), as a pooled layer passes them on: of 2 x 2 positions the highest."""
    if not layer.config.pool:
        return v
    rows, cols = layer.window.out_rows, layer.window.out_cols
    return v.reshape(len(v), rows // 2, 2, cols // 2, 2, -1).amax((2, 4)).flatten(1)


def smooth_loss(model, weights, trains, labels, base):
    """The loss with smooth spikes, A and V of the step before held at those of `base`, step by step."""
    config, given, own, steep = model.config, trains, trains, model.config.steepness
    for i, (before, result) in enumerate(zip(model.chain[:-1], base, strict=False)):
        theta, old = before.config.neuron.threshold, before.weight.detach()
        passed = torch.zeros_like(result.passed)
        for t in range(i + 1, i + 1 + LEVELS):
            held = result.reached[:, t] - brings(before, old, given[:, t - 1])
            v = held + brings(before, weights[i], own[:, t - 1])
            v, was = going_on(before, v), going_on(before, result.reached[:, t])
            passed[:, t] = result.passed[:, t] + smooth(v / theta - 1, steep) - smooth(was / theta - 1, steep)
        given, own = result.passed, passed
    potentials = own.sum(1) @ weights[-1][:-1] + LEVELS * weights[-1][-1]
    return float(torch.nn.functional.cross_entropy(potentials / config.temperature, labels))


@pytest.mark.parametrize("steepness", [10.0, 3.0])
@pytest.mark.parametrize(("make", "inputs"), [(three_layers, 12), (convolved, 64)])
def test_the_gradient_of_a_step_is_the_finite_difference_of_the_smooth_surrogate(make, inputs, steepness):
    model = Clif(make(steepness=steepness)).double()
    trains = model.encode(some_events(inputs=inputs)).double()
    labels = torch.arange(len(trains)) % 4
    results = model(trains)
    loss = model.loss(trains, results, labels)
    loss.backward()
    base = [type(result)(*(part.detach() for part in result)) for result in results]
    weights = [layer.weight.detach().clone() for layer in model.chain]
    assert all(result.sent > 50 for result in base[:-1])
    assert smooth_loss(model, weights, trains, labels, base) == pytest.approx(float(loss.detach()))
    for i, layer in enumerate(model.chain):
        for place in ((0, 0), (3, 1), (5, 2), (len(layer.weight) - 1, 2)):  # the last: a bias
            values = []
            for change in (1e-6, -1e-6):
                moved = [own.clone() for own in weights]
                moved[i][place] += change
                values.append(smooth_loss(model, moved, trains, labels, base))
            difference = (values[0] - values[1]) / 2e-6
            assert float(layer.weight.grad[place]) == pytest.approx(difference, rel=1e-3, abs=1e-8)


def test_of_four_pooled_neurons_the_highest_has_the_gradient_of_a_step():
    v = torch.tensor([[0.2, 1.5, 0.9, 1.2], [0.3, 0.1, 0.6, 0.5]])[:, None]  # 2 x 2 positions, one filter
    v.requires_grad_()
    found = highest(v, Window(2, 2, 1, 1))
    assert found.flatten().tolist() == pytest.approx([1.5, 0.6])
    found.sum().backward()
    assert v.grad[:, 0].tolist() == [[0, 1, 0, 0], [0, 0, 1, 0]]


@pytest.mark.parametrize("whole", [False, True])
def test_a_step_learns_nothing_of_the_steps_before(whole):
    model = Clif(three_layers())
    if whole:
        model.quantise()
    for i, layer in enumerate(model.chain[:-1]):
        axons = len(layer.weight) - 1
        for t in (i + 1, i + 3):
            trains = torch.ones(2, STEPS, axons, requires_grad=True)
            layer(trains).reached[:, t].sum().backward()
            assert trains.grad.any((0, 2)).nonzero().flatten().tolist() == [t - 1]


def test_the_loss_is_the_cross_entropy_of_what_the_readout_added_up():
    model = Clif(three_layers(label_smoothing=0.1))
    trains, labels = model.encode(some_events()), torch.arange(40) % 4
    results, readout = model(trains), model.chain[-1].weight
    potentials = results[1].fired.sum(1) @ readout[:-1] + LEVELS * readout[-1]
    assert torch.allclose(results[-1].potentials, potentials, atol=1e-4)
    loss = torch.nn.functional.cross_entropy(
        potentials / model.config.temperature, labels, label_smoothing=0.1
    )
    ours = model.loss(trains, results, labels)
    assert float(ours.detach()) == pytest.approx(float(loss.detach()))
    gradients = [torch.autograd.grad(own, readout, retain_graph=True)[0] for own in (ours, loss)]
    assert torch.allclose(*gradients, rtol=1e-4, atol=1e-6)
    assert torch.equal(model.decide(results), results[-1].potentials.argmax(1))


# ---- integers ----------------------------------------------------------------------------------------------


def check_equal(model, events, exact):
    """A model's integers have the golden model's spikes, V, A and decisions."""
    with torch.no_grad():
        results = model(model.encode(events))
    for i, result in enumerate(results):
        assert result.spikes == exact.sent[i]
        np.testing.assert_array_equal(result.potentials.numpy(), exact.potentials[i])
        np.testing.assert_array_equal(result.accumulated.numpy(), exact.accumulated[i])
    assert np.array_equal(model.decide(results).numpy(), exact.decisions)


@pytest.mark.parametrize("weight_bits", [4, 8])
@pytest.mark.parametrize(("current", "leak"), [(2, 3), (1, 1), (0, 4), (3, 0), (0, 0), (15, 15)])
def test_the_integer_phase_is_the_golden_model_spike_for_spike(current, leak, weight_bits):
    config = three_layers(current, leak, weight_bits=weight_bits)
    model, events = Clif(config), some_events()
    model.quantise()
    network = model.export({})
    check_network(network, dataclasses.replace(config.chip, neuron="all"))
    exact = golden.run(network, events, early_exit=False)
    for own in (model, Clif.of(config, network)):
        check_equal(own, events, exact)
    assert exact.sent[0].total > 100 and exact.sent[1].total > 100


@pytest.mark.parametrize("weight_bits", [4, 8])
def test_the_integer_phase_of_convolutions_is_the_golden_model_spike_for_spike(weight_bits):
    config, events = convolved(weight_bits=weight_bits), some_events(inputs=64)
    model = Clif(config)
    model.quantise()
    network = model.export({})
    assert [layer.shape for layer in network.layers] == ["3C3-P2", "4C2s2p1", "7", "4"]
    check_network(network, dataclasses.replace(config.chip, neuron="all", side=8))
    exact = golden.run(network, events, early_exit=False)
    for own in (model, Clif.of(config, network)):
        check_equal(own, events, exact)
    assert all(exact.sent[i].total > 100 for i in range(3))
    first, second, *rest = network.layers
    second = dataclasses.replace(second, window=Window(3, 3, 3, 2))  # as many neurons, seen otherwise
    with pytest.raises(TrainingError, match=r"8x8-3C3-P2-4C2-7-4, not quarters's 8x8-3C3-P2-4C2s2p1-7-4"):
        check_fits(network, dataclasses.replace(network, layers=(first, second, *rest)))


def test_the_integers_keep_the_gradient_of_the_floats():
    model, labels = Clif(three_layers(weight_bits=8)), torch.arange(40) % 4
    trains = model.encode(some_events())
    gradients = []
    for _ in range(2):
        loss = model.loss(trains, model(trains), labels)
        gradients.append(torch.autograd.grad(loss, model.chain[-1].weight)[0].flatten())
        model.quantise()
    assert torch.nn.functional.cosine_similarity(*gradients, 0) > 0.9


# ---- what it cannot have -----------------------------------------------------------------------------------


def test_a_current_that_could_saturate_is_refused_with_what_to_do():
    model = Clif(three_layers(acc_bits=8, weight_bits=6))
    model.quantise()
    with pytest.raises(TrainingError, match=r"layer 0: A may reach \d+, beyond 127 of acc_bits=8: use fewer"):
        model.export({})


def test_a_threshold_beyond_v_is_refused_with_what_to_do():
    config = three_layers(acc_bits=16, pot_bits=16)
    layer = config.layers[0]
    high = dataclasses.replace(layer, neuron=dataclasses.replace(layer.neuron, threshold=1e4))
    model = Clif(dataclasses.replace(config, layers=(high, *config.layers[1:])))
    model.quantise()
    with pytest.raises(TrainingError, match=r"layer 0: an integer threshold \d+ is beyond .* 32767"):
        model.export({})


def test_weights_that_give_no_scale_are_refused():
    model = Clif(three_layers())
    with torch.no_grad():
        model.chain[1].weight.zero_()
    with pytest.raises(TrainingError, match=r"7-neuron layer give no scale: inf"):
        model.quantise()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"current": -1}, r"layer 0: current=-1 is outside 0\.\.15"),
        (
            {"layers": (LayerConfig(4, NeuronConfig()),), "steps": 7},
            r"layer 0: current=-1; it can only have .*=0",
        ),
        (
            {"layers": (LayerConfig(4, NeuronConfig(current=0), kernel=1),), "steps": 7},
            r"layer 0: kernel=1; it can only have kernel=0",
        ),
        ({"leak": 16}, r"layer 0: leak=16 is outside 0\.\.15"),
        ({"steps": 8}, r"levels=6 are beyond T = 5, steps=8 less one a layer"),
        ({"steps": 10}, r"layer 0: end=7; it can only have end=8"),
    ],
)
def test_what_the_rule_cannot_have_is_refused_by_its_name(changes, says):
    with pytest.raises(ConfigError, match=f"quarters: rule clif: {says}"):
        three_layers(**changes)


def test_ridge_regression_needs_one_spike_a_pixel():
    with pytest.raises(ConfigError, match=r"ridge_penalty=0\.1 needs inputs of code ttfs, not poisson"):
        small_config(**CLIF, code="poisson", ridge_penalty=0.1)
