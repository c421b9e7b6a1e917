"""The cocotb side of the frozen record (`frozen_record`): runs its networks and images on one chip."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter
from yoso_sim.host import Host
from yoso_sim.link import Link
from yoso_sw.compile.compiler import compile_network
from yoso_sw.network.network import Network

from cosim import frozen_record
from cosim.frozen_record import digest, events_digest, flits_digest, int_bytes

#: What the simulation top wrote of the last batch: lines ``node step cycle flit``, node -1 for an answer at
#: the host port. A `Batch` lacks the cycles of the answers.
SEEN = Path("record.txt")


@cocotb.test()
async def record(dut: Any) -> None:
    """One network after another, without a reset between."""
    params = ChipParams.from_json(os.environ[frozen_record.CHIP_VARIABLE])
    link = Link(dut)
    await link.reset()
    host = Host(link, params)
    found = {name: await network_record(host, params, name) for name in frozen_record.NETWORKS}
    assert await host.errors() == []
    Path(os.environ[frozen_record.RESULT_VARIABLE]).write_text(json.dumps(found))


async def network_record(host: Host, params: ChipParams, name: str) -> dict[str, Any]:
    """Load a network, run the images; what the record holds of it."""
    image = compile_network(Network.load(frozen_record.FOLDER / f"{name}.npz"), params)
    contents, load_flits = image.to_bytes(), image.load_flits()
    await host.load(image)
    each = []
    for pixels in frozen_record.images():
        await host.clear_counters()
        outcome = await host.classify(image, pixels, True)
        entry = {
            "decision": int(outcome.decision),
            "step": int(outcome.step),
            "spiked": bool(outcome.spiked),
            "cycles": int(outcome.cycles),
            **sent(image.image_flits(pixels, True)),
            **seen(outcome.batch),
        }
        each.append((entry, await host.counters()))
    entries, counters = zip(*each, strict=True)
    return {
        "weight image bytes": len(contents),
        "weight image digest": digest(contents),
        "load flits": len(load_flits),
        "load digest": flits_digest(load_flits),
        **{quantity: [entry[quantity] for entry in entries] for quantity in entries[0]},
        # A node a row, node (x, y) in row y * cols + x.
        "counters digest": [digest(int_bytes(one.reshape(-1, len(Counter)))) for one in counters],
        "counters": {counter.name: [int(one[..., counter].sum()) for one in counters] for counter in Counter},
    }


def sent(flits: np.ndarray) -> dict[str, Any]:
    """What the host sends for an image."""
    return {"host flits": len(flits), "host flits digest": flits_digest(flits)}


def seen(batch: Any) -> dict[str, Any]:
    """Spikes at the router ports, and answers at the host port, by the cycle of the image's first spike."""
    words = [line.split() for line in SEEN.read_text().splitlines()]
    answers = [
        (-1, int(step), int(cycle), int(flit, 16)) for node, step, cycle, flit in words if node == "-1"
    ]
    assert [flit for *_, flit in answers] == [int(flit) for flit in batch.answers]
    first = int(min(batch.cycles)) if len(batch.cycles) else answers[0][2]
    return {
        "spikes": len(batch.flits),
        "spikes digest": events_digest(batch.nodes, batch.steps, batch.cycles, batch.flits, first),
        "answers digest": events_digest(*zip(*answers, strict=True), first),
    }
