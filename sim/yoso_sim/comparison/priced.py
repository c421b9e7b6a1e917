"""Energy and area of a row: the netlist's costs times the RTL's counters, with A in 16 and in 20 bits.

Cycles and counters do not depend on the width of A, so the RTL runs once; the netlist is mapped and measured
for each width (docs/energy.md). A network that has not run on the RTL is priced by what the golden model
counts. An 8-bit ReLU network has no RTL here: its energy is an assumption.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.mapping import CompileError
from yoso_sw.network.golden import GoldenResult
from yoso_sw.network.network import Network
from yoso_synth import pdk

from yoso_sim.energy.cost import case_of, netlist_costs, netlist_file, spent
from yoso_sim.energy.traffic import activity_of

#: Widths of A; a chip that has another one keeps that alone.
WIDTHS = (16, 20)

#: Images that a network is priced by that has not run on the RTL.
COUNTED = 100

PROCESS = pdk.PROCESSES["sg13g2"]

#: An 8-bit multiplication and a 32-bit addition in pJ (Horowitz, ISSCC 2014: 45 nm, 0.9 V), and what they
#: are scaled by to 130 nm and 1.2 V: length times voltage squared.
MULTIPLY_PJ, ADD_PJ, SCALE = 0.2, 0.1, (130 / 45) * (1.2 / 0.9) ** 2


def missing() -> str:
    """Why there are no energies here; "" if there are the process' files."""
    try:
        pdk.find(PROCESS, PROCESS.corners["typ"])
        pdk.find(PROCESS, PROCESS.macros)
    except pdk.MissingPdk as error:
        return str(error)
    return ""


def netlists(
    name: str,
    network: Network,
    chip: str,
    settings: tuple[str, ...],
    report: Callable[[str], None],
    *,
    measure: bool,
) -> dict[int, dict[str, Any]]:
    """What netlists cost, by the width of A; without `measure` those that have been measured before.

    A width that the chip cannot have with the network, such as one that V is narrower than, is left out.
    Where a memory of the chip has macros only in banks, it has those here.

    Raises
    ------
    SynthError
        If a tool or a Liberty file fails.
    """
    found = {}
    own, _ = case_of(name, chip, settings, None, PROCESS)
    widths = WIDTHS if own.params.acc_bits in WIDTHS else (own.params.acc_bits,)
    for bits in widths:
        case = replace(own, settings=(*own.settings, f"acc_bits={bits}"))
        try:
            image = compile_network(network, case.params)
        except CompileError:
            continue
        if measure or netlist_file(case, PROCESS).is_file():
            found[bits] = netlist_costs(case, network, image, report, PROCESS)
    return found


def costs(
    netlists: dict[int, dict[str, Any]],
    image: WeightImage,
    result: GoldenResult,
    results: list[dict[str, Any]],
    cycles: float | None = None,
) -> dict[str, dict[str, float]]:
    """Energy in nJ an image (idle PEs gated, and always clocked), area and clock, by the width of A.

    Parameters
    ----------
    result
        What the golden model makes of the images.
    results
        What the simulators left of the same, a dictionary a chunk. Without any, counters are those that the
        golden model predicts.
    cycles
        Of an image, where there are no `results`; None: they are estimated. Gated energies hardly depend on
        them.
    """
    if not netlists:
        return {}
    if results:
        taken = [cycle for one in results for cycle in one["cycles"]]
        counters = np.sum([np.array(one["counters"]) for one in results], axis=0) / len(taken)
        activity = activity_of(image, result, counters, float(np.mean(taken)))
    else:
        activity = activity_of(image, result, cycles=cycles)
    found = {}
    for bits, netlist in netlists.items():
        energy = spent(netlist, activity)
        found[str(bits)] = {
            "energy_nj": energy["gated"]["full_rate"]["nj_per_image"],
            "energy_nj_ungated": energy["ungated"]["full_rate"]["nj_per_image"],
            "chip_mm2": netlist["chip_mm2"],
            "fmax_mhz": netlist["fmax_mhz"],
        }
    return found


def of_ann(
    work: dict[str, Any], neurons: Sequence[int], netlist: dict[str, Any], lanes: int
) -> dict[str, float]:
    """nJ an image of the ReLU network, twice, by assumption.

    Parameters
    ----------
    work
        As `ann.Ann.work` gives it.
    neurons
        Of each layer.

    Returns
    -------
    memory_and_arithmetic
        Of each product the weight's share of a macro's read, and a multiplication and addition; nothing else:
        no partial sums in memory, no control, no clock, no network. What an ANN cannot do without.
    like_ours
        Each product costs what an update costs this chip in that layer, and the multiplication; each neuron
        one sweep.
    """
    memory, costs = netlist["macros"]["weight memory"], netlist["costs"]
    arithmetic = SCALE * (MULTIPLY_PJ + ADD_PJ)
    read = memory["read_pj"] / (lanes * memory["pack"])
    cycle = sum(costs["cycle"].values())

    def lane(layer: int, event: str) -> float:
        """pJ of a lane's share of an event and of its cycles."""
        own = sum(costs["energy"][layer].get(event, {}).values())
        return (own + costs["busy"][layer].get(event, 0.0) * cycle) / lanes

    like_ours = sum(
        macs * (lane(layer, "updates") + SCALE * MULTIPLY_PJ) + count * lane(layer, "words")
        for layer, (macs, count) in enumerate(zip(work["macs_by_layer"], neurons, strict=True))
    )
    return {
        "weight_read_pj": round(read, 3),
        "multiply_add_pj": round(arithmetic, 3),
        "memory_and_arithmetic": round(1e-3 * work["macs"] * (read + arithmetic), 1),
        "like_ours": round(1e-3 * like_ours, 1),
    }
