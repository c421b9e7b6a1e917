"""What an image of a run costs on a process, by the energy model of `yoso_sim.energy` (docs/energy.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from yoso_hw.params import ChipParams
from yoso_sw.compile.compiler import compile_network
from yoso_sw.data.samples import Samples
from yoso_sw.network import golden
from yoso_synth.pdk import PROCESSES
from yoso_synth.tools import SynthError

from yoso_sim.energy import cost
from yoso_sim.energy.measured import images_for
from yoso_sim.energy.traffic import activity_of
from yoso_sim.running.place import network_file

if TYPE_CHECKING:
    from yoso_sim.running.run import Run


@dataclass(frozen=True)
class RunCase(cost.Case):
    """A run as the energy model takes a chip with a network: with the images that ran."""

    run: Run = field(kw_only=True)

    @classmethod
    def of(cls, run: Run) -> RunCase:
        return cls(str(network_file(run.network)), early_exit=run.early_exit, run=run)

    def __str__(self) -> str:
        return self.run.network.name

    @property
    def params(self) -> ChipParams:
        return self.run.params

    def samples(self) -> Samples:
        """The images that ran, over again where those are fewer than the netlist is measured with."""
        some = np.arange(max(len(self.run), images_for(self.params))) % len(self.run)
        return Samples(self.run.data, self.run.inputs[some], np.zeros(len(some), np.int64))


def energy(
    run: Run, process: str = "sg13g2", report: Callable[[str], None] = lambda text: None
) -> dict[str, Any]:
    """What an image costs, in the mean of a run: as `yoso energy` says it, "gated" and "ungated".

    Raises as `Run.energy`.
    """
    if process not in PROCESSES:
        raise SynthError(f"there is no process {process!r}; there are {', '.join(PROCESSES)}")
    case, network = RunCase.of(run), run.network
    # A run without them is refused before a netlist is made.
    cycles, counters, _ = run.cycles, run.counters, run.sent
    cost.check_priced(case, network)
    image = compile_network(network, run.params)
    netlist = cost.netlist_costs(case, network, image, report, PROCESSES[process])
    result = golden.run(network, run.inputs, params=run.params, early_exit=run.early_exit)
    activity = activity_of(image, result, counters / len(run), float(cycles.mean()))
    return {"process": process, "images": len(run), **netlist, **cost.spent(netlist, activity)}
