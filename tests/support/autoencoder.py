"""Regression by tandem learning: an autoencoder of MNIST's digits through spike counts, beside its ReLU twin.

``python tests/support/autoencoder.py`` trains 784-128-32-128-784, T = 16, in float weights and then in
integers of 6 bits, with the mean square error of pixels in 0 .. 1 as its loss, and its twin without spikes
for as many epochs. The network goes through the golden model, whose last V of each output is the pixel;
`--out` keeps it. Beside them stand what a principal component analysis of 32 dimensions, of the training
images, and the mean image make of the same pixels. Inputs have 8 levels, as the chip sees them, and so have
the pixels that are wanted.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click
import numpy as np
import torch
from torch.nn import functional
from yoso_sw.data.parts import Data
from yoso_sw.learn.config import LayerConfig, NeuronConfig, TrainConfig
from yoso_sw.learn.count.layer import Counts
from yoso_sw.learn.tandem import rule
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network import golden

from support.tandem_and_relu import ReluLayer

T, LEVELS, HIDDEN = 16, 8, (128, 32, 128)
CONFIG = TrainConfig(
    name="mnist-autoencoder-tandem",
    dataset="mnist",
    rule="tandem",
    steps=LEVELS + T + len(HIDDEN) + 1,
    levels=LEVELS,
    decision="softmax",
    weight_bits=6,
    acc_bits=18,
    layers=(
        *(
            LayerConfig(
                neurons,
                NeuronConfig(start=LEVELS + 1 + i, end=LEVELS + 1 + i + T),
                bias=True,
                batch_norm=4.0,
                clip=3.0,
            )
            for i, neurons in enumerate(HIDDEN)
        ),
        LayerConfig(784, bias=True, std=0.02, clip=3.0),
    ),
    float_epochs=20,
    integer_epochs=10,
    lr=2e-3,
    integer_lr=5e-4,
)


class Autoencoder(rule.Tandem):
    """Outputs that are to be the inputs; labels and decisions mean nothing."""

    def pixels(self, potentials: torch.Tensor) -> torch.Tensor:
        """What V of the outputs stands for."""
        return potentials / (self.steps * (self.chain[-1].scale or 1))

    def loss(self, inputs: torch.Tensor, results: list[Counts], labels: torch.Tensor) -> torch.Tensor:
        return functional.mse_loss(self.pixels(results[-1].potentials), inputs[:, 0] / self.charge)


class Twin(Autoencoder):
    layer = ReluLayer


def wanted(model: Autoencoder, images: np.ndarray) -> np.ndarray:
    return (model.encode(images)[:, 0] / model.charge).numpy()


def error(found: np.ndarray, images: np.ndarray) -> float:
    return float(np.square(found - images).mean())


def components(train: np.ndarray, test: np.ndarray, dimensions: int) -> np.ndarray:
    """Test images by as many principal components of the training images."""
    mean = train.mean(0)
    vectors = np.linalg.eigh((train - mean).T @ (train - mean))[1][:, -dimensions:]
    return mean + (test - mean) @ vectors @ vectors.T


@click.command(help=__doc__)
@click.option("--out", type=click.Path(path_type=Path), help="File of the integer network.")
@click.option("--seed", default=1)
def main(out: Path | None, seed: int) -> None:
    torch.set_num_threads(1)
    config = dataclasses.replace(CONFIG, seed=seed)
    data = Data.load(config, Path())
    rule.RULE = Autoencoder
    trainer = Trainer(config, data)
    trainer.run(lambda epoch: click.echo(f"epoch {epoch.number} {epoch.phase} error {epoch.loss:.5f}"))
    model, images = trainer.model, data.test[0]
    network, pixels = model.export({}), wanted(model, images)
    result = golden.run(network, images)
    found = model.pixels(torch.from_numpy(result.potentials[-1]).float()).numpy()
    with torch.no_grad():
        own = torch.cat([model(model.encode(part))[-1].potentials for part in np.split(images, 10)])
    assert np.array_equal(own.numpy(), result.potentials[-1]), "the trainer's V is not the golden model's"
    hidden = [round(float(layer.per_image.mean()), 1) for layer in result.spikes[:-1]]
    rule.RULE = Twin
    epochs = config.float_epochs + config.integer_epochs
    twin = Trainer(dataclasses.replace(config, float_epochs=epochs), data)
    twin.run(until=epochs)
    with torch.no_grad():
        values = [twin.model(model.encode(part))[-1].potentials for part in np.split(images, 10)]
    smooth = twin.model.pixels(torch.cat(values)).numpy()
    train = wanted(model, data.train[0])
    click.echo(f"test images, mean square error: golden model {error(found, pixels):.5f}")
    click.echo(f"hidden spikes {hidden}; ReLU twin {error(smooth, pixels):.5f}")
    click.echo(f"{HIDDEN[1]} principal components {error(components(train, pixels, HIDDEN[1]), pixels):.5f}")
    click.echo(f"mean image {error(np.broadcast_to(train.mean(0), pixels.shape), pixels):.5f}")
    if out is not None:
        network.save(out)


if __name__ == "__main__":
    main()
