"""Training of the ReLU network that stands beside spiking ones: plain PyTorch, the last epoch is kept.

It is trained on the images, the split and the distortions that the rate-coded networks have, and quantised
after training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from yoso_sw.network.network import Network

from yoso_sim.comparison.ann import Ann, Form, forms, quantised
from yoso_sim.kept import locked

#: Of the training: images a batch, largest rate of a one-cycle schedule, weight decay, smoothing of labels.
BATCH, RATE, DECAY, SMOOTHING = 100, 3e-3, 0.05, 0.1

#: Epochs of a training, and the distortions of its images: those of the rate-coded networks.
EPOCHS = 10
DISTORTIONS: dict[str, Any] = {"rotate": 8.0, "scale": 0.1, "shear": 0.1, "shift": 1.0, "elastic": 0.5}

#: Training images kept apart.
VALIDATION = 5000

Report = Callable[[str], None]


def model_of(made: Sequence[Form]) -> Any:
    """The `torch.nn.Sequential` of some layers' forms; inputs are (images, inputs), pixels of 0 .. 1."""
    from torch import nn

    parts: list[Any] = []
    for index, form in enumerate(made):
        if (window := form.window) is None:
            parts += [nn.Flatten(), nn.Linear(form.inputs, form.neurons)]
        else:
            if not index:
                parts.append(nn.Unflatten(1, (window.channels, window.rows, window.cols)))
            parts.append(
                nn.Conv2d(window.channels, form.neurons, window.kernel, window.stride, window.padding)
            )
        if index < len(made) - 1:
            parts.append(nn.ReLU())
        if form.pool:
            parts.append(nn.MaxPool2d(2))
    return nn.Sequential(*parts)


def layers_of(model: Any, made: Sequence[Form]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights (axons, neurons), in the chip's order (row, col, channel), and biases of a model's layers."""
    found = []
    own = [part for part in model if hasattr(part, "weight")]
    for index, (part, form) in enumerate(zip(own, made, strict=True)):
        weights = part.weight.detach().double().numpy()
        before = made[index - 1] if index else None
        if form.window is not None:
            weights = weights.transpose(2, 3, 1, 0)  # from (filter, channel, row, col)
        elif before is not None and before.window is not None:
            # PyTorch flattens maps as (channel, row, col).
            weights = weights.reshape(len(weights), before.neurons, -1).transpose(2, 1, 0)
        else:
            weights = weights.T
        found.append((weights.reshape(form.axons, form.neurons), part.bias.detach().double().numpy()))
    return found


def train(
    parts: dict[str, tuple[np.ndarray, np.ndarray]],
    made: Sequence[Form],
    epochs: int,
    checkpoint: Path,
    augment: Any,
    report: Report = print,
    seed: int = 1,
) -> Ann:
    """Train, quantise; a killed training goes on after its last whole epoch.

    Parameters
    ----------
    parts
        uint8 pixels of grey squares and classes of "train" and "validation".
    augment
        `yoso_sw.data.augment.Augment`: the distortions of training images.
    """
    import torch
    from torch import nn

    pixels, labels = parts["train"]
    classes = torch.from_numpy(labels.astype(np.int64))
    torch.manual_seed(seed)
    model = model_of(made)
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
        report(f"ReLU network: epoch {epoch + 1} of {epochs}")
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
    return quantised(made, layers_of(model, made), parts["validation"][0], epochs)


def kept(dataset: str, network: Network, folder: Path, report: Report = print) -> Ann:
    """The ReLU network of a spiking one's shape for grey squares, from `folder` or trained into it."""
    path = folder / f"ann-{dataset}-{network.shape}-{EPOCHS}.npz"
    with locked(path.with_suffix(".lock"), lambda: report("waiting for another process that trains it")):
        if not path.is_file():
            _trained(dataset, forms(network), path, report).save(path)
    return Ann.load(path)


def _trained(dataset: str, made: Sequence[Form], path: Path, report: Report) -> Ann:
    from yoso_sw.data import registry
    from yoso_sw.data.augment import Augment

    pixels, labels = registry.load(dataset, "train").pair
    parts = {
        "train": (pixels[:-VALIDATION], labels[:-VALIDATION]),
        "validation": (pixels[-VALIDATION:], labels[-VALIDATION:]),
    }
    return train(parts, made, EPOCHS, path.with_suffix(".pt"), Augment(**DISTORTIONS), report)
