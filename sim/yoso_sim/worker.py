"""What runs inside the simulator: a cocotb test that works off a job (`yoso_sim.job`)."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from yoso_sw.compile.image import WeightImage
from yoso_sw.data.samples import Inputs, Samples
from yoso_sw.network import golden
from yoso_sw.network.events import Events
from yoso_sw.network.network import Network

from yoso_sim.compare import compare, compare_counters, compare_states, rtl_fires, rtl_spikes
from yoso_sim.host import Host, Outcome
from yoso_sim.job import Job, chunk_path, recorded_path, write_result
from yoso_sim.link import Link
from yoso_sim.running import recorded
from yoso_sim.running.parts import State
from yoso_sim.running.raster import maps
from yoso_sim.watch import Watch

#: Cycles without a flit in or out after which an image is given up: one of a large layer takes 100,000.
PATIENCE = 1_000_000

#: Notes on differences kept per chunk.
MOST_NOTES = 20


@cocotb.test()
async def work(dut: Any) -> None:
    """Load the network, run every chunk, compare with the golden model, write each chunk's result."""
    job = Job.load(Path(os.environ["YOSO_JOB"]))
    network = Network.load(job.network)
    image = WeightImage.load(job.image)
    samples = Samples.load(Path(job.samples))
    link = Link(dut, stall_in=job.stall_in, stall_out=job.stall_out, patience=PATIENCE)
    host = Host(link, image.params)
    await link.reset()
    await host.load(image)
    for chunk in job.chunks:
        if os.getppid() == 1 or not _alive(job.owner):
            cocotb.log.warning("the parent process is gone: stopping")
            return
        some = samples[slice(*chunk)]
        watch = Watch(image.params, job.detailed(chunk)) if job.watched else None
        result, kept = await run_chunk(
            host, network, image, some.inputs, some.labels, job.early_exit, job.keep, watch
        )
        if job.keep is not None:  # first: a result says that all of the chunk is there
            recorded.write(recorded_path(Path(job.folder), chunk), kept)
        write_result(chunk_path(Path(job.folder), chunk), {"images": chunk, **result})


@cocotb.test()
async def record(dut: Any) -> None:
    """Load the network, then record a waveform of the first image of the job's first chunk."""
    job = Job.load(Path(os.environ["YOSO_JOB"]))
    network = Network.load(job.network)
    image = WeightImage.load(job.image)
    samples = Samples.load(Path(job.samples))
    link = Link(dut, patience=PATIENCE)
    host = Host(link, image.params)
    await link.reset()
    await host.load(image)
    await link.record_waves()
    first = job.chunks[0][0]
    inputs = samples[first : first + 1].inputs
    outcome = await host.classify(image, inputs[0], job.early_exit)
    reference = golden.run(network, inputs, params=image.params, early_exit=job.early_exit)
    comparison = compare(image, outcome, reference, 0)
    assert not comparison.notes, comparison.notes


async def run_chunk(
    host: Host,
    network: Network,
    image: WeightImage,
    inputs: Inputs,
    labels: np.ndarray,
    early_exit: bool,
    keep: tuple[int, ...] | None = None,
    watch: Watch | None = None,
) -> tuple[dict[str, Any], recorded.Arrays]:
    """Run some images and compare them; the result as JSON values, and what of the images is to be kept.

    `keep` is as in `Job`. Reading a layer back is counted as reads, so counters are taken before. The result
    has what `watch` saw, if there is one.
    """
    reference = golden.run(network, inputs, params=image.params, early_exit=early_exit)
    await host.clear_counters()
    counters, seconds = np.zeros(1, np.int64), 0.0
    outcomes: list[Outcome] = []
    states: list[list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = []
    for one in inputs:
        began = time.monotonic()
        outcomes.append(await host.classify(image, one, early_exit))
        seconds += time.monotonic() - began
        if watch:
            watch.look(outcomes[-1].cycles)
        if keep:
            counters = counters + await host.counters()
            states.append([await host.neurons(image, layer) for layer in keep])
            await host.clear_counters()
    counters = counters + await host.counters()
    errors = await host.errors()
    comparisons = [compare(image, outcome, reference, i) for i, outcome in enumerate(outcomes)]
    counter_notes = compare_counters(image, reference, counters)
    read_back = {
        layer: State(*(np.array([one[k][part] for one in states]) for part in (0, 2, 1)))
        for k, layer in enumerate(keep or ())
    }
    state_notes = compare_states(network, reference, read_back)
    if watch:
        counter_notes += watch.differences(counters)
    notes = [f"image {i}: {note}" for i, one in enumerate(comparisons) for note in one.notes]
    notes += counter_notes + state_notes + [f"error bit {name} is set" for name in errors]
    result = {
        "labels": labels.tolist(),
        "rtl": [outcome.decision for outcome in outcomes],
        "golden": reference.decisions.tolist(),
        "cycles": [outcome.cycles for outcome in outcomes],
        "updates": reference.updates.sum(axis=1).tolist(),
        "spikes": sum(one.spikes for one in comparisons),
        "spike_mismatches": sum(one.spike_mismatches for one in comparisons),
        "layers": [
            [sum(pair) for pair in zip(*of, strict=True)]
            for of in zip(*(one.layers for one in comparisons), strict=True)
        ],
        "class_mismatches": sum(one.class_mismatch for one in comparisons),
        "counter_mismatches": len(counter_notes),
        "errors": errors,
        "counters": counters.tolist(),
        "seconds": seconds,
        "notes": notes[:MOST_NOTES],
        "raster": _raster(network, image, outcomes[0], inputs[0]),
        **({"watched": watch.result()} if watch else {}),
    }
    if keep is None:
        return result, {}
    result["state_mismatches"] = len(state_notes)
    return result, _kept(image, outcomes) | recorded.state_arrays(read_back)


def _kept(image: WeightImage, outcomes: list[Outcome]) -> recorded.Arrays:
    """Spikes, steps and ways of deciding of some images, as the RTL had them."""
    spikes, sent = [], []
    for outcome in outcomes:
        passed, _, _ = rtl_spikes(image, outcome)
        fired, _, _ = rtl_fires(image, outcome)
        sent.append(passed)
        spikes.append([fired.get(layer, own) for layer, own in enumerate(passed)])
    both = []
    for layer, own in enumerate(image.layers):
        passed_on = Events.joined([one[layer] for one in sent])
        both.append((Events.joined([one[layer] for one in spikes]) if own.pool else passed_on, passed_on))
    return recorded.layers_arrays(*zip(*both, strict=True)) | {
        "steps": np.array([outcome.step for outcome in outcomes], np.int64),
        "spiked": np.array([outcome.spiked for outcome in outcomes], bool),
    }


def _raster(network: Network, image: WeightImage, outcome: Outcome, inputs: Inputs) -> dict[str, Any]:
    """Spikes of one image as (step, index) pairs: the inputs', then every layer's as the RTL sent them."""
    layers, _, _ = rtl_spikes(image, outcome)
    trains = (image.image_events(inputs), *layers)
    return {
        "spikes": [list(zip(own.step.tolist(), own.axon.tolist(), strict=True)) for own in trains],
        "sizes": [image.inputs, *(layer.outputs for layer in image.layers)],
        "maps": maps(network),
        "decision": outcome.decision,
        "step": outcome.step,
        "steps": image.steps,
    }


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
