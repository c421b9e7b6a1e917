"""What a point comes to: accuracy on the golden model, cycles on the RTL, area and energy, LUTs.

All of it is kept: finished images of the RTL and netlists where `energy.cost` keeps them, the rest under
``explore`` in the output folder, by the hash of all that shapes it. So one that was killed goes on.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import yoso_sw.network
from yoso_hw.folders import output_folder
from yoso_hw.params import ChipParams, ParamError
from yoso_hw.writing import write_whole
from yoso_sw.compile.choose import narrow
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.mapping import CompileError
from yoso_sw.network import golden
from yoso_sw.network.network import Network
from yoso_synth import ecp5
from yoso_synth.pdk import PROCESSES, MissingPdk, Process
from yoso_synth.tools import SynthError, build_folder

from yoso_sim.build import build, build_key, code_of
from yoso_sim.campaign import plan, run
from yoso_sim.energy.cost import CHUNK, Case, evaluate
from yoso_sim.explore.front import Found
from yoso_sim.explore.spec import Spec, label

#: Images a run of the golden model: they bound its memory.
BLOCK = 1000

Report = Callable[[str], None]


def measures_of(spec: Spec, process: Process) -> tuple[tuple[str, ...], str]:
    """What is measured, and why energy is not, if nothing was asked for and its files are missing.

    Raises
    ------
    MissingPdk
        If energy was asked for and the process' files are not here.
    """
    from yoso_synth.asic import cells

    try:
        cells(process)
    except MissingPdk as error:
        if spec.measure is not None and "energy" in spec.measure:
            raise
        return spec.measure or ("rtl",), "" if spec.measure is not None else str(error)
    return spec.measure if spec.measure is not None else ("rtl", "energy"), ""


def measure(
    case: Case, spec: Spec, measures: tuple[str, ...], report: Report, jobs: int = 1, process: str = "sg13g2"
) -> Found:
    """A point with all that was asked for, or with the reason why there is no such point.

    Returns
    -------
    ``name``, ``case``, and then ``impossible``, a sentence; or ``images``, ``accuracy`` (per cent),
    ``accuracy_of`` (in words), ``compile`` (PEs); of RTL ``cycles`` and ``mismatches``; of energy what
    `energy.cost.evaluate` finds; of luts ``ecp5``. What could not be measured is a sentence in ``left_out``.

    Raises
    ------
    SynthError, BuildError, SimulationError, ToolError, DatasetError, NetworkError
        If a tool fails or something is missing.
    """
    found: Found = {"name": label(case), "case": asdict(case), "images": spec.images, "left_out": []}
    network = Network.load(case.path)
    try:
        params = case.params
        image = compile_network(network, params)
    except (ParamError, CompileError) as error:
        return found | {"impossible": str(error)}
    found["pes"] = sum(len(layer.slices) for layer in image.layers)
    found |= accuracy(case, spec, network, params)
    if "rtl" in measures:
        found |= rtl(case, spec.images, report, jobs)
    if "luts" in measures:
        found["ecp5"] = luts(params, report)
    if "energy" in measures:
        if any(found.get("mismatches", {}).values()):
            found["left_out"].append("energy: RTL and golden model differ")
        else:
            try:
                own = evaluate(case, spec.images, report, PROCESSES[process])
            except MissingPdk:
                raise
            except SynthError as error:
                found["left_out"].append(f"energy: {error}")
            else:
                found = own | found
    return found


def kept(name: str, parts: list[Any], make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `make` gives, made once for the same `parts`."""
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    path = output_folder() / "explore" / f"{name}-{digest}.json"
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        pass
    found = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(found))
    return found


def accuracy(case: Case, spec: Spec, network: Network, params: ChipParams) -> Found:
    """Accuracy on the golden model, in per cent, and on what."""
    recorded = network.about.get("golden_accuracy")
    if spec.accuracy is None and isinstance(recorded, int | float) and not narrow(network, params):
        return {"accuracy": recorded, "accuracy_of": "the whole test set, as the network's file records"}
    whole = case.samples()
    samples = whole.first(min(len(whole), spec.accuracy or spec.images))

    def run_golden() -> dict[str, Any]:
        right = 0
        for first in range(0, len(samples), BLOCK):
            some = samples[first : first + BLOCK]
            result = golden.run(network, some.inputs, params=params, early_exit=case.early_exit)
            right += int((result.decisions == some.labels).sum())
        return {"right": right}

    shaped = [case.path.read_bytes(), params.to_json(), case.early_exit, samples.digest, _golden_code()]
    right = kept("golden", shaped, run_golden)["right"]
    return {
        "accuracy": round(100 * right / len(samples), 2),
        "accuracy_of": f"{len(samples):,} test images on the golden model",
    }


def _golden_code() -> str:
    files = sorted(Path(yoso_sw.network.__path__[0]).rglob("*.py"))
    return "".join(code_of(path.read_text()) for path in files)


def rtl(case: Case, images: int, report: Report, jobs: int) -> Found:
    """Cycles of an image on the RTL, and in how much it differs from the golden model."""
    # Nothing of the timing depends on the width of a weight, so chips that differ in it share a build.
    made = build(replace(case.params, weight_bits=ChipParams().weight_bits), report=report)
    root = output_folder() / "cost"  # energy takes the same images
    samples = case.samples().first(images)
    campaign = plan(case.path, made, samples, chunk=CHUNK, early_exit=case.early_exit, root=root)
    shown = -1

    def progress(done: int) -> None:
        nonlocal shown
        if done != shown:
            shown = done
            report(f"RTL: {done} of {images} images")

    results = run(campaign, jobs, progress)
    cycles = [cycle for result in results for cycle in result["cycles"]]
    return {
        "cycles": {"mean": round(float(np.mean(cycles)), 1), "max": int(max(cycles))},
        "mismatches": {
            kind: sum(result[f"{kind}_mismatches"] for result in results)
            for kind in ("spike", "class", "counter")
        },
        "spikes_compared": sum(result["spikes"] for result in results),
    }


def luts(params: ChipParams, report: Report) -> Found:
    """Logic of all PEs with their routers on an ECP5: that of one, times how many there are."""

    def synthesise() -> dict[str, Any]:
        report("LUTs: place and route of a node, three times")
        folder = build_folder() / f"explore-{hashlib.sha256(params.to_json().encode()).hexdigest()[:8]}"
        folder.mkdir(parents=True, exist_ok=True)
        (row,) = ecp5.synthesise("node", params, folder, folder)
        return {"node_lut4": row.lut4, "node_ff": row.ff, "node_bram": row.bram, "fmax_mhz": row.fmax_mhz}

    # build_key has the parameters and the RTL.
    node = kept("ecp5", [build_key(params), code_of(inspect.getsource(ecp5))], synthesise)
    return node | {key: params.nodes * node[f"node_{key}"] for key in ("lut4", "ff", "bram")}
