"""A waveform of one image: of the simulation's top, and of one PE with its core and FIFOs if asked for."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from yoso_hw.folders import output_folder
from yoso_hw.params import ChipParams
from yoso_hw.writing import write_whole
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.image import WeightImage
from yoso_sw.data.samples import Samples
from yoso_sw.network.network import Network

from yoso_sim import top
from yoso_sim.build import RTL, Build, Form
from yoso_sim.job import Job
from yoso_sim.simulate import SimulationError, simulate
from yoso_sim.tools import ToolError
from yoso_sim.waves import names
from yoso_sim.waves.states import groups, gtkwave, surfer

#: Forms of a waveform's file. FST is a tenth of the size; its writer compresses with libraries of C.
FORMATS = ("vcd", "fst")

#: The module of the PE that is looked into: a copy, since of `yoso_node` nothing is traced.
SEEN = "yoso_seen"


def check_pe(pe: tuple[int, int], params: ChipParams) -> None:
    """Raise `ToolError` if a chip has no such PE."""
    x, y = pe
    if not (0 <= x < params.cols and 0 <= y < params.rows):
        raise ToolError(
            f"--pe {x},{y} is outside the mesh: X is 0..{params.cols - 1} and Y 0..{params.rows - 1}"
        )


def check_format(form: str) -> None:
    """Raise `ToolError` if what a format needs is missing, before anything is built."""
    if form != "fst":
        return
    ran = subprocess.run(
        ["g++", "-E", "-x", "c++", "-include", "lz4.h", "-include", "zlib.h", "-"],
        input="",
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise ToolError(
            "a waveform in FST needs lz4.h and zlib.h, which g++ does not find: on Debian or Ubuntu, "
            "apt install liblz4-dev zlib1g-dev; or leave --format out"
        )


def looking_into(pe: tuple[int, int] | None) -> Form:
    """The RTL, of which the waveform has one PE with all in it; None: the top alone."""
    if pe is None:
        return RTL
    x, y = pe
    return Form(f"rtl, PE {x},{y} and the chip around it seen", _copied(f"node_{x}_{y}"))


def _copied(instance: str) -> Callable[[list[Path]], list[Path]]:
    """Makes an instance of the node one of a copy of its module, in a file of its own."""

    def change(files: list[Path]) -> list[Path]:
        made = []
        for path in files:
            text = path.read_text()
            if path.stem == "yoso_node":
                seen = path.with_name(f"{SEEN}.v")
                write_whole(seen, re.sub(r"\byoso_node\b", SEEN, text))
                made.append(seen)
            changed, count = re.subn(rf"\byoso_node {instance} \(", f"{SEEN} {instance} (", text)
            if count:  # nor is anything traced of, and below, what the chip's file has
                path.unlink()
                path = path.with_name(f"{path.stem}_seen.v")
                write_whole(path, changed)
            made.append(path)
        return made

    return change


def record(
    network_path: Path,
    build: Build,
    samples: Samples,
    index: int,
    pe: tuple[int, int] | None = None,
) -> tuple[Path, Path, Path]:
    """Run sample `index` on a chip built for waveforms; the waveform, and states of GTKWave and Surfer.

    Raises
    ------
    yoso_sim.simulate.SimulationError
        If the simulation fails, or differs from the golden model.
    """
    image = compile_network(Network.load(network_path), build.params)
    folder = output_folder() / "waves"
    folder.mkdir(parents=True, exist_ok=True)
    form = "fst" if build.waves == "fst" else "vcd"
    written, wave = folder / "waves.vcd", folder / f"waves.{form}"
    for old in FORMATS:
        (folder / f"waves.{old}").unlink(missing_ok=True)
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
    if not written.is_file():
        raise SimulationError(f"the simulation wrote no waveform {written}")
    written.replace(wave)  # the top calls it waves.vcd whatever its form
    return wave, *write_states(image, wave, pe)


def write_states(image: WeightImage, wave: Path, pe: tuple[int, int] | None) -> tuple[Path, Path]:
    """Write how GTKWave and Surfer are to show a waveform; returns both files."""
    seen = names.of_fst(wave.read_bytes()) if wave.suffix == ".fst" else names.of_vcd(wave.read_text())
    shown = groups(image, seen, top.TOP, pe)
    save, state = wave.with_suffix(".gtkw"), wave.with_suffix(".surf.ron")
    write_whole(save, gtkwave(shown, wave, top.TOP))
    write_whole(state, surfer(shown, wave))
    return save, state
