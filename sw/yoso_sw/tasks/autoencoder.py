"""Regression by tandem learning: an autoencoder of MNIST's digits through spike counts, beside its ReLU twin.

The abstract of Wu et al. 2021 names regression; digits, shape, T and loss are ours. The 784 outputs are a
readout whose V stands for pixels, so the loss is the mean square error of pixels in 0 .. 1, and nothing is
decided. Inputs have `levels` levels, as the chip sees them, and so have the pixels wanted.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from yoso_hw import drawing

from yoso_sw.data.parts import Data
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.config_file import table_of
from yoso_sw.learn.count.layer import Counts
from yoso_sw.learn.curve import Epoch
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.layer_config import LayerConfig, NeuronConfig
from yoso_sw.learn.tandem.relu import ReluLayer
from yoso_sw.learn.tandem.rule import Tandem
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network import golden
from yoso_sw.network.network import Network

PIXELS, BLOCK = 784, 1000


def config_of(
    hidden: Sequence[int], steps: int, levels: int, float_epochs: int, integer_epochs: int, seed: int
) -> TrainConfig:
    """784-hidden-784 for the trainer, each layer of T = `steps`; integers of 8 bits."""
    return TrainConfig(
        name="mnist-autoencoder-tandem",
        dataset="mnist",
        rule="tandem",
        seed=seed,
        steps=levels + steps + len(hidden) + 1,
        levels=levels,
        decision="softmax",
        weight_bits=8,
        acc_bits=20,
        pot_bits=24,
        layers=(
            *(
                LayerConfig(
                    neurons,
                    NeuronConfig(start=levels + 1 + i, end=levels + 1 + i + steps),
                    bias=True,
                    batch_norm=4.0,
                    clip=6.0,
                )
                for i, neurons in enumerate(hidden)
            ),
            LayerConfig(PIXELS, bias=True, std=0.02, clip=6.0),
        ),
        float_epochs=float_epochs,
        integer_epochs=integer_epochs,
        lr=2e-3,
        integer_lr=1e-4,  # folded weights are a tenth of those that are normalised
    )


class Autoencoder(Tandem):
    """Outputs that are to be the inputs; labels and decisions mean nothing."""

    def pixels(self, potentials: torch.Tensor) -> torch.Tensor:
        """What V of the outputs stands for, (batch, 784)."""
        return potentials / (self.steps * (self.chain[-1].scale or 1))

    def loss(self, inputs: torch.Tensor, results: Sequence[Counts], labels: torch.Tensor) -> torch.Tensor:
        """Mean square error of the pixels."""
        return functional.mse_loss(self.pixels(results[-1].potentials), self.wanted(inputs))

    def wanted(self, inputs: torch.Tensor) -> torch.Tensor:
        """The pixels, 0 .. 1, for inputs as `encode` gives them."""
        return inputs[:, 0] / self.charge

    def reconstructed(self, images: np.ndarray) -> np.ndarray:
        """Of uint8 pixels (n, 784) what the outputs stand for."""
        with torch.no_grad():
            parts = np.array_split(images, max(1, len(images) // BLOCK))
            return torch.cat([self.pixels(self(self.encode(own))[-1].potentials) for own in parts]).numpy()


class Twin(Autoencoder):
    layer = ReluLayer


@dataclass(frozen=True, eq=False)
class Trained:
    """What training came to, on the test images.

    Attributes
    ----------
    network
        The integer network; its last V of each output is a pixel, times `unit`.
    unit
        V of a white pixel.
    wanted, golden, twin
        Pixels, (n, 784): of the inputs in their levels, of the golden model's outputs and of the twin's.
    numbers
        Mean square errors and hidden spikes an image, for the report.
    """

    network: Network
    unit: float
    wanted: np.ndarray
    golden: np.ndarray
    twin: np.ndarray
    numbers: dict[str, Any]


def error(found: np.ndarray, wanted: np.ndarray) -> float:
    """Mean square error."""
    return float(np.square(found - wanted).mean())


def components(train: np.ndarray, test: np.ndarray, dimensions: int) -> np.ndarray:
    """Test images by as many principal components of the training images."""
    mean = train.mean(0)
    vectors = np.linalg.eigh((train - mean).T @ (train - mean))[1][:, -dimensions:]
    return mean + (test - mean) @ vectors @ vectors.T


def checkpoint(folder: Path, config: TrainConfig, name: str) -> Path:
    """Where a training of this configuration goes on from."""
    mark = hashlib.sha256(json.dumps(table_of(config), sort_keys=True).encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}-{mark}.pt"


def train(
    config: TrainConfig, data: Data, folder: Path, report: Callable[[str, Epoch], None] = lambda *_: None
) -> Trained:
    """Train the network and its twin, from the checkpoints in `folder` on, and run the golden model.

    Raises
    ------
    TrainingError
        If the trainer's V is not the golden model's, or training fails.
    """
    torch.set_num_threads(1)
    model = Autoencoder(config)
    trainer = Trainer(config, data, checkpoint(folder, config, "network"), model=model)
    trainer.run(lambda epoch: report("spiking", epoch))
    epochs = config.float_epochs + config.integer_epochs
    floats = dataclasses.replace(config, float_epochs=epochs)
    twin = Twin(floats)
    Trainer(floats, data, checkpoint(folder, floats, "twin"), model=twin).run(
        lambda epoch: report("ReLU twin", epoch), until=epochs
    )
    images = data.test[0]
    result = golden.run(network := model.export(_about(config)), images)
    torch.set_num_threads(1)  # the golden model raises what torch and it share
    unit = model.steps * (model.chain[-1].scale or 1)
    wanted, own = (model.encode(images)[:, 0] / model.charge).numpy(), model.reconstructed(images)
    found = (torch.from_numpy(result.potentials[-1]).float() / unit).numpy()
    if not np.array_equal(own, found):
        raise TrainingError("the trainer's V of the outputs is not the golden model's: report this")
    smooth = twin.reconstructed(images)
    seen = (model.encode(data.train[0])[:, 0] / model.charge).numpy()
    narrow = min(layer.neurons for layer in config.layers)
    numbers = {
        "shape": network.shape,
        "T": model.steps,
        "steps": config.steps,
        "levels": config.levels,
        "bits": config.weight_bits,
        "epochs": [config.float_epochs, config.integer_epochs],
        "images": len(images),
        "golden": round(error(found, wanted), 5),
        "twin": round(error(smooth, wanted), 5),
        "components": [narrow, round(error(components(seen, wanted, narrow), wanted), 5)],
        "mean_image": round(error(np.broadcast_to(seen.mean(0), wanted.shape), wanted), 5),
        "hidden_spikes": [round(float(layer.per_image.mean()), 1) for layer in result.spikes[:-1]],
    }
    return Trained(network, unit, wanted, found, smooth, numbers)


def _about(config: TrainConfig) -> dict[str, object]:
    return {"dataset": config.dataset, "seed": config.seed, "task": "regression"}


def draw(trained: Trained, count: int = 10) -> Any:
    """The first images, what the network makes of them and what its twin does, a row each."""
    pyplot = drawing.pyplot()
    rows = {"input": trained.wanted, "spike counts": trained.golden, "ReLU twin": trained.twin}
    figure, axes = pyplot.subplots(len(rows), count, figsize=(count, 3.4), layout="constrained")
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for axis, image in zip(line, images, strict=False):
            axis.imshow(image.reshape(28, 28), cmap="gray", vmin=0, vmax=1)
            axis.set(xticks=[], yticks=[])
        line[0].set_ylabel(name)
    figure.suptitle(f"{trained.network.shape}: V of the 784 outputs as pixels, golden model")
    return figure
