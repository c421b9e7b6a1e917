"""What the ReLU twin of a tandem network reaches by itself: the same layers with values in place of counts.

``python tests/support/relu_twin.py mnist-784-800-10-tandem`` trains a configuration of rule tandem for all of
its epochs in float weights, with its images, distortions, dropout, normalisation and schedule, but no spikes.
P2 is the largest of four values. The last epoch is reported; test images choose nothing.
"""

from __future__ import annotations

import dataclasses

import click
import torch
from yoso_sw.data.parts import Data
from yoso_sw.learn.config_file import load_config
from yoso_sw.learn.count.layer import Counts
from yoso_sw.learn.tandem import rule
from yoso_sw.learn.tandem.layer import TandemLayer
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network.zoo import locate


class ReluLayer(TandemLayer):
    """`TandemLayer` whose values are the twin's."""

    def forward(self, given: Counts, generator: torch.Generator | None = None) -> Counts:
        values = given.counts
        if generator is not None and self.config.dropout:
            kept = torch.rand(values.shape, generator=generator) >= self.config.dropout
            values = values * kept / (1 - self.config.dropout)
        total = self.total(values, generator is not None)
        values = torch.relu(total / self.threshold)
        if self.config.pool and self.window is not None:
            rows, cols = self.window.out_rows // 2, self.window.out_cols // 2
            values = values.reshape(-1, rows, 2, cols, 2, self.neurons).amax((2, 4)).flatten(1)
        return Counts(values[:, None], values, total, self.start)


class ReluTwin(rule.Tandem):
    layer = ReluLayer


@click.command(help=__doc__)
@click.argument("net")
@click.option("--seeds", default=1)
def main(net: str, seeds: int) -> None:
    torch.set_num_threads(1)
    rule.RULE = ReluTwin
    path = locate(net)
    config = load_config(path)
    epochs = config.float_epochs + config.integer_epochs
    for seed in range(1, seeds + 1):
        own = dataclasses.replace(config, seed=seed, float_epochs=epochs)
        trainer = Trainer(own, Data.load(own, path.parent))
        trainer.run(until=epochs)
        validation = trainer.history[-1].accuracy
        click.echo(f"seed {seed}: validation {validation:.2f} %, test {trainer.float_accuracy:.2f} %")


if __name__ == "__main__":
    main()
