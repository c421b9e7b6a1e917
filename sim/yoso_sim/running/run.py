"""What came out of images on a chip, in one form whatever ran them.

A back end says of each image the class, the deciding step and whether a spike decided. What else it knows is
in the parts below; asking for a part that it does not know is a `RunError` of one line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter
from yoso_sw.compile.predict import PREDICTED
from yoso_sw.network.events import Events
from yoso_sw.network.html import html_table
from yoso_sw.network.network import Network

from yoso_sim.running.parts import Compared as Compared
from yoso_sim.running.parts import RunError as RunError
from yoso_sim.running.parts import State as State
from yoso_sim.running.parts import needs
from yoso_sim.tables import Table

#: What each back end does not tell, and who does.
SILENT = {
    ("golden", "cycles"): "the golden model counts no cycles: run it on backend='rtl' or 'board'",
    ("board", "spikes"): "a board does not show its spikes: it gives decisions, cycles, counters, V, A and "
    "fired bits; run it on backend='rtl' or 'golden'",
}


@dataclass(frozen=True, eq=False)
class Run:
    """Images of a network on a chip.

    Attributes
    ----------
    backend
        "golden", "rtl" or "board".
    network, params
        What ran, and on which chip.
    inputs
        The spikes that were given, B images.
    decisions
        int64 (B,): class.
    steps
        int64 (B,): deciding step; T - 1 where no spike or their number decided.
    spiked
        bool (B,): whether output spikes decided, or the highest V.
    labels
        int64 (B,), or None.
    early_exit
        Whether images ended at their deciding step.
    data
        Name of the data set; "" of inputs of one's own.
    compared
        What the RTL was compared in; None of other back ends.
    """

    backend: str
    network: Network
    params: ChipParams
    inputs: Events
    decisions: np.ndarray
    steps: np.ndarray
    spiked: np.ndarray
    labels: np.ndarray | None = None
    early_exit: bool = True
    data: str = ""
    compared: Compared | None = None
    own_spikes: tuple[Events, ...] | None = None
    own_sent: tuple[Events, ...] | None = None
    own_cycles: np.ndarray | None = None
    own_counters: np.ndarray | None = None
    own_counts: np.ndarray | None = None
    states: dict[int, State] = field(default_factory=dict)

    def __len__(self) -> int:
        """Images."""
        return len(self.decisions)

    def _told(self, name: str, value: Any, why: str = "") -> Any:
        if value is None:
            raise RunError(SILENT.get((self.backend, name)) or why or f"this run has no {name}")
        return value

    # ---- what it tells -------------------------------------------------------------------------------

    @property
    def spikes(self) -> tuple[Events, ...]:
        """Per layer: which neurons fired when. Raises `RunError` of a board."""
        return self._told("spikes", self.own_spikes)

    @property
    def sent(self) -> tuple[Events, ...]:
        """Per layer: the spikes that go on; `spikes`, but for a pooled layer. Raises as those."""
        return self._told("spikes", self.own_sent)

    @property
    def cycles(self) -> np.ndarray:
        """int64 (B,): clock cycles from START to decision. Raises `RunError` of the golden model."""
        return self._told("cycles", self.own_cycles)

    @property
    def counters(self) -> np.ndarray:
        """Every PE's counters over all images: int64 (rows, cols, counters), ``[y, x, Counter.NAME]``.

        The golden model's are predicted from the mapping; STALLS, which depends on timing, is 0 there.
        Raises `RunError` where no chip holds the network.
        """
        return self._told(
            "counters", self.own_counters, "no chip holds the network, so there are no counters"
        )

    @property
    def counts(self) -> np.ndarray:
        """int64 (B, classes): spikes of each output in each image."""
        if self.own_counts is not None:
            return self.own_counts
        if self.own_spikes is not None:
            return self.own_spikes[-1].counts
        raise RunError(
            "a board tells the counts of outputs only if asked while it runs: chip.run(..., potentials=True)"
        )

    @property
    def potentials(self) -> np.ndarray:
        """int64 (B, classes): V of each output when the image ended. Raises `RunError` if not asked for."""
        return self.state(-1).potential

    def state(self, layer: int) -> State:
        """V, A and fired bits of a layer; -1 is the last. Raises `RunError` if not asked for."""
        index = layer % len(self.network.layers)
        if index not in self.states:
            wanted = "True" if index == len(self.network.layers) - 1 else '"all"'
            raise RunError(
                f"V and A of layer {index} were not read: ask for them, chip.run(..., potentials={wanted})"
            )
        return self.states[index]

    # ---- sums ----------------------------------------------------------------------------------------

    @property
    def accuracy(self) -> float | None:
        """Per cent of the images that are decided as labelled; None without labels."""
        if self.labels is None or not len(self):
            return None
        return round(100 * float((self.decisions == self.labels).mean()), 4)

    def accuracy_by_step(self) -> Table:
        """Accuracy, and the share of images that a spike decides, were images ended at other steps; per cent.

        By the golden model with the same weights and inputs (`yoso_sim.comparison.latency`).
        Raises `RunError` without labels.
        """
        from yoso_sim.comparison import latency

        if self.labels is None:
            raise RunError("this run has no labels, so there is no accuracy: chip.run(..., labels=...)")
        return Table.of(latency.curve(self.network, self.inputs, self.labels))

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The figures, for a table."""
        rows: dict[str, Any] = {
            "network": f"{self.network.name} ({self.network.shape})",
            "chip": f"{self.params.cols} x {self.params.rows} PEs, {self.params.lanes} lanes",
            "backend": self.backend,
            "images": len(self),
        }
        if (accuracy := self.accuracy) is not None:
            rows["accuracy, %"] = round(accuracy, 2)
        rows["deciding step, mean"] = round(float(self.steps.mean()), 2)
        if self.own_spikes is not None:
            means = [round(float(layer.per_image.mean()), 1) for layer in self.own_spikes]
            rows["spikes an image, by layer"] = ", ".join(map(str, means))
        if self.own_cycles is not None:
            rows["cycles an image"] = f"{self.own_cycles.mean():,.1f} mean, {self.own_cycles.max():,} max"
        if self.own_counters is not None:
            updates = self.own_counters[..., Counter.UPDATES].sum() / len(self)
            rows["words updated an image"] = round(float(updates), 1)
        if self.compared is not None:
            rows["compared with the golden model"] = f"{self.compared.spikes:,} spikes; " + (
                "nothing differs" if self.compared.agree else "; ".join(self.compared.notes[:3])
            )
        return rows

    def rows(self) -> Iterator[dict[str, int]]:
        """A row an image: what it was, what was decided, and all that is known of it."""
        columns: dict[str, np.ndarray] = {"image": np.arange(len(self))}
        if self.labels is not None:
            columns["label"] = self.labels
        columns |= {"decision": self.decisions, "step": self.steps, "by_spike": self.spiked.astype(int)}
        if self.own_cycles is not None:
            columns["cycles"] = self.own_cycles
        columns["spikes_in"] = self.inputs.per_image
        for i, layer in enumerate(self.own_spikes or ()):
            columns[f"spikes_{i}"] = layer.per_image
        if self.own_spikes is not None or self.own_counts is not None:
            columns |= {f"count_{j}": own for j, own in enumerate(self.counts.T)}
        if len(self.network.layers) - 1 in self.states:
            columns |= {f"v_{j}": own for j, own in enumerate(self.potentials.T)}
        for values in zip(*columns.values(), strict=True):
            yield dict(zip(columns, map(int, values), strict=True))

    @property
    def table(self) -> Table:
        """`rows` as a table, which writes itself as CSV, LaTeX and Markdown."""
        return Table.of([*self.rows()])

    # ---- against another -----------------------------------------------------------------------------

    def known(self) -> dict[str, Any]:
        """All that two runs of the same images must have in common, by name; arrays and events.

        Cycles, and the counter STALLS, are left out: they depend on how fast a host is.
        """
        found: dict[str, Any] = {"decisions": self.decisions, "steps": self.steps, "spiked": self.spiked}
        if self.own_counters is not None:
            found["counters"] = np.take(self.own_counters, PREDICTED, axis=2)
        for i, spikes in enumerate(self.own_spikes or ()):
            found |= {f"layer {i}, spikes": spikes, f"layer {i}, spikes sent": self.sent[i]}
        if self.own_counts is not None or self.own_spikes is not None:
            found["counts of outputs"] = self.counts
        for i, state in self.states.items():
            found |= {f"layer {i}, {name}": value for name, value in vars(state).items()}
        return found

    def differences(self, other: Run) -> list[str]:
        """In what two runs of the same images differ, in words, of all that both know; none if in nothing."""
        if self.inputs != other.inputs or self.early_exit != other.early_exit:
            return ["they are of other inputs, or only one of them has early_exit"]
        notes, theirs = [], other.known()
        for name, mine in self.known().items():
            if name not in theirs:
                continue
            other_one = theirs[name]
            if isinstance(mine, Events):
                if mine != other_one:
                    notes.append(f"{name}: {mine.unlike(other_one)} are of one run alone")
            elif mine.shape != other_one.shape:
                notes.append(f"{name}: shapes {mine.shape} and {other_one.shape}")
            elif wrong := int((mine != other_one).sum()):
                notes.append(f"{name}: {wrong} of {mine.size} differ")
        return notes

    # ---- written, drawn, priced ----------------------------------------------------------------------

    def save(self, path: str | Path) -> Path:
        """Write all of it as an npz, which `Run.load` reads; it appears whole or not at all."""
        from yoso_sim.running import keep

        return keep.save(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Run:
        """What `save` wrote. Raises `RunError`."""
        from yoso_sim.running import keep

        return cls(**keep.load(Path(path)))

    def to_csv(self, path: str | Path) -> Path:
        """Write a row an image (`rows`) as CSV."""
        from yoso_sim.running import keep

        return keep.to_csv(self, Path(path))

    def raster(self, image: int = 0) -> Any:
        """The spikes of an image by layer, a matplotlib figure; ``savefig`` writes PDF and SVG by suffix."""
        from yoso_sim.running import raster

        with needs("sim", "a picture"):
            return raster.draw(self, image)

    def energy(self, process: str = "sg13g2") -> dict[str, Any]:
        """What an image costs on a process, estimated (docs/energy.md): nJ by part, clocks gated or not.

        Raises
        ------
        RunError
            Of a run without cycles and spikes.
        yoso_synth.tools.SynthError
            If a tool or the process's library is missing, or the network cannot be priced; one line.
        """
        with needs("sim,synth", "energy"):
            from yoso_sim.running import price

            return price.energy(self, process)

    def __repr__(self) -> str:
        said = f"Run({self.network.name!r} on {self.backend}, {len(self)} images"
        return said + ("" if self.accuracy is None else f", {self.accuracy:.2f} %") + ")"

    def _repr_html_(self) -> str:
        return html_table(self.summary)
