"""Bitstream of a whole chip for the ULX3S board."""

from __future__ import annotations

import os
from pathlib import Path

import click
from rich.console import Console
from yoso_hw import chips
from yoso_hw.chips.options import chip_option, set_option
from yoso_hw.params import ParamError
from yoso_sw.commands.options import out_option
from yoso_synth.report import table, write_report
from yoso_synth.tools import SynthError, build_folder

NAME = "ulx3s"


@click.command()
@click.option("--seed", default=1, show_default=True, help="Of placement.")
@chip_option(NAME)
@set_option
@out_option()
def main(seed: int, chip: str, settings: tuple[str, ...], out: Path) -> None:
    """Make the bitstream of a whole chip for the ULX3S board (long).

    Writes ulx3s.bit to synth in the output folder, and the chip's row of the report synth.json. How to load
    it is in docs/board.md.
    """
    from yoso_synth.bitstream import make  # needs Amaranth

    console = Console(highlight=False)
    folder = build_folder()
    try:
        params = chips.load(chip, settings)
        row = make(params, seed, folder / NAME, console)
    except (ParamError, SynthError) as error:
        raise click.ClickException(str(error)) from None
    bitstream = folder / f"{NAME}.bit"
    (folder / NAME / f"{NAME}.bit").replace(bitstream)
    write_report([row], out / "synth.json")
    console.print(table([row]))
    console.print(f"{os.path.relpath(bitstream)} ({bitstream.stat().st_size / 1e6:.2f} MB)")
