"""The picture of the README: one test image on its way through a network on the chip.

``python -m yoso_sw.figures.overview`` draws docs/overview.png from the golden model's spikes, which are those
of the RTL (`make sim` compares them).
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import numpy as np
from yoso_hw import drawing

from yoso_sw.compile.compiler import compile_network
from yoso_sw.data.recorded import samples_for
from yoso_sw.figures import report
from yoso_sw.network import golden
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate

NET = "mnist-784-800-10"


def mesh_of(network: Network, result: golden.GoldenResult) -> np.ndarray:
    """Spikes that each PE of the hidden layer sent, indexed ``[y, x]``; NaN for the PEs of the outputs."""
    image = compile_network(network, network.chip)
    sent = np.full((image.params.rows, image.params.cols), np.nan)
    counts = result.spikes[0].counts.sum(0)
    for part in image.layers[0].slices:
        sent[part.y, part.x] = counts[part.first : part.first + part.count].sum()
    return sent


def raster(axis: Any, steps: np.ndarray, end: int, colour: str) -> None:
    """Neurons upwards, steps to the right, a dot a spike."""
    fired = np.flatnonzero(steps < end)
    axis.plot(steps[fired], fired, ".", color=colour, markersize=3)
    axis.set(xlim=(-1, end), ylim=(-0.02 * len(steps), 1.02 * len(steps)), xlabel="step")
    axis.set_xticks([0, end // 2, end - 1])


def draw(network: Network, image: np.ndarray) -> Any:
    """Image, input spikes, mesh, hidden spikes, potentials of the outputs."""
    pyplot = report.pyplot()
    result = golden.run(network, image[None])
    inputs = golden.input_steps(image[None], network.levels)[0]
    mesh = mesh_of(network, result)
    decided = int(result.decisions[0])

    figure, axes = pyplot.subplots(
        1, 5, figsize=(12.5, 3.4), layout="constrained", width_ratios=[1, 1.1, 1.05, 1.1, 1]
    )
    figure.get_layout_engine().set(wspace=0.16)
    figure.suptitle(f"{network.name} on a chip of {mesh.shape[1]} x {mesh.shape[0]} PEs", size=11)
    picture, before, chip, behind, outputs = axes
    side = int(len(image) ** 0.5)
    picture.imshow(image.reshape(side, side), cmap="gray")
    picture.set_title("an image")
    raster(before, inputs, network.steps, report.COLOURS["rel"])
    before.set_title("bright pixels\nspike first")
    before.set_ylabel("pixel")

    chip.imshow(np.nan_to_num(mesh), cmap="Oranges", origin="lower", vmin=0, vmax=1.6 * np.nanmax(mesh))
    for (y, x), count in np.ndenumerate(mesh):
        chip.text(x, y, "out" if np.isnan(count) else f"{count:.0f}", ha="center", va="center", fontsize=8)
    rows, cols = mesh.shape
    chip.set_xticks(np.arange(cols + 1) - 0.5, minor=True)
    chip.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    chip.grid(which="minor", color="white", linewidth=3)
    chip.set_title("the mesh:\nspikes sent by each PE")

    hidden = result.steps[0][0]
    raster(behind, hidden, network.steps, report.COLOURS["alpha"])
    behind.set_title(f"{len(hidden)} hidden neurons,\nat most one spike each")
    behind.set_ylabel("neuron")

    potentials = result.potentials[-1][0]
    colours = [report.COLOURS["alpha"] if own == decided else "0.7" for own in range(len(potentials))]
    outputs.barh(range(len(potentials)), potentials, color=colours)
    outputs.set_xticks([-1500, 0, 1500])
    outputs.set_yticks(range(len(potentials)))
    outputs.set(xlabel="V at the end", title=f"the highest V decides:\nclass {decided}")
    for axis in (picture, chip):
        axis.grid(False)
        axis.tick_params(which="both", length=0, labelbottom=False, labelleft=False)
        for spine in axis.spines.values():
            spine.set_visible(False)
    figure.canvas.draw()
    boxes = [axis.get_tightbbox().transformed(figure.transFigure.inverted()) for axis in axes]
    for left, right in pairwise(boxes):
        between, middle = (left.x1 + right.x0) / 2, 0.44
        arrow = {"arrowstyle": "-|>", "color": "0.3", "linewidth": 2, "mutation_scale": 16}
        ends = {"xy": (between + 0.013, middle), "xytext": (between - 0.013, middle)}
        axes[0].annotate("", **ends, xycoords="figure fraction", arrowprops=arrow, annotation_clip=False)
    return figure


@click.command()
@click.option("--image", default=0, show_default=True, help="Which image of MNIST's test set.")
@click.option("-o", "--out", type=click.Path(path_type=Path), default=Path("docs/overview.png"))
def main(image: int, out: Path) -> None:
    """Draw the picture at the top of the README."""
    path = locate(NET, ".npz")
    network = Network.load(path)
    drawing.save(draw(network, samples_for(network, path).pair[0][image]), out)
    click.echo(out)


if __name__ == "__main__":
    main()
