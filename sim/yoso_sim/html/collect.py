"""What the page shows of a run, as JSON values; pure functions of its results."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from yoso_sw.compile.image import WeightImage
from yoso_sw.data.samples import Samples
from yoso_sw.network.events import NEVER, Events

from yoso_sim.watch import Flits, Part

#: Parts of a PE's cycles as they are called, those of PEs without neurons last.
PARTS = {
    Part.SWEEP: "sweep",
    Part.SPIKES: "spikes",
    Part.STALLED: "stalled",
    Part.PASSING: "pipeline and router",
    Part.WAITING: "waiting for spikes",
    Part.BARRIER: "waiting for the barrier",
}
UNUSED = "idle: no neurons"

#: Numbers of steps and nodes that a page holds at most; more images than that are not shown step by step.
MOST_NUMBERS = 1_500_000

#: Pictures of misclassified images shown.
MOST_WRONG = 60


def nodes_of(image: WeightImage) -> list[dict[str, Any]]:
    """Every node, ``y * cols + x``: where it is, which layer's neurons it holds (0: none), and how many."""
    params = image.params
    found: list[dict[str, Any]] = [
        {"x": x, "y": y, "layer": 0, "neurons": 0, "words": 0}
        for y in range(params.rows)
        for x in range(params.cols)
    ]
    for number, layer in enumerate(image.layers, start=1):
        for part in layer.slices:
            found[part.y * params.cols + part.x] |= {
                "layer": number,
                "neurons": part.neurons,
                "words": part.words(params.lanes),
            }
    return found


def layers_of(raster: dict[str, Any]) -> list[dict[str, Any]]:
    """The inputs and every layer's outputs: name, how many, and their map (rows, cols, channels)."""
    maps = raster.get("maps") or [None] * len(raster["sizes"])
    return [
        {"name": f"layer {i}" if i else "input", "size": size, "map": map_of}
        for i, (size, map_of) in enumerate(zip(raster["sizes"], maps, strict=True))
    ]


def details_of(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Images that are shown step by step: those of `Job.detailed`, as many as `MOST_NUMBERS` allows."""
    found: list[dict[str, Any]] = []
    numbers = 0
    for result in (one for one in results if "steps" in one["watched"]):
        raster, steps = result["raster"], result["watched"]["steps"]
        parts, flits = np.array(steps["parts"]), np.array(steps["flits"])
        numbers += parts.size + flits.size + 2 * sum(map(len, raster["spikes"]))
        if found and numbers > MOST_NUMBERS:
            break
        lines = len(steps["step"])
        found.append(
            {
                "index": result["images"][0],
                "label": result["labels"][0],
                "decision": raster["decision"],
                "golden": result["golden"][0],
                "step": raster["step"],
                "steps": steps["step"],
                "lengths": steps["cycles"],
                "spikes": [
                    [list(column) for column in zip(*own, strict=True)] or [[], []]
                    for own in raster["spikes"]
                ],
                "parts": parts.reshape(lines, -1, len(Part)).tolist(),
                "flits": flits.reshape(lines, -1, len(Flits)).tolist(),
            }
        )
    return found


def cycles_of(results: list[dict[str, Any]], nodes: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Mean cycles an image of every node by part; a PE without neurons is idle unless it passes flits on."""
    images = sum(len(result["labels"]) for result in results)
    parts = np.sum([result["watched"]["parts"] for result in results], axis=0).reshape(len(nodes), -1)
    unused = np.array([node["layer"] == 0 for node in nodes])
    idle = [Part.WAITING, Part.BARRIER]
    found = {PARTS[part]: np.where(unused & (part in idle), 0, parts[:, part]) for part in Part}
    found[UNUSED] = np.where(unused, parts[:, idle].sum(1), 0)
    return {name: (cycles / images).round(2).tolist() for name, cycles in found.items()}


def confusion_of(results: list[dict[str, Any]], classes: int) -> list[list[int]]:
    """Images by class (rows) and decision of the RTL (columns), of a network of so many outputs."""
    labels, decided = (
        np.array([value for result in results for value in result[key]], np.int64)
        for key in ("labels", "rtl")
    )
    size = max(classes, int(labels.max()) + 1)
    counts = np.zeros((size, size), np.int64)
    np.add.at(counts, (labels, decided), 1)
    return counts.tolist()


def wrong_of(results: list[dict[str, Any]], samples: Samples) -> dict[str, Any]:
    """Images that the RTL took for another class: how many, and the first of them with their pictures."""
    labels, decided, golden = (
        [value for result in results for value in result[key]] for key in ("labels", "rtl", "golden")
    )
    wrong = [i for i, (label, own) in enumerate(zip(labels, decided, strict=True)) if label != own]
    shown = [
        {
            "index": i,
            "label": labels[i],
            "decision": decided[i],
            "golden": golden[i],
            "picture": picture_of(samples, i),
        }
        for i in wrong[:MOST_WRONG]
    ]
    return {"count": len(wrong), "shown": shown}


def picture_of(samples: Samples, index: int) -> dict[str, Any] | None:
    """A sample as a picture in grey: rows, cols, and the bytes in base 64; None if it is none.

    Of recorded spikes earlier ones are brighter, of events those of more spikes. Channels are laid over each
    other.
    """
    if samples.shape is None or len(samples.shape) < 2:
        return None
    one = samples.inputs[index]
    if isinstance(one, Events):
        counts = one.counts[0].astype(float)
        grey = 255 * counts / max(1.0, counts.max())
    elif one.dtype == np.uint8:
        grey = one.astype(float)
    else:
        steps = one.astype(float)
        spiked = one != NEVER
        latest = steps[spiked].max(initial=0) + 1
        grey = np.where(spiked, 255 * (1 - steps / latest), 0)
    rows, cols = samples.shape[:2]
    picture = grey.reshape(rows, cols, -1).max(2).round().astype(np.uint8)
    return {"rows": int(rows), "cols": int(cols), "data": base64.b64encode(picture.tobytes()).decode()}
