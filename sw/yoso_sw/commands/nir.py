"""Networks as NIR files: export one, or import one.

What is not exact is said, and what cannot be said is refused (docs/nir.md).
"""

from __future__ import annotations

from pathlib import Path

import click
from yoso_hw.folders import output_folder

from yoso_sw.commands.options import file_option, images_option, net_option
from yoso_sw.data.options import data_option
from yoso_sw.data.recorded import samples_for
from yoso_sw.data.samples import DatasetError
from yoso_sw.learn.config import ConfigError
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.golden import GoldenError
from yoso_sw.network.network import CODES, Network
from yoso_sw.network.zoo import locate
from yoso_sw.nir import NirError, convert, losses, measure, read, to_nir, write


@click.group(help=__doc__)
def main() -> None:
    pass


@main.command("export", short_help="Write a network as a NIR file.")
@net_option()
@file_option("NIR file; $YOSO_OUTPUT/nir/<name>.nir if not given.")
@click.option("--dt", default=1.0, show_default=True, help="Length of a step in the graph's time.")
def export_command(net: str, output: Path | None, dt: float) -> None:
    """Write NET, the name of a committed network or an .npz file, as a NIR file."""
    try:
        network = Network.load(locate(net, ".npz"))
        out = output or output_folder() / "nir" / f"{network.name}.nir"
        write(out, to_nir(network, dt))
    except (ConfigError, NetworkError, NirError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{out}: {network.name}, {network.shape}, decision {network.decision}")
    for loss in losses(network):
        click.echo(f"not in the graph: {loss}")


@main.command("import", short_help="Make a network of a NIR file.")
@click.argument("file", type=click.Path(path_type=Path))
@file_option("Network; $YOSO_OUTPUT/nir/<file>.npz if not given.")
@click.option("--name", help="Name of the network; the metadata's if not given.")
@click.option("--steps", type=int, help="Steps of the graph; the metadata's if not given.")
@click.option("--levels", type=int, help="Levels of the input code; the metadata's if not given.")
@click.option("--bits", type=int, help="Bits of a weight; the metadata's, or else 8, if not given.")
@click.option("--code", type=click.Choice(CODES), help="How inputs spike; the metadata's if not given.")
@click.option(
    "--reset",
    type=click.Choice(["zero", "subtract"]),
    help="What firing does where v_reset is 0; as the metadata say, or else zero, if not given.",
)
@click.option("--dt", type=float, help="Length of a step in the graph's time; the metadata's, or else 1.")
@data_option
@images_option(100, "Test images of --data, the first, on which network and graph are compared.")
def import_command(
    file: Path,
    output: Path | None,
    name: str | None,
    steps: int | None,
    levels: int | None,
    bits: int | None,
    code: str | None,
    reset: str | None,
    dt: float | None,
    data: str | None,
    images: int,
) -> None:
    """Make a network of FILE, a NIR graph; what is not exact is said, what has no layer is refused."""
    out = output or output_folder() / "nir" / f"{file.stem}.npz"
    try:
        conversion = convert(
            read(file),
            name=name,
            steps=steps,
            levels=levels,
            weight_bits=bits,
            code=code,
            reset=reset,
            dt=dt,
        )
        network, measured = conversion.network, None
        if data is not None:
            measured = measure(conversion, samples_for(network, out, data, other=True).first(images).inputs)
        out.parent.mkdir(parents=True, exist_ok=True)
        network.save(out)
    except (NetworkError, NirError, DatasetError, GoldenError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{out}: {network.name}, {network.shape}, decision {network.decision}")
    click.echo(conversion)
    if measured:
        click.echo(measured)
