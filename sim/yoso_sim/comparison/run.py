"""The runs behind the comparison: networks on golden model, RTL and netlist, ReLU networks beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yoso_hw import chips
from yoso_hw.folders import output_folder
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.mapping import CompileError
from yoso_sw.data.recorded import samples_for
from yoso_sw.data.samples import Samples
from yoso_sw.network import golden
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import NETWORKS as NETWORK_FILES

from yoso_sim import campaign as campaigns
from yoso_sim.build import Build, build
from yoso_sim.commands.asked import console
from yoso_sim.commands.campaign import REGRESS_CHUNK, run_all
from yoso_sim.comparison import ann, ann_training, ended, latency, measured, noise, priced, rows

#: Chips that networks are compared on: a dense network on the first, one with convolutions on the other, its
#: memories in banks, as its netlist needs them. Both have every neuron, so that the rules meet on one RTL.
DENSE, CONVOLUTIONAL = chips.DEFAULT, "csnn"
SETTINGS = {DENSE: ("neuron=all",), CONVOLUTIONAL: ("neuron=all", "banked=true")}

#: Most images of a point that runs on the RTL with fewer steps: of a dense network, of one with convolutions.
ENDED, CONVOLUTIONAL_ENDED = 100, 20

#: Test images that curves and noise of a network with convolutions are of: all would take half an hour.
CURVES = 2000

#: A network's file, the network, and what it is compiled to.
Asked = tuple[Path, Network, WeightImage]

#: A row, the details behind it, and its netlists by the width of A.
Measured = tuple[dict[str, Any], dict[str, Any], dict[int, dict[str, Any]]]


def convolves(network: Network) -> bool:
    """Whether a layer is a convolution."""
    return any(layer.window is not None for layer in network.layers)


def chip_of(network: Network) -> str:
    """The chip that a network is compared on."""
    return CONVOLUTIONAL if convolves(network) else DENSE


def curve_images(network: Network) -> int | None:
    """Test images that its curves and noise are of, the first ones; None: all."""
    return CURVES if convolves(network) else None


def settings_of(chip: str) -> tuple[str, ...]:
    """What differs from a chip, ``name=value``."""
    return SETTINGS.get(chip, SETTINGS[DENSE])


def has_relu(network: Network) -> bool:
    """Whether a ReLU network of its shape is trained beside it: MNIST's, whose images are grey squares."""
    return network.about.get("dataset") == "mnist"


def relu_name(network: Network) -> str:
    """The name of the ReLU network's row."""
    return f"ann-{network.shape}"


@dataclass(frozen=True)
class Run:
    """How rows are measured: what the command was asked, and why there are no energies ("" if there are).

    Attributes
    ----------
    early
        Whether images that end early run on the RTL too (`ended`).
    """

    images: int
    jobs: int
    chip: str | None
    energy: str
    fresh: bool
    no_energy: str
    early: bool = True

    @property
    def folder(self) -> Path:
        """Where what is done is kept."""
        return output_folder() / "compare"

    def spiking(self, path: Path, network: Network, image: WeightImage) -> Measured:
        """The row of a spiking network, what stands behind it, and its netlists by the width of A."""
        params, chip = image.params, self.chip or chip_of(network)
        samples = samples_for(network, path)
        if self.images:
            samples.first(self.images)  # refused now, not after the golden model
        own = measured.network_on_golden(
            network, path, samples, params, self.folder, _report, curve_images(network)
        )
        results: list[dict[str, Any]] = []
        costs: dict[str, Any] = {}
        netlists: dict[int, dict[str, Any]] = {}
        if self.energy != "none" and not self.no_energy:
            netlists = self.netlists(path, network)
        if self.images:
            made, some = build(params, report=_report), samples.first(self.images)
            root = output_folder() / "regress"
            chunk = min(REGRESS_CHUNK, max(1, self.images // self.jobs))
            campaign = campaigns.plan(path, made, some, chunk=chunk, early_exit=True, root=root)
            results = self.on_rtl(campaign)
            reference = golden.run(network, some.inputs, params=params)
            rows.check(image, reference, results, network.name)
            costs = priced.costs(netlists, image, reference, results)
            if self.early:
                own["ended"] = self.ended(network, some, own["curve"], made)
        else:
            costs = self.counted(path, network, image, netlists)
        nj = costs.get(str(params.acc_bits), {}).get("energy_nj")
        details = {
            "shape": network.shape,
            "chip": chip,
            "mesh": [params.cols, params.rows],
            "lanes": params.lanes,
            "pes": image.pes,
            "acc_bits": params.acc_bits,
            "weight_bits": network.weight_bits,
            "levels": network.levels,
            "decision": network.decision,
            "windows": any(layer.neuron.slope for layer in network.layers),
            "T": latency.layer_steps(network),
            "costs": costs,
            "energy_from": (rows.RTL if results else rows.GOLDEN) if costs else None,
            **own,
        }
        return rows.row(network, measured.rule_of(path), own["counts"], results, nj), details, netlists

    def ended(
        self, network: Network, some: Samples, curve: list[dict[str, Any]], made: Build
    ) -> list[dict[str, Any]]:
        """Points of a network's curve with their cycles on the RTL, by the first of some samples."""
        few = some.first(min(CONVOLUTIONAL_ENDED if convolves(network) else ENDED, len(some)))
        chunk = min(REGRESS_CHUNK, max(1, len(few) // self.jobs))
        _report(f"RTL: images ended early, {len(few)} at each of some steps")
        return ended.on_rtl(network, few, curve, made, self.folder / "ended", self.on_rtl, chunk)

    def on_rtl(self, campaign: campaigns.Campaign) -> list[dict[str, Any]]:
        """The results of a campaign, a dictionary a chunk; what was done before is not done again."""
        return run_all(campaign, self.jobs, fresh=self.fresh)

    def netlists(self, path: Path, network: Network) -> dict[int, dict[str, Any]]:
        """The network's netlists by the width of A."""
        given = network.name if path.parent == NETWORK_FILES else str(path)
        chip = self.chip or chip_of(network)
        measure = self.energy == "all"
        return priced.netlists(given, network, chip, settings_of(chip), _report, measure=measure)

    @staticmethod
    def counted(
        path: Path,
        network: Network,
        image: WeightImage,
        netlists: dict[int, dict[str, Any]],
        cycles: float | None = None,
    ) -> dict[str, Any]:
        """What an image costs by the golden model's counts of the first ones."""
        if not netlists:
            return {}
        samples = samples_for(network, path)
        some = samples.first(min(priced.COUNTED, len(samples)))
        reference = golden.run(network, some.inputs, params=image.params)
        return priced.costs(netlists, image, reference, [], cycles)

    def prices(self, asked: list[Asked], found: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Rows that are published, of spiking networks and of the ReLU networks of their shapes, priced."""
        if self.no_energy:
            raise CompileError(f"nothing can be priced: {self.no_energy}")
        published = {row["network"]: row for row in found["rows"]}
        for path, network, image in asked:
            if network.name not in published:
                continue
            console.print(network.name)
            row, own = published[network.name], found["details"][network.name]
            netlists = self.netlists(path, network)
            costs = self.counted(path, network, image, netlists, row["cycles"])
            nj = costs.get(str(image.params.acc_bits), {}).get("energy_nj")
            yield self._one({**row, "energy_nj": nj}, {**own, "costs": costs, "energy_from": rows.GOLDEN})
            netlist, name = netlists.get(image.params.acc_bits), relu_name(network)
            if netlist and name in published:
                relu = found["details"][name]
                assumed = priced.of_ann(relu["work"], _neurons(network), netlist, image.params.lanes)
                nj = assumed["memory_and_arithmetic"]
                yield self._one({**published[name], "energy_nj": nj}, {**relu, "energy": assumed})

    def relu(self, path: Path, network: Network, netlist: dict[str, Any] | None, lanes: int) -> Measured:
        """The row of the ReLU network of a spiking one's shape; priced by a netlist, if there is one."""
        pixels, labels = measured.raw(network, path), samples_for(network, path).labels
        assert pixels is not None  # MNIST's
        own = ann_training.kept("mnist", network, self.folder, console.print)
        active = own.activations(pixels)
        work = own.work(pixels, active)
        accuracy = 100 * float((own.decide(active) == labels).mean())
        assumed = None if netlist is None else priced.of_ann(work, _neurons(network), netlist, lanes)
        nj = None if assumed is None else assumed["memory_and_arithmetic"]
        few = curve_images(network)
        details = {
            "shape": network.shape,
            "images": len(labels),
            "curve_images": few or len(labels),
            "epochs": own.epochs,
            "weight_bits": ann.BITS,
            "work": work,
            "energy": assumed,
            "noise": noise.measure_ann(own, pixels[:few], labels[:few]),
        }
        return rows.ann_row(relu_name(network), accuracy, work, nj), details, {}

    def all(self, asked: list[Asked]) -> Iterator[dict[str, Any]]:
        """Row and details of each network, and of a ReLU network of each shape that `has_relu` takes."""
        shapes: dict[str, tuple[Path, Network, dict[str, Any] | None, int]] = {}
        for number, (path, network, image) in enumerate(asked, 1):
            console.print(f"{number} of {len(asked)}: {network.name}")
            row, details, netlists = self.spiking(path, network, image)
            yield self._one(row, details)
            if has_relu(network):
                before = shapes[network.shape][2] if network.shape in shapes else None
                netlist = netlists.get(image.params.acc_bits) or before
                shapes[network.shape] = path, network, netlist, image.params.lanes
        for shape in shapes.values():
            row, details, _ = self.relu(*shape)
            yield self._one(row, details)

    def _one(self, row: dict[str, Any], details: dict[str, Any]) -> dict[str, Any]:
        return {"rows": [row], "details": {row["network"]: details}, "no_energy": self.no_energy}


def _neurons(network: Network) -> list[int]:
    """Neurons of each layer."""
    return [layer.neurons for layer in network.layers]


def _report(text: str) -> None:
    console.print(f"[dim]  {text}")
