"""What distorted copies that come back save of a taught training, and what they cost in accuracy.

``python tests/support/teacher_share.py mnist-784-800-10 --copies 0,2,5 --epochs 10`` trains a configuration
with a teacher in float weights, once for each number of copies (`TrainConfig.distortions`; 0: every epoch
distorts anew and asks anew). All take turns, an epoch each, so that they meet the same machine. Printed are
the CPU time of their epochs without validation, to that of the first, the teacher's share of it, and the
accuracy on the validation images; no test image is looked at.
"""

import dataclasses
import time

import click
import torch
from yoso_sw.data.parts import Data
from yoso_sw.learn.config_file import load_config
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network.zoo import locate


class Timed(Trainer):
    """A trainer that notes the CPU seconds of its epochs, `spent`, and its teacher's in them, `asked`."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.spent = self.asked = 0.0
        verdicts = self.teacher.verdicts

        def timed(images):
            began = time.process_time()
            found = verdicts(images)
            self.asked += time.process_time() - began
            return found

        self.teacher.verdicts = timed

    def _one_epoch(self, tick):
        began = time.process_time()
        loss = super()._one_epoch(tick)
        self.spent += time.process_time() - began
        return loss


@click.command(help=__doc__)
@click.argument("network")
@click.option("--copies", default="0,2,5", show_default=True, help="Numbers of copies.")
@click.option("--epochs", default=10, show_default=True, help="Float epochs.")
@click.option("--seeds", default=1, show_default=True)
def main(network, copies, epochs, seeds):
    torch.set_num_threads(1)
    path = locate(network)
    config = dataclasses.replace(load_config(path), float_epochs=epochs)
    data = dataclasses.replace(Data.load(config, path.parent), tested=False)
    for seed in range(1, seeds + 1):
        ways = [dataclasses.replace(config, seed=seed, distortions=int(own)) for own in copies.split(",")]
        trainers = [Timed(way, data) for way in ways]
        for epoch in range(1, epochs + 1):
            for trainer in trainers:
                trainer.run(until=epoch)
        for trainer in trainers:
            click.echo(
                f"seed {seed}, {trainer.config.distortions} copies: "
                f"CPU time {trainer.spent / trainers[0].spent:.2f}, "
                f"teacher {trainer.asked / trainer.spent:.0%} of it, "
                f"validation {trainer.history[-1].accuracy:.2f} %"
            )


if __name__ == "__main__":
    main()
