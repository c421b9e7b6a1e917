"""Figure 11: how steep potentials are at the spike, and the gradients that follow, for both PSPs.

The paper plots "spike gradients", which explode where they are near 0: dV/dt at the spike, the denominator of
eq. 6 and 10. Beside them stand the gradients themselves, dt_j / dw_ij of every causal pair (eq. 4 and 13).
Both are worked out here anew from spike times and kernels, not taken from the learning rules' code.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from yoso_sw.figures import report
from yoso_sw.figures.experiment import Run, training_images
from yoso_sw.figures.setting import NAMES, VALIDATION, Setting

LAYERS = ("hidden", "output")
BINS = 60
SAMPLED = 200_000  # causal pairs kept a layer; a hidden layer has 40,000 of them an image


def kernels(setting: Setting, psp: str, age: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """PSP and its slope at ages > 0, 0 at others: eq. 9 and 10, or eq. 2 and 7."""
    past = np.where(age > 0, age, 0)
    if psp == "rel":
        return past, (age > 0).astype(float)
    decay = np.exp(1 - past / setting.tau)
    return past / setting.tau * decay, np.where(age > 0, (1 - past / setting.tau) * decay / setting.tau, 0)


def spike_gradients(
    setting: Setting, psp: str, times: np.ndarray, weights: np.ndarray, fired: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Steepness and gradients of one image and layer.

    Parameters
    ----------
    times, weights, fired
        Input spike times (axons,), weights (axons, neurons), spike times (neurons,); inf for silent.

    Returns
    -------
    dV/dt at each spike in thresholds a step, and |dt/dw| of each causal pair in steps per unit of weight.
    """
    axons, neurons = np.isfinite(times), np.isfinite(fired)
    age = fired[neurons].astype(float) - times[axons, None].astype(float)
    psps, slopes = kernels(setting, psp, age)
    rise = (weights[axons][:, neurons] * slopes).sum(axis=0)
    theta = setting.threshold if psp == "rel" else setting.alpha_threshold
    return rise / theta, (psps / np.abs(rise))[age > 0]


def collect(run: Run, count: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Steepness of all spikes and a sample of gradients, by layer, over `count` validation images."""
    images = training_images()[0][-VALIDATION:][:count]
    inputs = run.model.encode(images)
    with torch.no_grad():
        hidden, output = (layer.times for layer in run.model(inputs))
    rng = np.random.default_rng(run.seed)
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for name, before, weights, after in zip(
        LAYERS, (inputs, hidden), run.weights, (hidden, output), strict=True
    ):
        w = weights.detach().numpy()
        steep, pairs = [], []
        for times, fired in zip(before.numpy(), after.numpy(), strict=True):
            rise, gradient = spike_gradients(run.setting, run.psp, times, w, fired)
            steep.append(rise)
            pairs.append(rng.permutation(gradient)[: 1 + SAMPLED // count])
        found[name] = np.concatenate(steep), np.concatenate(pairs)
    return found


def summary(steep: np.ndarray, gradients: np.ndarray) -> dict[str, Any]:
    """Percentiles and tails of one layer of one PSP; shares in per cent."""
    if not len(steep):
        return {"spikes": 0}
    marks = (0.1, 1, 10, 50, 90, 99, 99.9)
    return {
        "spikes": len(steep),
        "dV/dt": {
            str(mark): float(value) for mark, value in zip(marks, np.percentile(steep, marks), strict=True)
        },
        "dV/dt below 0.01 thresholds a step": float(100 * (steep < 0.01).mean()),
        "|dt/dw|": {
            str(mark): float(value)
            for mark, value in zip(marks, np.percentile(gradients, marks), strict=True)
        },
        "|dt/dw| largest": float(gradients.max()),
        "|dt/dw| above 100 steps per weight": float(100 * (gradients > 100).mean()),
    }


def draw(setting: Setting, found: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]], title: str) -> Any:
    """A column a layer; above the histogram of dV/dt, below the share of |dt/dw| that is larger."""
    pyplot = report.pyplot()
    figure, axes = pyplot.subplots(2, 2, figsize=(10, 6.5), sharex="row", sharey="row", layout="constrained")
    rises = np.concatenate([found[psp][layer][0] for psp in NAMES for layer in LAYERS])
    bins = np.geomspace(rises[rises > 0].min(), rises.max(), BINS)
    for psp, name in NAMES.items():
        colour = report.COLOURS[psp]
        for (above, below), layer in zip(axes.T, LAYERS, strict=True):
            steep, pairs = found[psp][layer]
            if not len(steep):
                continue
            share = np.full(len(steep), 100 / len(steep))
            above.hist(steep, bins, weights=share, histtype="stepfilled", color=colour, alpha=0.25)
            above.hist(steep, bins, weights=share, histtype="step", color=colour, label=name)
            # A thousand points draw the curve; the largest gradients are all among them.
            ranks = np.unique(np.geomspace(1, len(pairs), 1000).astype(int))
            below.plot(np.sort(pairs)[::-1][ranks - 1], 100 * ranks / len(pairs), color=colour, label=name)
    for (above, below), layer in zip(axes.T, LAYERS, strict=True):
        above.set(
            xscale="log",
            yscale="log",
            xlabel="dV/dt at the spike, thresholds per step",
            ylabel="% of spikes in a bin",
            title=f"{layer} layer",
        )
        below.set(
            xscale="log",
            yscale="log",
            xlabel="x, steps per unit of weight",
            ylabel="% of causal pairs with |dt/dw| > x",
            xlim=(0.1, None),
        )
    figure.legend(*axes[1, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    figure.suptitle(title)
    return figure


def gradients(
    epochs: int, images: int, measured: int, hidden: int, seed: int, pictures: str, out: Path
) -> None:
    """Train both, then draw and write the figure."""
    torch.set_num_threads(1)
    console = Console()
    setting = Setting(hidden=hidden, images=images)
    found: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {}
    numbers: dict[str, Any] = {}
    batches = images // setting.batch_size
    with report.progress(console) as progress:
        for psp, name in NAMES.items():
            bar = progress.add_task(name, total=epochs * batches)
            run = Run(setting, psp, seed)
            numbers[psp] = {"first weights": stage(collect(run, measured))}
            for _ in range(epochs):
                run.train(lambda bar=bar: progress.advance(bar))  # type: ignore[misc]
            found[psp] = collect(run, measured)
            numbers[psp]["trained"] = stage(found[psp])
            numbers[psp]["accuracy"] = run.records[-1].accuracy
    trained = f"after {epochs} x {images:,} training images" if epochs else "at the first weights"
    caption = (
        f"dV/dt at the spike, the denominator of eq. 6 and 10, and |dt/dw| of its causal inputs: "
        f"784-{hidden}-10 {trained}, on {measured} validation images, one run of each PSP from the same "
        f"first weights, seed {seed} (the paper ran 20). Up to {SAMPLED:,} causal pairs a layer are sampled. "
        f"Alpha-PSP with tau = {setting.tau:g} steps and threshold {setting.alpha_threshold:g}, our choice."
    )
    drawn = draw(setting, found, f"784-{hidden}-10 on MNIST, {trained}, one run of each")
    report.write(out, "gradients", caption, dataclasses.asdict(setting), numbers, drawn, pictures)
    for psp, name in NAMES.items():
        for layer in LAYERS:
            own = numbers[psp]["trained"][layer]
            if own["spikes"]:
                console.print(
                    f"{name:9} {layer:6}  dV/dt 1 % below {own['dV/dt']['1']:.2e}, "
                    f"median {own['dV/dt']['50']:.2e}  |dt/dw| median {own['|dt/dw|']['50']:.2f}, "
                    f"1 % above {own['|dt/dw|']['99']:.1f}, largest {own['|dt/dw| largest']:.1e}",
                    soft_wrap=True,
                )
    console.print(f"written to {out / 'gradients'}.{pictures}")


def stage(found: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    """`summary` of each layer."""
    return {layer: summary(*values) for layer, values in found.items()}
