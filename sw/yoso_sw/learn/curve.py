"""The learning curve of a training run: loss, validation accuracy and spikes a layer, epoch by epoch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

from yoso_hw import drawing
from yoso_hw.extras import advice
from yoso_hw.writing import write_picture, write_whole


class CurveError(RuntimeError):
    """The picture cannot be drawn; the message says what is missing."""


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to.

    Parameters
    ----------
    number
        1 for the first.
    whole
        False in the float phase, True in the integer phase.
    loss
        Mean over the epoch's batches.
    accuracy
        On the validation images after the epoch, per cent.
    spikes
        Mean spikes an image on the validation images, by layer.
    """

    number: int
    whole: bool
    loss: float
    accuracy: float
    spikes: tuple[float, ...]

    @property
    def phase(self) -> str:
        return "integer" if self.whole else "float"

    def __str__(self) -> str:
        spikes = ", ".join(f"{count:.0f}" for count in self.spikes)
        return (
            f"epoch {self.number:3} {self.phase:7} loss {self.loss:.4f}  "
            f"validation {self.accuracy:.2f} %  spikes {spikes}"
        )

    def row(self) -> dict[str, Any]:
        """The epoch in plain values, for JSON and checkpoints; `of` is its inverse."""
        return {
            "epoch": self.number,
            "phase": self.phase,
            "loss": self.loss,
            "validation": self.accuracy,
            "spikes": list(self.spikes),
        }

    @classmethod
    def of(cls, row: dict[str, Any]) -> Epoch:
        return cls(
            int(row["epoch"]),
            row["phase"] == "integer",
            float(row["loss"]),
            float(row["validation"]),
            tuple(float(count) for count in row["spikes"]),
        )


def write(name: str, history: Sequence[Epoch], folder: Path, pictures: str = "png") -> Path:
    """Write ``<name>.curve.json`` and a picture, ``<name>.curve.png`` or in the format `pictures`, into
    `folder`; returns the picture's path.

    The figures come first: they are there even where the picture raises `CurveError`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = [epoch.row() for epoch in history]
    figures = folder / f"{name}.curve.json"
    write_whole(figures, json.dumps({"network": name, "epochs": rows}, indent=1) + "\n")
    picture, drawn = folder / f"{name}.curve.{pictures}", draw(name, history)
    if pictures == "png":
        write_picture(picture, drawn, dpi=120)
    else:
        drawing.write(drawn, picture)
    return picture


def draw(name: str, history: Sequence[Epoch]) -> Any:
    """Loss, validation accuracy and spikes over epochs. Raises `CurveError` where matplotlib is missing."""
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError:
        raise CurveError(advice("matplotlib", what="the learning curve")) from None
    figure = Figure(figsize=(7, 8), layout="constrained")
    figure.suptitle(fill(name, 60))
    panels = figure.subplots(3, 1, sharex=True)
    numbers = [epoch.number for epoch in history]
    panels[0].plot(numbers, [epoch.loss for epoch in history], marker=".")
    panels[0].set(ylabel="loss")
    panels[1].plot(numbers, [epoch.accuracy for epoch in history], marker=".")
    panels[1].set(ylabel="validation accuracy (%)")
    layers = list(zip(*(epoch.spikes for epoch in history), strict=True))
    for layer, (counts, colour) in enumerate(zip(layers, drawing.shades(len(layers)), strict=True)):
        if any(counts):  # an output layer that never fires has no curve
            panels[2].plot(numbers, counts, marker=".", color=colour, label=f"layer {layer}")
    panels[2].set(ylabel="spikes an image", xlabel="epoch")
    busiest = [max(counts) for counts in layers if any(counts)]
    if busiest and max(busiest) >= 10 * min(busiest):
        panels[2].set_yscale("log")
    panels[2].xaxis.set_major_locator(MaxNLocator(integer=True))
    whole = [epoch.number for epoch in history if epoch.whole]
    if whole:
        for panel in panels:
            panel.axvspan(whole[0] - 0.5, whole[-1] + 0.5, color="0.9", zorder=0, label="integer phase")
    if busiest or whole:  # panel 2 has all that wants a name
        figure.legend(*panels[2].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    for panel in panels:
        panel.grid(alpha=0.3)
    return figure
