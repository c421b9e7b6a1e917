"""Bitstream of a whole chip for a board."""

from __future__ import annotations

import os
from pathlib import Path

import click
from rich.console import Console
from yoso_hw import boards
from yoso_hw.boards.options import board_option
from yoso_hw.chips.options import chip_option, set_option
from yoso_hw.params import ParamError
from yoso_sw.commands.options import out_option
from yoso_synth.report import table, write_report
from yoso_synth.tools import SynthError, build_folder


@click.command()
@click.option("--seed", default=1, show_default=True, help="Of placement.")
@board_option
@chip_option(None)
@set_option
@out_option()
def main(seed: int, board: str, chip: str | None, settings: tuple[str, ...], out: Path) -> None:
    """Make the bitstream of a whole chip for a board (long).

    Without --chip that is the board's own. Writes BOARD.bit to synth in the output folder, and the chip's row
    of the report synth.json. How to load it is in docs/board.md.
    """
    from yoso_synth.bitstream import NAME, make  # needs Amaranth

    console = Console(highlight=False)
    folder = build_folder()
    try:
        description = boards.load(board)
        params = description.params(chip, settings)
        row = make(description, params, seed, folder / description.name, console)
    except (boards.DescriptionError, ParamError, SynthError) as error:
        raise click.ClickException(str(error)) from None
    bitstream = folder / f"{description.name}.bit"
    (folder / description.name / f"{NAME}.bit").replace(bitstream)
    write_report([row], out / "synth.json")
    console.print(table([row]))
    console.print(f"{os.path.relpath(bitstream)} ({bitstream.stat().st_size / 1e6:.2f} MB)")
