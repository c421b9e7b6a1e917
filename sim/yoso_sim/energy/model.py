"""Energy of an image: what the RTL counted, times what a mapped PE spends on each event (docs/energy.md)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from yoso_hw.registers import Counter
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.layout import LayerMap
from yoso_sw.compile.routes import destination, rectangles, touched
from yoso_sw.network.layer import Layer
from yoso_synth.power import Energy, PowerModel
from yoso_synth.toggles import Command, Toggles, Window
from yoso_synth.tools import SynthError

from yoso_sim.energy.stimulus import NodeBench

#: Parts of the chip that the report tells apart, by the modules of a mapped node.
PARTS = {
    "weight memory": ("node.pe.memories.weight",),
    "A and V memories": ("node.pe.memories.accumulated", "node.pe.memories.potential"),
    "spike-address memory": ("node.pe.memories.spike",),
    "core": ("node.pe.core",),
    "router": ("node.router",),
    "rest of PE": ("node",),
}

#: Cycles of the idle window, and flits of the passing one, that rates are measured in.
IDLE_CYCLES, PASSING = 300, 300


@dataclass(frozen=True)
class Activity:
    """What the PEs of a chip did in an image, on average; counters as float64 (rows, cols, counters).

    Attributes
    ----------
    words
        Neuron words of each PE, (rows, cols).
    layers
        Layer whose neurons each PE holds, (rows, cols), -1 for none.
    flits
        Flits that each router took, all routers together.
    cycles
        From START to decision.
    """

    counters: np.ndarray
    words: np.ndarray
    layers: np.ndarray
    flits: float
    cycles: float

    def total(self, counter: Counter) -> float:
        return float(self.counters[..., counter].sum())

    @property
    def sweep_words(self) -> list[float]:
        """Neuron words that the sweeps of each layer touched."""
        touched = self.counters[..., Counter.SWEEPS] * self.words
        return [float(touched[self.layers == layer].sum()) for layer in range(int(self.layers.max()) + 1)]

    @property
    def sweeps(self) -> float:
        """Sweeps of PEs that hold neurons."""
        return float((self.counters[..., Counter.SWEEPS] * (self.words > 0)).sum())


@dataclass(frozen=True)
class Costs:
    """What a PE spends on each event in pJ, by part of `PARTS`; measured on a netlist.

    It is a PE of the network's first layer; sweeps are measured again on a PE of each layer whose sweeps do
    something else (`kind_of_sweep`).

    Attributes
    ----------
    cycle
        A cycle in which nothing happens and the clock runs.
    sweep_word, update
        A neuron word swept, by layer; a neuron word updated by a spike. Both beyond `cycle`.
    flit
        A flit that a router takes and passes on.
    busy_sweep
        Cycles a sweep is busy beyond its words.
    """

    cycle: dict[str, float]
    sweep_word: list[dict[str, float]]
    update: dict[str, float]
    flit: dict[str, float]
    busy_sweep: float

    def busy(self, activity: Activity) -> float:
        """PE cycles with work: words swept and updated, and the ends of sweeps."""
        return sum(activity.sweep_words) + activity.total(Counter.UPDATES) + self.busy_sweep * activity.sweeps

    def image(self, activity: Activity, *, gated: bool) -> dict[str, float]:
        """Energy of an image in pJ by part, leakage not counted.

        With `gated` the clock of a PE stops in cycles in which it has no work; else it always runs.
        """
        nodes = activity.words.size
        swept = list(zip(activity.sweep_words, self.sweep_word, strict=True))
        cycles = self.busy(activity) if gated else nodes * activity.cycles
        return {
            part: cycles * self.cycle[part]
            + sum(words * cost[part] for words, cost in swept)
            + activity.total(Counter.UPDATES) * self.update[part]
            + activity.flits * self.flit[part]
            for part in PARTS
        }


def by_part(energy: Energy) -> dict[str, float]:
    """A netlist's energy by part of `PARTS`, memories' macros included."""
    return {
        part: sum(value for (module, _), value in energy.by.items() if module in modules)
        for part, modules in PARTS.items()
    }


@dataclass(frozen=True)
class Measured:
    """A node's netlist, run through single events of real images.

    Attributes
    ----------
    windows
        By what they are: "idle", "sweep", "spikes" or "passing".
    spikes
        Of each step that was run.
    words
        Neuron words of the node.
    """

    model: PowerModel
    windows: list[tuple[str, Window]]
    spikes: list[int]
    words: int

    @property
    def cycle(self) -> dict[str, float]:
        """A cycle in which nothing happens, pJ."""
        (idle,) = (window for name, window in self.windows if name == "idle")
        return {part: value / idle.cycles for part, value in by_part(self.model.energy(idle)).items()}

    def beyond(self, kind: str) -> dict[str, float]:
        """Energy of all windows of a kind beyond that of as many idle cycles, pJ."""
        own = [window for name, window in self.windows if name == kind]
        cycles, cycle = sum(window.cycles for window in own), self.cycle
        spent = [by_part(self.model.energy(window)) for window in own]
        return {part: sum(one[part] for one in spent) - cycles * cycle[part] for part in PARTS}

    @property
    def sweep_word(self) -> dict[str, float]:
        """A neuron word swept, pJ."""
        swept = len(self.spikes) * self.words
        return {part: value / swept for part, value in self.beyond("sweep").items()}

    @property
    def costs(self) -> Costs:
        """What each event costs, in a network of this node's layer alone."""
        spikes, sweeps = sum(self.spikes), len(self.spikes)
        flit = {part: value / PASSING for part, value in self.beyond("passing").items()}
        busy = sum(window.busy for name, window in self.windows if name in ("sweep", "spikes"))
        updated = spikes * self.words
        # A spike is a flit too, which is counted as such.
        update = {part: value - spikes * flit[part] for part, value in self.beyond("spikes").items()}
        return Costs(
            cycle=self.cycle,
            sweep_word=[self.sweep_word],
            update={part: value / updated for part, value in update.items()},
            flit=flit,
            busy_sweep=(busy - sweeps * self.words - updated) / sweeps,
        )


def measure(toggles: Toggles, model: PowerModel, bench: NodeBench, images: list[list[list[int]]]) -> Measured:
    """Run a node's netlist; `images` are, for each, the axons of its layer that spike by step
    (`NodeBench.image_steps`)."""
    commands = [*bench.load(), Command("mark"), Command("cycles", IDLE_CYCLES), Command("mark")]
    kinds = ["idle"]
    spikes = []
    for axons in images:
        commands += bench.image_commands(axons, marks=True)
        for spiking in axons:
            kinds += ["sweep", "spikes"]
            spikes.append(len(spiking))
    rows = bench.image.params.weight_words
    commands += [bench.passing(37 * i % rows) for i in range(PASSING)]
    commands += [Command("drain"), Command("mark")]
    kinds.append("passing")
    windows, _ = toggles.run(commands)
    return Measured(model, list(zip(kinds, windows, strict=True)), spikes, bench.words)


def kind_of_sweep(layer: Layer) -> tuple[bool, ...]:
    """What a layer's sweeps do beyond those of the ReL-PSP neuron: write A, let A or V decay, read a bias."""
    neuron = layer.neuron
    return neuron.sweeps_write_a, neuron.current > 0, neuron.leak > 0, layer.bias_row


# ---- activity ----------------------------------------------------------------------------------------


def tree_nodes(start: tuple[int, int], rectangle: tuple[int, int, int, int]) -> int:
    """Routers that a multicast flit from node `start` to a rectangle passes: along x first, then along y."""
    (x, y), (x0, x1, y0, y1) = start, rectangle
    row = max(x, x1) - min(x, x0) + 1
    column = max(y, y1) - min(y, y0)
    return row + (x1 - x0 + 1) * column


def path_nodes(start: tuple[int, int], rectangle: tuple[int, int, int, int]) -> int:
    """The same for one flit a node of the rectangle."""
    (x, y), (x0, x1, y0, y1) = start, rectangle
    return sum(abs(a - x) + abs(b - y) + 1 for a in range(x0, x1 + 1) for b in range(y0, y1 + 1))


def router_flits(image: WeightImage, spikes_in: np.ndarray, counters: np.ndarray) -> float:
    """Flits that the routers of the mesh take in an image, all together; inputs spike equally often.

    Parameters
    ----------
    spikes_in
        Spikes that each layer gets.
    counters
        As `Activity.counters`.
    """
    nodes = tree_nodes if image.params.multicast else path_nodes

    def sent(layer: LayerMap) -> list[tuple[tuple[int, int], float]]:
        return [((p.x, p.y), float(counters[p.y, p.x, Counter.SPIKES_OUT])) for p in layer.slices]

    layers, lanes = image.layers, image.params.lanes
    sides = rectangles(layers[0], touched(layers[0], np.arange(layers[0].inputs), lanes))
    flits = float(spikes_in[0]) * float(np.mean([nodes((0, 0), tuple(own)) for own in sides.tolist()]))
    for layer, following in zip(layers, layers[1:], strict=False):
        for part, (start, count) in zip(layer.slices, sent(layer), strict=True):
            outputs = layer.senders(part, lanes)
            flits += count * nodes(start, destination(following, outputs[outputs >= 0], lanes))
        flits += float(following.bias_axon) * nodes((0, 0), following.rectangle)
    # RESULTs go back to the host: those of spikes, or of a report, which every output neuron sends.
    for part, ((x, y), spikes) in zip(layers[-1].slices, sent(layers[-1]), strict=True):
        flits += (spikes if image.decision == "count" else part.count) * (x + y + 1)
    return flits


def activity_of(image: WeightImage, counters: np.ndarray, cycles: float, spikes_in: np.ndarray) -> Activity:
    """The activity of an image from counters of the RTL, averaged over images."""
    words = np.zeros((image.params.rows, image.params.cols))
    layers = np.full(words.shape, -1)
    for number, layer in enumerate(image.layers):
        for part in layer.slices:
            words[part.y, part.x] = part.words(image.params.lanes)
            layers[part.y, part.x] = number
    return Activity(counters, words, layers, router_flits(image, spikes_in, counters), cycles)


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


def check(
    toggles: Toggles,
    model: PowerModel,
    costs: Costs,
    bench: NodeBench,
    axons: list[list[int]],
    fired: list[int],
) -> dict[str, object]:
    """A whole image on a netlist's PE of the first layer, beside what its counters times the costs say; pJ.

    Raises
    ------
    SynthError
        If the netlist's neurons that spike, each as often as it does, are not `fired`.
    """
    commands = [*bench.load(), Command("mark"), *bench.image_commands(axons, marks=False), Command("mark")]
    windows, flits = toggles.run(commands)
    if bench.sent(flits) != fired:
        raise SynthError(f"the netlist sends spikes of {bench.sent(flits)}, the golden model of {fired}")
    window = windows[0]
    measured = model.energy(window).total()
    counters = np.zeros((1, 1, len(Counter)))
    spikes = sum(map(len, axons))
    counters[0, 0, Counter.UPDATES] = spikes * bench.words
    counters[0, 0, Counter.SWEEPS] = len(axons)
    activity = Activity(counters, np.array([[bench.words]]), np.array([[0]]), spikes, window.cycles)
    first = replace(costs, sweep_word=costs.sweep_word[:1])
    modelled = sum(first.image(activity, gated=False).values())
    return {
        "node": [bench.x, bench.y],
        "measured_pj": round(measured, 1),
        "modelled_pj": round(modelled, 1),
        "difference_percent": round(100 * (modelled / measured - 1), 2),
    }
