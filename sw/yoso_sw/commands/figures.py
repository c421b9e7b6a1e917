"""Redraw the paper's figures and tables.

Each command writes a PNG and a JSON with the numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from yoso_hw.folders import need_checkout

from yoso_sw.commands.options import images_option, jobs_option, nets_option, out_option, picture_option
from yoso_sw.data.samples import DatasetError
from yoso_sw.figures import report
from yoso_sw.figures.setting import VALIDATION, Setting
from yoso_sw.learn.alpha.limits import LONGEST
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.errors import TrainingError
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.golden import GoldenError

#: What is wrong with something that the user gave or that is missing; one message each.
ERRORS = (report.FigureError, ConfigError, TrainingError, DatasetError, NetworkError, GoldenError)

figures_option = out_option("reports/figures")
hidden_option = click.option(
    "--hidden", default=Setting.hidden, show_default=True, type=click.IntRange(1), help="Hidden neurons."
)


class Group(click.Group):
    """Turns what a figure may lack into one line of error."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ERRORS as error:
            raise click.ClickException(str(error)) from None
        except KeyboardInterrupt:
            raise click.ClickException(
                "interrupted; what runs epoch by epoch goes on with the same command"
            ) from None


@click.group(cls=Group, help=__doc__)
def main() -> None:
    pass


@main.command()
@click.option("--epochs", default=2, show_default=True, type=click.IntRange(0), help="Epochs trained before.")
@click.option(
    "--images", default=Setting.images, show_default=True, type=click.IntRange(50), help="Images an epoch."
)
@click.option(
    "--measured",
    default=500,
    show_default=True,
    type=click.IntRange(1, VALIDATION),
    help="Validation images that gradients are taken on.",
)
@hidden_option
@click.option("--seed", default=1, show_default=True, help="Of the first weights.")
@picture_option
@figures_option
def gradients(**options: Any) -> None:
    """Figure 11: how steep potentials are at the spike, and the gradients that follow, for both PSPs."""
    report.pyplot()  # missing? then now, not after the training
    from yoso_sw.figures.gradients import gradients

    gradients(**options)


@main.command("dead-neurons")
@click.option(
    "--runs", default=5, show_default=True, type=click.IntRange(1), help="First weights of each PSP."
)
@click.option("--epochs", default=20, show_default=True, type=click.IntRange(1), help="Epochs of each run.")
@click.option(
    "--images",
    default=Setting.images,
    show_default=True,
    type=click.IntRange(50, 60_000 - VALIDATION),
    help="Training images an epoch, drawn anew; 55000 is a whole epoch.",
)
@hidden_option
@click.option(
    "--tau",
    default=Setting.tau,
    show_default=True,
    type=click.FloatRange(Setting.end / LONGEST),
    help="Alpha-PSP's time constant, steps.",
)
@click.option(
    "--alpha-threshold",
    default=Setting.alpha_threshold,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Alpha-PSP's threshold, in weights.",
)
@jobs_option(1)
@click.option("--restart", is_flag=True, help="Forget the runs of before.")
@picture_option
@figures_option
def dead_neurons(**options: Any) -> None:
    """Figure 12: silent neurons along the learning, ReL-PSP beside alpha-PSP."""
    report.pyplot()
    from yoso_sw.figures.dead_neurons import dead_neurons

    dead_neurons(**options)


@main.command("spike-times")
@nets_option
@images_option(1000)
@picture_option
@figures_option
def spike_times(nets: tuple[str, ...], images: int, pictures: str, out: Path) -> None:
    """Figure 8: when hidden neurons spike, and how many have when the network decides, by network."""
    report.pyplot()
    from yoso_sw.figures.spike_times import spike_times

    spike_times(nets, images, pictures, out)


@main.command()
@click.option(
    "--accuracy",
    type=click.Path(path_type=Path),
    help="What `yoso eval` wrote; beside the figures if not given.",
)
@figures_option
def tables(accuracy: Path | None, out: Path) -> None:
    """Tables I, II and III with this project's rows, as Markdown."""
    from yoso_sw.figures.tables import tables

    tables(accuracy or out.parent / "accuracy.json", out)


@main.command()
@click.option(
    "--to",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to copy to; docs/figures of the checkout if not given.",
)
@figures_option
def publish(to: Path | None, out: Path) -> None:
    """Copy the figures and tables made last into docs/figures, with a page that says what made each."""
    from yoso_sw.figures.publish import publish

    publish(to or need_checkout("`yoso figures publish`") / "docs" / "figures", out)
