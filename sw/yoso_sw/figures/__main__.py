"""Redraw the paper's figures and tables: ``python -m yoso_sw.figures <name>``.

Each command writes a PNG and a JSON with the numbers into build/reports/figures.
"""

from __future__ import annotations

from typing import Any

import click

from yoso_sw.data.samples import DatasetError
from yoso_sw.figures.dead_neurons import dead_neurons
from yoso_sw.figures.gradients import gradients
from yoso_sw.figures.publish import publish
from yoso_sw.figures.report import FigureError
from yoso_sw.figures.spike_times import spike_times
from yoso_sw.figures.tables import tables
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.errors import TrainingError
from yoso_sw.network.golden import GoldenError
from yoso_sw.network.network import NetworkError

#: What is wrong with something that the user gave or that is missing; one message each.
ERRORS = (FigureError, ConfigError, TrainingError, DatasetError, NetworkError, GoldenError, OSError)


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


for command in (gradients, dead_neurons, spike_times, tables, publish):
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="python -m yoso_sw.figures")
