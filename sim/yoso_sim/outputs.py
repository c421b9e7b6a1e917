"""A network's outputs as vectors, on the RTL: V of every output read back after each image, and compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from yoso_hw.params import ChipParams
from yoso_sw.compile.compiler import compile_network
from yoso_sw.data.samples import Samples
from yoso_sw.network.network import Network

from yoso_sim import campaign as campaigns
from yoso_sim.build import build
from yoso_sim.running import rtl
from yoso_sim.running.run import Run


def run(
    network: Network,
    samples: Samples,
    params: ChipParams,
    folder: Path,
    say: Callable[[str], None] = lambda text: None,
    chunk: int = 5,
) -> Run:
    """Images on the RTL, to their last step, with V, A and fired bits of the outputs; goes on after a kill.

    Raises
    ------
    yoso_sw.compile.mapping.CompileError
        If the chip does not hold the network; before anything is built.
    """
    compile_network(network, params)
    made = build(params, report=say)
    folder.mkdir(parents=True, exist_ok=True)
    network.save(path := folder / f"{network.name}.npz")
    last = len(network.layers) - 1
    planned = campaigns.plan(
        path, made, samples, chunk=chunk, early_exit=False, root=folder / "rtl", keep=(last,)
    )
    return rtl.run_of(planned, campaigns.run(planned, 1, lambda done: None), None, network)


def measure(
    network: Network,
    samples: Samples,
    params: ChipParams,
    folder: Path,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """What `run` came to, for a report: spikes and outputs compared with the golden model, and cycles."""
    done = run(network, samples, params, folder, say)
    assert done.compared is not None  # the RTL's always are
    return {
        "chip": f"{params.cols} x {params.rows} PEs, {params.lanes} lanes, classes={params.classes}",
        "images": len(done),
        "spikes": done.compared.spikes,
        "spike_mismatches": done.compared.spike_mismatches,
        "outputs": int(done.potentials.size),
        "output_mismatches": done.compared.state_mismatches,
        "cycles": round(float(done.cycles.mean()), 1),
        "notes": list(done.compared.notes[:3]),
    }
