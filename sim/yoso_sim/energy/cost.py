"""What a chip costs with a network: cycles and activity from the RTL, the rest from its netlist.

The result of a chip is kept under ``cost`` in the output folder by the hash of all that shapes it, so an
exploration that was interrupted goes on.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from yoso_hw import chips
from yoso_hw.folders import output_folder
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter
from yoso_hw.writing import write_whole
from yoso_sw.compile.choose import choose
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.image import WeightImage
from yoso_sw.data.recorded import samples_for
from yoso_sw.data.samples import Samples
from yoso_sw.network import golden
from yoso_sw.network.events import NEVER
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate
from yoso_synth.asic import plan_memories
from yoso_synth.pdk import PROCESSES, MissingPdk, Process
from yoso_synth.tools import SynthError

from yoso_sim.build import build, build_key, code_of
from yoso_sim.campaign import Campaign, plan, run
from yoso_sim.energy.mapped import mapped_chip
from yoso_sim.energy.measured import Netlist, images_for
from yoso_sim.energy.model import Activity, Costs, Point
from yoso_sim.energy.traffic import activity_of

#: Clock in MHz that energies an image at full rate are given for.
CLOCK_MHZ = 150.0

#: The modules that shape what a netlist costs.
SHAPED_BY = (
    *(f"yoso_synth.{name}" for name in ("asic", "design", "liberty", "macros", "power", "toggles")),
    *(f"yoso_sim.energy.{name}" for name in ("mapped", "measured", "model", "stimulus")),
    "yoso_sw.compile.work",
)

#: Images a chunk of the RTL runs.
CHUNK = 10

Report = Callable[[str], None]


@dataclass(frozen=True)
class Case:
    """A chip with a network, as run.

    Attributes
    ----------
    network
        Name of a committed network, or a network's file.
    chip, settings
        Name or file of a chip, and parameters that differ from it, ``name=value``.
    data
        Name or path of its data set; None: the one that it records.
    """

    network: str
    settings: tuple[str, ...] = ()
    early_exit: bool = True
    data: str | None = None
    chip: str = chips.DEFAULT

    @property
    def params(self) -> ChipParams:
        return chips.load(self.chip, self.settings)

    @property
    def path(self) -> Path:
        return locate(self.network, ".npz")

    def __str__(self) -> str:
        words = [self.network, *self.settings, *([] if self.early_exit else ["no early exit"])]
        return " ".join(words)

    def samples(self) -> Samples:
        """The test samples of its network. Raises `DatasetError`."""
        return _samples(self.path, self.data)


@cache
def _samples(path: Path, data: str | None) -> Samples:
    return samples_for(Network.load(path), path, data)


def case_of(
    net: str, chip: str | None, settings: tuple[str, ...], data: str | None, process: Process
) -> tuple[Case, str]:
    """A network on the chip asked for, or on the one that `choose` takes; and why it is another than that.

    Where a memory that is read and written in one cycle has no macro, its banks have: `banked=true`.

    Raises
    ------
    NetworkError, ParamError, CompileError, SynthError
        If there is no such network or chip, or it does not hold the network, or there are no Liberty files.
    """
    choice = choose(Network.load(locate(net, ".npz")), chip, settings)
    params, why = choice.image.params, [choice.why] if choice.why else []
    if params.neuron != chips.load(choice.chip, settings).neuron:
        settings = (f"neuron={params.neuron}", *settings)
    try:
        plan_memories(params, process)
    except MissingPdk:
        raise
    except SynthError as error:
        if params.banked:
            raise
        settings = (*settings, "banked=true")
        plan_memories(replace(params, banked=True), process)
        why.append(f"with banked=true, as {str(error).partition(':')[0]}")
    return Case(net, settings, data=data, chip=choice.chip), "; ".join(why)


def rtl(case: Case, images: int, report: Report) -> tuple[np.ndarray, float, int]:
    """Counters (rows, cols, counters) and cycles of an image on the RTL, averaged; and the longest.

    Raises
    ------
    SynthError
        If RTL and golden model differ.
    """
    # Nothing of the timing depends on the width of a weight, so chips that differ in it share a build.
    made = build(replace(case.params, weight_bits=ChipParams().weight_bits), report=report)
    campaign: Campaign = plan(
        case.path,
        made,
        case.samples().first(images),
        chunk=CHUNK,
        early_exit=case.early_exit,
        root=output_folder() / "cost",
    )
    shown = -1

    def progress(done: int) -> None:
        nonlocal shown
        if done != shown:
            shown = done
            report(f"RTL: {done} of {images} images")

    results = run(campaign, 1, progress)
    wrong = sum(result["spike_mismatches"] + result["class_mismatches"] for result in results)
    if wrong:
        raise SynthError(
            f"{case}: RTL and golden model differ in {wrong} spikes or classes; `make sim` tells more"
        )
    counters = np.sum([np.array(result["counters"]) for result in results], axis=0) / images
    cycles = [cycle for result in results for cycle in result["cycles"]]
    return counters, float(np.mean(cycles)), int(max(cycles))


def skippable(network: Network, image: WeightImage, result: golden.GoldenResult) -> float:
    """Share of the neuron words swept whose neurons have all fired: what skipping them would save.

    Neurons that may fire again are swept to the end.
    """
    lanes = image.params.lanes
    swept = skipped = 0
    for index, layer in enumerate(image.layers):
        never = np.iinfo(np.int64).max
        if network.layers[index].neuron.once:
            steps = result.spikes[index].steps.astype(np.int64)
            fired = np.where(steps == NEVER, never, steps)
        else:
            fired = np.full((len(result.last), layer.neurons), never)
        for part in layer.slices:
            for word in layer.held(part, lanes):
                last = fired[:, word[word >= 0]].max(axis=1)
                swept += int((result.last + 1).sum())
                skipped += int(np.clip(result.last - last, 0, None).sum())
    return skipped / max(1, swept)


def key_of(case: Case, process: Process) -> str:
    """Hash of all that shapes what a netlist costs with a network."""
    digest = hashlib.sha256(
        repr((case.network, case.settings, process.name, build_key(case.params))).encode()
    )
    digest.update(case.path.read_bytes())
    digest.update(case.samples()[: images_for(case.params)].digest.encode())
    for name in SHAPED_BY:
        digest.update(code_of(inspect.getsource(import_module(name))).encode())
    return digest.hexdigest()[:16]


def netlist_file(case: Case, process: Process) -> Path:
    """Where what a netlist costs is kept."""
    return output_folder() / "cost" / f"{process.name}-{key_of(case, process)}.json"


def netlist_costs(case: Case, network: Network, image: WeightImage, report: Report, process: Process) -> dict:
    """Area, timing and the cost of events of a chip's netlist, from its file if that is there.

    Raises
    ------
    SynthError
        If a tool or a Liberty file fails.
    """
    path = netlist_file(case, process)
    if path.is_file():
        return json.loads(path.read_text())
    params = case.params
    mapped = mapped_chip(params, process, report)
    report("switching activity of a PE")
    some = case.samples().first(images_for(params)).inputs
    result = golden.run(network, some, params=params, early_exit=True)
    netlist = Netlist(mapped.toggles, mapped.model, image, network.layers, result)
    costs = netlist.costs()
    report("check: whole images")
    found = {**mapped.figures, "costs": asdict(costs), "check": netlist.check(costs)}
    _write(path, found)
    return found


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(value, indent=1))


def check_priced(case: Case, network: Network) -> None:
    """Raise `SynthError` if the network has no hidden layer."""
    if len(network.layers) < 2:
        raise SynthError(
            f"{case}: the costs of events are measured on a PE of a hidden layer, and {network.shape} has "
            "none; take a network of two layers or more"
        )


def evaluate(case: Case, images: int, report: Report, process: Process | None = None) -> dict[str, Any]:
    """Everything that a case costs; what was worked out before is taken from its files.

    Raises
    ------
    SynthError
        If a tool, a Liberty file or the RTL fails, or the network has no hidden layer.
    """
    process = process or PROCESSES["sg13g2"]
    params = case.params
    network = Network.load(case.path)
    check_priced(case, network)
    image = compile_network(network, params)
    netlist = netlist_costs(case, network, image, report, process)
    counters, cycles, longest = rtl(case, images, report)
    samples = case.samples().first(images)
    result = golden.run(network, samples.inputs, params=params, early_exit=case.early_exit)
    right = round(100 * float((result.decisions == samples.labels).mean()), 2)

    activity = activity_of(image, result, counters, cycles)
    costs = Costs(**netlist["costs"])
    found: dict[str, Any] = {
        "case": asdict(case),
        "name": str(case),
        "process": process.name,
        "images": images,
        "cycles": {"mean": round(cycles, 1), "max": longest},
        "accuracy": network.about.get("golden_accuracy", right),
        **netlist,
        "coding": "Temp." if network.rel_psp and network.code == "ttfs" else "Rate",
        "busy_share": round(costs.busy_cycles(activity) / (params.nodes * cycles), 3),
        "counters": {counter.name: round(activity.total(counter), 2) for counter in Counter},
        "flit_hops": round(activity.flits, 1),
        "skippable_sweeps": round(skippable(network, image, result), 5),
    }
    return found | spent(netlist, activity)


def spent(netlist: dict[str, Any], activity: Activity) -> dict[str, Any]:
    """The energy of an image of known activity, "gated" and "ungated", by what `netlist_costs` found."""
    costs, found = Costs(**netlist["costs"]), {}
    for gated in ("gated", "ungated"):
        parts = costs.image(activity, gated=gated == "gated")
        parts["beside the PEs"] = activity.cycles * netlist["rest_pj_per_cycle"]
        point = Point(1e-3 * sum(parts.values()), netlist["leakage_mw"], activity.cycles, CLOCK_MHZ)
        found[gated] = {
            "parts_nj": {name: round(1e-3 * value, 2) for name, value in parts.items()},
            "full_rate": point.at(),
            "rate_21": point.at(21.0),
        }
    return found
