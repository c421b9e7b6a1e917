"""A ReLU network mapped to integrate-and-fire neurons, without a rule of the chip's own.

``python tests/support/from_relu.py rates.npz`` trains 784-64-10 on MNIST in plain PyTorch and writes the
network: its first layer is charged by one spike a pixel, its hidden neurons fire at rates that stand for
activations (Rueckauer et al. 2017: weights scaled by the largest activation, reset by subtraction), and the
most output spikes decide.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from yoso_sw.data import registry
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import CLEARED, Neuron, Reset

#: Weights and biases of a layer, float (inputs, neurons) and (neurons,).
Affine = tuple[np.ndarray, np.ndarray]


def train(
    images: np.ndarray, labels: np.ndarray, hidden: int, classes: int, epochs: int, seed: int = 1
) -> list[Affine]:
    """A network with one hidden layer of ReLU for pixels, uint8 (n, inputs), taken as 0 .. 1."""
    torch.manual_seed(seed)
    x = torch.tensor(images).float() / 255
    y = torch.from_numpy(labels.astype(np.int64))
    model = nn.Sequential(nn.Linear(x.shape[1], hidden), nn.ReLU(), nn.Linear(hidden, classes))
    batch, rate = 100, 3e-3
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
    steps = epochs * (len(x) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps)
    for _ in range(epochs):
        for own in torch.randperm(len(x))[: len(x) // batch * batch].reshape(-1, batch):
            loss = nn.functional.cross_entropy(model(x[own]), y[own], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    affine = (model[0], model[2])
    return [(own.weight.detach().T.numpy(), own.bias.detach().numpy()) for own in affine]


def activations(layers: list[Affine], images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hidden activations and outputs (n, neurons) of the ReLU network."""
    (first, bias), (second, output_bias) = layers
    hidden = np.maximum(0, images / np.float32(255) @ first + bias)
    return hidden, hidden @ second + output_bias


def quantised(layer: Affine, bits: int) -> tuple[np.ndarray, float]:
    """Weights with the bias as the last row, whole, and the scale that they were multiplied by."""
    rows = np.vstack(layer)
    scale = ((1 << (bits - 1)) - 1) / float(np.abs(rows).max())
    return np.rint(rows * scale).astype(np.int8), scale


def convert(
    layers: list[Affine],
    images: np.ndarray,
    *,
    levels: int,
    steps: int,
    full: float = 99.5,
    bits: int = 8,
    **about: object,
) -> Network:
    """The network of integrate-and-fire neurons.

    Parameters
    ----------
    images
        Those that say how large activations are.
    levels
        Of a pixel: the steps in which the first layer is charged.
    steps
        In which each layer fires; the image takes ``levels + steps + 2``.
    full
        Per cent of the hidden activations, and of the images' largest outputs, that stay below one spike a
        step.
    """
    hidden, output = activations(layers, images)
    largest = float(np.percentile(hidden, full))
    highest = float(np.percentile(output.max(1), full))
    (second, bias) = layers[1]
    weights, scale = quantised(layers[0], bits)
    readout, output_scale = quantised((second * largest, bias), bits)
    # A pixel of q levels brings its weight q times, and the bias's spike of step 0 as well.
    first = Neuron(
        round(levels * scale * largest), levels + 1, levels + 1 + steps, reset=Reset.SUBTRACT, charge=levels
    )
    last = Neuron(
        round(output_scale * highest), levels + 2, levels + 2 + steps, current=CLEARED, reset=Reset.SUBTRACT
    )
    return Network(
        "rates",
        (Layer(weights, first, bias=True), Layer(readout, last, bias=True)),
        levels + steps + 2,
        levels,
        "count",
        bits,
        about=about,
        acc_bits=20,
        pot_bits=20,
    )


def main() -> None:
    import click

    @click.command()
    @click.argument("out")
    @click.option("--steps", default=20)
    @click.option("--levels", default=16)
    @click.option("--epochs", default=10)
    def write(out: str, steps: int, levels: int, epochs: int) -> None:
        images, labels = registry.load("mnist", "train").pair
        layers = train(images, labels, 64, 10, epochs)
        tests, classes = registry.load("mnist", "test").pair
        right = 100 * float((activations(layers, tests)[1].argmax(1) == classes).mean())
        network = convert(layers, images[:5000], levels=levels, steps=steps, dataset="mnist")
        network.save(out)
        click.echo(f"{out}: the ReLU network has {right:.2f} % on the test images")

    write()


if __name__ == "__main__":
    main()
