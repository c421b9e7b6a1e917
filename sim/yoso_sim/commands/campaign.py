"""``yoso sim`` and ``yoso regress``: test images on the RTL, every spike compared with the golden model."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import click
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from yoso_hw import drawing
from yoso_hw.folders import output_folder
from yoso_hw.writing import write_whole
from yoso_sw.commands.options import (
    file_option,
    images_option,
    jobs_option,
    out_option,
    picture_option,
)
from yoso_sw.commands.recorded import recorded
from yoso_sw.data.samples import Samples
from yoso_sw.network.network import Network
from yoso_sw.runs.run import NamedRun

from yoso_sim import campaign as campaigns
from yoso_sim import finished
from yoso_sim import report as reports
from yoso_sim.build import RTL
from yoso_sim.commands.asked import Asked, console, one_message, options, prepare
from yoso_sim.html.file import energy_of, needed, page_option
from yoso_sim.html.page import page
from yoso_sim.job import write_json
from yoso_sim.running import rtl
from yoso_sim.running.run import Run
from yoso_sim.watch import WATCHED

#: Images a chunk: a kill loses one chunk a process, and each chunk reads all counters once.
SIM_CHUNK, REGRESS_CHUNK = 10, 50

#: Images on the page of a regression, at most; every tenth can be looked at step by step.
PAGE_IMAGES = 100


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


def run_all(
    campaign: campaigns.Campaign, jobs: int, *, fresh: bool, results: Path | None = None
) -> list[dict[str, Any]]:
    """Run a campaign behind a progress bar; returns the result of every chunk.

    Finished chunks are taken from the file `results`, if it is there, and kept in it.
    """
    if results is not None and results.exists() and not fresh:
        finished.take(campaign, results)
    before = 0 if fresh else sum(stop - first for first, stop in campaign.results())
    if before:
        console.print(f"[dim]{before} images are done already")
    log, kept = LineLog(before, campaign.images), [before]

    def report(done: int) -> None:
        bars.update(task, completed=done, description="loading" if done == before else "images")
        if not console.is_terminal:
            log.update(done)
        if results is not None and done != kept[-1]:
            kept.append(done)
            finished.give(campaign, results)

    with bar() as bars:
        task = bars.add_task("loading", total=campaign.images, completed=before)
        return campaigns.run(campaign, jobs, report, fresh=fresh)


def finish(
    campaign: campaigns.Campaign,
    results: list[dict[str, Any]],
    jobs: int,
    run: NamedRun,
    name: str,
    html: Path | None = None,
    pictures: str = "png",
) -> None:
    """Write the report, the picture, the page `html` of a watched run; print the table; exit with 1 if
    anything differs.
    """
    seconds = sum(result["seconds"] for result in results) / max(1, min(jobs, len(results)))
    report = reports.summarise(campaign.network, campaign.build.params, results, seconds)
    console.print(reports.table(report))  # first: there may be no room for the report
    folder = run.folder
    write_json(folder / f"{name}.json", report)
    drawing.save(reports.draw(report, campaign.build.params, results), folder / f"{name}.{pictures}")
    console.print(f"[dim]{os.path.relpath(folder / name)}.json, .{pictures}")
    if html:
        write_page(html, campaign, results, report, run)
    if not reports.passed(report):
        for note in report["notes"]:
            console.print(note, style="red", markup=False)
        raise click.ClickException("RTL and golden model differ")


def write_page(
    html: Path,
    campaign: campaigns.Campaign,
    results: list[dict[str, Any]],
    report: dict[str, Any],
    run: NamedRun,
) -> None:
    """Write the page of a watched campaign."""
    write_whole(html, page(campaign, results, report, energy_of(run.latest, campaign)))
    console.print(f"[dim]{os.path.relpath(html)} ({html.stat().st_size / 1e6:.1f} MB): open it in a browser")


def watch_some(html: Path, asked: Asked, samples: Samples, jobs: int, run: NamedRun) -> None:
    """Run the first images once more, beside the watch, and write their page.

    Raises what `prepare` and `yoso_sim.campaign.run` raise, and `click.ClickException` if anything differs.
    """
    some = samples.first(min(PAGE_IMAGES, len(samples)))
    console.print(f"[dim]{len(some)} images for {os.path.relpath(html)}, beside the watch")
    made, _ = prepare(asked, len(some), form=WATCHED)
    root = output_folder() / "regress"
    campaign = campaigns.plan(asked.path, made, some, chunk=SIM_CHUNK, early_exit=True, root=root)
    results = run_all(campaign, jobs, fresh=False)
    seconds = sum(result["seconds"] for result in results) / max(1, min(jobs, len(results)))
    report = reports.summarise(campaign.network, made.params, results, seconds)
    write_page(html, campaign, results, report, run)
    if not reports.passed(report):
        raise click.ClickException(f"RTL and golden model differ, on {os.path.relpath(html)}")


def keep_run(run: Run, save: Path | None, table: Path | None, raster: Path | None) -> None:
    """Write what of a run is asked for."""
    for path, write in (
        (save, run.save),
        (table, run.to_csv),
        (raster, lambda path: drawing.write(run.raster(), path)),
    ):
        if path is not None:
            write(path)
            console.print(f"[dim]{os.path.relpath(path)}")


@click.command()
@options
@images_option(100, "Test images to classify.")
@jobs_option(1, "Simulator processes.")
@click.option("--full", is_flag=True, help="Run every image to its last step, without early exit.")
@page_option
@file_option("All of the run, spikes of every neuron included (docs/api.md).", "--save")
@file_option("A row an image: label, decision, step, cycles, spikes.", "--csv", "table")
@file_option("A picture of image 0's spikes: .pdf, .svg or .png.", "--raster")
@click.option("--potentials", is_flag=True, help="Read V and A of all outputs after each image.")
@picture_option
@out_option()
@recorded()
def sim(
    asked: Asked,
    images: int,
    jobs: int,
    full: bool,
    html: Path | None,
    save: Path | None,
    table: Path | None,
    raster: Path | None,
    potentials: bool,
    pictures: str,
    run: NamedRun,
) -> None:
    """Classify test images on the RTL; compare every spike with the golden model.

    With --html the chip is built once more, with a watch beside it that sorts every cycle of every PE.
    """
    with one_message():
        if html:
            needed()
        if raster is not None:
            drawing.check_format(raster)
        made, samples = prepare(asked, images, form=WATCHED if html else RTL, run=run)
        root = output_folder() / "sim"
        chunk = max(1, min(SIM_CHUNK, images // max(1, jobs)))
        network = Network.load(asked.path)
        keep = (len(network.layers) - 1,) if potentials else () if save or table or raster else None
        campaign = campaigns.plan(
            asked.path, made, samples, chunk=chunk, early_exit=not full, root=root, keep=keep
        )
        results = run_all(campaign, jobs, fresh=True)
        if keep is not None:  # first: a run that differs is kept as well
            keep_run(rtl.run_of(campaign, results, samples.labels), save, table, raster)
        finish(campaign, results, jobs, run, "sim", html, pictures)


@click.command()
@options
@images_option(10_000, "Test images to classify.")
@jobs_option(2, "Simulator processes.")
@click.option("--fresh", is_flag=True, help="Forget what an earlier run has done.")
@click.option(
    "--results",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep what is finished in this file too; if it is there, go on from it, on another machine as well.",
)
@page_option
@picture_option
@out_option()
@recorded()
def regress(
    asked: Asked,
    images: int,
    jobs: int,
    fresh: bool,
    results: Path | None,
    html: Path | None,
    pictures: str,
    run: NamedRun,
) -> None:
    """The whole test set over several processes; resumes where a kill left it.

    With --html the first 100 images run once more, on a build with the watch that the page needs.
    """
    with one_message():
        if html:
            needed()
        made, samples = prepare(asked, images, run=run)
        root = output_folder() / "regress"
        campaign = campaigns.plan(asked.path, made, samples, chunk=REGRESS_CHUNK, early_exit=True, root=root)
        found = run_all(campaign, jobs, fresh=fresh, results=results)
        finish(campaign, found, jobs, run, "regress", pictures=pictures)
        if html:
            watch_some(html, asked, samples, jobs, run)
