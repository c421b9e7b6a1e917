"""``yoso compare``: learning rules side by side on one chip, as a table, curves and a page."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from yoso_hw import chips, drawing
from yoso_hw.folders import checkout, need_checkout, output_folder
from yoso_hw.writing import write_whole
from yoso_sw.commands.options import images_option, jobs_option, out_option
from yoso_sw.compile.choose import choose
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.mapping import CompileError
from yoso_sw.data.recorded import samples_for
from yoso_sw.network import golden
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import NETWORKS as NETWORK_FILES
from yoso_sw.network.zoo import locate, names

from yoso_sim import campaign as campaigns
from yoso_sim.commands.asked import console, one_message
from yoso_sim.commands.campaign import REGRESS_CHUNK, run_all

#: What is compared if nothing is named, in the order of the table; those that are not there are left out.
NETWORKS = (
    *("mnist-784-800-10-stdbp", "mnist-784-800-10", "mnist-784-800-10-count", "mnist-784-800-10-tandem"),
    *("mnist-784-800-10-clif", "mnist-784-100-10-stdbp", "mnist-784-100-10", "mnist-784-100-10-count"),
    *("mnist-784-100-10-tandem", "mnist-784-100-10-clif", "mnist-csnn-stdbp", "mnist-csnn"),
    *("mnist-csnn-tandem", "mnist-csnn-clif"),
)

#: Chips that networks are compared on: a dense network on the first, one with convolutions on the other, whose
#: memories are banked, as its netlist needs them. Both have every neuron, so that the rules meet on one RTL.
DENSE, CONVOLUTIONAL = chips.DEFAULT, "csnn"
SETTINGS = {DENSE: ("neuron=all",), CONVOLUTIONAL: ("neuron=all", "banked=true")}

#: A row, the details behind it, and its netlists by the width of A.
Measured = tuple[dict[str, Any], dict[str, Any], dict[int, dict[str, Any]]]


def chip_of(network: Network) -> str:
    """The chip that a network is compared on."""
    return DENSE if all(layer.window is None for layer in network.layers) else CONVOLUTIONAL


def settings_of(chip: str) -> tuple[str, ...]:
    """What differs from a chip, ``name=value``."""
    return SETTINGS.get(chip, SETTINGS[DENSE])


def planned(nets: tuple[str, ...], chip: str | None) -> list[tuple[Path, Network, WeightImage]]:
    """File, network and the network compiled, of all that were asked for; refused before anything runs.

    Raises
    ------
    NetworkError, CompileError
        If one is unknown, or needs another chip.
    """
    found = []
    for net in nets or [name for name in NETWORKS if name in names(".npz")]:
        path = locate(net, ".npz")
        network = Network.load(path)
        own = chip or chip_of(network)
        try:
            image = choose(network, own, settings_of(own)).image
        except CompileError as error:
            raise CompileError(f"{network.name} cannot be compared on chip {own}: {error}") from None
        if len(network.layers) < 2:
            raise CompileError(
                f"{network.name} has no hidden layer ({network.shape}), and the comparison is of hidden "
                "spikes: leave it out"
            )
        found.append((path, network, image))
    return found


@click.command()
@click.argument("nets", nargs=-1, metavar="[NET]...")
@images_option(100, "Test images of each network on the RTL; 0: none.")
@jobs_option(1, "Simulator processes.")
@click.option("--chip", metavar="NAME|FILE", help="Chip for all of them; else by whether they convolve.")
@click.option(
    "--energy",
    default="all",
    show_default=True,
    type=click.Choice(["all", "done", "none"]),
    help="Measure every netlist's costs, take those that were measured before, or leave energy out.",
)
@click.option("--fresh", is_flag=True, help="Forget what earlier runs on the RTL have done.")
@click.option("--again", is_flag=True, help="Write page and picture anew from the published numbers.")
@click.option("--price", is_flag=True, help="Run nothing: price published rows, by golden counts.")
@out_option()
def main(
    nets: tuple[str, ...],
    images: int,
    jobs: int,
    chip: str | None,
    energy: str,
    fresh: bool,
    again: bool,
    price: bool,
    out: Path,
) -> None:
    """Compare networks of several rules on the same chip, and an 8-bit ReLU network beside them.

    Without NET all that are committed for it. What is done is kept, so a killed run goes on. With a checkout
    the page docs/compare is written anew; networks that are not named keep their rows.
    """
    from yoso_synth.liberty import LibertyError
    from yoso_synth.tools import SynthError

    from yoso_sim.comparison import page, priced
    from yoso_sim.comparison.rows import CompareError

    try:
        with one_message():
            if again:
                need_checkout("yoso compare --again")
                page.publish(page.load())
                return
            why = "" if energy == "none" else priced.missing()
            found = page.load() if checkout() is not None else page.EMPTY
            run, asked = Run(images, jobs, chip, energy, fresh, why), planned(nets, chip)
            for one in run.prices(asked, found) if price else run.all(asked):
                # Published row by row, onto what another run may have published meanwhile.
                found = page.merged(page.load() if checkout() is not None else found, one)
                out.mkdir(parents=True, exist_ok=True)
                write_whole(out / "compare.json", json.dumps(found, indent=1) + "\n")
                write_whole(out / "compare.md", page.page(found))
                drawing.save(page.draw(found), out / "compare.png")
                if checkout() is not None:
                    page.publish(found)
            console.print(f"[dim]{os.path.relpath(out / 'compare')}.json, .md, .png")
    except (CompareError, SynthError, LibertyError) as error:
        raise click.ClickException(str(error)) from None


@dataclass(frozen=True)
class Run:
    """How rows are measured: what the command was asked, and why there are no energies ("" if there are)."""

    images: int
    jobs: int
    chip: str | None
    energy: str
    fresh: bool
    no_energy: str

    @property
    def folder(self) -> Path:
        """Where what is done is kept."""
        return output_folder() / "compare"

    def spiking(self, path: Path, network: Network, image: WeightImage) -> Measured:
        """The row of a spiking network, what stands behind it, and its netlists by the width of A."""
        from yoso_sim.build import build
        from yoso_sim.comparison import latency, measured, priced, rows

        params, chip = image.params, self.chip or chip_of(network)
        samples = samples_for(network, path)
        if self.images:
            samples.first(self.images)  # refused now, not after the golden model
        own = measured.network_on_golden(network, path, samples, params, self.folder, _report)
        results: list[dict[str, Any]] = []
        costs: dict[str, Any] = {}
        netlists: dict[int, dict[str, Any]] = {}
        if self.energy != "none" and not self.no_energy:
            netlists = self.netlists(path, network)
        if self.images:
            made, some = build(params, report=_report), samples.first(self.images)
            chunk = min(REGRESS_CHUNK, max(1, len(some) // self.jobs))
            root = output_folder() / "regress"
            campaign = campaigns.plan(path, made, some, chunk=chunk, early_exit=True, root=root)
            results = run_all(campaign, self.jobs, fresh=self.fresh)
            reference = golden.run(network, some.inputs, params=params)
            rows.check(image, reference, results, network.name)
            costs = priced.costs(netlists, image, reference, results)
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

    def netlists(self, path: Path, network: Network) -> dict[int, dict[str, Any]]:
        """The network's netlists by the width of A."""
        from yoso_sim.comparison import priced

        given = network.name if path.parent == NETWORK_FILES else str(path)
        chip = self.chip or chip_of(network)
        return priced.netlists(given, network, chip, settings_of(chip), _report, measure=self.energy == "all")

    @staticmethod
    def counted(
        path: Path,
        network: Network,
        image: WeightImage,
        netlists: dict[int, dict[str, Any]],
        cycles: float | None = None,
    ) -> dict[str, Any]:
        """What an image costs by the golden model's counts of the first ones."""
        from yoso_sim.comparison import priced

        if not netlists:
            return {}
        samples = samples_for(network, path)
        some = samples.first(min(priced.COUNTED, len(samples)))
        reference = golden.run(network, some.inputs, params=image.params)
        return priced.costs(netlists, image, reference, [], cycles)

    def prices(
        self, asked: list[tuple[Path, Network, WeightImage]], found: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """Rows that are published, of spiking networks and of the ReLU networks of their shapes, priced."""
        from yoso_sim.comparison import priced, rows

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
            netlist, name = netlists.get(image.params.acc_bits), f"ann-{network.shape}"
            if netlist and name in published and dense_mnist(network):
                neurons = sum(layer.neurons for layer in network.layers)
                relu = found["details"][name]
                assumed = priced.of_ann(relu["work"], neurons, netlist, image.params.lanes)
                nj = assumed["memory_and_arithmetic"]
                yield self._one({**published[name], "energy_nj": nj}, {**relu, "energy": assumed})

    def relu(self, path: Path, network: Network, netlist: dict[str, Any] | None, lanes: int) -> Measured:
        """The row of the ReLU network of a spiking one's shape; priced by a netlist, if there is one."""
        from yoso_sim.comparison import ann, measured, noise, priced, rows

        pixels, labels = measured.raw(network, path), samples_for(network, path).labels
        assert pixels is not None  # MNIST's
        own = ann.kept("mnist", network.layers[0].neurons, self.folder, console.print)
        active = own.activations(pixels)
        work = own.work(pixels, active)
        accuracy = 100 * float((own.decide(active) == labels).mean())
        neurons = sum(layer.neurons for layer in network.layers)
        assumed = None if netlist is None else priced.of_ann(work, neurons, netlist, lanes)
        nj = None if assumed is None else assumed["memory_and_arithmetic"]
        details = {
            "shape": network.shape,
            "images": len(labels),
            "weight_bits": ann.BITS,
            "work": {key: round(value, 1) for key, value in work.items()},
            "energy": assumed,
            "noise": noise.measure_ann(own, pixels, labels),
        }
        return rows.ann_row(f"ann-{network.shape}", accuracy, work, nj), details, {}

    def all(self, asked: list[tuple[Path, Network, WeightImage]]) -> Iterator[dict[str, Any]]:
        """Row and details of each network, and of a ReLU network of each shape that `dense_mnist` takes."""
        shapes: dict[str, tuple[Path, Network, dict[str, Any] | None, int]] = {}
        for number, (path, network, image) in enumerate(asked, 1):
            console.print(f"{number} of {len(asked)}: {network.name}")
            row, details, netlists = self.spiking(path, network, image)
            yield self._one(row, details)
            if dense_mnist(network):
                before = shapes[network.shape][2] if network.shape in shapes else None
                netlist = netlists.get(image.params.acc_bits) or before
                shapes[network.shape] = path, network, netlist, image.params.lanes
        for shape in shapes.values():
            row, details, _ = self.relu(*shape)
            yield self._one(row, details)

    def _one(self, row: dict[str, Any], details: dict[str, Any]) -> dict[str, Any]:
        return {"rows": [row], "details": {row["network"]: details}, "no_energy": self.no_energy}


def _report(text: str) -> None:
    console.print(f"[dim]  {text}")


def dense_mnist(network: Network) -> bool:
    """Whether a ReLU network of its shape is trained beside it: MNIST, one hidden layer."""
    dense = all(layer.window is None for layer in network.layers)
    return dense and len(network.layers) == 2 and network.about.get("dataset") == "mnist"
