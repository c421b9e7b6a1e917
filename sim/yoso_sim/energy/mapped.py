"""A chip's node, mapped: what it is like whatever network it runs, and how its nets switch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from yoso_hw.params import ChipParams
from yoso_synth.asic import flop_figures, map_node, map_rest, node_delay, plan_memories
from yoso_synth.macros import Tiling
from yoso_synth.pdk import Process
from yoso_synth.power import PowerModel
from yoso_synth.timing import Timing
from yoso_synth.toggles import Toggles
from yoso_synth.tools import build_folder

#: Parts of the report that the SRAMs' macros belong to.
PART_OF = {
    "weight": "weight memory",
    "accumulated": "A and V memories",
    "potential": "A and V memories",
    "spike": "spike-address memory",
}


@dataclass(frozen=True)
class MappedChip:
    """A mapped node.

    Attributes
    ----------
    figures
        Memories, area, clock, leakage and macros, as a report has them.
    """

    figures: dict[str, Any]
    toggles: Toggles
    model: PowerModel


#: The last ones, by process and chip: a comparison of networks asks for the same ones again and again.
_KEPT: dict[tuple[str, str], MappedChip] = {}
_MOST = 2


def mapped_chip(params: ChipParams, process: Process, report: Callable[[str], None]) -> MappedChip:
    """Map a chip's node and what is beside the nodes, and work out what does not depend on a network.

    Raises
    ------
    SynthError
        If a tool or a Liberty file fails.
    """
    key = process.name, params.to_json()
    if key in _KEPT:
        return _KEPT[key]
    plans = plan_memories(params, process)
    report("mapping to cells")
    folder = build_folder() / f"{process.name}-{hashlib.sha256(params.to_json().encode()).hexdigest()[:8]}"
    node = map_node(params, process, folder, plans)
    rest = map_rest(params, process, folder).design()
    design = node.design()
    report("timing")
    paths = Timing(design).worst()
    toggles = Toggles(design, process)
    model = PowerModel(toggles, process)
    figures = {
        "memories": {name: str(one) for name, one in plans.items()},
        "node_um2": round(design.area, 1),
        "chip_mm2": round(1e-6 * (params.nodes * design.area + rest.area), 2),
        "fmax_mhz": round(1000 / node_delay(paths), 1),
        "logic_mhz": round(1000 / paths["logic", "logic"].delay, 1),
        "leakage_mw": 1e3 * (params.nodes * model.leakage + sum(i.cell.leakage for i in rest.instances)),
        "rest_pj_per_cycle": len(rest.flops) * flop_figures(process).clock_pj,
        "macros": {
            PART_OF[name]: {"read_pj": one.read_pj, "pack": one.pack}
            for name, one in plans.items()
            if isinstance(one, Tiling)
        },
    }
    while len(_KEPT) >= _MOST:
        del _KEPT[next(iter(_KEPT))]
    return _KEPT.setdefault(key, MappedChip(figures, toggles, model))
