"""``yoso rtl``: the chip for the tools of others."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from yoso_hw import chips
from yoso_hw.chips.options import chip_option, set_option
from yoso_hw.folders import checked, output_folder
from yoso_hw.params import ChipParams, ParamError
from yoso_sw.compile.choose import choose
from yoso_sw.compile.image import ImageError, WeightImage
from yoso_sw.compile.mapping import CompileError
from yoso_sw.data.options import data_option, other_data_option
from yoso_sw.data.recorded import samples_for
from yoso_sw.data.samples import DatasetError, Inputs
from yoso_sw.network import golden
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate

ERRORS = (ParamError, NetworkError, CompileError, DatasetError, ImageError)


def said(chip: str, params: ChipParams) -> str:
    """A chip in a line."""
    before, now = asdict(chips.load(chip)), asdict(params)
    settings = "".join(f", {key}={value}" for key, value in now.items() if value != before[key])
    return f"chip {Path(chip).stem}{settings}, {params.cols} x {params.rows} PEs"


def pick(network: Network, path: Path, image: int, data: str | None, other_data: bool) -> Inputs:
    """One image of a network's test set. Raises `DatasetError`."""
    samples = samples_for(network, path, data, other_data)
    if not 0 <= image < len(samples):
        raise DatasetError(
            f"--image {image} is outside 0..{len(samples) - 1}, the test images of {samples.name}"
        )
    return samples.inputs[image : image + 1]


@click.command()
@click.option(
    *("-o", "--output"),
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the kit; $YOSO_OUTPUT/kit if not given.",
)
@click.option(
    "--period", default=20.0, show_default=True, metavar="NS", help="Of the clock, for the constraints."
)
@chip_option(None)
@set_option
@click.option("--net", metavar="NAME|FILE", help="Network of the testbench; there is none if not given.")
@click.option("--image", type=int, metavar="N", help="Test image that the testbench runs; 0 if not given.")
@data_option
@other_data_option
def main(
    output: Path | None,
    period: float,
    chip: str | None,
    settings: tuple[str, ...],
    net: str | None,
    image: int | None,
    data: str | None,
    other_data: bool,
) -> None:
    """Write the chip as a kit for synthesis and simulation elsewhere.

    Verilog behind AXI4-Stream, constraints (SDC, XDC), a FuseSoC core file, an example; with --net a
    testbench that loads the network and runs one image, and the flits that it sends. docs/kit.md walks
    through it.
    """
    if net is None and (image is not None or data is not None or other_data):
        raise click.UsageError("--image and --data are for the testbench's network: give --net too")
    folder = output_folder() / "kit" if output is None else checked(output, "give another -o")
    from yoso_hw.kit.write import KitError, Trial, check, write  # needs Amaranth

    try:
        check(folder, period)
        trial, why = None, ""
        if net is None:
            name = chip or chips.DEFAULT
            params = chips.load(name, settings)
        else:
            path = locate(net, ".npz")
            network = Network.load(path)
            choice = choose(network, chip, settings)
            name, params = choice.chip, choice.image.params
            why = f"{network.name} on chip {name}, {choice.why}" if choice.why else ""
            inputs = pick(network, path, image or 0, data, other_data)
            trial = Trial(**decided(network, choice.image, inputs), image=image or 0)
        files = write(params, folder, about=said(name, params), period=period, trial=trial)
    except (*ERRORS, KitError) as error:
        raise click.ClickException(str(error)) from None
    if why:
        click.echo(why)
    for path in files:
        click.echo(path)


def decided(network: Network, image: WeightImage, inputs: Inputs) -> dict[str, Any]:
    """What a testbench sends for one image, and what the golden model decides."""
    reference = golden.run(network, inputs, params=image.params)
    one = inputs[0]
    return {
        "network": network.name,
        "load": image.load_flits().tolist(),
        "flits": image.image_flits(one).tolist(),
        "decision": int(reference.decisions[0]),
        "step": int(reference.decision_steps[0]),
        "spiked": bool(reference.spiked[0]),
    }
