"""What runs inside the simulator for soft errors: images with flips, compared with the golden model."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge
from yoso_hw.params import ChipParams
from yoso_sw.compile import faults
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.image import WeightImage
from yoso_sw.data.samples import Inputs, Samples
from yoso_sw.network import golden
from yoso_sw.network.network import Network

from yoso_sim.host import Host, Outcome
from yoso_sim.job import write_json
from yoso_sim.link import Link

#: Lines of the Verilator control file with which `build` makes a chip whose A and V can be reached.
REACH = (
    'public_flat_rd -module "yoso_sim" -var "tick"',
    *(
        f'public_flat_rw -module "yoso_node.pe.memories.{memory}" -var "memory"'
        for memory in ("accumulated", "potential")
    ),
)


#: (x, y, word, bit) of what flips, by the step at whose end it does.
Places = dict[int, list[tuple[int, int, int, int]]]


def places_of(flips: faults.Flips, memory: str, image: WeightImage) -> Places:
    """Where flips lie in the memories of the PEs."""
    params = image.params
    width = params.acc_bits if memory == "accumulated" else params.pot_bits + 1
    places: Places = {}
    for step, layer, neuron, bit in zip(flips.step, flips.layer, flips.neuron, flips.bit, strict=True):
        part = next(own for own in image.layers[layer].slices if 0 <= neuron - own.first < own.count)
        word, lane = divmod(int(neuron) - part.first, params.lanes)
        places.setdefault(int(step), []).append((part.x, part.y, word, lane * width + int(bit)))
    return places


async def turn_bits(dut: Any, memory: str, places: Places, steps: int) -> None:
    """Flip the bits of `places` in one image, each in the cycle of the tick that ends its step.

    All is at rest then: the step's spikes are in the memories, and the next sweep begins cycles later.
    """
    for step in range(-1, steps):
        await RisingEdge(dut.tick)
        words: dict[tuple[int, int, int], int] = {}
        for x, y, word, bit in places.get(step, ()):
            words[x, y, word] = words.get((x, y, word), 0) ^ 1 << bit
        for (x, y, word), mask in words.items():
            node = getattr(dut.chip.mesh, f"node_{x}_{y}")
            cell = getattr(node.pe.memories, memory).memory[word]
            cell.value = cell.value.to_unsigned() ^ mask


def rtl_spikes(image: WeightImage, outcome: Outcome) -> np.ndarray:
    """Spikes at the router ports as (layer, neuron, step), sorted: int32 (spikes, 3)."""
    batch, cols = outcome.batch, image.params.cols
    layers, neurons = image.spikes_of(batch.nodes % cols, batch.nodes // cols, batch.flits)
    found = np.stack([layers, neurons, batch.steps], axis=1).astype(np.int32)
    return found[np.lexsort(found.T[::-1])]


def golden_outcome(
    network: Network, inputs: Inputs, image: WeightImage, memory: str, flips: list[faults.Flips]
) -> faults.Outcome:
    """The golden model's outcome; flipped weights are in the network already."""
    if memory == "weight":
        none = np.zeros(0, np.int64)
        flips = [faults.Flips(none, none, none, none)] * len(inputs)
        due = golden.run(network, inputs, params=image.params)
    outcome = faults.run(network, inputs, image, memory, flips)
    assert memory != "weight" or (outcome.decisions == due.decisions).all()
    return outcome


@cocotb.test()
async def inject(dut: Any) -> None:
    """Run the job of ``$YOSO_JOB``: load, run its images with their flips, compare, write the result."""
    job = json.loads(Path(os.environ["YOSO_JOB"]).read_text())
    params = ChipParams.from_json(job["chip"])
    network = Network.load(job["network"])
    memory, rate, seed = job["memory"], job["rate"], job["seed"]
    if memory == "weight":
        masks = faults.flip_weights(network, rate, seed, bits=params.weight_bits, lanes=params.lanes)
        network = faults.read_weights(network, masks, "none", bits=params.weight_bits)
    image = compile_network(network, params)
    samples = Samples.load(Path(job["samples"]))
    images, labels = samples.inputs, samples.labels
    flips = []
    if memory != "weight":
        flips = [faults.flip_state(network, memory, rate, seed, i, params) for i in range(len(images))]
    reference = golden_outcome(network, images, image, memory, flips)
    host = Host(Link(dut), params)
    await host.link.reset()
    await host.load(image)
    right = mismatches = spikes = 0
    for i, one in enumerate(images):
        places = places_of(flips[i], memory, image) if memory != "weight" else {}
        turning = cocotb.start_soon(turn_bits(dut, memory, places, network.steps))
        outcome = await host.classify(image, one)
        turning.cancel()
        found, due = rtl_spikes(image, outcome), reference.spikes(i)
        same = found.shape == due.shape and bool((found == due).all())
        decided = (outcome.decision, outcome.step) == (
            int(reference.decisions[i]),
            int(reference.decision_steps[i]),
        )
        mismatches += not (same and decided)
        spikes += len(due)
        right += outcome.decision == int(labels[i])
    write_json(
        Path(job["result"]),
        {
            "images": len(images),
            "accuracy": round(100 * right / len(images), 4),
            "golden_accuracy": round(100 * float((reference.decisions == labels).mean()), 4),
            "mismatched_images": mismatches,
            "spikes_compared": spikes,
        },
    )
