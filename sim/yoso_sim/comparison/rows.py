"""A row of the table: one network, by what the golden model counts, the RTL takes and the netlist spends."""

from __future__ import annotations

from typing import Any

import numpy as np
from yoso_hw.registers import Counter
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.predict import predict_counters
from yoso_sw.network.golden import GoldenResult
from yoso_sw.network.network import Network

#: What a row has, in this order.
KEYS = (
    *("network", "rule", "code", "steps", "accuracy", "input_spikes", "hidden_spikes", "updates", "sweeps"),
    *("cycles", "energy_nj", "images_rtl", "spike_mismatches"),
)


#: What the energy of a row rests on.
RTL, GOLDEN = "counters of the RTL", "golden counts"


class CompareError(RuntimeError):
    """The RTL did not do what the golden model says; the message names the network and the counts."""


def counts(network: Network, result: GoldenResult, labels: np.ndarray) -> dict[str, float]:
    """What the golden model counts in an image of a test set, on average.

    Returns
    -------
    accuracy
        Per cent.
    input_spikes, hidden_spikes
        Given until the image ends, without biases; sent by all but the last layer, after pooling.
    updates
        A weight added to one neuron's A or V: by spikes, by biases, in whichever form, and by charging.
    sweeps
        Of a PE: the steps that an image takes.
    neuron_sweeps
        Neurons that these sweeps go through, all layers together.
    by_spike
        Per cent of the images that an output spike decides.
    """
    given = result.spikes_in[:, 0] - network.layers[0].bias_axon
    run = result.last.astype(np.int64)
    updates = result.updates.sum(1)
    for layer in network.layers:
        neuron = layer.neuron
        if layer.bias_row:  # sweeps s - 1 .. e - 2 bring it (docs/arithmetic.md)
            updates = updates + layer.neurons * _within(run, neuron.start - 1, neuron.end - 1)
        if neuron.charge:
            updates = updates + layer.neurons * (run >= neuron.charge)
    sweeps = float((run + 1).mean())
    return {
        "accuracy": 100 * float((result.decisions == labels).mean()),
        "input_spikes": float(given.mean()),
        "hidden_spikes": float(result.spikes_out[:, :-1].sum(1).mean()),
        "updates": float(updates.mean()),
        "sweeps": sweeps,
        "neuron_sweeps": sweeps * sum(layer.neurons for layer in network.layers),
        "by_spike": 100 * float(result.spiked.mean()),
    }


def _within(last: np.ndarray, first: int, end: int) -> np.ndarray:
    """How many of the steps first .. end - 1 an image whose last step is `last` runs."""
    return np.clip(last + 1, first, end) - first


def check(image: WeightImage, result: GoldenResult, results: list[dict[str, Any]], name: str) -> None:
    """Hold what the RTL decided and counted to the golden model's result of the same images.

    The simulators compare as well, each spike and each chunk's counters; this is done anew over all chunks,
    from what they left, so that no row is made of counts that are another network's, another run's or wrong.

    Raises
    ------
    CompareError
        Naming the first that differs.
    """
    wrong = sum(
        one["spike_mismatches"] + one["class_mismatches"] + one["counter_mismatches"] + len(one["errors"])
        for one in results
    )
    if wrong:
        raise CompareError(
            f"{name}: RTL and golden model differ in {wrong} spikes, classes or counters; "
            f"`yoso sim --net {name}` tells more"
        )
    decided = np.array([each for one in results for each in one["rtl"]])
    if len(other := np.flatnonzero(decided != result.decisions)):
        raise CompareError(
            f"{name}: image {other[0]} is class {decided[other[0]]} on the RTL and "
            f"{result.decisions[other[0]]} on the golden model; run again with --fresh"
        )
    counted = np.sum([np.array(one["counters"]) for one in results], axis=0)
    expected = predict_counters(image, result)
    counted[..., Counter.STALLS] = 0  # depends on timing, and is not predicted
    if len(places := np.argwhere(counted != expected)):
        y, x, counter = places[0]
        raise CompareError(
            f"{name}: {Counter(counter).name} of PE ({x}, {y}) is {counted[y, x, counter]:,} on the RTL and "
            f"{expected[y, x, counter]:,} on the golden model; run again with --fresh"
        )


def row(
    network: Network,
    rule: str,
    found: dict[str, float],
    results: list[dict[str, Any]],
    energy_nj: float | None,
) -> dict[str, Any]:
    """The row of a network.

    Parameters
    ----------
    found
        As `counts` gives it.
    results
        What the simulators left, a dictionary a chunk.
    """
    cycles = [cycle for one in results for cycle in one["cycles"]]
    return {
        "network": network.name,
        "rule": rule,
        "code": network.code,
        "steps": network.steps,
        "accuracy": round(found["accuracy"], 2),
        "input_spikes": round(found["input_spikes"], 1),
        "hidden_spikes": round(found["hidden_spikes"], 1),
        "updates": round(found["updates"]),
        "sweeps": round(found["sweeps"], 2),
        "cycles": round(float(np.mean(cycles)), 1) if cycles else None,
        "energy_nj": energy_nj,
        "images_rtl": len(cycles),
        "spike_mismatches": sum(one["spike_mismatches"] for one in results) if results else None,
    }


def ann_row(name: str, accuracy: float, work: dict[str, float], energy_nj: float | None) -> dict[str, Any]:
    """The row of the 8-bit network, with what applies: its updates are multiplications and biases."""
    return dict.fromkeys(KEYS) | {
        "network": name,
        "rule": "ann",
        "code": "pixels",
        "accuracy": round(accuracy, 2),
        "updates": round(work["macs"] + work["biases"]),
        "energy_nj": energy_nj,
    }
