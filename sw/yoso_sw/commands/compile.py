"""Compile a network for a chip: print the mapping, write the weight image."""

from __future__ import annotations

from pathlib import Path

import click
from yoso_hw.chips.options import chip_option, set_option
from yoso_hw.folders import output_folder
from yoso_hw.params import ParamError

from yoso_sw.commands.options import file_option, net_option
from yoso_sw.compile.choose import choose
from yoso_sw.compile.compiler import compile_network, describe
from yoso_sw.compile.image import ImageError
from yoso_sw.compile.mapping import CompileError
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate


@click.command()
@net_option()
@file_option("Weight image to write; $YOSO_OUTPUT/images/<name>.yoso if not given.")
@chip_option(None)
@set_option
@click.option("--spread/--no-spread", default=True, help="Give spare PEs to the layers that gain most.")
def main(net: str, output: Path | None, chip: str | None, settings: tuple[str, ...], spread: bool) -> None:
    """Compile NET, a trained network by its name or file, into a weight image; print its mapping.

    Without --chip that is the default chip or, if that does not hold the network, the first one that does.
    """
    folder = output.parent if output else output_folder() / "images"
    try:
        network = Network.load(locate(net, ".npz"))
        choice = choose(network, chip, settings)
        params = choice.image.params
        image = choice.image if spread else compile_network(network, params, spread=False)
        if choice.why:
            click.echo(f"chip {choice.chip}, {choice.why}")
        click.echo(describe(network, image))
        output = output or folder / f"{network.name}.yoso"
        output.parent.mkdir(parents=True, exist_ok=True)
        image.save(output)
    except (NetworkError, ParamError, CompileError, ImageError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{output}: weight image")
