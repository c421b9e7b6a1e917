"""Figure 8: when hidden neurons spike, and how many have when the network decides, by committed network.

The networks run on the golden model, on images of their test sets. Where the highest potential decides
(decision "softmax"), it does so after the last step: all hidden spikes come before it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from yoso_sw.data.recorded import samples_for
from yoso_sw.figures import report
from yoso_sw.network import golden
from yoso_sw.network.network import NEVER, Network
from yoso_sw.network.zoo import locate, names

BLOCK = 500  # images a run of the golden model; bounds its memory

#: Section V.B of the paper, of 784-400-10: hidden neurons that have spiked, in per cent.
PAPER = {"network": "784-400-10", "at the decision": 48.6, "in the simulation time": 66.3}


def measure(network: Network, images: np.ndarray) -> dict[str, Any]:
    """Spikes of one network.

    Returns
    -------
    Counts of hidden spikes by layer and step and of decisions by step, and the share of hidden neurons, in
    per cent averaged over images, that fired up to the deciding step and up to the last one.
    """
    hidden = range(len(network.layers) - 1)
    histogram = np.zeros((len(hidden), network.steps), np.int64)
    decisions = np.zeros(network.steps, np.int64)
    early = late = spiked = 0
    for first in range(0, len(images), BLOCK):
        own = images[first : first + BLOCK]
        result = golden.run(network, own, early_exit=False)
        for layer in hidden:
            spikes = result.spikes[layer]
            histogram[layer] += np.bincount(spikes.step, minlength=network.steps)
            late += int((spikes.first != NEVER).sum())
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
            {"neurons": network.layers[layer].neurons, "spikes by step": histogram[layer].tolist()}
            for layer in hidden
        ],
        "decisions by step": decisions.tolist(),
    }


def draw(rows: list[dict[str, Any]]) -> Any:
    """A panel a network: spikes of each hidden layer, and the decisions as a line."""
    pyplot = report.pyplot()
    columns = min(3, len(rows))
    lines = -(-len(rows) // columns)
    figure, axes = pyplot.subplots(
        lines, columns, figsize=(4.2 * columns, 0.4 + 2.1 * lines), layout="constrained", squeeze=False
    )
    for axis in axes.flat[len(rows) :]:
        axis.set_axis_off()
    for axis, row in zip(axes.flat, rows, strict=False):
        steps = np.arange(len(row["decisions by step"]))
        for i, layer in enumerate(row["hidden layers"]):
            share = 100 * np.array(layer["spikes by step"]) / layer["neurons"] / row["images"]
            label = f"layer {i + 1}: {layer['neurons']:,} neurons"
            axis.bar(steps, share, 1.0, color=f"C{i}", alpha=0.8, label=label)
        other = axis.twinx()
        decided = 100 * np.array(row["decisions by step"]) / row["images"]
        other.step(steps, decided, "k", where="mid", linewidth=1)
        other.set(ylabel="% of decisions", ylim=(0, None))
        other.grid(False)
        other.spines["right"].set_visible(True)
        share = f"{row['fired at the decision']:.1f} % of hidden neurons fired at the decision"
        if row["decision"] == "ttfs":
            share += f", {row['fired in all']:.1f} % in all"
        axis.set(xlabel="time step", ylabel="% of the layer")
        axis.set_title(f"{row['network']}\n{share}", size=9)
        axis.legend(
            fontsize=7,
            ncols=2 if len(row["hidden layers"]) > 2 else 1,
            loc="upper left" if row["decision"] != "ttfs" else "upper right",
        )
    figure.suptitle(
        f"Hidden spikes (bars) and decisions (line). Paper, {PAPER['network']}: {PAPER['at the decision']} % "
        f"fired at the decision, {PAPER['in the simulation time']} % in all"
    )
    return figure


def spike_times(nets: tuple[str, ...], images: int, out: Path) -> None:
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
        out, "spike-times", caption, {"images": images}, {"networks": rows, "paper": PAPER}, draw(rows)
    )
    for row in rows:
        console.print(
            f"{row['network']:28} fired at the decision {row['fired at the decision']:5.1f} %  "
            f"in all {row['fired in all']:5.1f} %  decision step {row['mean decision step']:5.1f}",
            soft_wrap=True,
        )
    console.print(f"written to {out / 'spike-times.png'}")
