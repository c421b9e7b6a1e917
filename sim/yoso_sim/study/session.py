"""A simulator that stays open for one case after another (`yoso_sim.study.cases`).

Starting a simulator takes longer than a small case. So the test `serve` runs inside one, reads cases from a
pipe, a line each, and writes what it found to another.
"""

from __future__ import annotations

import json
import os
import select
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

import cocotb
import numpy as np
from yoso_sw.compile.image import WeightImage
from yoso_sw.host.protocol import ProtocolError
from yoso_sw.network import golden
from yoso_sw.network.neuron import Reset

from yoso_sim.build import Build
from yoso_sim.compare import compare, compare_counters
from yoso_sim.host import Host
from yoso_sim.link import Link, LinkError
from yoso_sim.simulate import SimulationError, simulate
from yoso_sim.study.cases import Case, Run

_FOLDER = "YOSO_SESSION"
_CASES, _RESULTS = "cases.pipe", "results.pipe"

#: Cycles without a flit of the host after which a chip counts as stuck. Hidden neurons that spike at each of
#: a thousand steps keep it waiting for tens of thousands.
PATIENCE = 300_000


class Session:
    """A simulator of one chip, as a context; `folder` gets its log.

    Raises
    ------
    yoso_sim.simulate.SimulationError
        From `run`, if the simulator died.
    """

    def __init__(self, build: Build, folder: Path, *, module: str = "yoso_sim.study.session") -> None:
        self._build, self._folder, self._module = build, folder, module
        self._error: SimulationError | None = None
        self._thread = threading.Thread(target=self._simulate, daemon=True)

    def _simulate(self) -> None:
        try:
            environment = {_FOLDER: str(self._folder)}
            simulate(self._build, self._module, self._folder, environment, test="serve")
        except SimulationError as error:
            self._error = error

    def __enter__(self) -> Session:
        self._folder.mkdir(parents=True, exist_ok=True)
        # Opened both ways, so that neither side waits for the other to open.
        self._pipes = []
        for name in (_CASES, _RESULTS):
            (self._folder / name).unlink(missing_ok=True)
            os.mkfifo(self._folder / name)
            self._pipes.append(os.open(self._folder / name, os.O_RDWR))
        self._thread.start()
        return self

    def run(self, case: Case) -> list[str]:
        """How the chip differed from the golden model, in words; empty if it did not."""
        to_simulator, from_simulator = self._pipes
        os.write(to_simulator, f"{case.to_json()}\n".encode())
        answer = b""
        while not answer.endswith(b"\n"):
            if select.select([from_simulator], [], [], 0.2)[0]:
                answer += os.read(from_simulator, 1 << 16)
            elif not self._thread.is_alive():
                raise self._error or SimulationError(f"the simulator ended by itself; see {self._folder}")
        return json.loads(answer)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread.is_alive():
            os.write(self._pipes[0], b"\n")
            self._thread.join(timeout=10)
        for pipe in self._pipes:
            os.close(pipe)


# ---- inside the simulator --------------------------------------------------------------------------------


@cocotb.test()
async def serve(dut: Any) -> None:
    """Run every case that comes, until an empty line or the other side's end."""
    folder = Path(os.environ[_FOLDER])
    link = Link(dut, patience=PATIENCE)
    with (folder / _CASES).open() as cases, (folder / _RESULTS).open("w") as results:
        for line in cases:
            if not line.strip():
                break
            notes = await run_case(link, Case.from_json(line))
            results.write(f"{json.dumps(notes)}\n")
            results.flush()


async def run_case(link: Link, case: Case) -> list[str]:
    """Reset the chip, run a case and compare; ends at the first image that differs."""
    await link.reset()
    link.stall(case.stall_in, case.stall_out, case.stall_seed)
    host = Host(link, case.chip)
    for number, (run, (_, image)) in enumerate(zip(case.runs, case.programs, strict=True)):
        where = f"network {number}"
        try:
            await host.load(image)
            for index in range(len(run.images)):
                where = f"network {number}, image {index}"
                notes = await run_image(host, case, run, number, index)
                notes += [f"error bit {name} is set" for name in await host.errors()]
                if notes:
                    return [f"{where}: {note}" for note in notes[:8]]
        except (LinkError, ProtocolError) as error:
            return [f"{where}: {error}"]
    return []


async def run_image(host: Host, case: Case, run: Run, number: int, index: int) -> list[str]:
    """Every spike, the decision, every counter, and the final A, V, fired bit and count of every neuron."""
    network, image = case.programs[number]
    events = run.events()[index]
    reference = golden.run(network, events, params=case.chip, early_exit=run.early_exit)
    await host.clear_counters()
    outcome = await host.classify(image, events, run.early_exit)
    notes = list(compare(image, outcome, reference, 0).notes)
    notes += compare_counters(image, reference, await host.counters())
    for layer in range(len(image.layers)):
        once = network.layers[layer].neuron.reset is Reset.ONCE
        notes += await compare_neurons(host, image, reference, layer, once)
    if case.chip.neuron == "all":
        mine, theirs = await host.counts(image), reference.spikes[-1].counts[0]
        notes += [
            f"output {j}: {mine[j]} spikes are counted in the RTL, {theirs[j]} in the golden model"
            for j in np.flatnonzero(mine != theirs)[:2]
        ]
    return notes


async def compare_neurons(
    host: Host, image: WeightImage, reference: Any, layer: int, once: bool
) -> list[str]:
    """Neurons of a layer whose state, read back through the network, is not the golden model's.

    Only of neurons that fire `once` is it kept that they have fired.
    """
    potentials, fired, accumulated = await host.neurons(image, layer)
    notes = []
    for name, mine, theirs in (
        ("V", potentials, reference.potentials[layer][0]),
        ("A", accumulated, reference.accumulated[layer][0]),
        ("fired", fired, (reference.spikes[layer].counts[0] > 0) & once),
    ):
        notes += [
            f"layer {layer}, neuron {j}: {name} is {mine[j]} in the RTL, {theirs[j]} in the golden model"
            for j in np.flatnonzero(mine != theirs)[:2]
        ]
    return notes
