"""What random cases have shown: a histogram of every parameter, and of what the neurons did.

Of each question the bins that there should be are known (`BINS`), so that one that stays empty is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from yoso_hw.params import NEURONS, ROUTERS, ChipParams
from yoso_hw.registers import Reset
from yoso_sw.compile.image import WeightImage
from yoso_sw.network import golden
from yoso_sw.network.events import Events
from yoso_sw.network.golden import GoldenResult
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import DECISIONS, Network
from yoso_sw.network.neuron import LARGEST_DECAY, to_words

from yoso_sim.study.cases import IMAGES, WEIGHTS, Case, Run

_DECAYS = tuple(str(k) for k in range(1, LARGEST_DECAY + 1))

#: Question -> its bins, in the order in which they are shown.
BINS: dict[str, tuple[str, ...]] = {
    "lanes": ("1", "2", "4", "8"),
    "memories": ("dual-port", "banked"),
    "spikes travel": ("unicast", "multicast"),
    "router": ROUTERS,
    "chip's neuron": NEURONS,
    "weight image": ("for the chip", "for one with neuron=rel_psp"),
    "layers": ("1", "2", "3", "4", "5 and more"),
    "decision": DECISIONS,
    "input code": ("ttfs", "events"),
    "images": IMAGES,
    "weights": WEIGHTS,
    "threshold": ("1", "2 .. 8", "9 and more", "largest V"),
    "slope": ("A", "1", "2 and more", "largest V"),
    "window": ("never fires", "from step 0", "opens later", "closes early"),
    "current": ("kept", "cleared", *_DECAYS),
    "leak": ("none", *_DECAYS),
    "reset": tuple(reset.name.lower() for reset in Reset),
    "charge": ("none", "step 1", "steps 2 .. 7", "later"),
    "bias": ("none", "axon", "row"),
    "layer": ("dense", "convolution", "pooled"),
    "kernel": ("1", "2", "3", "4", "5 and more", "the whole map"),
    "stride": ("1", "2", "3"),
    "padding": ("0", "1", "2"),
    "side of the map": ("1", "2 .. 8", "9 and more"),
    "filters": ("1", "less than the lanes", "the lanes", "more than the lanes"),
    "positions of a PE": ("one", "several", "all"),
    "PEs of a convolution": ("1", "by filters", "by space", "by both"),
    "members of a group in one step": ("1", "2", "3", "4"),
    "spikes of an input": ("0", "1", "2", "3 and more", "in consecutive steps"),
    "spikes of a neuron": ("0", "1", "2", "3", "4 .. 7", "8 and more"),
    "V at the end": ("lowest", "negative", "0", "positive", "largest"),
    "charged current": ("negative", "0", "positive"),
    "decided by": ("spike", "count", "potential"),
    "most output spikes": ("of one", "of several", "nobody's"),
}


#: Question -> bin -> how often it came.
Counts = dict[str, dict[str, int]]


def count(case: Case, counts: Counts) -> None:
    """Add a case to the counts; its networks are run on the golden model."""
    for what, found in bins(case):
        own = counts.setdefault(what, {})
        own[found] = own.get(found, 0) + 1


def empty(counts: Counts) -> list[str]:
    """Bins that never came: "leak: 7"."""
    return [
        f"{what}: {one}" for what, names in BINS.items() for one in names if not counts.get(what, {}).get(one)
    ]


def lines(counts: Counts) -> list[str]:
    """The histogram, a line a question."""
    return [
        f"{what}: " + ", ".join(f"{one} {counts.get(what, {}).get(one, 0)}" for one in names)
        for what, names in BINS.items()
    ]


def bins(case: Case) -> Iterator[tuple[str, str]]:
    """Question and bin of all that there is in a case, one for each time."""
    yield from chip_bins(case.chip)
    for run, (network, image) in zip(case.runs, case.programs, strict=True):
        yield from mapping_bins(image)
        yield from run_bins(run, network, case.chip)
        yield from outcome_bins(run, network, case.chip)


def chip_bins(chip: ChipParams) -> Iterator[tuple[str, str]]:
    """Of the chip."""
    yield "lanes", str(chip.lanes)
    yield "memories", "banked" if chip.banked else "dual-port"
    yield "spikes travel", "multicast" if chip.multicast else "unicast"
    yield "router", chip.router
    yield "chip's neuron", chip.neuron


def run_bins(run: Run, network: Network, chip: ChipParams) -> Iterator[tuple[str, str]]:
    """Of a network as its recipe has it."""
    yield "weight image", BINS["weight image"][run.old_image]
    yield "layers", str(len(run.layers)) if len(run.layers) < 5 else "5 and more"
    yield "decision", network.decision
    yield "input code", network.code
    yield from (("images", kind) for kind, _ in run.images)
    yield from (("weights", recipe.weights) for recipe in run.layers)
    for layer in network.layers:
        yield from layer_bins(layer, network.steps, chip)


def layer_bins(layer: Layer, steps: int, chip: ChipParams) -> Iterator[tuple[str, str]]:
    """Of a layer's neuron."""
    own, words = layer.neuron, to_words(layer.neuron)
    yield "threshold", _size(own.threshold, chip, ("", "1", "2 .. 8", "9 and more"), 9)
    yield "slope", _size(own.slope, chip, ("A", "1", "2 and more", "2 and more"), 2)
    if not own.fires:
        yield "window", "never fires"
    else:
        yield "window", "opens later" if own.start else "from step 0"
        if own.end < steps:
            yield "window", "closes early"
    yield "current", str(words["current"])
    yield "leak", str(own.leak or "none")
    yield "reset", str(words["reset"])
    q = own.charge
    yield "charge", "none" if not q else "step 1" if q == 1 else "steps 2 .. 7" if q < 8 else "later"
    yield "bias", "row" if layer.bias_row else "axon" if layer.bias_axon else "none"
    window, filters = layer.window, layer.weights.shape[1]
    yield "layer", "dense" if window is None else "pooled" if layer.pool else "convolution"
    if window is None:
        return
    whole = window.kernel == max(window.rows, window.cols)
    yield "kernel", str(window.kernel) if window.kernel < 5 else "5 and more"
    if whole:
        yield "kernel", "the whole map"
    yield "stride", str(window.stride)
    yield "padding", str(window.padding)
    for side in (window.rows, window.cols):
        yield "side of the map", "1" if side == 1 else "2 .. 8" if side < 9 else "9 and more"
    sizes = ("less than the lanes", "the lanes", "more than the lanes")
    yield "filters", "1" if filters == 1 else sizes[int(np.sign(filters - chip.lanes)) + 1]


def mapping_bins(image: WeightImage) -> Iterator[tuple[str, str]]:
    """Of how the compiler has cut the convolutions."""
    for layer in image.layers:
        if layer.window is None:
            continue
        groups = len({part.first for part in layer.slices})
        tiles = len(layer.slices) // groups
        yield (
            "PEs of a convolution",
            "1"
            if groups == tiles == 1
            else "by both"
            if groups > 1 < tiles
            else "by filters"
            if groups > 1
            else "by space",
        )
        for part in layer.slices:
            whole = part.rows * part.cols == layer.window.positions
            yield "positions of a PE", "one" if part.rows == part.cols == 1 else "all" if whole else "several"


def group_bins(layer: Layer, fired: Events) -> Iterator[tuple[str, str]]:
    """Of how many members of a pooled group fire in one step."""
    window, filters = layer.window, layer.weights.shape[1]
    assert window is not None
    place, member = np.divmod(fired.axon, filters)
    row, col = np.divmod(place, window.out_cols)
    group = np.stack([fired.image, fired.step, row // 2, col // 2, member])
    yield from _each(
        "members of a group in one step", np.unique(group, axis=1, return_counts=True)[1] - 1, "1234"
    )


def _size(value: int, chip: ChipParams, names: tuple[str, str, str, str], large: int) -> str:
    """0, 1, more or `large` and more by `names`; or that it is the largest V."""
    if value == chip.pot_max and value > 1:
        return "largest V"
    return names[min(value, 2)] if value < large else names[3]


def outcome_bins(run: Run, network: Network, chip: ChipParams) -> Iterator[tuple[str, str]]:
    """Of what inputs and neurons did."""
    events = run.events()
    result = golden.run(network, events, params=chip, early_exit=run.early_exit)
    yield from _each("spikes of an input", np.minimum(events.counts, 3), BINS["spikes of an input"])
    spiked = {*zip(events.image.tolist(), events.step.tolist(), events.axon.tolist(), strict=True)}
    if any((image, step + 1, axon) in spiked for image, step, axon in spiked):
        yield "spikes of an input", "in consecutive steps"
    for layer, own in enumerate(network.layers):
        counts = np.searchsorted([1, 2, 3, 4, 8], result.spikes[layer].counts, side="right")
        yield from _each("spikes of a neuron", counts, BINS["spikes of a neuron"])
        if own.pool:
            yield from group_bins(own, result.spikes[layer])
        v = result.potentials[layer]
        edges = np.array([chip.pot_min + 1, 0, 1, chip.pot_max])
        yield from _each("V at the end", np.searchsorted(edges, v, side="right"), BINS["V at the end"])
        if own.neuron.charge:
            charged = result.accumulated[layer][result.last >= own.neuron.charge]
            yield from _each("charged current", np.sign(charged) + 1, BINS["charged current"])
    for spiked_image in result.spiked:
        yield "decided by", "potential" if not spiked_image else "count" if run.count else "spike"
    if run.count:
        yield from count_bins(result)


def count_bins(result: GoldenResult) -> Iterator[tuple[str, str]]:
    """Of a decision by counts: how many outputs have the most spikes."""
    for counts in result.spikes[-1].counts:
        most = int((counts == counts.max()).sum())
        yield (
            "most output spikes",
            "nobody's" if not counts.any() else "of one" if most == 1 else "of several",
        )


def _each(what: str, numbers: np.ndarray, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The question with the name of each bin that is among the numbers, once."""
    for number in np.unique(numbers):
        yield what, names[int(number)]
