"""``yoso soft-errors``: accuracy against the rate of bit flips in each memory; see docs/soft-errors.

The statistics come from the golden model, and a sample runs on the RTL with the same flips, compared spike
for spike. Every point is a file of its own, so the command goes on where it was stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from yoso_hw.folders import output_folder
from yoso_hw.params import ChipParams
from yoso_sw.compile import faults
from yoso_sw.compile.compiler import check_network
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.mapping import CompileError
from yoso_sw.data.samples import Inputs, Samples
from yoso_sw.network import golden, synapse
from yoso_sw.network.network import Network

from yoso_sim.build import Build, code_of
from yoso_sim.job import read_result, write_json, write_result
from yoso_sim.simulate import simulate

RATES = (1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)

#: What runs on the RTL as well: of each memory these rates, with the first seed.
RTL_RATES = (1e-4, 1e-3, 1e-2)


@dataclass(frozen=True)
class Curve:
    """One curve: a memory, how it is read, and whether the chip is as narrow as the network allows."""

    name: str
    memory: str
    scheme: str = "none"
    narrow: bool = False


CURVES = (
    Curve("weight", "weight"),
    *(Curve(f"weight, {scheme}", "weight", scheme) for scheme in faults.SCHEMES if scheme != "none"),
    Curve("weight, narrow", "weight", narrow=True),
    Curve("A", "accumulated"),
    Curve("A, narrow", "accumulated", narrow=True),
    Curve("V", "potential"),
    Curve("V, narrow", "potential", narrow=True),
)


@dataclass(frozen=True, eq=False)
class Study:
    """A network with its images, on the chip and on one as narrow as the network allows."""

    path: Path
    network: Network
    samples: Samples
    image: WeightImage
    narrow: WeightImage

    @property
    def images(self) -> Inputs:
        return self.samples.inputs

    @property
    def labels(self) -> np.ndarray:
        return self.samples.labels

    def compiled(self, curve: Curve) -> WeightImage:
        return self.narrow if curve.narrow else self.image

    def accuracy(self, decisions: np.ndarray) -> float:
        """Per cent."""
        return round(100 * float((decisions == self.labels).mean()), 4)


def narrow_chip(network: Network, params: ChipParams, images: Inputs) -> ChipParams:
    """The chip with no more bits for weights, A and V than the network needs: V as seen on `images`.

    What is seen is V at their ends, which of other neurons than the ReL-PSP one is not the highest: then V
    keeps its bits.
    """
    sums = max(
        int((np.abs(layer.weights.astype(np.int64)) * times[:, None]).sum(0).max())
        for i, layer in enumerate(network.layers)
        for times in [layer.times_counted(network.most_spikes(i), network.steps)]
    )
    result = golden.run(network, images, params=params)
    highest = max(int(np.abs(v).max()) for v in result.potentials)
    rules = max(max(layer.neuron.largest.values()) for layer in network.layers)
    return replace(
        params,
        weight_bits=network.weight_bits,
        acc_bits=sums.bit_length() + 1,
        pot_bits=max(highest, rules).bit_length() + 1 if network.rel_psp else params.pot_bits,
    )


def measure(study: Study, curve: Curve, rate: float, seed: int) -> dict[str, Any]:
    """One point on the golden model: accuracy, flips an image, and whether the order of spikes can matter."""
    image = study.compiled(curve)
    params, network = image.params, study.network
    if curve.memory == "weight":
        bits = params.weight_bits
        masks = faults.flip_weights(network, rate, seed, bits=bits, lanes=params.lanes)
        read = faults.read_weights(network, masks, curve.scheme, bits=bits)
        try:
            check_network(read, params)
            ordered = False
        except CompileError:
            ordered = True
        decisions = golden.run(read, study.images, params=params).decisions
        return {"accuracy": study.accuracy(decisions), "order_matters": ordered}
    flips = [
        faults.flip_state(network, curve.memory, rate, seed, i, params) for i in range(len(study.images))
    ]
    outcome = faults.run(network, study.images, image, curve.memory, flips)
    return {"accuracy": study.accuracy(outcome.decisions), "order_matters": False}


def compare_rtl(
    study: Study, made: Build, memory: str, rate: float, images: int, folder: Path
) -> dict[str, Any]:
    """One sample on the RTL with the golden model beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    job, result, samples = (folder / name for name in ("job.json", "result.json", "samples.npz"))
    study.samples[:images].save(samples)
    write_json(
        job,
        {
            "network": str(study.path.resolve()),
            "chip": made.params.to_json(),
            "samples": str(samples.resolve()),
            "memory": memory,
            "rate": rate,
            "seed": 1,
            "result": str(result.resolve()),
        },
    )
    simulate(made, "yoso_sim.study.injection", folder, {"YOSO_JOB": str(job.resolve())}, test="inject")
    return json.loads(result.read_text())


def once(path: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The result in the file `path`, made if it is not there whole."""
    found = read_result(path)
    if found is None:
        found = make()
        write_result(path, found)
    return found


def state_folder(study: Study, key: str) -> Path:
    """Where points are kept: named by all that they come from."""
    from yoso_sim.study import injection  # needs cocotb

    digest = hashlib.sha256(study.path.read_bytes())
    for source in (golden.__file__, faults.__file__, synapse.__file__, injection.__file__, __file__):
        digest.update(code_of(Path(source).read_text()).encode())
    digest.update(f"{study.image.params.to_json()} {key} {study.samples.digest}".encode())
    folder = output_folder() / "soft-errors" / f"{study.path.stem}-{digest.hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
