"""Time an epoch of STDBP: 784-800-10 on MNIST, beside plain PyTorch and a ReLU network of the same size.

CPU seconds are the first figure: the machine's load hardly moves them. Wall seconds and the load stand beside
them.

With --rivals: an epoch of each rule beside snnTorch and SpikingJelly, at the same steps, batch and threads.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from yoso_hw.writing import write_whole

from yoso_sw.commands.bench_rivals import beside
from yoso_sw.commands.options import out_option
from yoso_sw.commands.recorded import recorded
from yoso_sw.data.samples import DatasetError
from yoso_sw.learn.errors import TrainingError
from yoso_sw.runs.run import NamedRun


def show(run: dict[str, Any], ways: list[str], console: Console) -> None:
    """One number of threads as a table and its ratios."""
    threads = f"{run['threads']} thread{'s' * (run['threads'] > 1)}"
    table = Table("", "CPU s an epoch", "wall s", "batches measured", title=f"784-800-10, {threads}")
    for name in ways:
        table.add_row(name, *(str(run[f"{name}_{key}"]) for key in ("cpu_s", "s", "batches")))
    console.print(table)
    console.print(
        f"{threads}, by CPU seconds (wall): {run['ratio_vs_plain_cpu']} ({run['ratio_vs_plain']}) times "
        f"faster than plain PyTorch, {run['ratio_vs_relu_cpu']} ({run['ratio_vs_relu']}) times the ReLU "
        f"network's epoch; load {run['load_before']} before, {run['load_after']} after",
        soft_wrap=True,
    )


@click.command(help=__doc__)
@click.option(
    "--threads",
    default=(1, 2),
    show_default=True,
    multiple=True,
    type=click.IntRange(1),
    help="Once for each number of threads.",
)
@click.option(
    "--batches", default=468, show_default=True, type=click.IntRange(1), help="Batches of the fast two."
)
@click.option(
    "--plain-batches", default=20, show_default=True, type=click.IntRange(1), help="Of plain PyTorch."
)
@click.option(
    "--seconds",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0.0, min_open=True),
    help="Most that one way may take; it is then measured on fewer batches.",
)
@click.option(
    "--rounds", default=4, show_default=True, type=click.IntRange(1), help="Turns that the three take."
)
@click.option("--rivals", is_flag=True, help="Every rule beside snnTorch and SpikingJelly.")
@click.option(
    "--rules", default="stdbp,count,tandem,clif", show_default=True, help="Of --rivals: which of them."
)
@click.option("--skip", default="", metavar="MODE,..", help="Of --rivals: modes not tried, such as compiled.")
@click.option(
    "--page", type=click.Path(path_type=Path), metavar="DIR", help="Of --rivals: a folder for README.md."
)
@out_option()
@recorded()
def main(
    threads: tuple[int, ...],
    batches: int,
    plain_batches: int,
    seconds: float,
    rounds: int,
    rivals: bool,
    rules: str,
    skip: str,
    page: Path | None,
    run: NamedRun,
) -> None:
    if rivals:
        run.note()
        words = tuple(rules.split(",")), tuple(filter(None, skip.split(",")))
        beside(threads, rounds, *words, page, run.folder)
        return
    from yoso_sw.learn.stdbp import speed  # needs torch

    console, runs = Console(), []
    run.note()
    try:
        for count in threads:
            with Progress(console=console, transient=True) as progress:
                total = 2 * batches + plain_batches
                task = progress.add_task(f"batches, {count} threads", total=total)

                def advance(done: int, task: Any = task, progress: Progress = progress) -> None:
                    progress.advance(task, done)

                runs.append(speed.measure(count, batches, plain_batches, rounds, seconds, advance=advance))
            show(runs[-1], list(speed.WAYS), console)
    except (DatasetError, TrainingError) as error:
        raise click.ClickException(str(error)) from None
    report = run.folder / "bench_train.json"
    write_whole(report, json.dumps({**speed.about(), "rows": runs}, indent=1) + "\n")
    console.print(f"written to {report}", soft_wrap=True)
