"""Measure trained networks on the golden model.

Every committed network, or those given, by name or file, runs the whole test set of its data set. On some
images the trainer's integer forward pass (that of its rule, or the neuron family's where a network has no
configuration) must agree with the golden model, spike for spike; where torch is not installed, that is left
out, and the report says so.
"""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from yoso_hw.extras import advice
from yoso_hw.writing import write_whole

from yoso_sw.commands.options import nets_option, out_option
from yoso_sw.commands.recorded import recorded
from yoso_sw.data.options import data_option, other_data_option
from yoso_sw.data.samples import DatasetError
from yoso_sw.learn.accuracy import disagreements as disagreements
from yoso_sw.learn.accuracy import found, measure
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.errors import TrainingError
from yoso_sw.network import golden
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.zoo import names
from yoso_sw.runs.made_with import digest_of
from yoso_sw.runs.run import NamedRun


def show(rows: list[dict[str, Any]], console: Console) -> None:
    """The rows as a table; "by spikes": per cent of the images that spikes decide."""
    columns = ("bits", "steps", "paper", "float", "golden", "mean", "spread", "seeds")
    table = Table(box=None)
    table.add_column("network", no_wrap=True)
    table.add_column("decision", no_wrap=True)
    for column in (*columns, "spikes/neuron", "by spikes", "step"):
        table.add_column(column, justify="right")
    for row in rows:
        measured = ("spikes_per_neuron", "decided_by_spikes", "decision_step")
        values = [row[key] for key in ("decision", *columns, *measured)]
        table.add_row(row["network"], *("" if value is None else str(value) for value in values))
    console.print(table)


@click.command(help=__doc__)
@nets_option
@out_option()
@click.option(
    "--checked",
    default=100,
    show_default=True,
    type=click.IntRange(1),
    help="Images compared spike for spike.",
)
@data_option
@other_data_option
@recorded()
def main(nets: tuple[str, ...], checked: int, data: str | None, other_data: bool, run: NamedRun) -> None:
    console, rows, errors, measured = Console(), [], [], {}
    if trainer := importlib.util.find_spec("torch") is not None:
        import torch

        torch.set_num_threads(1)
    agreed = f"on {checked} images each, trainer and golden model agree"
    if not trainer:
        checked, agreed = 0, f"not compared: {advice('torch', what='the trainer')}"
    console.width = max(console.width, 130)  # a narrow table would cut the numbers
    for net in nets or names():
        try:
            with console.status(f"{net} ..."):
                path = found(net)
                rows.append(measure(path, checked, data, other_data))
            measured[rows[-1]["network"]] = digest_of(path.with_suffix(".npz"))
            run.note(networks=measured)
        except (ConfigError, NetworkError, TrainingError, DatasetError, golden.GoldenError) as error:
            errors.append(str(error))
    if rows:
        show(rows, console)  # first: there may be no room for the report
        path = run.folder / "accuracy.json"
        write_whole(path, json.dumps(rows, indent=1) + "\n")
        console.print(f"written to {path}; {agreed}", soft_wrap=True, markup=False)
    if errors:
        raise click.ClickException("\n".join(errors))
