"""Convolution and pooling: the golden model, the trainer, the network file and the configuration."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from yoso_hw.params import ChipParams
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.mapping import CompileError
from yoso_sw.data.parts import Data
from yoso_sw.learn.config import ConfigError, TrainConfig
from yoso_sw.learn.layer_config import LayerConfig, NeuronConfig
from yoso_sw.learn.stdbp.rule import Stdbp
from yoso_sw.learn.times import input_times
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network import network_file
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.events import Events
from yoso_sw.network.golden import run
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import NEVER, Network
from yoso_sw.network.neuron import Neuron

STEPS = 24


def random_weights(rng, axons, filters, bias=False, excess=1.0):
    return np.clip(rng.normal(excess, 4, (axons + bias, filters)), -8, 7).astype(np.int8)


def random_inputs(rng, images, inputs):
    steps = rng.integers(0, 2 * STEPS // 3, (images, inputs))
    return np.where(rng.random(steps.shape) < 0.6, steps, NEVER).astype(np.int16)


def pooled(steps, window):
    """Earliest spike of each 2 x 2 positions, (images, outputs), from the definition."""
    grid = steps.reshape(len(steps), window.out_rows // 2, 2, window.out_cols // 2, 2, -1)
    return grid.min(axis=(2, 4)).reshape(len(steps), -1)


@pytest.mark.parametrize("rule", [{"slope": 0}, {"slope": 3}], ids=["slope A", "constant slope"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    "window", [Window(7, 6, 3, 4), Window(5, 5, 1, 5), Window(3, 4, 2, 1), Window(6, 9, 1, 2)], ids=str
)
@pytest.mark.parametrize("params", [ChipParams(), ChipParams(weight_bits=4, acc_bits=6, pot_bits=9)])
def test_a_convolution_is_the_dense_layer_with_its_weights_unrolled(window, bias, rule, params):
    rng = np.random.default_rng(window.inputs + bias)
    weights = random_weights(rng, window.axons, 5, bias)
    layer = Layer(weights, Neuron(40, 6, STEPS, **rule), bias=bias, window=window)
    output = Layer(random_weights(rng, layer.neurons, 4), Neuron(60, 0, STEPS))
    inputs = random_inputs(rng, 9, window.inputs)
    ours, theirs = (
        run(Network("n", (first, output), STEPS, STEPS, "ttfs", 4), inputs, params=params, early_exit=False)
        for first in (layer, layer.unrolled())
    )
    assert (theirs.steps[0] != NEVER).any() and (theirs.steps[0] == NEVER).any()
    assert ours.sent == theirs.sent
    for name in ("steps", "potentials", "accumulated"):
        for a, b in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            np.testing.assert_array_equal(a, b)
    for name in ("decisions", "decision_steps", "spikes_in", "spikes_out", "last"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert (ours.updates <= theirs.updates).all()


def test_the_neuron_at_row_and_col_sees_the_window_that_starts_there():
    """From the definition: A after the image is the sum of the weights that its window's spikes met."""
    rng = np.random.default_rng(0)
    window = Window(6, 5, 2, 3)
    layer = Layer(random_weights(rng, window.axons, 3), Neuron(10**5, 0, 0), window=window)
    inputs = random_inputs(rng, 2, window.inputs)
    network = Network(
        "n", (layer, Layer(random_weights(rng, layer.neurons, 2), Neuron(1, 0, 0))), STEPS, STEPS
    )
    acc = run(network, inputs).accumulated[0].reshape(2, 4, 3, 3)
    spiked = (inputs != NEVER).reshape(2, 6, 5, 2)
    for row in range(4):
        for col in range(3):
            seen = spiked[:, row : row + 3, col : col + 3, :].reshape(2, -1)
            np.testing.assert_array_equal(acc[:, row, col], seen @ layer.weights.astype(int))


@pytest.mark.parametrize("seed", range(4))
def test_pooling_sends_on_the_earliest_spike_of_four_at_its_own_step(seed):
    rng = np.random.default_rng(seed)
    window = Window(9, 7, 2, 4)
    first = Layer(random_weights(rng, window.axons, 3), Neuron(30, 2, STEPS), window=window, pool=True)
    second = Layer(random_weights(rng, first.outputs, 4), Neuron(25, 0, STEPS))
    inputs = random_inputs(rng, 20, window.inputs)
    result = run(Network("n", (first, second), STEPS, STEPS), inputs, early_exit=False)
    sent = pooled(result.steps[0], window)
    np.testing.assert_array_equal(result.sent[0].steps, sent)
    np.testing.assert_array_equal(result.spikes_out[:, 0], (sent != NEVER).sum(1))
    np.testing.assert_array_equal(result.spikes_in[:, 1], (sent != NEVER).sum(1))
    alone = run(Network("n", (second,), STEPS, STEPS), sent, early_exit=False)
    np.testing.assert_array_equal(result.steps[1], alone.steps[0])
    np.testing.assert_array_equal(result.potentials[1], alone.potentials[0])


def test_updates_of_a_convolution_are_the_neurons_whose_windows_hold_the_spike():
    window = Window(5, 5, 1, 3)
    layer = Layer(np.ones((9, 2), np.int8), Neuron(50, 0, STEPS), window=window)
    network = Network("n", (layer, Layer(np.ones((18, 2), np.int8), Neuron(1, 0, 0))), STEPS, STEPS)
    corner, middle = np.full((2, 25), NEVER, np.int16)
    corner[0], middle[12] = 0, 0
    assert run(network, np.stack([corner, middle])).updates[:, 0].tolist() == [2, 18]


# ---- the trainer -----------------------------------------------------------------------------------------


def small_config(**changes):
    def neuron(start, end):
        return NeuronConfig("constant", 9, start, end)

    values = {
        "name": "small",
        "layers": (
            LayerConfig(4, neuron(8, 16), kernel=3, pool=True, bias=True, std=0.2),
            LayerConfig(6, neuron(16, 24), kernel=2, dropout=0.1, std=0.2),
            LayerConfig(12, neuron(24, 32), bias=True, std=0.2),
            LayerConfig(4, std=0.3),
        ),
        **{"steps": 33, "levels": 8, "decision": "softmax", "float_epochs": 4, "integer_epochs": 1},
        **{
            "lr": 1e-2,
            "warmup": 5,
            "temperature": 8.0,
            "batch_size": 50,
            "validation": 100,
            "inputs": 80,
            "rows": 8,
        },
    }
    return TrainConfig(**{**values, **changes})


def quadrants(count, seed):
    """Noisy 8 x 10 images of four classes: a bright corner."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, count).astype(np.uint8)
    images = rng.integers(0, 120, (count, 8, 10))
    for image, label in zip(images, labels, strict=True):
        image[4 * (label // 2) :, 5 * (label % 2) :][:4, :5] += 100
    return images.reshape(count, 80).astype(np.uint8), labels


def literal(config):
    """The same network with the paper's neurons: slope A, firing at any step, the earliest output decides."""
    layers = [
        dataclasses.replace(
            layer,
            neuron=NeuronConfig(threshold=8.0, end=config.steps),
            mean=0.15,  # every output neuron fires, so the gradient is none of `revive`'s
            std=0.25,
            dropout=0.0,
        )
        for layer in config.layers
    ]
    return dataclasses.replace(config, layers=tuple(layers), decision="ttfs", temperature=1.0)


def strided(config):
    """The same network with a padded first convolution and a second one of stride 2."""
    first, second, *rest = config.layers
    second = dataclasses.replace(second, stride=2, padding=1)
    return dataclasses.replace(config, layers=(dataclasses.replace(first, padding=1), second, *rest))


KINDS = pytest.mark.parametrize("kind", [lambda config: config, literal], ids=["constant slope", "slope A"])
GEOMETRIES = pytest.mark.parametrize(
    ("geometry", "shape"),
    [(lambda config: config, "8x10-4C3-P2-6C2-12-4"), (strided, "8x10-4C3p1-P2-6C2s2p1-12-4")],
    ids=["unpadded", "strided"],
)


@GEOMETRIES
@KINDS
def test_the_trainers_integers_are_the_golden_models_spike_for_spike(kind, geometry, shape):
    torch.set_num_threads(1)
    trainer = Trainer(kind(geometry(small_config())), Data.split(quadrants(2500, 1), quadrants(200, 2), 100))
    losses = []
    trainer.run(lambda epoch: losses.append(epoch.loss))
    assert losses[3] < 0.8 * losses[0]
    network = trainer.network("a command")
    assert network.about["golden_accuracy"] >= 90
    assert network.shape == shape
    inputs = random_inputs(np.random.default_rng(3), 50, 80)
    with torch.no_grad():
        results = trainer.model(input_times(inputs))
    golden = run(network, inputs, early_exit=False)
    assert all(sent.total for sent in golden.sent[:-1])
    for (times, _), sent in zip(results, golden.sent, strict=True):
        assert sent == Events.of_steps(torch.where(times.isinf(), NEVER, times).numpy().astype(np.int16))
    np.testing.assert_array_equal(results[-1][1].numpy(), golden.potentials[-1])


@GEOMETRIES
@KINDS
def test_gradients_of_convolution_and_pooling_agree_with_finite_differences(kind, geometry, shape):
    torch.manual_seed(2)
    model = Stdbp(kind(geometry(small_config()))).double()
    steps = torch.randint(0, 8, (3, 80)).double()
    labels = torch.tensor([0, 1, 3])

    def loss():
        return model.loss(steps, model(steps), labels)

    loss().backward()
    for layer in model.chain:
        flat, grad = layer.weight.data.view(-1), layer.weight.grad.view(-1)
        for index in torch.linspace(0, len(flat) - 1, 7).long().tolist():
            here = float(flat[index])
            values = []
            for step in (1e-6, -1e-6):
                flat[index] = here + step
                values.append(float(loss().detach()))
            flat[index] = here
            assert float(grad[index]) == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-4, abs=1e-7)
    assert all(float(layer.weight.grad.abs().max()) > 0 for layer in model.chain)


@pytest.mark.parametrize(
    ("index", "changes", "says"),
    [
        (0, {"kernel": -1}, "layer 0: kernel=-1"),
        (0, {"kernel": 9}, "kernel=9 is larger than its 8 x 10 inputs"),
        (0, {"kernel": 2}, "7 x 9 positions cannot be pooled"),
        (0, {"neuron": NeuronConfig("constant", 9)}, "kernel=3: a convolution needs a firing window"),
        (0, {"silence_penalty": 1.0}, "silence_penalty=1.0 needs a dense layer of slope psp"),
        (0, {"kernel": 0}, "pool needs a convolution"),
        (2, {"kernel": 0, "pool": True}, "layer 2: pool needs a convolution"),
        (0, {"kernel": 0, "pool": False}, "layer 1: a convolution follows a dense layer"),
        (3, {"kernel": 1}, "layer 3: a convolution"),
        (0, {"stride": 0}, "layer 0: stride=0 is below 1"),
        (1, {"padding": 2}, "layer 1: padding=2 is outside 0..1"),
        (1, {"padding": -1}, "layer 1: padding=-1 is outside 0..1"),
        (0, {"stride": 2}, "3 x 4 positions cannot be pooled"),
        (2, {"stride": 2}, "layer 2: stride=2 needs a convolution, a kernel"),
        (2, {"padding": 1}, "layer 2: padding=1 needs a convolution, a kernel"),
    ],
)
def test_a_convolution_that_cannot_be_is_named(index, changes, says):
    layers = list(small_config().layers)
    layers[index] = dataclasses.replace(layers[index], **changes)
    with pytest.raises(ConfigError, match=says):
        small_config(layers=tuple(layers))


def test_pixels_that_make_no_rows_are_refused():
    with pytest.raises(ConfigError, match="inputs=80 pixels are no rows=7"):
        small_config(rows=7)


# ---- the file and the compiler ---------------------------------------------------------------------------


def small_network(layers=None, **fields):
    window = Window(6, 6, 1, 3)
    first = Layer(np.ones((9, 2), np.int8), Neuron(5, 0, 8, 2), window=window, pool=True)
    layers = layers or (
        dataclasses.replace(first, **fields),
        Layer(np.ones((8, 3), np.int8), Neuron(5, 0, 8)),
    )
    return Network("small", layers, 8, 8)


def test_a_saved_convolution_loads_to_the_same(tmp_path):
    saved = small_network()
    saved.save(tmp_path / "net.npz")
    loaded = Network.load(tmp_path / "net.npz")
    assert loaded.shape == saved.shape == "6x6-2C3-P2-3"
    assert loaded.layers[0].window == saved.layers[0].window and loaded.layers[0].pool
    assert loaded.layers[1].window is None and not loaded.layers[1].pool


@pytest.mark.parametrize(
    ("window", "says"),
    [
        (Window(6, 6, 1, 3), "6x6-2C3-8"),
        (Window(6, 6, 3, 3), "6x6x3-2C3-8"),
        (Window(6, 6, 1, 3, stride=2), "6x6-2C3s2-8"),
        (Window(6, 6, 1, 3, padding=1), "6x6-2C3p1-8"),
        (Window(7, 6, 1, 3, stride=3, padding=2), "7x6-2C3s3p2-8"),
    ],
)
def test_stride_and_padding_are_in_the_file_and_in_the_notation(tmp_path, window, says):
    first = Layer(np.ones((window.axons, 2), np.int8), Neuron(5, 0, 8), window=window)
    network = small_network(layers=(first, Layer(np.ones((first.outputs, 8), np.int8), Neuron(5, 0, 8))))
    assert network.shape == says
    network.save(tmp_path / "net.npz")
    assert Network.load(tmp_path / "net.npz").layers[0].window == window


def test_a_file_without_stride_and_padding_is_written_as_before_and_read_as_one_and_none(tmp_path):
    network = small_network()
    network.save(tmp_path / "net.npz")
    with np.load(tmp_path / "net.npz") as arrays:
        text = json.loads(arrays["network"].tobytes())
    assert text["format"] == 5
    assert text["layers"][0]["window"] == {"rows": 6, "cols": 6, "channels": 1, "kernel": 3}
    assert Network.load(tmp_path / "net.npz").layers[0].window == Window(6, 6, 1, 3, stride=1, padding=0)


def test_a_file_with_a_stride_has_a_format_that_older_programs_name(tmp_path):
    dense = Layer(np.ones((8, 3), np.int8), Neuron(5, 0, 8))
    wide = Layer(np.ones((9, 2), np.int8), Neuron(5, 0, 8), window=Window(6, 6, 1, 3, 2))
    small_network(layers=(wide, dense)).save(tmp_path / "net.npz")
    with np.load(tmp_path / "net.npz") as arrays:
        text = json.loads(arrays["network"].tobytes())
    assert text["format"] == 6 and text["layers"][0]["window"]["stride"] == 2


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"window": Window(6, 6, 1, 3, stride=0)}, "layer 0: stride=0 is below 1"),
        ({"window": Window(6, 6, 1, 3, padding=-1)}, "layer 0: padding=-1 is outside 0..2"),
        ({"window": Window(6, 6, 1, 3, padding=3)}, "padding=3 is outside 0..2: with kernel=3 some windows"),
        ({"window": Window(1, 6, 1, 4, padding=1)}, "kernel=4 is larger than its 1 x 6 inputs with pad"),
        ({"window": Window(6, 6, 1, 3, padding=1), "pool": False}, "8 inputs and layer 0 72 neurons"),
        ({"window": Window(6, 5, 1, 3, stride=2)}, "layer 1 has 8 inputs and layer 0 2 pooled outputs"),
        ({"window": Window(8, 6, 1, 3, stride=2)}, "3 x 2 positions cannot be pooled in 2 x 2"),
        ({"window": Window(6, 6, 2, 3)}, "9 weights a filter; a window of 3 x 3 x 2 has 18"),
        ({"window": Window(2, 6, 1, 3)}, "kernel=3 is larger than its 2 x 6 inputs"),
        ({"window": Window(6, 6, 0, 3)}, "a side below 1"),
        ({"window": Window(7, 6, 1, 3)}, "5 x 4 positions cannot be pooled"),
        ({"window": None}, "only a convolution can be pooled"),
        ({"pool": False}, "layer 1 has 8 inputs and layer 0 32 neurons"),
        ({"weights": np.ones((9, 3), np.int8)}, "layer 1 has 8 inputs and layer 0 12 pooled outputs"),
        ({"weights": np.ones((9, 0), np.int8)}, r"shape \(9, 0\)"),
    ],
)
def test_a_wrong_convolution_is_refused_by_name(fields, says):
    with pytest.raises(NetworkError, match=says):
        small_network(**fields)


def test_a_convolution_decides_nothing():
    with pytest.raises(NetworkError, match="output layer is a convolution"):
        small_network(layers=small_network().layers[:1])


@pytest.mark.parametrize("entry", [{"rows": 6}, {"rows": "many"}, 7, {"side": 3}])
def test_a_damaged_window_in_the_file_is_refused(tmp_path, monkeypatch, entry):
    monkeypatch.setattr(network_file, "_window_entry", lambda window: window and entry)
    small_network().save(tmp_path / "net.npz")
    with pytest.raises(NetworkError, match="not a whole network file"):
        Network.load(tmp_path / "net.npz")


def test_a_chip_without_convolutions_says_what_it_lacks():
    says = (
        r"network 'small' has a convolution, layer 0: 2C3-P2, which a chip with side=0 has not: .* side >= 6"
    )
    with pytest.raises(CompileError, match=says):
        compile_network(small_network())
