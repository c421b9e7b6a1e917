"""Time an epoch of STDBP: 784-800-10 on MNIST, beside plain PyTorch and a ReLU network of the same size."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from yoso_sw.commands.options import out_option
from yoso_sw.data.samples import DatasetError


@click.command(help=__doc__)
@click.option("--threads", default=os.cpu_count(), show_default=True, type=click.IntRange(1))
@click.option(
    "--batches", default=468, show_default=True, type=click.IntRange(1), help="Batches of the fast two."
)
@click.option(
    "--plain-batches", default=4, show_default=True, type=click.IntRange(1), help="Of plain PyTorch."
)
@click.option(
    "--rounds", default=4, show_default=True, type=click.IntRange(1), help="Turns that the three take."
)
@out_option()
def main(threads: int, batches: int, plain_batches: int, rounds: int, out: Path) -> None:
    from yoso_sw.learn import speed  # needs torch

    console = Console()
    try:
        result = speed.measure(threads, batches, plain_batches, rounds, console)
    except DatasetError as error:
        raise click.ClickException(str(error)) from None
    out.mkdir(parents=True, exist_ok=True)
    report = out / "bench_train.json"
    report.write_text(json.dumps(result, indent=1) + "\n")
    table = Table("", "s an epoch", "CPU s", "batches measured", title=f"784-800-10, {threads} threads")
    for name in speed.WAYS:
        values = (name, *(result[f"{name}_{key}"] for key in ("s", "cpu_s", "batches")))
        table.add_row(*(str(value) for value in values))
    console.print(table)
    console.print(
        f"{result['ratio_vs_plain']} times faster than plain PyTorch, "
        f"{result['ratio_vs_relu']} times the ReLU network's epoch; written to {report}",
        soft_wrap=True,
    )
