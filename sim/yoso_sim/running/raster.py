"""The spikes of an image by layer: dots over time, feature maps as maps."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
from yoso_hw import drawing
from yoso_sw.network.network import Network

from yoso_sim.running.parts import RunError

if TYPE_CHECKING:
    from yoso_sim.running.run import Run

#: Feature maps are laid out about so many times as wide as high.
MAPS_ACROSS = 8


def draw(run: Run, image: int = 0) -> Any:
    """An image's spikes, the inputs at the bottom. Raises `RunError` of a board, or of no such image."""
    if not 0 <= image < len(run):
        raise RunError(f"image {image} is outside 0..{len(run) - 1}, the images of this run")
    network, layers = run.network, [run.inputs, *run.sent]
    pairs = []
    for layer in layers:
        own = layer[image]
        pairs.append([*zip(own.step.tolist(), own.axon.tolist(), strict=True)])
    sizes = [layer.axons for layer in layers]
    step = int(run.steps[image])
    with drawing.styled():
        figure = drawing.figure(7, 2 + 1.6 * len(layers))
        draw_layers(figure, pairs, sizes, maps(network), network.steps, step)
        said = f"{network.name}, image {image}: class {run.decisions[image]} decided at step {step}"
        figure.suptitle(fill(said, 80).replace("$", r"\$"), fontsize=11)
    return figure


def maps(network: Network) -> list[list[int] | None]:
    """Of the inputs and of each layer's outputs (rows, cols, channels), where they are feature maps."""
    first = network.layers[0].window
    shapes: list[list[int] | None] = [[first.rows, first.cols, first.channels] if first else None]
    for layer in network.layers:
        window, side = layer.window, 2 if layer.pool else 1
        filters = layer.weights.shape[1]
        shapes.append([window.out_rows // side, window.out_cols // side, filters] if window else None)
    return shapes


def draw_layers(
    panel: Any,
    layers: Sequence[Sequence[Sequence[int]]],
    sizes: Sequence[int],
    maps: Sequence[Sequence[int] | None] | None,
    steps: int,
    step: int,
) -> None:
    """Draw the spikes of inputs and layers into a figure or a part of one.

    Parameters
    ----------
    layers
        Of the inputs and of each layer (step, index) pairs, by step.
    sizes
        Axons of each.
    maps
        Of each (rows, cols, channels), where it is feature maps, else None; None: none is.
    steps, step
        T, and the deciding step.
    """
    axes = panel.subplots(len(layers), 1, squeeze=False)[:, 0]
    # Time goes right, layers go up: the input at the bottom. Feature maps are drawn as maps.
    shapes = list(maps or ()) or [None] * len(layers)
    for axis, (index, pairs) in zip(reversed(axes), enumerate(layers), strict=True):
        said = f"{len(pairs)} spikes" if pairs else "silent: the highest V decides"
        axis.set_title(said, loc="right", fontsize=9)  # above the dots, not among them
        if shape := shapes[index]:
            axis.set_ylabel("picture" if index == 0 else f"layer {index}\nmaps")
            _draw_maps(axis, pairs, shape, steps)
            continue
        axis.set_ylabel("pixel" if index == 0 else f"layer {index}\nneuron")
        when, neurons = zip(*pairs, strict=True) if pairs else ((), ())
        axis.scatter(when, neurons, s=4 if len(pairs) > 30 else 30, color=f"C{index}", linewidths=0)
        axis.axvline(step, color="0.7", linewidth=1, zorder=0)
        axis.set_xlim(-0.5, steps - 0.5)
        axis.set_ylim(-0.5 - sizes[index] / 50, sizes[index] * 1.02 - 0.5)
        lowest = index == 0 or bool(shapes[index - 1])
        axis.tick_params(labelbottom=lowest)
        axis.set_xlabel("time step" if lowest else "")


def _draw_maps(axis: Any, pairs: Sequence[Sequence[int]], shape: Sequence[int], steps: int) -> None:
    """Feature maps side by side, each position in the colour of its first spike: bright is early."""
    rows, cols, channels = shape
    first = np.full(rows * cols * channels, np.nan)
    for step, output in reversed(pairs):  # by step
        first[output] = step
    across = min(channels, max(1, round(np.sqrt(channels * MAPS_ACROSS))))
    down = -(-channels // across)
    sheet = np.full((down, rows + 1, across, cols + 1), np.nan)
    for channel, one in enumerate(np.moveaxis(first.reshape(rows, cols, channels), 2, 0)):
        sheet[channel // across, :rows, channel % across, :cols] = one
    sheet = sheet.reshape(down * (rows + 1), across * (cols + 1))[:-1, :-1]
    axis.grid(False)
    axis.set_facecolor("0.9")
    drawn = axis.imshow(sheet, cmap="viridis_r", vmin=0, vmax=steps - 1, interpolation="nearest")
    axis.set(xticks=(), yticks=(), anchor="W")
    for side in axis.spines.values():
        side.set_visible(False)
    axis.figure.colorbar(drawn, ax=axis, label="step of\nfirst spike", pad=0.01, aspect=10, anchor=(0, 0.5))
