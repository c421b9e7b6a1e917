"""``yoso demo``: draw a picture, the RTL classifies it."""

from __future__ import annotations

import logging
from math import isqrt

import click
import numpy as np
from yoso_hw.chips.options import chip_option, set_option
from yoso_hw.folders import output_folder
from yoso_sw.commands.options import net_option
from yoso_sw.data.options import data_option, other_data_option
from yoso_sw.data.recorded import samples_for, shape_of
from yoso_sw.data.samples import DatasetError, Samples, Shape
from yoso_sw.network.network import Network

from yoso_sim.build import build
from yoso_sim.commands.asked import Asked, console, one_message
from yoso_sim.watch import WATCHED


def _samples(asked: Asked, network: Network) -> Samples | None:
    """Test images, if the set is there and they are pixels as drawn ones are."""
    try:
        found = samples_for(network, asked.path, asked.data, asked.other_data)
    except DatasetError as error:
        if asked.data is not None:
            raise
        console.print(f"without test images: {error}", style="dim", markup=False)
        return None
    return found if isinstance(found.inputs, np.ndarray) and found.inputs.dtype == np.uint8 else None


def _shape(asked: Asked, network: Network, samples: Samples | None) -> Shape | None:
    """Of the pictures that a network sees: as it or the data set says, or a square of its inputs."""
    side = isqrt(network.inputs)
    square = (side, side) if side * side == network.inputs else None
    return shape_of(network, asked.path) or (samples.shape if samples else None) or square


@click.command()
@net_option("mnist-784-100-10")
@data_option
@other_data_option
@chip_option(None)
@set_option
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0: any free one."
)
def main(
    net: str, data: str | None, other_data: bool, chip: str | None, settings: tuple[str, ...], port: int
) -> None:
    """A page on this machine: draw a digit, see the RTL classify it beside the golden model.

    It is served to this machine alone, until Ctrl-C.
    """
    from yoso_sim.demo.app import Server, make_app  # needs Flask
    from yoso_sim.demo.session import Session, shown

    folder = output_folder() / "demo"
    asked = Asked(net, chip, settings, data, other_data)
    with one_message():
        network, image = asked.choose()
        samples = _samples(asked, network)
        about = shown(network, image, _shape(asked, network, samples))
        made = build(image.params, form=WATCHED, report=lambda text: console.print(f"[dim]{text}"))
        with console.status("loading the network through the network-on-chip"):
            session = Session(about, made, folder)
        logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line a request
        try:
            server = Server(make_app(session, samples), port)
        except OSError as error:
            session.close()
            raise click.ClickException(f"port {port}: {error.strerror}; give another with --port") from None
        console.print(f"{server.address} (Ctrl-C ends it)", soft_wrap=True)
        try:
            server.thread.join()
        except KeyboardInterrupt:
            pass
        finally:
            server.close()
            session.close()
