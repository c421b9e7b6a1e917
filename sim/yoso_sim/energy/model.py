"""Energy of an image: what the PEs did, times what a mapped PE spends on each event (docs/energy.md)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from yoso_hw.registers import Counter

#: Parts of the chip that the report tells apart, by the modules of a mapped node.
PARTS = {
    "weight memory": ("node.pe.memories.weight",),
    "A and V memories": ("node.pe.memories.accumulated", "node.pe.memories.potential"),
    "spike-address memory": ("node.pe.memories.spike",),
    "core": ("node.pe.core",),
    "router": ("node.router",),
    "rest of PE": ("node",),
}


@dataclass(frozen=True)
class Activity:
    """What the PEs of a chip did in an image, on average; arrays are float64 (rows, cols).

    Attributes
    ----------
    counters
        (rows, cols, counters).
    words
        Neuron words of each PE.
    layers
        Layer whose neurons each PE holds, -1 for none.
    flits
        Flits that each router took, all routers together.
    cycles
        From START to decision.
    reached, dropped
        Events that are not counted (`work.EVENTS`); None: they are not asked for.
    """

    counters: np.ndarray
    words: np.ndarray
    layers: np.ndarray
    flits: float
    cycles: float
    reached: np.ndarray | None = None
    dropped: np.ndarray | None = None

    def total(self, counter: Counter) -> float:
        return float(self.counters[..., counter].sum())

    @property
    def events(self) -> list[dict[str, float]]:
        """`work.EVENTS` of all PEs of each layer."""
        sweeps, nothing = self.counters[..., Counter.SWEEPS], np.zeros(self.words.shape)
        each = {
            "sweeps": sweeps,
            "words": sweeps * self.words,
            "reached": nothing if self.reached is None else self.reached,
            "sent": self.counters[..., Counter.SPIKES_OUT],
            "spikes": self.counters[..., Counter.SPIKES_IN],
            "updates": self.counters[..., Counter.UPDATES],
            "dropped": nothing if self.dropped is None else self.dropped,
        }
        return [
            {name: float(values[self.layers == layer].sum()) for name, values in each.items()}
            for layer in range(int(self.layers.max()) + 1)
        ]


@dataclass(frozen=True)
class Costs:
    """What PEs spend, measured on a netlist: energies in pJ by part of `PARTS`, and cycles.

    Attributes
    ----------
    cycle
        A cycle in which nothing happens and the clock runs.
    flit
        A flit that a router takes and passes on.
    energy
        By layer, what each event (`work.EVENTS`) takes beyond `cycle` and `flit`. One that is not there takes
        nothing of its own.
    busy
        By layer, cycles with work that each event takes.
    """

    cycle: dict[str, float]
    flit: dict[str, float]
    energy: list[dict[str, dict[str, float]]]
    busy: list[dict[str, float]]

    def busy_cycles(self, activity: Activity) -> float:
        """PE cycles with work."""
        return sum(
            events[name] * cycles
            for events, busy in zip(activity.events, self.busy, strict=True)
            for name, cycles in busy.items()
        )

    def image(self, activity: Activity, *, gated: bool) -> dict[str, float]:
        """Energy of an image in pJ by part, leakage not counted.

        With `gated` the clock of a PE stops in cycles in which it has no work; else it always runs.
        """
        cycles = self.busy_cycles(activity) if gated else activity.words.size * activity.cycles
        done = list(zip(activity.events, self.energy, strict=True))
        return {
            part: cycles * self.cycle[part]
            + sum(events[name] * cost[part] for events, own in done for name, cost in own.items())
            + activity.flits * self.flit[part]
            for part in PARTS
        }


@dataclass(frozen=True)
class Point:
    """A chip at a clock: energy of an image, and what follows from it.

    Attributes
    ----------
    dynamic_nj
        Without leakage.
    leakage_mw
        Of all nodes.
    """

    dynamic_nj: float
    leakage_mw: float
    cycles: float
    clock_mhz: float
    parts_nj: dict[str, float] = field(default_factory=dict)

    def at(self, rate: float | None = None) -> dict[str, float]:
        """Rate in images a second (None: as many as the clock allows), power in mW, energy an image in nJ."""
        fastest = 1e6 * self.clock_mhz / self.cycles
        rate = fastest if rate is None else rate
        leakage_nj = 1e6 * self.leakage_mw / rate
        energy = self.dynamic_nj + leakage_nj
        return {
            "images_per_second": round(rate, 1),
            "nj_per_image": round(energy, 1),
            "leakage_nj_per_image": round(leakage_nj, 1),
            "mw": round(1e-6 * energy * rate, 4),
        }
