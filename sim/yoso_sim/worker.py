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
from yoso_sw.network.network import Network

from yoso_sim.compare import compare, compare_counters, rtl_spikes
from yoso_sim.host import Host, Outcome
from yoso_sim.job import Job, chunk_path, write_result
from yoso_sim.link import Link
from yoso_sim.watch import Watch

#: Notes on differences kept per chunk.
MOST_NOTES = 20


@cocotb.test()
async def work(dut: Any) -> None:
    """Load the network, run every chunk, compare with the golden model, write each chunk's result."""
    job = Job.load(Path(os.environ["YOSO_JOB"]))
    network = Network.load(job.network)
    image = WeightImage.load(job.image)
    samples = Samples.load(Path(job.samples))
    link = Link(dut, stall_in=job.stall_in, stall_out=job.stall_out)
    host = Host(link, image.params)
    await link.reset()
    await host.load(image)
    for chunk in job.chunks:
        if os.getppid() == 1 or not _alive(job.owner):
            cocotb.log.warning("the parent process is gone: stopping")
            return
        some = samples[slice(*chunk)]
        watch = Watch(image.params, job.detailed(chunk)) if job.watched else None
        result = await run_chunk(host, network, image, some.inputs, some.labels, job.early_exit, watch)
        write_result(chunk_path(Path(job.folder), chunk), {"images": chunk, **result})


@cocotb.test()
async def record(dut: Any) -> None:
    """Load the network, then record a waveform of the first image of the job's first chunk."""
    job = Job.load(Path(os.environ["YOSO_JOB"]))
    network = Network.load(job.network)
    image = WeightImage.load(job.image)
    samples = Samples.load(Path(job.samples))
    link = Link(dut)
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
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Run some images and compare them; the result as JSON values, with what `watch` saw if there is one."""
    reference = golden.run(network, inputs, params=image.params, early_exit=early_exit)
    await host.clear_counters()
    began = time.monotonic()
    outcomes = []
    for one in inputs:
        outcomes.append(await host.classify(image, one, early_exit))
        if watch:
            watch.look(outcomes[-1].cycles)
    seconds = time.monotonic() - began
    counters = await host.counters()
    errors = await host.errors()
    comparisons = [compare(image, outcome, reference, i) for i, outcome in enumerate(outcomes)]
    counter_notes = compare_counters(image, reference, counters)
    if watch:
        counter_notes += watch.differences(counters)
    notes = [f"image {i}: {note}" for i, one in enumerate(comparisons) for note in one.notes]
    notes += counter_notes + [f"error bit {name} is set" for name in errors]
    return {
        "labels": labels.tolist(),
        "rtl": [outcome.decision for outcome in outcomes],
        "golden": reference.decisions.tolist(),
        "cycles": [outcome.cycles for outcome in outcomes],
        "updates": reference.updates.sum(axis=1).tolist(),
        "spikes": sum(one.spikes for one in comparisons),
        "spike_mismatches": sum(one.spike_mismatches for one in comparisons),
        "class_mismatches": sum(one.class_mismatch for one in comparisons),
        "counter_mismatches": len(counter_notes),
        "errors": errors,
        "counters": counters.tolist(),
        "seconds": seconds,
        "notes": notes[:MOST_NOTES],
        "raster": _raster(image, outcomes[0], inputs[0]),
        **({"watched": watch.result()} if watch else {}),
    }


def _raster(image: WeightImage, outcome: Outcome, inputs: Inputs) -> dict[str, Any]:
    """Spikes of one image as (step, index) pairs: the inputs', then every layer's as the RTL sent them."""
    layers, _, _ = rtl_spikes(image, outcome)
    trains = (image.image_events(inputs), *layers)
    return {
        "spikes": [list(zip(own.step.tolist(), own.axon.tolist(), strict=True)) for own in trains],
        "sizes": [image.inputs, *(layer.outputs for layer in image.layers)],
        "maps": _maps(image),
        "decision": outcome.decision,
        "step": outcome.step,
        "steps": image.steps,
    }


def _maps(image: WeightImage) -> list[list[int] | None]:
    """Of the inputs and of each layer's outputs (rows, cols, channels), where they are feature maps."""
    first = image.layers[0].window
    shapes: list[list[int] | None] = [[first.rows, first.cols, first.channels] if first else None]
    for layer in image.layers:
        window, side = layer.window, 2 if layer.pool else 1
        map_of = window and [window.out_rows // side, window.out_cols // side, layer.filters]
        shapes.append(map_of or None)
    return shapes


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
