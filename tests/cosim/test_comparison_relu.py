"""The ReLU network beside spiking ones: in integers by hand, its work, its training."""

import numpy as np
import pytest
from yoso_sim.comparison import ann, ann_training
from yoso_sw.network.layer import Window
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate

HALF = 1 << (ann.SHIFT - 1)
SMALL = ann.Ann(
    forms=(ann.Form(2, 2), ann.Form(2, 2)),
    weights=(np.array([[2, -1], [0, 3]], np.int8), np.array([[1, 0], [0, 2]], np.int8)),
    biases=(np.array([10, 0]), np.array([0, 5])),
    multipliers=(HALF,),
    epochs=4,
)

#: 5 x 5 inputs of one channel, two filters of 2 x 2, pooled: 4 x 4 positions, 2 x 2 x 2 outputs.
CONVOLVED = (ann.Form(25, 2, Window(5, 5, 1, 2), pool=True), ann.Form(8, 3))


def convolved():
    """A network whose filters add up the columns of a window apart."""
    filters = np.array([[1, 0], [0, 2], [1, 0], [0, 2]], np.int8)  # by row, then column
    output = np.arange(24).reshape(8, 3).astype(np.int8)
    return ann.Ann(CONVOLVED, (filters, output), (np.array([0, 4]), np.zeros(3, np.int64)), (HALF,))


def test_the_relu_network_computes_what_is_worked_out_by_hand():
    pixels = np.array([[100, 0], [4, 5], [0, 200]], np.uint8)
    # Sums 210, -100; 18, 11; 10, 600. Halved with .5 up and clamped: 105, 0; 9, 6; 5, 255.
    hidden = SMALL.activations(pixels)
    assert [own.tolist() for own in hidden] == [[[105, 0], [9, 6], [5, 255]]]
    assert SMALL.decide(hidden).tolist() == [0, 1, 1]
    # Inputs not 0: 1, 2, 1; hidden: 1, 2, 2; each behind two weights.
    work = SMALL.work(pixels, hidden)
    assert work["macs_by_layer"] == pytest.approx([2 * 4 / 3, 2 * 5 / 3])
    assert work["macs"] == pytest.approx(2 * 4 / 3 + 2 * 5 / 3)
    assert work["macs_dense"] == 8 and work["biases"] == 4


def test_a_convolution_is_summed_and_pooled_as_worked_out_by_hand():
    pixels = np.zeros((1, 5, 5), np.uint8)
    pixels[0, 0, 1], pixels[0, 3, 3] = 10, 30
    (hidden,) = convolved().activations(pixels.reshape(1, 25))
    # The first filter sees (0, 1) in the window of column 1, the second in that of column 0, and (3, 3) in
    # windows of rows 2, 3 and columns 3 and 2; 4 is the second one's bias. Halved: 5, 10 + 2 and 15, 30 + 2.
    assert hidden.tolist() == [[5, 12, 0, 2, 0, 2, 15, 32]]
    assert convolved().decide([hidden]).tolist() == [2]


def test_a_convolution_multiplies_an_input_once_a_window_that_holds_it_and_filter():
    pixels = np.zeros((2, 5, 5), np.uint8)
    pixels[0, 0, 0] = pixels[0, 2, 2] = pixels[1, 0, 3] = 9  # in one, in four and in two windows
    own = convolved()
    work = own.work(pixels.reshape(2, 25), own.activations(pixels.reshape(2, 25)))
    assert work["macs_by_layer"][0] == pytest.approx(2 * (5 + 2) / 2)
    assert work["macs_dense"] == 16 * 4 * 2 + 8 * 3 and work["biases"] == 16 * 2 + 3


def test_weights_come_out_of_the_trained_model_in_the_order_of_the_chip():
    import torch

    torch.manual_seed(4)
    made = (
        ann.Form(36, 3, Window(6, 6, 1, 3)),
        ann.Form(48, 2, Window(4, 4, 3, 3), pool=True),
        ann.Form(2, 5),
        ann.Form(5, 4),
    )
    model = ann_training.model_of(made)
    inputs = np.random.default_rng(4).random((7, 36))
    found = inputs
    for index, (form, (weights, bias)) in enumerate(
        zip(made, ann_training.layers_of(model, made), strict=True)
    ):
        sums = form.products(found, weights) + bias
        found = form.passed(np.maximum(0, sums) if index < 3 else sums)
    wanted = model(torch.from_numpy(inputs).float()).detach().numpy()
    assert np.allclose(found, wanted, atol=1e-5)


def test_it_has_the_layers_of_the_spiking_network():
    network = Network.load(locate("mnist-csnn-stdbp", ".npz"))
    made = ann.forms(network)
    assert [form.positions * form.neurons for form in made] == [layer.neurons for layer in network.layers]
    assert [form.window for form in made] == [layer.window for layer in network.layers]
    assert [form.pool for form in made] == [layer.pool for layer in network.layers]


def test_quantising_keeps_a_networks_decisions():
    rng = np.random.default_rng(3)
    layers = [
        (rng.normal(0, 0.1, (64, 30)), rng.normal(0, 0.1, 30)),
        (rng.normal(0, 0.3, (30, 20)), rng.normal(0, 0.1, 20)),
        (rng.normal(0, 0.3, (20, 10)), rng.normal(0, 0.1, 10)),
    ]
    made = (ann.Form(64, 30), ann.Form(30, 20), ann.Form(20, 10))
    pixels = rng.integers(0, 256, (500, 64)).astype(np.uint8)
    own = ann.quantised(made, layers, pixels)
    real = pixels / 255
    for weights, bias in layers:
        sums = real @ weights + bias
        real = np.maximum(0, sums)
    decided = own.decide(own.activations(pixels))
    assert (decided == sums.argmax(1)).mean() > 0.97


def test_a_kept_relu_network_is_what_was_saved(tmp_path):
    network = Network.load(locate("mnist-784-100-10-count", ".npz"))
    SMALL.save(tmp_path / f"ann-mnist-784-100-10-{ann_training.EPOCHS}.npz")
    again = ann_training.kept("mnist", network, tmp_path)
    assert (again.multipliers, again.epochs, again.forms) == (SMALL.multipliers, 4, SMALL.forms)
    assert all((one == two).all() for one, two in zip(again.weights, SMALL.weights, strict=True))
    convolved().save(tmp_path / "convolved.npz")
    assert ann.Ann.load(tmp_path / "convolved.npz").forms == CONVOLVED


@pytest.mark.parametrize(
    "made", [(ann.Form(16, 8), ann.Form(8, 3)), (ann.Form(16, 2, Window(4, 4, 1, 3)), ann.Form(8, 3))]
)
def test_a_killed_training_comes_to_what_one_that_was_not_comes_to(made, tmp_path):
    rng = np.random.default_rng(5)
    pixels, labels = rng.integers(0, 256, (400, 16)).astype(np.uint8), rng.integers(0, 3, 400)
    parts = {"train": (pixels, labels), "validation": (pixels, labels)}

    def plain(images, rows, rng):
        return images

    def killed(text):
        if "epoch 2" in text:
            raise KeyboardInterrupt

    whole = ann_training.train(parts, made, 3, tmp_path / "whole.pt", plain, lambda _: None)
    with pytest.raises(KeyboardInterrupt):
        ann_training.train(parts, made, 3, tmp_path / "cut.pt", plain, killed)
    resumed = ann_training.train(parts, made, 3, tmp_path / "cut.pt", plain, lambda _: None)
    assert all((one == two).all() for one, two in zip(whole.weights, resumed.weights, strict=True))
    assert whole.epochs == 3
