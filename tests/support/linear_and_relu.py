"""What plain PyTorch makes of the same spikes, counted: a linear classifier and a ReLU network.

``python tests/support/linear_and_relu.py n-mnist-count`` reads the data of a configuration, binned as its
network sees them, and gives both each input's spikes over all bins. The ReLU network has the configuration's
shape and dropout. Weight decay and epochs are chosen on the validation recordings, for each seed; the test
ones choose nothing.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import click
import numpy as np
import torch
from torch import nn
from yoso_sw.data.parts import Data
from yoso_sw.learn.config_file import load_config
from yoso_sw.learn.layer_config import LayerConfig
from yoso_sw.network.events import Events
from yoso_sw.network.zoo import locate

#: (counts, classes) of a part.
Part = tuple[torch.Tensor, torch.Tensor]
DECAYS = (0.01, 0.1, 1.0)


def counted(inputs: Events, labels: np.ndarray, levels: int) -> Part:
    """Shares of the bins in which each input spikes, (n, inputs), and classes."""
    return torch.from_numpy(inputs.counts / levels).float(), torch.from_numpy(labels.astype(np.int64))


def build(inputs: int, layers: Sequence[LayerConfig]) -> nn.Sequential:
    """Affine layers, each behind its dropout, with ReLU between them."""
    parts: list[nn.Module] = []
    for axons, layer in zip([inputs, *(own.neurons for own in layers)], layers, strict=False):
        parts += [nn.Dropout(layer.dropout), nn.Linear(axons, layer.neurons), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def right(model: nn.Module, part: Part) -> float:
    """Accuracy, per cent."""
    model.eval()
    with torch.no_grad():
        return 100 * float((model(part[0]).argmax(1) == part[1]).float().mean())


def trained(
    layers: Sequence[LayerConfig], parts: list[Part], seed: int, epochs: int = 60
) -> tuple[float, float]:
    """Validation and test accuracy of the epoch and decay that validate best."""
    train, validation, test = parts
    best = (0.0, 0.0)
    for decay in DECAYS:
        torch.manual_seed(seed)
        model = build(train[0].shape[1], layers)
        optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=decay)
        for _ in range(epochs):
            model.train()
            for own in torch.randperm(len(train[0])).split(50):
                loss = nn.functional.cross_entropy(model(train[0][own]), train[1][own])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            if (valid := right(model, validation)) > best[0]:
                best = valid, right(model, test)
    return best


@click.command(help=__doc__)
@click.argument("net")
@click.option("--seeds", default=5)
def main(net: str, seeds: int) -> None:
    torch.set_num_threads(1)
    path = locate(net)
    config = load_config(path)
    data = Data.load(config, path.parent)
    parts = [counted(*pair, config.levels) for pair in data.pairs().values()]
    for name, layers in (("linear", config.layers[-1:]), ("ReLU", config.layers)):
        found = [trained(layers, parts, seed + 1) for seed in range(seeds)]
        valid, test = (statistics.mean(column) for column in zip(*found, strict=True))
        each = ", ".join(f"{own:.1f}" for _, own in found)
        click.echo(f"{name}: validation {valid:.1f} %, test {test:.1f} % ({each})")


if __name__ == "__main__":
    main()
