"""The baseline that sceptics ask for: a ReLU network of the same shape, in 8-bit weights and activations.

It is trained here on the images, the split and the distortions that the rate-coded networks have (plain
PyTorch, the last epoch is kept), quantised after training, and run in integers only. Its work is what it
multiplies, with inputs and activations of 0 skipped.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from yoso_hw.writing import write_whole

from yoso_sim.kept import locked

#: Of the training: images a batch, largest rate of a one-cycle schedule, weight decay, smoothing of labels.
BATCH, RATE, DECAY, SMOOTHING = 100, 3e-3, 0.05, 0.1

#: Bits of weights (signed) and of activations (unsigned), and of the multiplier between the layers.
BITS, SHIFT = 8, 24

#: Per cent of the hidden activations that the largest code reaches.
FULL = 99.9


@dataclass(frozen=True, eq=False)
class Ann:
    """A ReLU network with one hidden layer, in integers.

    Attributes
    ----------
    hidden, output
        int8 (inputs, neurons) and (neurons, classes).
    hidden_bias, output_bias
        int64 (neurons,) and (classes,), in units of their sums.
    multiplier
        A hidden sum s > 0 becomes the activation min(255, (s x multiplier + 2^23) >> 24).
    """

    hidden: np.ndarray
    hidden_bias: np.ndarray
    output: np.ndarray
    output_bias: np.ndarray
    multiplier: int

    @property
    def shape(self) -> str:
        inputs, neurons = self.hidden.shape
        return f"{inputs}-{neurons}-{self.output.shape[1]}"

    def activations(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 (images, neurons) of pixels, uint8 (images, inputs)."""
        sums = _product(pixels, self.hidden) + self.hidden_bias
        scaled = (np.maximum(sums, 0) * self.multiplier + (1 << (SHIFT - 1))) >> SHIFT
        return np.minimum(scaled, (1 << BITS) - 1).astype(np.uint8)

    def decide(self, activations: np.ndarray) -> np.ndarray:
        """Class of each image, the lowest of equals."""
        return (_product(activations, self.output) + self.output_bias).argmax(1)

    def work(self, pixels: np.ndarray, activations: np.ndarray) -> dict[str, float]:
        """What an image takes on average: factors that are not 0, multiplications, additions of biases."""
        inputs, hidden = (float((own > 0).sum(1).mean()) for own in (pixels, activations))
        neurons, classes = self.output.shape
        return {
            "nonzero_inputs": inputs,
            "nonzero_hidden": hidden,
            "macs": inputs * neurons + hidden * classes,
            "macs_dense": float(self.hidden.size + self.output.size),
            "biases": float(neurons + classes),
        }

    def save(self, path: Path) -> None:
        """Write it whole or not at all."""
        contents = io.BytesIO()
        np.savez_compressed(contents, **vars(self))
        write_whole(path, contents.getvalue())

    @classmethod
    def load(cls, path: Path) -> Ann:
        """What `save` wrote."""
        with np.load(path, allow_pickle=False) as own:
            arrays = {name: own[name] for name in own.files if name != "multiplier"}
            return cls(multiplier=int(own["multiplier"]), **arrays)


def _product(factors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """int64 sums of whole numbers; float64 holds sums below 2^53 exactly."""
    return np.rint(factors.astype(np.float64) @ weights.astype(np.float64)).astype(np.int64)


def quantised(layers: list[tuple[np.ndarray, np.ndarray]], pixels: np.ndarray) -> Ann:
    """A trained network in integers.

    Parameters
    ----------
    layers
        Weights (inputs, neurons) and biases of both layers, for pixels of 0 .. 1.
    pixels
        uint8: images that say how large activations are.
    """
    (first, bias), (second, output_bias) = layers
    limit, top = (1 << (BITS - 1)) - 1, (1 << BITS) - 1
    scale, output_scale = (limit / float(np.abs(own).max()) for own in (first, second))
    real = np.maximum(0, pixels / 255 @ first + bias)
    unit = float(np.percentile(real[real > 0], FULL)) / top  # an activation of 1
    return Ann(
        hidden=np.rint(first * scale).astype(np.int8),
        hidden_bias=np.rint(bias * scale * 255).astype(np.int64),
        output=np.rint(second * output_scale).astype(np.int8),
        output_bias=np.rint(output_bias * output_scale / unit).astype(np.int64),
        multiplier=round((1 << SHIFT) / (scale * 255 * unit)),
    )


def train(
    parts: dict[str, tuple[np.ndarray, np.ndarray]],
    hidden: int,
    epochs: int,
    checkpoint: Path,
    augment: Any,
    report: Any = print,
    seed: int = 1,
) -> Ann:
    """Train, quantise; a killed training goes on after its last whole epoch.

    Parameters
    ----------
    parts
        uint8 pixels of squares and classes of "train" and "validation".
    augment
        `yoso_sw.data.augment.Augment`: the distortions of training images.
    """
    import torch
    from torch import nn

    pixels, labels = parts["train"]
    classes = torch.from_numpy(labels.astype(np.int64))
    torch.manual_seed(seed)
    first, second = nn.Linear(pixels.shape[1], hidden), nn.Linear(hidden, int(labels.max()) + 1)
    model = nn.Sequential(first, nn.ReLU(), second)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=DECAY)
    batches = len(pixels) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, epochs * batches)
    state: dict[str, Any] = {"epoch": 0}
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
    for epoch in range(state["epoch"], epochs):
        rng = np.random.default_rng([seed, epoch])
        for own in rng.permutation(len(pixels))[: batches * BATCH].reshape(-1, BATCH):
            seen = augment(pixels[own], round(pixels.shape[1] ** 0.5), rng)
            loss = nn.functional.cross_entropy(
                model(torch.from_numpy(seen).float() / 255), classes[own], label_smoothing=SMOOTHING
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        report(f"ReLU network with {hidden} hidden neurons: epoch {epoch + 1} of {epochs}")
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        partial = checkpoint.with_suffix(".part")
        torch.save(
            {
                "epoch": epoch + 1,
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "schedule": schedule.state_dict(),
            },
            partial,
        )
        partial.replace(checkpoint)
    layers = [
        (own.weight.detach().T.double().numpy(), own.bias.detach().double().numpy())
        for own in (first, second)
    ]
    return quantised(layers, parts["validation"][0])


#: Epochs of a training, and the distortions of its images: those of the rate-coded networks.
EPOCHS = 10
DISTORTIONS: dict[str, Any] = {"rotate": 8.0, "scale": 0.1, "shear": 0.1, "shift": 1.0, "elastic": 0.5}

#: Training images kept apart.
VALIDATION = 5000


def kept(dataset: str, hidden: int, folder: Path, report: Any = print) -> Ann:
    """The network of a set of square grey images, from `folder` or trained into it."""
    path = folder / f"ann-{dataset}-{hidden}.npz"
    with locked(path.with_suffix(".lock"), lambda: report("waiting for another process that trains it")):
        if not path.is_file():
            _trained(dataset, hidden, path, report).save(path)
    return Ann.load(path)


def _trained(dataset: str, hidden: int, path: Path, report: Any) -> Ann:
    from yoso_sw.data import registry
    from yoso_sw.data.augment import Augment

    pixels, labels = registry.load(dataset, "train").pair
    parts = {
        "train": (pixels[:-VALIDATION], labels[:-VALIDATION]),
        "validation": (pixels[-VALIDATION:], labels[-VALIDATION:]),
    }
    checkpoint = path.with_suffix(".pt")
    return train(parts, hidden, EPOCHS, checkpoint, Augment(**DISTORTIONS), report)
