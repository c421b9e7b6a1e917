"""Networks as NIR files: export one, or import one.

Only networks of slope A, without firing windows and pooling, can be said in NIR (docs/nir.md).
"""

from __future__ import annotations

from pathlib import Path

import click
from yoso_hw.folders import output_folder

from yoso_sw.commands.options import file_option, net_option
from yoso_sw.learn.config import ConfigError
from yoso_sw.network.network import Network, NetworkError
from yoso_sw.network.zoo import locate
from yoso_sw.nir import NirError, from_nir, read, to_nir, write


@click.group(help=__doc__)
def main() -> None:
    pass


@main.command("export", short_help="Write a network as a NIR file.")
@net_option()
@file_option("NIR file; $YOSO_OUTPUT/nir/<name>.nir if not given.")
def export_command(net: str, output: Path | None) -> None:
    """Write NET, the name of a committed network or an .npz file, as a NIR file."""
    try:
        network = Network.load(locate(net, ".npz"))
        out = output or output_folder() / "nir" / f"{network.name}.nir"
        write(out, to_nir(network))
    except (ConfigError, NetworkError, NirError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{out}: {network.name}, {network.shape}, decision {network.decision}")


@main.command("import", short_help="Make a network of a NIR file.")
@click.argument("file", type=click.Path(path_type=Path))
@file_option("Network; $YOSO_OUTPUT/nir/<file>.npz if not given.")
@click.option("--name", help="Name of the network; the metadata's if not given.")
@click.option("--steps", type=int, help="Steps of an image; the metadata's if not given.")
@click.option("--levels", type=int, help="Levels of the input code; the metadata's if not given.")
@click.option("--bits", type=int, help="Bits of a weight; the metadata's, or else 8, if not given.")
def import_command(
    file: Path, output: Path | None, name: str | None, steps: int | None, levels: int | None, bits: int | None
) -> None:
    """Make a network of FILE, a NIR graph of integer weights; what ReL-PSP does not mean is refused."""
    out = output or output_folder() / "nir" / f"{file.stem}.npz"
    try:
        network = from_nir(read(file), name=name, steps=steps, levels=levels, weight_bits=bits)
        out.parent.mkdir(parents=True, exist_ok=True)
        network.save(out)
    except (NetworkError, NirError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{out}: {network.name}, {network.shape}, decision {network.decision}")
