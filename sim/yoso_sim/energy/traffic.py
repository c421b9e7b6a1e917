"""What an image asks of a chip's PEs and routers: counters of the RTL or predicted ones, as an `Activity`."""

from __future__ import annotations

import numpy as np
from yoso_hw.registers import Counter
from yoso_sw.compile.estimate import Predicted
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.layout import LayerMap
from yoso_sw.compile.predict import arrivals, predict_counters
from yoso_sw.compile.routes import destination, ways
from yoso_sw.network.golden import GoldenResult

from yoso_sim.energy.model import Activity


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


def router_flits(image: WeightImage, arrived: np.ndarray, counters: np.ndarray) -> float:
    """Flits that the routers of the mesh take in an image, all together.

    Parameters
    ----------
    arrived
        Spikes of each input of the network, (inputs,), no bias.
    counters
        As `Activity.counters`.
    """
    nodes = tree_nodes if image.params.multicast else path_nodes

    def sent(layer: LayerMap) -> list[tuple[tuple[int, int], float]]:
        return [((p.x, p.y), float(counters[p.y, p.x, Counter.SPIKES_OUT])) for p in layer.slices]

    layers, lanes = image.layers, image.params.lanes
    each = [nodes((0, 0), tuple(side)) for side in ways(layers, 0, lanes).tolist()]
    flits = float(arrived @ np.array(each))
    flits += sum(float(layer.bias_axon) * nodes((0, 0), layer.rectangle) for layer in layers)
    for layer, following in zip(layers, layers[1:], strict=False):
        for part, (start, count) in zip(layer.slices, sent(layer), strict=True):
            outputs = layer.senders(part, lanes)
            flits += count * nodes(start, destination(following, outputs[outputs >= 0], lanes))
    # RESULTs go back to the host: those of spikes, or of a report, which every output neuron sends.
    for part, ((x, y), spikes) in zip(layers[-1].slices, sent(layers[-1]), strict=True):
        flits += (spikes if image.decision == "count" else part.count) * (x + y + 1)
    return flits


def activity_of(
    image: WeightImage, result: GoldenResult, counters: np.ndarray | None = None, cycles: float | None = None
) -> Activity:
    """What an image takes on average over the images of a golden model's result.

    `counters` and `cycles` are of the RTL, averaged over the same images; without them counters are those
    that the RTL must show, and cycles are estimated.
    """
    words = np.zeros((image.params.rows, image.params.cols))
    layers = np.full(words.shape, -1)
    for number, layer in enumerate(image.layers):
        for part in layer.slices:
            words[part.y, part.x] = part.words(image.params.lanes)
            layers[part.y, part.x] = number
    images = len(result.last)
    if counters is None:
        counters = predict_counters(image, result) / images
    flits = router_flits(image, arrivals(image, result, 0) / images, counters)
    if not image.params.side and cycles is not None:
        return Activity(counters, words, layers, flits, cycles)
    done = Predicted(image, result)
    cycles = done.cycles if cycles is None else cycles
    others = {name: done.of_pes(name) for name in ("reached", "dropped")}
    return Activity(counters, words, layers, flits, cycles, **others)
