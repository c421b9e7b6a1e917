"""Train a network.

NET is the name of a committed configuration, or a TOML file. The integer network and its model card are
written beside the configuration (a committed one's, without a checkout: to the working folder), the learning
curve to train in the output folder; of a rule without integers, a summary of its accuracy beside the curve.
Training can be interrupted at any time; the same command resumes after the last whole epoch and gives the
same network.
"""

from __future__ import annotations

import dataclasses
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from yoso_hw.folders import checked, output_folder
from yoso_hw.writing import write_whole

from yoso_sw.commands.options import file_option, net_option, picture_option
from yoso_sw.commands.recorded import recorded
from yoso_sw.data import registry
from yoso_sw.data.options import data_option
from yoso_sw.data.parts import Data
from yoso_sw.data.samples import DatasetError
from yoso_sw.learn import card, clipped, curve, dead
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.config_file import load_config
from yoso_sw.learn.errors import TrainingError
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.golden import GoldenError
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import NETWORKS, home, locate
from yoso_sw.runs.run import NamedRun

#: What is wrong with something that the user gave; one message each.
ERRORS = (ConfigError, DatasetError, TrainingError, NetworkError, GoldenError, curve.CurveError)


def checkpoints() -> Path:
    """The folder of checkpoints and learning curves."""
    return output_folder() / "train"


def command_of(config_path: Path, device: str = "cpu", data: str | None = None) -> str:
    """The command that trains a configuration; networks record it."""
    own = config_path.resolve()
    on = "" if data is None else f" DATA={data}"
    where = "" if device == "cpu" else f" DEVICE={device}"
    return f"make train NET={own.stem if own.parent == NETWORKS else config_path}{on}{where}"


def _train(
    config_path: Path,
    out: Path,
    checkpoint: Path,
    device: str,
    data: str | None,
    pictures: str,
    run: NamedRun,
) -> None:
    from yoso_sw.learn.trainer import Trainer  # needs torch, as does all that follows
    from yoso_sw.learn.training import train

    console = Console()
    config = load_config(config_path)
    if data is not None:
        config = dataclasses.replace(config, dataset=data)
    seen = Data.load(config, config_path.parent)
    if registry.find(config.dataset, config_path.parent).place == out.resolve():
        raise DatasetError(f"{out} is the data set, which the network would replace; give another -o")
    run.note(
        config=json.loads(json.dumps(dataclasses.asdict(config), default=str)),
        seed=config.seed,
        file=str(config_path),
        data=seen.record,
    )
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    progress, bars = Progress(*columns, console=console), ExitStack()
    trainers: list[Trainer] = []
    with bars:

        def begun(trainer: Trainer) -> None:
            trainers.append(trainer)
            if trainer.epoch:
                console.print(f"resuming {config.name} after epoch {trainer.epoch} of {trainer.epochs}")
            bars.enter_context(progress)
            total, done = (epochs * trainer.batches for epochs in (trainer.epochs, trainer.epoch))
            progress.add_task(config.name, total=total, completed=done)

        def report(epoch: curve.Epoch) -> None:
            silent = dead.text(dead.layers(config, epoch.spikes))
            console.print(f"{epoch}" + (f"  {silent}" if silent else ""), soft_wrap=True)
            begins = epoch.number == config.float_epochs + 1
            if begins and (many := clipped.text(clipped.biases(trainers[0].model))):
                console.print(f"warning: {many}", soft_wrap=True)

        trained = train(
            config,
            seen,
            checkpoint=checkpoint,
            device=device,
            command=command_of(config_path, device, data),
            begun=begun,
            report=report,
            tick=lambda _: progress.advance(progress.task_ids[0]),
        )
    if trained.silent:
        console.print(f"warning: {trained.silent}", soft_wrap=True)
    about = trained.figures
    if trained.network is not None:
        _write_network(trained.network, config_path, out, console)
        trained.network.save(run.folder / f"{config.name}.npz")  # training again replaces the other
    else:
        _write_summary(about, checkpoint, console)
    write_whole(run.folder / "train.json", json.dumps({"network": config.name, **about}, indent=1) + "\n")
    picture = curve.write(config.name, list(trained.history), checkpoint.parent, pictures)
    for drawn in (picture, picture.with_suffix(".json")):
        write_whole(run.folder / drawn.name, drawn.read_bytes())
    console.print(f"{picture}: learning curve", soft_wrap=True)


def _write_network(network: Network, config_path: Path, out: Path, console: Console) -> None:
    network.save(out)
    about = network.about
    console.print(
        f"{out}: test accuracy {about['golden_accuracy']:.2f} % on the golden model "
        f"({about['float_accuracy']:.2f} % in float), spikes an image {about['spikes']}",
        soft_wrap=True,
    )
    console.print(f"{card.write(config_path, out)}: model card", soft_wrap=True)


def _write_summary(summary: dict[str, Any], checkpoint: Path, console: Console) -> None:
    """What there is of a rule that ends with float weights: the checkpoint, and what it came to."""
    path = checkpoint.with_name(f"{summary['network']}.summary.json")
    write_whole(path, json.dumps(summary, indent=1) + "\n")
    console.print(
        f"{path}: test accuracy {summary['float_accuracy']:.2f} % in float, "
        f"spikes an image {summary['spikes']}",
        soft_wrap=True,
    )
    console.print(
        f"{checkpoint}: the float weights; rule {summary['rule']} has no integers, so there is no network "
        "for golden model or chip",
        soft_wrap=True,
    )


on_device = click.option(
    "--device",
    default="cpu",
    show_default=True,
    type=click.Choice(["cpu", "cuda"]),
    help="Where torch trains; a GPU rounds otherwise.",
)


@click.command(help=__doc__)
@net_option()
@file_option("Network file; beside the configuration if not given.")
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    help="State after the last whole epoch; $YOSO_OUTPUT/train/<name>.pt if not given. "
    "The learning curve goes beside it.",
)
@click.option("--restart", is_flag=True, help="Forget the checkpoint and train from the start.")
@click.option(
    "--threads",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="CPU threads of torch; another count rounds otherwise.",
)
@data_option
@on_device
@picture_option
@recorded(latest=False)
def main(
    net: str,
    output: Path | None,
    checkpoint: Path | None,
    restart: bool,
    threads: int,
    data: str | None,
    device: str,
    pictures: str,
    run: NamedRun,
) -> None:
    try:
        path = locate(net)
        if output is not None:
            load_config(path).check_exports()
        out = output or home(path) / f"{path.stem}.npz"
        checkpoint = checkpoint or checkpoints() / f"{path.stem}.pt"
        checked(out.parent, "give another file with -o")  # better now than after the training
        checked(checkpoint.parent, "give another --checkpoint")
        import torch

        from yoso_sw.learn.training import check_device

        torch.set_num_threads(threads)
        if restart:
            checkpoint.unlink(missing_ok=True)
        check_device(device)
        _train(path, out, checkpoint, device, data, pictures, run)
    except ERRORS as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException(
            "interrupted; the same command resumes after the last whole epoch"
        ) from None
