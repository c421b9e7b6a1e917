"""What a block costs: logic, memories and highest clock, on an FPGA and on ASIC processes."""

from __future__ import annotations

import os

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from yoso_hw import chips, drawing
from yoso_hw.chips.options import chip_option, set_option
from yoso_hw.params import ParamError
from yoso_sw.commands.options import out_option, picture_option
from yoso_sw.commands.recorded import recorded
from yoso_sw.runs import made_with
from yoso_sw.runs.run import NamedRun
from yoso_synth.liberty import LibertyError
from yoso_synth.pdk import PROCESSES, MissingPdk
from yoso_synth.report import Row, draw, table, write_report
from yoso_synth.tools import SynthError, build_folder


@click.command()
@click.option(
    "--block",
    default="all",
    show_default=True,
    help="A block, by the name of its file in hw/yoso_hw, or all of the target.",
)
@click.option("--target", type=click.Choice(["all", "ecp5", *PROCESSES]), default="all", show_default=True)
@chip_option()
@set_option
@picture_option
@out_option()
@recorded(own=("synth.json",))
def main(block: str, target: str, chip: str, settings: tuple[str, ...], pictures: str, run: NamedRun) -> None:
    """Say what a block costs: logic, memories and highest clock.

    All targets are ecp5, and sg13g2 if its files are here.
    """
    from yoso_synth.blocks import find  # needs Amaranth
    from yoso_synth.flows import DEFAULT, FLOWS

    console = Console()
    asked = DEFAULT if target == "all" else (target,)
    # The ECP5's flow takes any block of the RTL.
    targets = [name for name in asked if name == "ecp5" or block in (*FLOWS[name][0], "all")]
    if not targets:
        known = ", ".join(sorted({one for name in asked for one in FLOWS[name][0]}))
        raise click.BadParameter(
            f"{block!r} is not one of {known}, all; --target ecp5 takes any block of the RTL",
            param_hint="--block",
        )
    try:
        params = chips.load(chip, settings)
        if "ecp5" in targets and block not in (*FLOWS["ecp5"][0], "all"):
            find(block, params)  # better refused now than after the run has begun
    except (ParamError, SynthError) as error:
        raise click.ClickException(str(error)) from None
    run.note(chip=made_with.chip_of(params), blocks=block, targets=targets)
    folder = build_folder()
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        for name in targets:
            blocks, synthesise = FLOWS[name]
            for one in blocks if block == "all" else [block]:
                task = progress.add_task(f"{one} on {name} (first use unpacks the tools)")
                try:
                    rows += synthesise(one, params, folder, run.folder)
                except MissingPdk as error:
                    if target != "all":
                        raise click.ClickException(str(error)) from None
                    console.print(f"{error}; the rest goes on", soft_wrap=True)
                except (SynthError, LibertyError) as error:
                    raise click.ClickException(str(error)) from None
                progress.remove_task(task)
    write_report(rows, run.folder / "synth.json")
    drawn = draw(write_report(rows, run.latest / "synth.json"))  # beside those of earlier runs
    if drawn:
        drawing.save(drawn, run.latest / f"synth.{pictures}")
    console.print(table(rows))
    console.print(f"[dim]{os.path.relpath(run.latest / 'synth')}.json{f', .{pictures}' if drawn else ''}")
