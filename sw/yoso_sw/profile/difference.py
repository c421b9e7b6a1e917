"""How two stages differ in a layer's spikes: when each output spikes first, how often, and a readout's V."""

from __future__ import annotations

from typing import Any

import numpy as np

from yoso_sw.profile.weights import percent


class Difference:
    """Sums over images of how a layer's outputs differ between one stage and another.

    Shifts are later less earlier stage, in steps, of outputs that spike in both.
    """

    def __init__(self) -> None:
        self.outputs = self.both = self.lost = self.gained = self.moved = 0
        self.shift = self.size = self.count = self.extra = 0.0
        self.products = np.zeros(3)

    def take(
        self, times: np.ndarray, others: np.ndarray, counts: np.ndarray, other_counts: np.ndarray
    ) -> None:
        """First spikes and counts of some images, (images, outputs), of the one stage and of the other."""
        here, there = np.isfinite(times), np.isfinite(others)
        both = here & there
        shift = others[both].astype(np.float64) - times[both]
        self.outputs += times.size
        self.both += int(both.sum())
        self.lost += int((here & ~there).sum())
        self.gained += int((there & ~here).sum())
        self.moved += int((np.abs(shift) >= 1).sum())
        self.shift += float(shift.sum())
        self.size += float(np.abs(shift).sum())
        more = other_counts.astype(np.float64) - counts
        self.count += float(more.sum())
        self.extra += float(np.abs(more).sum())

    def take_potentials(self, ones: np.ndarray, others: np.ndarray) -> None:
        """V of the last layer in both, each in its own unit."""
        a, b = ones.astype(np.float64).ravel(), others.astype(np.float64).ravel()
        self.products += a @ a, a @ b, b @ b

    def row(self) -> dict[str, Any]:
        """What was found, as JSON values; shares of outputs and images in per cent.

        `shift`, `mean_shift`: mean size and mean of first spikes' shifts; `moved`: by a step or more. `lost`,
        `gained`: outputs that spike in one of both alone. `counts`, `mean_counts`: as of shifts, of counts.
        `potentials`: what the best scale leaves of V, relative to V (root mean square).
        """
        found: dict[str, Any] = {
            "shift": round(self.size / self.both, 3) if self.both else None,
            "mean_shift": round(self.shift / self.both, 3) if self.both else None,
            "moved": percent(self.moved / self.outputs),
            "lost": percent(self.lost / self.outputs),
            "gained": percent(self.gained / self.outputs),
            "counts": round(self.extra / self.outputs, 4),
            "mean_counts": round(self.count / self.outputs, 4),
        }
        aa, ab, bb = self.products
        if aa > 0 and bb > 0:
            found["potentials"] = round(float(np.sqrt(max(0.0, 1 - ab * ab / (aa * bb)))), 4)
        return found
