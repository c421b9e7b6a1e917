"""UCI sets by rule count, one hidden layer, in stratified folds, beside a ReLU network of the same shape.

Wu et al. 2019 have UCI sets; their abstract names neither the sets nor the architectures, and their table is
not to be had. So sets, shapes and settings are ours. A fold is trained on the other folds, for a number of
epochs that was fixed beforehand, and counted once: of the spiking network the integers on the golden model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from yoso_hw.writing import write_whole

from yoso_sw.data.parts import Data
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.layer_config import LayerConfig, NeuronConfig
from yoso_sw.learn.trainer import Trainer
from yoso_sw.tasks import sets


@dataclass(frozen=True)
class Setting:
    """What is trained; our choice, made on folds of other seeds than those reported.

    Parameters
    ----------
    hidden
        Neurons of the hidden layer.
    steps, levels
        T, and the levels of an input's constant current.
    weight_bits
        Of the spiking network.
    float_epochs, integer_epochs
        The ReLU network has as many in all.
    lr, integer_lr, batch_size
        Adam's.
    """

    hidden: int
    float_epochs: int
    integer_epochs: int
    steps: int = 10
    levels: int = 16
    weight_bits: int = 8
    lr: float = 5e-3
    integer_lr: float = 1e-3
    batch_size: int = 20


SETTINGS = {
    "iris": Setting(32, 60, 20),
    "wine": Setting(32, 60, 20),
    "wdbc": Setting(32, 30, 10),
    "digits": Setting(64, 20, 8),
}


@dataclass(frozen=True)
class Fold:
    """A fold's test samples: per cent right of both networks, hidden spikes a sample of the spiking one."""

    count: float
    relu: float
    spikes: float


def config_of(table: sets.Table, setting: Setting, seed: int) -> TrainConfig:
    """features-hidden-classes for the trainer; features are a constant current."""
    inputs, q, steps = table.features.shape[1], setting.levels, setting.steps
    return TrainConfig(
        name=f"{table.name}-count",
        dataset=table.name,
        rule="count",
        seed=seed,
        inputs=inputs,
        rows=1,
        steps=q + steps + 2,
        levels=q,
        decision="softmax",
        weight_bits=setting.weight_bits,
        acc_bits=20,
        pot_bits=24,
        layers=(
            LayerConfig(
                setting.hidden, NeuronConfig(start=q + 1, end=q + 1 + steps), bias=True, std=inputs**-0.5
            ),
            LayerConfig(table.classes, bias=True, std=0.1),
        ),
        float_epochs=setting.float_epochs,
        integer_epochs=setting.integer_epochs,
        lr=setting.lr,
        integer_lr=setting.integer_lr,
        warmup=10,
        temperature=float(steps),
        batch_size=setting.batch_size,
    )


def relu(train: tuple[np.ndarray, np.ndarray], config: TrainConfig) -> nn.Sequential:
    """A ReLU network of the configuration's shape in floats; optimiser, rate, batches and epochs are its.

    `train` are inputs of 0 .. 1, float64 (n, inputs), and classes (n,).
    """
    torch.manual_seed(config.seed)
    inputs, labels = torch.from_numpy(train[0]).float(), torch.from_numpy(train[1])
    hidden, output = (layer.neurons for layer in config.layers)
    model = nn.Sequential(nn.Linear(config.inputs, hidden), nn.ReLU(), nn.Linear(hidden, output))
    optimizer = torch.optim.AdamW(model.parameters(), config.lr, weight_decay=0.0)
    epochs = config.float_epochs + config.integer_epochs
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        for own in torch.randperm(len(inputs)).split(config.batch_size):
            loss = nn.functional.cross_entropy(model(inputs[own]), labels[own])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    return model


def fold(table: sets.Table, setting: Setting, split: tuple[np.ndarray, np.ndarray], seed: int) -> Fold:
    """Train both networks on a fold's training samples; what its test samples come to."""
    torch.set_num_threads(1)
    train, test = split
    shares = sets.scaled(table.features, table.features[train])
    pixels = (255 * shares).round().astype(np.uint8)
    parts = [(pixels[own], table.labels[own]) for own in (train, test)]
    config = config_of(table, setting, seed)
    trainer = Trainer(config, Data(parts[0], parts[0], parts[1]))  # nothing is chosen, so nothing validates
    trainer.run()
    about = trainer.network("").about
    torch.set_num_threads(1)  # the golden model raises what torch and it share
    model = relu((shares[train], table.labels[train]), config)
    with torch.no_grad():
        decided = model(torch.from_numpy(shares[test]).float()).argmax(1).numpy()
    return Fold(
        float(about["golden_accuracy"]),  # type: ignore[arg-type]
        round(100 * float((decided == table.labels[test]).mean()), 2),
        float(about["spikes"][0]),  # type: ignore[index]
    )


def folds(
    name: str, count: int, seed: int, folder: Path, done: Callable[[Fold], None] = lambda _: None
) -> list[Fold]:
    """Every fold of a set; those that a file in `folder` has of the same setting are taken from there.

    Raises `DatasetError` if the set has not as many samples.
    """
    table, setting = sets.read(name), SETTINGS[name]
    told = json.dumps([asdict(setting), count, seed])
    path = folder / f"{name}-{hashlib.sha256(told.encode()).hexdigest()[:12]}.json"
    rows = json.loads(path.read_text()) if path.exists() else []
    found = [Fold(**row) for row in rows]
    folder.mkdir(parents=True, exist_ok=True)
    for own in found:
        done(own)
    for split in table.folds(count, seed)[len(found) :]:
        found.append(fold(table, setting, split, seed))
        write_whole(path, json.dumps([asdict(own) for own in found]))
        done(found[-1])
    return found


def row(name: str, found: Sequence[Fold]) -> dict[str, Any]:
    """A set's row of the report: means and sample standard deviations over folds."""
    table, setting = sets.read(name), SETTINGS[name]
    values = np.array([[own.count, own.relu] for own in found])
    mean, spread = values.mean(0), values.std(0, ddof=1)
    return {
        "set": name,
        "samples": len(table.labels),
        "shape": f"{table.features.shape[1]}-{setting.hidden}-{table.classes}",
        "T": setting.steps,
        "bits": setting.weight_bits,
        "folds": len(found),
        "count": round(float(mean[0]), 2),
        "count_spread": round(float(spread[0]), 2),
        "relu": round(float(mean[1]), 2),
        "relu_spread": round(float(spread[1]), 2),
        "hidden_spikes": round(float(np.mean([own.spikes for own in found])), 1),
    }


def markdown(rows: Iterable[dict[str, Any]]) -> str:
    """The rows as a table."""
    lines = [
        "| set | samples | network | T | bits | spike count, golden model (%) | ReLU network (%) "
        "| hidden spikes |",
        "|---|---:|---|---:|---:|---:|---:|---:|",
    ]
    for own in rows:
        count, relu = (f"{own[key]:.1f} ± {own[f'{key}_spread']:.1f}" for key in ("count", "relu"))
        lines.append(
            f"| {own['set']} | {own['samples']:,} | {own['shape']} | {own['T']} | {own['bits']} | "
            f"{count} | {relu} | {own['hidden_spikes']:.0f} |"
        )
    return "\n".join(lines)
