"""What events cost, measured on the netlist of a PE that runs real images, and the check of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from yoso_hw.params import ChipParams
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.work import EVENTS
from yoso_sw.network.golden import GoldenResult
from yoso_sw.network.layer import Layer
from yoso_synth.power import Energy, PowerModel
from yoso_synth.toggles import Command, Toggles, Window
from yoso_synth.tools import SynthError

from yoso_sim.energy.model import PARTS, Costs
from yoso_sim.energy.stimulus import NodeBench

#: Cycles of the idle window, and flits of the passing one, that rates are measured in.
IDLE_CYCLES, PASSING = 300, 300

#: Images that events of a chip without convolution are measured with, on one PE; else images of a layer,
#: on as many of its PEs, if it has these.
MEASURED, PES = 2, 6

#: Windows, and which events are told apart in them. Where a spike updates all words of a PE, those of a
#: window stand in one proportion, and words take all.
Told = Mapping[str, tuple[str, ...]]
DENSE: Told = {"sweep": ("words",), "spikes": ("updates",)}
WALKED: Told = {"step": ("words", "reached", "sent", "spikes", "updates", "dropped")}


def images_for(params: ChipParams) -> int:
    """Images that costs and their check need."""
    return 2 * PES - 1 if params.side else MEASURED + 1


def by_part(energy: Energy) -> dict[str, float]:
    """A netlist's energy by part of `PARTS`, memories' macros included."""
    return {
        part: sum(value for (module, _), value in energy.by.items() if module in modules)
        for part, modules in PARTS.items()
    }


@dataclass(frozen=True)
class Measured:
    """A node's netlist, run through single events of real images; arrays have a row a window.

    Attributes
    ----------
    kinds
        What the windows are: "idle", "passing", and "sweep" and "spikes" or both in a "step".
    cycles, busy
        Cycles, and those with work; int64 (windows,).
    spent
        pJ by part of `PARTS`, float64 (windows, parts).
    done
        `EVENTS` of each step that was run, int64 (steps, events).
    """

    kinds: np.ndarray
    cycles: np.ndarray
    busy: np.ndarray
    spent: np.ndarray
    done: np.ndarray

    @classmethod
    def of(cls, model: PowerModel, windows: Sequence[tuple[str, Window]], done: np.ndarray) -> Measured:
        return cls(
            np.array([kind for kind, _ in windows]),
            np.array([window.cycles for _, window in windows]),
            np.array([window.busy for _, window in windows]),
            np.array([list(by_part(model.energy(window)).values()) for _, window in windows]),
            done,
        )

    def events(self, *names: str) -> np.ndarray:
        """Some of the events of each step, int64 (steps, names)."""
        return self.done[:, [EVENTS.index(name) for name in names]]

    @property
    def cycle(self) -> np.ndarray:
        """A cycle in which nothing happens, pJ by part."""
        idle = self.kinds == "idle"
        return self.spent[idle][0] / self.cycles[idle][0]

    @property
    def flit(self) -> np.ndarray:
        """A flit that passes, pJ by part."""
        return self._beyond("passing")[0] / PASSING

    def _beyond(self, kind: str) -> np.ndarray:
        """Energy of each window of a kind beyond that of as many idle cycles, pJ by part."""
        own = self.kinds == kind
        return self.spent[own] - self.cycles[own, None] * self.cycle

    def beyond(self, kind: str) -> np.ndarray:
        """The same without spikes' flits, which are counted as such."""
        flits = 0 if kind == "sweep" else self.events("spikes", "dropped").sum(1, keepdims=True)
        return self._beyond(kind) - flits * self.flit

    def busy_of(self, kind: str) -> np.ndarray:
        return self.busy[self.kinds == kind]


def shares(counts: np.ndarray, spent: np.ndarray) -> np.ndarray:
    """What each event takes, float64 (events,), where windows with `counts` of them, (windows, events), took
    `spent`, (windows,).

    By least squares, none below 0, then scaled so that they come to what all windows took. One event alone
    takes all.
    """
    if counts.shape[1] == 1:
        return np.array([spent.sum() / max(1, counts.sum())])
    found, own = np.zeros(counts.shape[1]), np.flatnonzero(counts.any(0))
    while len(own):
        least = np.linalg.lstsq(counts[:, own].astype(np.float64), spent, rcond=None)[0]
        if (least > 0).all():
            found[own] = least * (spent.sum() / (counts[:, own] @ least).sum())
            break
        own = own[least > 0]
    return found


@dataclass(frozen=True)
class LayerCosts:
    """What events of a layer's PEs cost; as a layer of `Costs.energy` and `Costs.busy`."""

    energy: dict[str, dict[str, float]] = field(default_factory=dict)
    busy: dict[str, float] = field(default_factory=dict)


def layer_costs(runs: Sequence[Measured], told: Told) -> LayerCosts:
    """What events cost in some runs of PEs of one layer, as far as they are `told` apart."""
    found = LayerCosts()
    for kind, names in told.items():
        counts = np.concatenate([run.events(*names) for run in runs])
        spent = np.concatenate([run.beyond(kind) for run in runs])
        each = np.array([shares(counts, one) for one in spent.T])
        for name, values in zip(names, each.T, strict=True):
            found.energy[name] = dict(zip(PARTS, values.tolist(), strict=True))
    done = [np.concatenate([run.events(name)[:, 0] for run in runs]) for name in ("words", "updates")]
    busy = np.sum([np.concatenate([run.busy_of(kind) for run in runs]) for kind in told], axis=0)
    found.busy["words"] = 1.0
    if told is DENSE:
        swept, updated = (int(one.sum()) for one in done)
        found.busy.update(updates=1.0, sweeps=float(busy.sum() - swept - updated) / len(busy))
        return found
    names = tuple("sweeps" if name == "words" else name for name in told["step"] if name != "reached")
    counts = np.concatenate([run.events(*names) for run in runs])
    found.busy.update(zip(names, shares(counts, busy - done[0]).tolist(), strict=True))
    return found


def measure(
    toggles: Toggles,
    model: PowerModel,
    bench: NodeBench,
    result: GoldenResult,
    images: Sequence[int],
    told: Told,
) -> Measured:
    """Run a node's netlist through some images of `result`, with a window for each kind of `told`."""
    commands = [*bench.load(), Command("mark"), Command("cycles", IDLE_CYCLES), Command("mark")]
    kinds = ["idle"]
    for index in images:
        axons = bench.work.axons(result, index)
        commands += bench.image_commands(axons, [*told])
        kinds += [*told] * len(axons)
    rows = bench.image.params.weight_words
    commands += [bench.passing(37 * i % rows) for i in range(PASSING)]
    commands += [Command("drain"), Command("mark")]
    kinds.append("passing")
    windows, _ = toggles.run(commands)
    done = np.concatenate([bench.work.steps(result, index) for index in images])
    return Measured.of(model, list(zip(kinds, windows, strict=True)), done)


def kind_of_sweep(layer: Layer) -> tuple[bool, ...]:
    """What a layer's sweeps do beyond those of the ReL-PSP neuron: write A, let A or V decay, read a bias."""
    neuron = layer.neuron
    return neuron.sweeps_write_a, neuron.current > 0, neuron.leak > 0, layer.bias_row


# ---- all layers of a network ---------------------------------------------------------------------------


def chosen(parts: int) -> tuple[list[int], list[int]]:
    """Numbers of a layer's PEs that `PES` images run on, and of others, on which costs are checked.

    The last one, which may hold fewer words, is among the first. Of few PEs some come several times; where
    all are measured, all are checked as well.
    """
    first = sorted({round(each) for each in np.linspace(0, parts - 1, PES)})
    others = [number for number in range(parts) if number not in first] or first
    some = sorted({round(each) for each in np.linspace(0, len(others) - 1, PES - 1)})
    return (
        [first[i % len(first)] for i in range(PES)],
        [others[some[i % len(some)]] for i in range(PES - 1)],
    )


@dataclass(frozen=True)
class Checked:
    """Images on the netlists of some PEs beside the same by the costs of events.

    `found` has pJ, the clock always on, and cycles with work, each "measured" and "modelled".
    """

    nodes: list[tuple[int, int]]
    found: dict[str, float]

    @classmethod
    def of_all(cls, each: Sequence[Checked], times: Sequence[float]) -> Checked:
        """Several together, each so many times."""
        found = {
            key: sum(n * one.found[key] for n, one in zip(times, each, strict=True)) for key in each[0].found
        }
        return cls([node for one in each for node in one.nodes], found)

    def above(self, what: str) -> float:
        """By how much in per cent the model is above the netlist in "pj" or "busy"."""
        return round(100 * (self.found[f"modelled_{what}"] / self.found[f"measured_{what}"] - 1), 2)

    def report(self) -> dict[str, Any]:
        return {
            **{name: round(value, 1) for name, value in self.found.items()},
            "difference_percent": self.above("pj"),
            "busy_difference_percent": self.above("busy"),
        }


@dataclass(frozen=True)
class Netlist:
    """A mapped node, and a network that it runs; `result` has as many images as `images_for` says."""

    toggles: Toggles
    model: PowerModel
    image: WeightImage
    layers: Sequence[Layer]
    result: GoldenResult

    def bench(self, layer: int, number: int) -> NodeBench:
        parts = self.image.layers[layer].slices
        part = parts[number % len(parts)]
        return NodeBench(self.image, part.x, part.y)

    def run(self, layer: int, number: int, images: Sequence[int]) -> Measured:
        told = WALKED if self.image.params.side else DENSE
        return measure(self.toggles, self.model, self.bench(layer, number), self.result, images, told)

    def costs(self) -> Costs:
        """What events cost in each layer.

        Without convolution on the chip one PE of the first layer stands for all, and another for each other
        kind of sweep; else some PEs of each layer do.
        """
        every = range(MEASURED)
        if self.image.params.side:
            runs = [
                [self.run(layer, number, [i]) for i, number in enumerate(chosen(len(own.slices))[0])]
                for layer, own in enumerate(self.image.layers)
            ]
            found = [layer_costs(own, WALKED) for own in runs]
            first = [run for own in runs for run in own]
        else:
            first = [self.run(0, 7, every)]
            one = layer_costs(first, DENSE)
            sweeps = {kind_of_sweep(self.layers[0]): one.energy["words"]}
            for number, layer in enumerate(self.layers):
                if (kind := kind_of_sweep(layer)) not in sweeps:
                    own = layer_costs([self.run(number, 0, every)], DENSE)
                    sweeps[kind] = own.energy["words"]
            found = [
                LayerCosts({**one.energy, "words": sweeps[kind_of_sweep(layer)]}, one.busy)
                for layer in self.layers
            ]

        def mean(values: list[np.ndarray]) -> dict[str, float]:
            return dict(zip(PARTS, np.mean(values, axis=0).tolist(), strict=True))

        return Costs(
            cycle=mean([run.cycle for run in first]),
            flit=mean([run.flit for run in first]),
            energy=[own.energy for own in found],
            busy=[own.busy for own in found],
        )

    def check(self, costs: Costs) -> dict[str, Any]:
        """Whole images, which the costs were not measured with, on netlists of PEs beside what costs say.

        Without convolution on the chip one image on another PE of the first layer; else on PEs of each layer
        that the costs were not measured on (where it has several) as many images, and all layers together,
        each by its number of PEs; "worst_percent" is of one PE.
        """
        if not self.image.params.side:
            one = self._checked(costs, 0, 23, MEASURED)
            return {"node": list(one.nodes[0]), **one.report()}
        layers, times, reports = [], [], []
        for layer, own in enumerate(self.image.layers):
            numbers = chosen(len(own.slices))[1]
            each = [self._checked(costs, layer, number, PES + i) for i, number in enumerate(numbers)]
            layers.append(Checked.of_all(each, [1.0] * len(each)))
            times.append(len(own.slices) / len(each))
            worst = max((one.above("pj") for one in each), key=abs)
            nodes = [list(node) for node in dict.fromkeys(layers[-1].nodes)]
            reports.append({"nodes": nodes, **layers[-1].report(), "worst_percent": worst})
        return {**Checked.of_all(layers, times).report(), "layers": reports}

    def _checked(self, costs: Costs, layer: int, number: int, index: int) -> Checked:
        """Raises `SynthError` if the netlist's neurons that spike are not the golden model's."""
        bench = self.bench(layer, number)
        axons = bench.work.axons(self.result, index)
        run = [*bench.load(), Command("mark"), *bench.image_commands(axons, []), Command("mark")]
        (window,), flits = self.toggles.run(run)
        if layer + 1 < len(self.layers):
            sent, fired = bench.sent(flits), bench.work.fired(self.result, index)
            if sent != fired:
                raise SynthError(f"the netlist sends spikes of {sent}, the golden model of {fired}")
        events = dict(zip(EVENTS, bench.work.steps(self.result, index).sum(0).tolist(), strict=True))
        energy, busy = costs.energy[layer], costs.busy[layer]
        found = {
            "measured_pj": self.model.energy(window).total(),
            "modelled_pj": window.cycles * sum(costs.cycle.values())
            + sum(events[name] * sum(cost.values()) for name, cost in energy.items())
            + (events["spikes"] + events["dropped"]) * sum(costs.flit.values()),
            "measured_busy": float(window.busy),
            "modelled_busy": sum(events[name] * cycles for name, cycles in busy.items()),
        }
        return Checked([(bench.x, bench.y)], found)
