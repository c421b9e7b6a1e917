"""A waveform of one image, and a GTKWave save file that shows its spikes by layer."""

from __future__ import annotations

import os
from pathlib import Path

from yoso_hw.folders import output_folder
from yoso_hw.writing import write_whole
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.image import WeightImage
from yoso_sw.data.samples import Samples
from yoso_sw.network.network import Network

from yoso_sim import top
from yoso_sim.build import Build
from yoso_sim.job import Job
from yoso_sim.simulate import SimulationError, simulate

#: GTKWave's flags of a trace: hexadecimal, decimal, a collapsible group's ends.
_HEX, _DECIMAL, _OPEN, _CLOSE = "@22", "@24", "@800200", "@1000200"


def record(network_path: Path, build: Build, samples: Samples, index: int) -> tuple[Path, Path]:
    """Run sample `index` on a chip built for waveforms; returns the waveform and the save file.

    Raises
    ------
    yoso_sim.simulate.SimulationError
        If the simulation fails, or differs from the golden model.
    """
    image = compile_network(Network.load(network_path), build.params)
    folder = output_folder() / "waves"
    folder.mkdir(parents=True, exist_ok=True)
    wave, save = folder / "waves.vcd", folder / "waves.gtkw"
    wave.unlink(missing_ok=True)
    samples.save(folder / "samples.npz")
    image.save(folder / "weights.yoso")
    job = Job(
        network=str(network_path.resolve()),
        image=str(folder / "weights.yoso"),
        samples=str(folder / "samples.npz"),
        chunks=((index, index + 1),),
        folder=str(folder),
        owner=os.getpid(),
    )
    job.save(folder / "job.json")
    simulate(build, "yoso_sim.worker", folder, {"YOSO_JOB": str(folder / "job.json")}, test="record")
    if not wave.is_file():
        raise SimulationError(f"the simulation wrote no waveform {wave}")
    names = full_names(wave.read_text())
    write_whole(save, gtkwave(image, wave, names))
    return wave, save


def full_names(vcd: str) -> dict[str, str]:
    """Signals of a waveform: path without the bit range -> path as GTKWave knows it, ``top.step[7:0]``."""
    names, scopes = {}, []
    for line in vcd.splitlines():
        words = line.split()
        if words[:1] == ["$scope"]:
            scopes.append(words[2])
        elif words[:1] == ["$upscope"]:
            scopes.pop()
        elif words[:1] == ["$var"]:
            path = ".".join([*scopes, words[4]])
            names[path] = path + "".join(words[5:-1])
        elif words[:1] == ["$enddefinitions"]:
            break
    return names


def gtkwave(image: WeightImage, wave: Path, names: dict[str, str]) -> str:
    """The save file's text: the host port, then for each layer the spikes of its PEs and their rows.

    `names` is what `full_names` found in the waveform; a signal that it lacks is a `KeyError`.
    """

    def group(name: str, traces: list[tuple[str, str]]) -> list[str]:
        shown = [line for flags, signal in traces for line in (flags, names[f"{top.TOP}.{signal}"])]
        return [_OPEN, f"-{name}", *shown, _CLOSE, f"-{name}"]

    lines = [f'[dumpfile] "{wave}"', "[timestart] 0", f"[treeopen] {top.TOP}."]
    lines += group(
        "host and steps", [(_DECIMAL, "step"), (_HEX, "tick"), (_HEX, "in_valid"), (_HEX, "in_ready")]
    )
    lines += group("answers", [(_HEX, "out_valid"), (_HEX, "out_ready"), (_HEX, "out_data")])
    for number, layer in enumerate(image.layers):
        nodes = [part.y * image.params.cols + part.x for part in layer.slices]
        name = f"layer {number}: {layer.neurons} neurons on {len(nodes)} PEs"
        lines += group(f"{name}, spikes", [(_HEX, f"node[{n}].spike") for n in nodes])
        lines += group(f"{name}, row or class of the spike", [(_DECIMAL, f"node[{n}].row") for n in nodes])
    return "\n".join([*lines, ""])
