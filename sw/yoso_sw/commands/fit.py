"""Which chips hold a network: PEs, estimated cycles an image, and for the others why not."""

from __future__ import annotations

from pathlib import Path

import click
from yoso_hw import chips
from yoso_hw.chips.options import chip_option, set_option
from yoso_hw.params import ParamError

from yoso_sw.commands.options import images_option, net_option
from yoso_sw.compile.fit import Fit, fits
from yoso_sw.data.recorded import samples_for
from yoso_sw.data.samples import DatasetError
from yoso_sw.network import golden
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate

HEADER = ("chip", "mesh", "lanes", "neurons", "weights", "PEs", "cycles", "")


@click.command()
@net_option()
@chip_option(chips.DEFAULT)
@set_option
@images_option(4, "Test images to estimate cycles by; 0: by typical activity.")
def main(net: str, chip: str, settings: tuple[str, ...], images: int) -> None:
    """Which chips hold NET, a trained network by its name or file: the named ones, the smallest of a kind.

    The kind is --chip: its lanes, and its memories or larger ones, on as small a mesh as holds NET. Cycles an
    image are estimated, from what the golden model does in some test images; the simulator counts them.
    """
    try:
        network = Network.load(path := locate(net, ".npz"))
        chips.load(chip, settings)  # refused before data are looked for
        result, why = _seen(network, path, images) if images else (None, "")
        found = [*fits(network, chip, settings, result)]
    except (NetworkError, ParamError, DatasetError) as error:
        raise click.ClickException(str(error)) from None
    neurons = sum(layer.neurons for layer in network.layers)
    weights = sum(layer.weights.size for layer in network.layers)
    click.echo(
        f"{network.name}: {network.shape}, {neurons} neurons, {weights} weights, {network.steps} steps"
    )
    holds = [_row(one) for one in found if one.pes]
    widths = [max(map(len, column)) for column in zip(HEADER, *holds, strict=True)]
    for row in (HEADER, *holds) if holds else ():
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if holds and result is None:
        click.echo(f"cycles by typical activity{why}, which may be far off")
    for one in found:
        if not one.pes:
            click.echo(f"not on {one.chip}: {one.why}")


def _seen(network: Network, path: Path, images: int) -> tuple[golden.GoldenResult | None, str]:
    """What the golden model does in its first test images; where there are none, nothing, and why."""
    try:
        samples = samples_for(network, path)
    except DatasetError as error:
        return None, f" ({error})"
    return golden.run(network, samples.first(images).inputs), ""


def _row(one: Fit) -> tuple[str, ...]:
    """The cells of a chip that holds the network."""
    params = one.params
    assert params is not None
    mesh = f"{params.cols} x {params.rows}"
    numbers = map(str, (params.lanes, params.neurons, params.weights, one.pes, round(one.cycles)))
    return (one.chip, mesh, *numbers, one.why)
