"""The learning curve of a training run: loss, validation accuracy and spikes a layer, epoch by epoch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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


def write(name: str, history: Sequence[Epoch], folder: Path) -> Path:
    """Write ``<name>.curve.json`` and ``<name>.curve.png`` into `folder`; returns the picture's path.

    The figures come first: they are there even where the picture raises `CurveError`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = [epoch.row() for epoch in history]
    figures = folder / f"{name}.curve.json"
    figures.write_text(json.dumps({"network": name, "epochs": rows}, indent=1) + "\n")
    picture = folder / f"{name}.curve.png"
    _draw(name, history, picture)
    return picture


def _draw(name: str, history: Sequence[Epoch], path: Path) -> None:
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError:
        raise CurveError('the learning curve needs matplotlib: pip install "yoso[train]"') from None
    figure = Figure(figsize=(7, 8), layout="constrained")
    panels = figure.subplots(3, 1, sharex=True)
    numbers = [epoch.number for epoch in history]
    panels[0].plot(numbers, [epoch.loss for epoch in history], marker=".")
    panels[0].set(title=name, ylabel="loss")
    panels[1].plot(numbers, [epoch.accuracy for epoch in history], marker=".")
    panels[1].set(ylabel="validation accuracy (%)")
    for layer, counts in enumerate(zip(*(epoch.spikes for epoch in history), strict=True)):
        if any(counts):  # an output layer that never fires has no curve
            panels[2].plot(numbers, counts, marker=".", label=f"layer {layer}")
    panels[2].set(ylabel="spikes an image", xlabel="epoch", yscale="log")
    panels[2].legend()
    panels[2].xaxis.set_major_locator(MaxNLocator(integer=True))
    whole = [epoch.number for epoch in history if epoch.whole]
    for panel in panels:
        panel.grid(alpha=0.3)
        if whole:
            panel.axvspan(whole[0] - 0.5, whole[-1] + 0.5, color="tab:orange", alpha=0.12, zorder=0)
    if whole:
        panels[0].annotate("integer phase", (whole[0] - 0.4, 0.93), xycoords=("data", "axes fraction"))
    figure.savefig(path, dpi=120)
