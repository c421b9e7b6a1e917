"""What each PE's performance counters must show, from the golden model's result and the mapping alone."""

from __future__ import annotations

import numpy as np
from yoso_hw.registers import Counter, Memory

from yoso_sw.compile.image import WeightImage
from yoso_sw.network.golden import GoldenResult

#: Counters that are predicted; STALLS depends on timing.
PREDICTED = tuple(counter for counter in Counter if counter is not Counter.STALLS)


def predict_counters(image: WeightImage, result: GoldenResult) -> np.ndarray:
    """Counters of every PE summed over the images of `result`, the load phase not counted.

    A sweep and a spike each touch every neuron word of the PE once: a sweep reads A and V and writes V
    (sweep 0 reads neither and writes A as well), a spike reads its weights and reads and writes A. Where the
    current is not kept or is charged, every sweep writes A; where it has a bias row, every sweep reads that,
    which is no update. A RESULT reads the V that it carries; in a report, where no spike decided, every
    output neuron sends one and none counts as a spike.

    Returns
    -------
    int64 (rows, cols, counters), indexed ``[y, x, Counter.NAME]``; not wrapped to 32 bits; STALLS is 0.
    """
    counters = np.zeros((image.params.rows, image.params.cols, len(Counter)), np.int64)
    images = len(result.last)
    sweeps = int(result.sweeps[:, 0].sum())
    reports = int((~result.spiked).sum())
    for index, layer in enumerate(image.layers):
        output = index == len(image.layers) - 1
        arrived = int(result.spikes_in[:, index].sum())
        counts = result.spikes[index].counts.sum(0)
        for part in layer.slices:
            words = part.words(image.params.lanes)
            sent = int(counts[part.first : part.first + part.count].sum())
            updates = arrived * words
            own = counters[part.y, part.x]
            own[Counter.SPIKES_IN] = arrived
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
