"""Figure 8: when hidden neurons spike, and how many have when the network decides, by committed network.

The networks run on the golden model, on images of their test sets. Where the highest potential decides
(decision "softmax"), it does so after the last step: all hidden spikes come before it.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from rich.console import Console
from yoso_hw import drawing

from yoso_sw.data.recorded import samples_for
from yoso_sw.figures import report
from yoso_sw.network import golden
from yoso_sw.network.network import NEVER, Network
from yoso_sw.network.zoo import locate, names

BLOCK = 500  # images a run of the golden model; bounds its memory

#: Networks drawn over time: the paper's shape, that of `make sim`, a deep one of each decision.
SHOWN = ("mnist-784-400-10-stdbp", "mnist-784-800-10", "mnist-csnn-stdbp", "fashion-mnist-wide")

#: Section V.B of the paper, of 784-400-10: hidden neurons that have spiked, in per cent.
PAPER = {"network": "784-400-10", "at the decision": 48.6, "in the simulation time": 66.3}


def measure(network: Network, images: np.ndarray) -> dict[str, Any]:
    """Spikes of one network.

    Returns
    -------
    Counts of hidden spikes by layer and step, all and each neuron's first, and of decisions by step, and the
    share of hidden neurons, in per cent averaged over images, that fired up to the deciding step and up to
    the last one.
    """
    hidden = range(len(network.layers) - 1)
    histogram, firsts = np.zeros((2, len(hidden), network.steps), np.int64)
    decisions = np.zeros(network.steps, np.int64)
    early = late = spiked = 0
    for first in range(0, len(images), BLOCK):
        own = images[first : first + BLOCK]
        result = golden.run(network, own, early_exit=False)
        for layer in hidden:
            spikes = result.spikes[layer]
            histogram[layer] += np.bincount(spikes.step, minlength=network.steps)
            fired = spikes.first[spikes.first != NEVER]
            firsts[layer] += np.bincount(fired, minlength=network.steps)
            late += len(fired)
            early += int((spikes.first <= result.decision_steps[:, None]).sum())
        decisions += np.bincount(result.decision_steps, minlength=network.steps)
        spiked += int(result.spiked.sum())
    neurons = sum(network.layers[layer].neurons for layer in hidden)
    return {
        "network": network.name,
        "shape": network.shape,
        "decision": network.decision,
        "images": len(images),
        "hidden neurons": neurons,
        "fired at the decision": round(100 * early / len(images) / neurons, 2),
        "fired in all": round(100 * late / len(images) / neurons, 2),
        "decided by a spike": round(100 * spiked / len(images), 2),
        "mean decision step": round(float(np.average(np.arange(network.steps), weights=decisions)), 2),
        "hidden layers": [
            {
                "neurons": network.layers[layer].neurons,
                "spikes by step": histogram[layer].tolist(),
                "first spikes by step": firsts[layer].tolist(),
            }
            for layer in hidden
        ],
        "decisions by step": decisions.tolist(),
    }


def panels_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The networks that get a panel of their own: the named ones, or the first."""
    named = [row for row in rows if row["network"] in SHOWN]
    return named or rows[: len(SHOWN)]


def draw(rows: list[dict[str, Any]]) -> Any:
    """Spikes and decisions over time of a few networks, and how far each network is when it decides."""
    pyplot = drawing.pyplot()
    shown = panels_of(rows)
    lines = -(-len(shown) // 2)
    tallest = max(_wrapped(row).count("\n") + 1 for row in rows)
    heights = (1 + 2.1 * lines, 1.3 + (0.06 + 0.15 * tallest) * len(rows))
    figure = pyplot.figure(figsize=(9, sum(heights)), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=heights)
    above.suptitle("Golden model of each network, by time step", size=11)
    axes = above.subplots(lines, min(2, len(shown)), squeeze=False, sharey=True)
    for axis in axes.flat[len(shown) :]:
        axis.set_axis_off()
    colours = drawing.shades(max(len(row["hidden layers"]) for row in shown))
    for axis, row in zip(axes.flat, shown, strict=False):
        for colour, layer in zip(colours, row["hidden layers"], strict=False):
            fired = 100 * np.cumsum(layer["first spikes by step"]) / layer["neurons"] / row["images"]
            axis.step(range(len(fired)), fired, color=colour, where="post", linewidth=2)
        decided = 100 * np.cumsum(row["decisions by step"]) / row["images"]
        axis.step(range(len(decided)), decided, "k--", where="post", linewidth=1)
        axis.set(xlabel="time step", ylim=(-2, 105))
        axis.set_title(_wrapped(row), size=10)
    for axis in axes[:, 0]:
        axis.set_ylabel("% so far")
    for i, colour in enumerate(colours, 1):
        axes[0, 0].plot([], [], color=colour, linewidth=2, label=f"layer {i}: neurons fired")
    axes[0, 0].plot([], [], "k--", linewidth=1, label="images decided")
    above.legend(loc="outside lower center", ncols=3, fontsize=9)
    _shares(below.subplots(), rows)
    return figure


def _wrapped(row: dict[str, Any]) -> str:
    return fill(row["network"], 40)


def _shares(axis: Any, rows: list[dict[str, Any]]) -> None:
    """A row a network: a dot for what has fired at the decision, a ring for what fires in all."""
    places = range(len(rows))
    early, late = ([row[key] for row in rows] for key in ("fired at the decision", "fired in all"))
    axis.hlines(places, early, late, color="0.6", zorder=1)
    axis.scatter(late, places, s=45, facecolors="white", edgecolors="k", label="fired in all")
    axis.scatter(early, places, s=22, color=drawing.FIRST, label="fired at the decision")
    for place, key in ((PAPER["at the decision"], "decision"), (PAPER["in the simulation time"], "in all")):
        axis.axvline(place, color="0.4", linestyle=":", linewidth=1, zorder=0)
        axis.annotate(
            f"the paper's {PAPER['network']}, {key}",
            (place, 1),
            xycoords=("data", "axes fraction"),
            xytext=(-3 if key == "decision" else 3, 2),
            textcoords="offset points",
            ha="right" if key == "decision" else "left",
            size=8,
        )
    axis.set_yticks(places, [_wrapped(row) for row in rows], size=9)
    axis.set(xlim=(-2, 102), ylim=(len(rows) - 0.5, -0.5), xlabel="hidden neurons of an image, %")
    axis.figure.legend(loc="outside lower center", ncols=2, fontsize=9)


def spike_times(nets: tuple[str, ...], images: int, pictures: str, out: Path) -> None:
    """Run the networks, then draw and write the figure."""
    console, rows = Console(), []
    found = nets or tuple(name for name in names() if name in names(".npz"))
    with report.progress(console) as progress:
        bar = progress.add_task("networks", total=len(found))
        for net in found:
            path = locate(net)
            progress.update(bar, description=path.stem)
            trained = path.with_suffix(".npz")
            network = Network.load(trained)
            rows.append(measure(network, samples_for(network, trained)[:images].pair[0]))
            progress.advance(bar)
    caption = (
        f"Spike times of hidden layers (convolutions before pooling) and the deciding step, golden model, "
        f"the first {images:,} test images, or all where there are fewer (the paper's figure 8: 10,000). "
        "Where decisions stand at the last step, the highest potential decides, not a spike. The paper's "
        f"{PAPER['network']}: {PAPER['at the decision']} % of hidden neurons have fired at the decision, "
        f"{PAPER['in the simulation time']} % in the simulation time."
    )
    report.write(
        out,
        "spike-times",
        caption,
        {"images": images},
        {"networks": rows, "paper": PAPER},
        draw(rows),
        pictures,
    )
    for row in rows:
        console.print(
            f"{row['network']:28} fired at the decision {row['fired at the decision']:5.1f} %  "
            f"in all {row['fired in all']:5.1f} %  decision step {row['mean decision step']:5.1f}",
            soft_wrap=True,
        )
    console.print(f"written to {out / 'spike-times'}.{pictures}")
