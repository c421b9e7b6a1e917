"""Train a network: ``python -m yoso_sw.train --config sw/networks/mnist-784-100-10.toml``.

Writes the integer network beside its configuration. It can be interrupted at any time; the same command
resumes after the last whole epoch and gives the same network.
"""

from __future__ import annotations

from pathlib import Path

import click
import torch
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from yoso_sw import datasets
from yoso_sw.config import ConfigError, load_config
from yoso_sw.model import TrainingError
from yoso_sw.trainer import Data, Epoch, Trainer


def _train(config_path: Path, out: Path, checkpoint: Path, console: Console) -> None:
    config = load_config(config_path)
    data = Data.load(config)
    trainer = Trainer(config, data, checkpoint)
    if trainer.epoch:
        console.print(f"resuming {config.name} after epoch {trainer.epoch} of {trainer.epochs}")
    batches = len(data.train[0]) // config.batch
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(
            config.name, total=trainer.epochs * batches, completed=trainer.epoch * batches
        )

        def report(epoch: Epoch) -> None:
            phase = "integer" if epoch.whole else "float"
            spikes = ", ".join(f"{count:.0f}" for count in epoch.spikes)
            console.print(
                f"epoch {epoch.number:3} {phase:7} loss {epoch.loss:.4f}  "
                f"validation {epoch.accuracy:.2f} %  spikes {spikes}",
                soft_wrap=True,
            )

        trainer.run(report, lambda: progress.advance(task))
    network = trainer.network(f"python -m yoso_sw.train --config sw/networks/{config_path.name}")
    network.save(out)
    about = network.about
    console.print(
        f"{out}: test accuracy {about['golden_accuracy']:.2f} % on the golden model "
        f"({about['float_accuracy']:.2f} % in float), spikes an image {about['spikes']}",
        soft_wrap=True,
    )


@click.command(help=__doc__)
@click.option(
    "--config",
    "config_path",
    required=True,
    type=click.Path(path_type=Path),
    help="TOML file of the training.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Network file; beside the configuration if not given."
)
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    help="State after the last whole epoch; build/train/<name>.pt if not given.",
)
@click.option("--restart", is_flag=True, help="Forget the checkpoint and train from the start.")
@click.option(
    "--threads", default=1, show_default=True, help="CPU threads of torch; another count rounds otherwise."
)
def main(config_path: Path, out: Path | None, checkpoint: Path | None, restart: bool, threads: int) -> None:
    torch.set_num_threads(threads)
    console = Console()
    checkpoint = checkpoint or Path("build/train") / f"{config_path.stem}.pt"
    if restart:
        checkpoint.unlink(missing_ok=True)
    try:
        _train(config_path, out or config_path.with_suffix(".npz"), checkpoint, console)
    except (ConfigError, TrainingError, datasets.DatasetError) as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException(
            "interrupted; the same command resumes after the last whole epoch"
        ) from None


if __name__ == "__main__":
    main()
