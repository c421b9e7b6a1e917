"""What each PE's performance counters must show, from the golden model's result and the mapping alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from yoso_hw.registers import Counter, Memory

from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.layout import LayerMap, Slice
from yoso_sw.compile.tables import column_table, row_table
from yoso_sw.network.golden import GoldenResult

#: Counters that are predicted; STALLS depends on timing.
PREDICTED = tuple(counter for counter in Counter if counter is not Counter.STALLS)


def arrivals(image: WeightImage, result: GoldenResult, index: int) -> np.ndarray:
    """Spikes that reach layer `index` in the images of `result`, by input: int64 (inputs,), no bias."""
    events = result.sent[index - 1] if index else result.inputs
    taken = events.step <= result.last[events.image]
    return np.bincount(events.axon[taken], minlength=image.layers[index].inputs)


def taken(layer: LayerMap, arrived: np.ndarray, biases: int, lanes: int) -> Iterator[tuple[Slice, int, int]]:
    """Of each PE of a layer the spikes that it takes, and the words that they update.

    In a convolution a spike of row r and column q takes lines[r] x run[q] words, and where that is 0 it is
    dropped, uncounted.

    Parameters
    ----------
    arrived
        As `arrivals`.
    biases
        Spikes of its bias.
    """
    if layer.window is None:
        for part in layer.slices:
            spikes = int(arrived.sum()) + biases
            yield part, spikes, spikes * part.words(lanes)
        return
    places = arrived.reshape(layer.window.rows, layer.window.cols, -1).sum(2)
    for part in layer.slices:
        lines = row_table(layer, part, lanes)["lines"][: layer.window.rows]
        run = column_table(layer, part, lanes)["run"][: layer.window.cols]
        spikes = int((lines > 0) @ places @ (run > 0)) + biases
        yield part, spikes, int(lines @ places @ run) + biases * part.words(lanes)


def predict_counters(image: WeightImage, result: GoldenResult) -> np.ndarray:
    """Counters of every PE summed over the images of `result`, the load phase not counted.

    A sweep touches every neuron word of the PE once: it reads A and V and writes V (sweep 0 reads neither and
    writes A as well). A spike reads its weights and reads and writes A, of every word in a dense layer, of
    those that it reaches in a convolution. Where the current is not kept or is charged, every sweep writes A;
    where it has a bias row, every sweep reads that, which is no update. A RESULT reads the V that it carries;
    in a report, where no spike decided, every output neuron sends one and none counts as a spike. Of a pooled
    layer what pooling passes on is sent.

    Returns
    -------
    int64 (rows, cols, counters), indexed ``[y, x, Counter.NAME]``; not wrapped to 32 bits; STALLS is 0.
    """
    counters = np.zeros((image.params.rows, image.params.cols, len(Counter)), np.int64)
    images, lanes = len(result.last), image.params.lanes
    sweeps = int(result.sweeps[:, 0].sum())
    reports = int((~result.spiked).sum())
    for index, layer in enumerate(image.layers):
        output = index == len(image.layers) - 1
        counts = result.sent[index].counts.sum(0)
        arrived = arrivals(image, result, index)
        for part, spikes, updates in taken(layer, arrived, images * layer.bias_axon, lanes):
            words, senders = part.words(lanes), layer.senders(part, lanes)
            sent = int(counts[senders[senders >= 0]].sum())
            own = counters[part.y, part.x]
            own[Counter.SPIKES_IN] = spikes
            own[Counter.SPIKES_OUT] = sent
            own[Counter.UPDATES] = updates
            own[Counter.SWEEPS] = sweeps
            own[Counter.WEIGHT_READS] = updates + (sweeps * words if layer.bias_row else 0)
            own[Counter.ACC_READS] = updates + (sweeps - images) * words
            own[Counter.ACC_WRITES] = updates + (sweeps if layer.writes_a else images) * words
            own[Counter.POT_READS] = (sweeps - images) * words
            own[Counter.POT_WRITES] = sweeps * words
            if output:
                own[Counter.POT_READS] += sent + reports * part.count
            else:
                own[Counter.SPIKE_READS] = sent
    return counters


def predict_load_counters(image: WeightImage) -> np.ndarray:
    """Counters of every PE after the load phase alone; the same shape. Register writes are not counted."""
    counters = np.zeros((image.params.rows, image.params.cols, len(Counter)), np.int64)
    writes = {Memory.WEIGHT: Counter.WEIGHT_WRITES, Memory.SPIKE: Counter.SPIKE_WRITES}
    for run in image.runs:
        if run.memory in writes:
            counters[run.y, run.x, writes[run.memory]] += len(run.data)
    return counters
