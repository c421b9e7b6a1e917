"""A tandem network at several T beside its ReLU twin: the same layers with values in place of counts.

``python tests/support/tandem_and_relu.py mnist-784-100-10-tandem --steps 1,2,4,8`` trains a configuration of
rule tandem once for each T. The twin is trained for all of its epochs in float weights, with its images,
distortions, dropout, normalisation and schedule, but no spikes; P2 is then the largest of four values. The
last epoch is reported, of spiking networks on the golden model; test images choose nothing. The twin goes on
from a ``--checkpoint`` of its own.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click
import torch
from yoso_sw.data.parts import Data
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.config_file import load_config
from yoso_sw.learn.count import limits
from yoso_sw.learn.tandem.relu import ReluTwin
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network.zoo import locate


def with_steps(config: TrainConfig, steps: int) -> TrainConfig:
    """The configuration at another T; a readout's potentials grow with T, and so does the temperature."""
    q, seen = limits.charged(config), limits.seen(config)
    layers = [
        dataclasses.replace(
            layer, neuron=dataclasses.replace(layer.neuron, start=q + i + 1, end=q + i + 1 + steps)
        )
        for i, layer in enumerate(config.layers[:-1])
    ]
    return dataclasses.replace(
        config,
        steps=q + steps + len(config.layers),
        layers=(*layers, config.layers[-1]),
        temperature=config.temperature * steps / seen,
    )


def say(name: str, validation: float, test: float) -> None:
    click.echo(f"{name}: validation {validation:.2f} %, test {test:.2f} %")


@click.command(help=__doc__)
@click.argument("net")
@click.option("--steps", default="", help="T of spiking networks, such as 1,2,4,8; none: the twin alone.")
@click.option("--seed", default=1)
@click.option("--twin/--no-twin", default=True, help="Whether the twin is trained as well.")
@click.option("--checkpoint", type=Path, help="File of the twin's state after the last whole epoch.")
def main(net: str, steps: str, seed: int, twin: bool, checkpoint: Path | None) -> None:
    path = locate(net)
    config = dataclasses.replace(load_config(path), seed=seed)
    data = Data.load(config, path.parent)
    for own in map(int, filter(None, steps.split(","))):
        torch.set_num_threads(1)  # each time: the golden model raises what torch and it share
        trainer = Trainer(with_steps(config, own), data)
        trainer.run()
        about = trainer.network("").about
        name = f"T = {own}, {about['spikes'][:-1]} hidden spikes"
        say(name, about["validation_accuracy"], about["golden_accuracy"])
    if not twin:
        return
    torch.set_num_threads(1)
    epochs = config.float_epochs + config.integer_epochs
    config = dataclasses.replace(config, float_epochs=epochs)
    trainer = Trainer(config, data, checkpoint, model=ReluTwin(config))
    trainer.run(lambda epoch: click.echo(f"twin, epoch {epoch.number}: {epoch.accuracy:.2f} %"), until=epochs)
    say("ReLU twin", trainer.history[-1].accuracy, trainer.float_accuracy)


if __name__ == "__main__":
    main()
