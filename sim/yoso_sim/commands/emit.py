"""``yoso emit``: the chip as Verilog."""

from __future__ import annotations

import re
from pathlib import Path

import click
from yoso_hw import chips
from yoso_hw.chips.options import chip_option, set_option
from yoso_hw.folders import output_folder
from yoso_hw.params import ParamError


@click.command()
@chip_option()
@set_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder to write; $YOSO_OUTPUT/rtl if not given.",
)
def main(out: Path | None, chip: str, settings: tuple[str, ...]) -> None:
    """Write the chip's Verilog, one file for the node and one for the chip."""
    folder = out or output_folder() / "rtl"
    try:
        params = chips.load(chip, settings)
    except ParamError as error:
        raise click.ClickException(str(error)) from None
    from yoso_hw.emit import emit  # needs Amaranth

    for path in emit(params, folder):
        modules = len(re.findall(r"^module ", path.read_text(), re.MULTILINE))
        click.echo(f"{path}: {modules} modules")
