"""Synthesis with open tools: ``make synth [BLOCK=name] [TARGET=name]``.

Each target is a flow of its own (`ecp5`); all write rows of one report, ``build/reports/synth.json``. The
tools are YoWASP's, from PyPI.
"""

from __future__ import annotations

import os

import asic
import click
import ecp5
from pdk import PROCESSES
from report import table, write_report
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from tools import BUILD, REPORTS, SynthError
from yoso_hw.params import ChipParams, ParamError

#: A flow by target: its blocks, and what makes rows of one of them.
FLOWS = {
    "ecp5": (ecp5.BLOCKS, ecp5.synthesise),
    **{name: (asic.BLOCKS, asic.flow(name)) for name in PROCESSES},
}


@click.command()
@click.option("--block", default="all", show_default=True, help="A block of the target, or all.")
@click.option("--target", type=click.Choice([*FLOWS]), default="ecp5", show_default=True)
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A chip parameter, e.g. lanes=1."
)
def main(block: str, target: str, settings: tuple[str, ...]) -> None:
    """Say what a block costs: logic, memories and highest clock."""
    console = Console()
    blocks, synthesise = FLOWS[target]
    if block not in (*blocks, "all"):
        raise click.BadParameter(f"{block!r} is not one of {', '.join(blocks)}, all", param_hint="--block")
    try:
        params = ChipParams.with_settings(settings)
    except ParamError as error:
        raise click.ClickException(str(error)) from None
    BUILD.mkdir(parents=True, exist_ok=True)
    rows = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        for name in blocks if block == "all" else [block]:
            task = progress.add_task(f"{name} on {target} (first use unpacks the tools)")
            try:
                rows += synthesise(name, params, BUILD)
            except SynthError as error:
                raise click.ClickException(str(error)) from None
            progress.remove_task(task)
    write_report(rows, REPORTS / "synth.json")
    console.print(table(rows))
    console.print(f"[dim]{os.path.relpath(REPORTS / 'synth.json')}")


if __name__ == "__main__":
    main()
