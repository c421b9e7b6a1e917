"""``python -m yoso_sim``: the commands behind ``make sim``, ``regress``, ``waves`` and ``soak``."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from yoso_hw.chips.options import chip_option, set_option
from yoso_hw.params import ParamError
from yoso_sw.compile.choose import choose
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.mapping import CompileError
from yoso_sw.data.options import data_option, other_data_option
from yoso_sw.data.recorded import samples_for
from yoso_sw.data.samples import DatasetError, Samples
from yoso_sw.network.network import Network, NetworkError
from yoso_sw.network.zoo import locate

from yoso_sim import campaign as campaigns
from yoso_sim import report as reports
from yoso_sim.build import Build, BuildError, build
from yoso_sim.job import write_json
from yoso_sim.simulate import SimulationError
from yoso_sim.study import soak as soaks
from yoso_sim.study.cases import CaseError
from yoso_sim.tools import ToolError, output_folder

ERRORS = (
    *(ParamError, NetworkError, CompileError, DatasetError),
    *(ToolError, BuildError, SimulationError, CaseError),
)

#: Images a chunk: a kill loses one chunk a process, and each chunk reads all counters once.
SIM_CHUNK, REGRESS_CHUNK = 10, 50

console = Console(highlight=False)


@contextmanager
def one_message() -> Iterator[None]:
    """Turn every expected error into one message and exit status 1."""
    try:
        yield
    except ERRORS as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; what is done is kept") from None


@dataclass(frozen=True)
class Asked:
    """What to run on what: the options that all commands share.

    Attributes
    ----------
    net
        Network: name or file.
    chip
        Name or file; None: the default one, or else the first named one that holds the network.
    settings
        Parameters in which the chip is to be another, ``name=value``.
    data, other_data
        As `yoso_sw.data.recorded.samples_for` takes them.
    """

    net: str
    chip: str | None
    settings: tuple[str, ...]
    data: str | None
    other_data: bool

    @property
    def path(self) -> Path:
        """The network's file. Raises `NetworkError`."""
        return locate(self.net, ".npz")

    def choose(self) -> tuple[Network, WeightImage]:
        """The network, compiled; says so if not for the default chip. Raises what compiling raises."""
        network = Network.load(self.path)
        choice = choose(network, self.chip, self.settings)
        params = choice.image.params
        if choice.why:
            console.print(
                f"{network.name} on chip {choice.chip}, {params.cols} x {params.rows} PEs, {choice.why}",
                soft_wrap=True,
                markup=False,
            )
        return network, choice.image

    def samples(self, network: Network, images: int) -> Samples:
        """The first test samples. Raises `DatasetError`."""
        return samples_for(network, self.path, self.data, self.other_data).first(images)


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of `Asked`, which it takes as its first argument."""

    @wraps(command)
    def wrapped(
        *,
        net: str,
        chip: str | None,
        settings: tuple[str, ...],
        lanes: str | None,
        cast: str | None,
        data: str | None,
        other_data: bool,
        **own: Any,
    ) -> Any:
        if lanes:
            settings = (*settings, f"lanes={lanes}")
        if cast:
            settings = (*settings, f"multicast={cast == 'multicast'}")
        return command(Asked(net, chip, settings, data, other_data), **own)

    for option in (
        set_option,
        click.option("--lanes", metavar="N", help="Neurons a memory word."),
        click.option("--cast", type=click.Choice(["multicast", "unicast"]), help="How spikes travel."),
        chip_option(None),
        other_data_option,
        data_option,
        click.option("--net", default="mnist-784-800-10", show_default=True, help="Network: name or file."),
    ):
        wrapped = option(wrapped)
    return wrapped


def prepare(asked: Asked, images: int, *, waves: bool = False) -> tuple[Build, Samples]:
    """Check all that was asked for, so that a mistake does not cost a build; then build the chip."""
    network, image = asked.choose()
    samples = asked.samples(network, images)
    made = build(image.params, waves=waves, report=lambda text: console.print(f"[dim]{text}"))
    if made.seconds:
        console.print(f"[dim]built in {made.seconds:.0f} s, kept in {made.folder}")
    return made, samples


def bar() -> Progress:
    """A progress bar with the time left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(elapsed_when_finished=False),
        console=console,
    )


class LineLog:
    """Progress where there is no terminal: a line each tenth, with the time left."""

    def __init__(self, done: int, total: int) -> None:
        self.shown, self.total = done, total
        self.first: tuple[int, float] | None = None  # images and time when the rate began to be measured

    def update(self, done: int) -> None:
        """Print a line if a tenth more is done."""
        if done == self.shown:
            return
        if self.first is None:
            self.first = done, time.monotonic()
        if done - self.shown >= max(1, self.total // 10):
            self.shown = done
            seconds = time.monotonic() - self.first[1]
            fresh = done - self.first[0]
            left = f", {(self.total - done) * seconds / fresh:.0f} s left" if fresh else ""
            console.print(f"{done} of {self.total} images{left}")


def run_all(campaign: campaigns.Campaign, jobs: int, *, fresh: bool) -> list[dict[str, Any]]:
    """Run a campaign behind a progress bar; returns the result of every chunk."""
    before = 0 if fresh else sum(stop - first for first, stop in campaign.results())
    if before:
        console.print(f"[dim]{before} images are done already")
    log = LineLog(before, campaign.images)

    def report(done: int) -> None:
        bars.update(task, completed=done, description="loading" if done == before else "images")
        if not console.is_terminal:
            log.update(done)

    with bar() as bars:
        task = bars.add_task("loading", total=campaign.images, completed=before)
        return campaigns.run(campaign, jobs, report, fresh=fresh)


def finish(campaign: campaigns.Campaign, results: list[dict[str, Any]], jobs: int, name: str) -> None:
    """Write the report, the picture; print the table; exit with 1 if anything differs."""
    seconds = sum(result["seconds"] for result in results) / max(1, min(jobs, len(results)))
    report = reports.summarise(campaign.network, campaign.build.params, results, seconds)
    folder = output_folder() / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / f"{name}.json", report)
    reports.picture(folder / f"{name}.png", campaign.build.params, results)
    console.print(reports.table(report))
    console.print(f"[dim]{os.path.relpath(folder / name)}.json, .png")
    if not reports.passed(report):
        for note in report["notes"]:
            console.print(note, style="red", markup=False)
        raise click.ClickException("RTL and golden model differ")


@click.group()
def main() -> None:
    """Simulate the chip and compare it with the golden model."""


@main.command()
@options
@click.option("--images", default=100, show_default=True, help="Test images to classify.")
@click.option("--jobs", default=1, type=click.IntRange(1), show_default=True, help="Simulator processes.")
@click.option("--full", is_flag=True, help="Run every image to its last step, without early exit.")
def sim(
    asked: Asked,
    images: int,
    jobs: int,
    full: bool,
) -> None:
    """Classify test images on the RTL; compare every spike with the golden model."""
    with one_message():
        made, samples = prepare(asked, images)
        root = output_folder() / "sim"
        chunk = max(1, min(SIM_CHUNK, images // max(1, jobs)))
        campaign = campaigns.plan(asked.path, made, samples, chunk=chunk, early_exit=not full, root=root)
        finish(campaign, run_all(campaign, jobs, fresh=True), jobs, "sim")


@main.command()
@options
@click.option("--images", default=10_000, show_default=True, help="Test images to classify.")
@click.option("--jobs", default=2, type=click.IntRange(1), show_default=True, help="Simulator processes.")
@click.option("--fresh", is_flag=True, help="Forget what an earlier run has done.")
def regress(
    asked: Asked,
    images: int,
    jobs: int,
    fresh: bool,
) -> None:
    """The whole test set over several processes; resumes where a kill left it."""
    with one_message():
        made, samples = prepare(asked, images)
        root = output_folder() / "regress"
        campaign = campaigns.plan(asked.path, made, samples, chunk=REGRESS_CHUNK, early_exit=True, root=root)
        finish(campaign, run_all(campaign, jobs, fresh=fresh), jobs, "regress")


@main.command()
@options
@click.option("--image", default=0, show_default=True, help="Index of the test image.")
def waves(
    asked: Asked,
    image: int,
) -> None:
    """Write a waveform of one image and a GTKWave save file that shows its spikes by layer."""
    from yoso_sim.waves import record

    with one_message():
        made, samples = prepare(asked, image + 1, waves=True)
        with console.status("loading, then recording one image"):
            wave, save = record(asked.path, made, samples, image)
        console.print(f"{os.path.relpath(wave)} ({wave.stat().st_size / 1e6:.1f} MB)")
        console.print(f"{os.path.relpath(save)}: gtkwave {os.path.relpath(save)}")


@main.command()
@click.option("--case", "text", metavar="CASE", help="One case alone: its JSON or a file with that.")
@click.option("--cases", "most", type=click.IntRange(1), help="Stop after so many cases.")
def soak(text: str | None, most: int | None) -> None:
    """Random networks on random chips, against the golden model, until stopped."""
    folder = output_folder() / "soak"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with one_message():
            if text is not None:
                case = soaks.read_case(text)
                soaks.run_one(case, folder, lambda line: console.print(f"[dim]{line}"))
                console.print("chip and golden model agree")
                return
            soak_on(folder, most)
    except soaks.Mismatch as found:
        path = folder / f"mismatch-{hashlib.sha256(found.case.to_json().encode()).hexdigest()[:8]}.json"
        path.write_text(found.case.to_json() + "\n")
        for note in found.notes:
            console.print(note, style="red", markup=False, soft_wrap=True)
        if found.alone:
            console.print(f"see it again: make soak CASE={os.path.relpath(path)}", soft_wrap=True)
        else:
            console.print(f"not seen without the cases before it; kept in {path}", soft_wrap=True)
        raise click.ClickException("RTL and golden model differ") from None


def soak_on(folder: Path, most: int | None) -> None:
    """Go on with the campaign of `folder`; an interrupt ends it with a summary."""
    state = soaks.load_state(folder)
    first, began = state.cases, time.monotonic()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task("")

        def show(what: str = "") -> None:
            chip = soaks.chip_of(state.cases)
            bars.update(task, description=f"{chip.cols} x {chip.rows} chip, {state} {what}")

        try:
            soaks.soak(folder, state, show, show, most)
        except KeyboardInterrupt:
            pass
        finally:
            seconds = time.monotonic() - began
            console.print(
                f"{state.cases - first} cases in {seconds:.0f} s; in all {state}, every one compared"
            )
