"""``yoso compare``: learning rules side by side on one chip, as a table, curves and a page."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click
from yoso_hw import drawing
from yoso_hw.folders import checkout, need_checkout
from yoso_hw.writing import write_whole
from yoso_sw.commands.options import images_option, jobs_option, out_option, picture_option
from yoso_sw.compile.choose import choose
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.mapping import CompileError
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate, names

from yoso_sim.commands.asked import console, one_message

#: What is compared if nothing is named, in the order of the table; those that are not there are left out.
NETWORKS = (
    *("mnist-784-800-10-stdbp", "mnist-784-800-10", "mnist-784-800-10-count", "mnist-784-800-10-tandem"),
    *(f"mnist-784-800-10-count-t{steps}" for steps in (4, 8)),
    *(f"mnist-784-800-10-tandem-t{steps}" for steps in (1, 2, 4, 10)),
    *("mnist-784-800-10-clif", "mnist-784-100-10-stdbp", "mnist-784-100-10", "mnist-784-100-10-count"),
    *("mnist-784-100-10-tandem", "mnist-784-100-10-clif", "mnist-csnn-stdbp", "mnist-csnn"),
    *("mnist-csnn-count", "mnist-csnn-tandem", "mnist-csnn-clif"),
    *(f"mnist-csnn-tandem-t{steps}" for steps in (1, 2, 4)),
)


def planned(nets: tuple[str, ...], chip: str | None) -> list[tuple[Path, Network, WeightImage]]:
    """File, network and the network compiled, of all that were asked for; refused before anything runs.

    Raises
    ------
    NetworkError, CompileError
        If one is unknown, or needs another chip.
    """
    from yoso_sim.comparison.run import chip_of, settings_of

    found = []
    for net in nets or [name for name in NETWORKS if name in names(".npz")]:
        path = locate(net, ".npz")
        network = Network.load(path)
        own = chip or chip_of(network)
        try:
            image = choose(network, own, settings_of(own)).image
        except CompileError as error:
            raise CompileError(f"{network.name} cannot be compared on chip {own}: {error}") from None
        if len(network.layers) < 2:
            raise CompileError(
                f"{network.name} has no hidden layer ({network.shape}), and the comparison is of hidden "
                "spikes: leave it out"
            )
        found.append((path, network, image))
    return found


@click.command()
@click.argument("nets", nargs=-1, metavar="[NET]...")
@images_option(100, "Test images of each network on the RTL; 0: none.")
@jobs_option(1, "Simulator processes.")
@click.option("--chip", metavar="NAME|FILE", help="Chip for all of them; else by whether they convolve.")
@click.option(
    "--energy",
    default="all",
    show_default=True,
    type=click.Choice(["all", "done", "none"]),
    help="Measure every netlist's costs, take those that were measured before, or leave energy out.",
)
@click.option("--early/--no-early", default=True, help="Whether images that end early run on the RTL too.")
@click.option("--fresh", is_flag=True, help="Forget what earlier runs on the RTL have done.")
@click.option("--again", is_flag=True, help="Write page and picture anew from the published numbers.")
@click.option("--price", is_flag=True, help="Run nothing: price published rows, by golden counts.")
@picture_option
@out_option()
def main(
    nets: tuple[str, ...],
    images: int,
    jobs: int,
    chip: str | None,
    energy: str,
    early: bool,
    fresh: bool,
    again: bool,
    price: bool,
    pictures: str,
    out: Path,
) -> None:
    """Compare networks of several rules on the same chip, and an 8-bit ReLU network beside them.

    Without NET all that are committed for it. What is done is kept, so a killed run goes on. With a checkout
    the page docs/compare is written anew; networks that are not named keep their rows.
    """
    from yoso_synth.liberty import LibertyError
    from yoso_synth.tools import SynthError

    from yoso_sim.comparison import page, priced
    from yoso_sim.comparison.rows import CompareError
    from yoso_sim.comparison.run import Run

    try:
        with one_message():
            if again:
                need_checkout("yoso compare --again")
                page.publish(page.load())
                return
            why = "" if energy == "none" else priced.missing()
            found = page.load() if checkout() is not None else page.EMPTY
            run, asked = Run(images, jobs, chip, energy, fresh, why, early), planned(nets, chip)
            for one in run.prices(asked, found) if price else run.all(asked):
                # Published row by row, onto what another run may have published meanwhile.
                found = page.merged(page.load() if checkout() is not None else found, one)
                out.mkdir(parents=True, exist_ok=True)
                write_whole(out / "compare.json", json.dumps(found, indent=1) + "\n")
                write_whole(out / "compare.md", page.page(found, f"compare.{pictures}"))
                drawing.save(page.draw(found), out / f"compare.{pictures}")
                if checkout() is not None:
                    page.publish(found)
            console.print(f"[dim]{os.path.relpath(out / 'compare')}.json, .md, .{pictures}")
    except (CompareError, SynthError, LibertyError) as error:
        raise click.ClickException(str(error)) from None
