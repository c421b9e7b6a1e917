"""What FreezeOut and backward phase skipping save of a C-LIF training, and what they cost in accuracy.

``python tests/support/skipping.py mnist-784-100-10-clif`` trains a configuration of rule clif from several
seeds without either, with each and with both, on some of the images. All variants of a seed take turns, an
epoch each, so that they meet the same machine; the figure is the CPU time of training, float phase, without
encoding and validation, and its ratio to that without either. Accuracy is the validation images'; no test
image is looked at.
"""

import dataclasses
import json
import statistics
import time
from pathlib import Path

import click
import numpy as np
import torch
from yoso_sw.data.parts import Data
from yoso_sw.learn.config_file import load_config
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network.zoo import locate

VARIANTS = {
    "neither": {},
    "every 2nd step": {"backward_every": 2},
    "every 5th step": {"backward_every": 5},
    "FreezeOut, t0 = 0.8": {"freeze_out": 0.8},
    "both, every 2nd": {"backward_every": 2, "freeze_out": 0.8},
    "both, every 5th": {"backward_every": 5, "freeze_out": 0.8},
}


class Timed(Trainer):
    """A trainer that notes the CPU seconds of each epoch's batches, forward, backward and step."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.spent = []

    def _without(self, way, *given):
        """What a step of preparing images gives, whose seconds do not count."""
        began = time.process_time()
        found = way(*given)
        self.apart = getattr(self, "apart", 0.0) + time.process_time() - began
        return found

    def _distorted(self, images, rng):
        return self._without(super()._distorted, images, rng)

    def _coded(self, images, rng):
        return self._without(super()._coded, images, rng)

    def _inputs(self, images):
        return self._without(super()._inputs, images)

    def _one_epoch(self, tick):
        self.apart, began = 0.0, time.process_time()
        loss = super()._one_epoch(tick)
        self.spent.append(time.process_time() - began - self.apart)
        return loss


def trained(config, data, epochs, variants):
    """Validation accuracy and the seconds of each epoch, by variant, of one seed."""
    trainers = {name: Timed(dataclasses.replace(config, **VARIANTS[name]), data) for name in variants}
    for epoch in range(1, epochs + 1):
        for trainer in trainers.values():
            trainer.run(until=epoch)
    return {name: (own.history[-1].accuracy, own.spent) for name, own in trainers.items()}


@click.command()
@click.argument("network")
@click.option("--images", default=6000, show_default=True, help="Training images.")
@click.option("--epochs", default=8, show_default=True, help="Float epochs.")
@click.option("--seeds", default=3, show_default=True)
@click.option("--validate", default=2000, show_default=True, help="Validation images.")
@click.option(
    "--variant",
    "others",
    multiple=True,
    type=click.Choice([*VARIANTS][1:]),
    help="Beside `neither`; none: all.",
)
@click.option("--hidden", default=0, help="Neurons of the first layer; 0: the configuration's.")
@click.option("--out", type=click.Path(path_type=Path), help="A JSON file.")
def main(network, images, epochs, seeds, validate, others, hidden, out):
    variants = ["neither", *(others or [*VARIANTS][1:])]
    torch.set_num_threads(1)
    config = load_config(locate(network))
    if hidden:
        first = dataclasses.replace(config.layers[0], neurons=hidden)
        config = dataclasses.replace(config, layers=(first, *config.layers[1:]))
    config = dataclasses.replace(config, float_epochs=epochs, warmup=20)
    whole = Data.load(config)
    first = {"train": images, "validation": validate}
    cut = {part: tuple(own[:some] for own in getattr(whole, part)) for part, some in first.items()}
    data = dataclasses.replace(whole, **cut, tested=False)
    found = [trained(dataclasses.replace(config, seed=1 + k), data, epochs, variants) for k in range(seeds)]
    base = statistics.median(s for run in found for s in run["neither"][1])
    rows = []
    for name in variants:
        accuracy = [run[name][0] for run in found]
        spent = statistics.median(s for run in found for s in run[name][1])
        mean = statistics.mean([sum(run[name][1]) / sum(run["neither"][1]) for run in found])
        spread = float(np.std(accuracy, ddof=1)) if seeds > 1 else 0.0
        rows.append(
            {"variant": name, "accuracy": round(statistics.mean(accuracy), 2), "spread": round(spread, 2)}
        )
        rows[-1] |= {"epoch_s": round(spent, 3), "epoch_to_neither": round(spent / base, 3)}
        rows[-1] |= {"training_to_neither": round(mean, 3)}
        click.echo(json.dumps(rows[-1]))
    if out:
        out.write_text(
            json.dumps({"network": network, "images": images, "epochs": epochs, "rows": rows}, indent=1)
        )


if __name__ == "__main__":
    main()
