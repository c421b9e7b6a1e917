"""``yoso soft-errors``: accuracy against the rate of bit flips in each memory."""

from __future__ import annotations

import os
import shutil
from typing import Any

import click
import numba
from yoso_hw import drawing
from yoso_hw.folders import need_checkout
from yoso_hw.writing import write_whole
from yoso_sw.commands.options import images_option, jobs_option, out_option, picture_option
from yoso_sw.commands.recorded import recorded
from yoso_sw.compile import faults
from yoso_sw.compile.compiler import compile_network
from yoso_sw.network import golden
from yoso_sw.runs import made_with
from yoso_sw.runs.run import NamedRun

from yoso_sim.build import Build, build
from yoso_sim.commands.asked import Asked, console, one_message, options
from yoso_sim.commands.campaign import bar
from yoso_sim.job import write_json
from yoso_sim.study import soft_report
from yoso_sim.study.soft_errors import (
    CURVES,
    RATES,
    RTL_RATES,
    Study,
    compare_rtl,
    measure,
    narrow_chip,
    once,
    state_folder,
)


def open_study(asked: Asked, images: int) -> Study:
    """Load and compile everything; one of the expected errors if that fails."""
    network, image = asked.choose()
    if (i := next((i for i, layer in enumerate(network.layers) if layer.window), None)) is not None:
        raise click.ClickException(
            f"network {network.name!r} has a convolution, layer {i}: {network.layers[i].shape}, and flips "
            "are modelled in dense layers alone: give a dense network"
        )
    samples = asked.samples(network, images)
    narrow = compile_network(network, narrow_chip(network, image.params, samples.inputs))
    return Study(asked.path, network, samples, image, narrow)


def measure_all(study: Study, made: Build, seeds: int, rtl_images: int, *, fresh: bool) -> dict[str, Any]:
    """Every point that is not done yet, behind a progress bar; returns the report."""
    folder = state_folder(study, made.key)
    if fresh:
        shutil.rmtree(folder)
        folder.mkdir()
    points: dict[str, dict[float, list[dict[str, Any]]]] = {}
    samples = []
    with bar() as bars:
        task = bars.add_task("RTL samples", total=len(faults.MEMORIES) * len(RTL_RATES))
        for memory in faults.MEMORIES:
            for rate in RTL_RATES:
                name = f"rtl-{memory}-{rate:g}-{rtl_images}"
                found = once(
                    folder / f"{name}.json",
                    lambda m=memory, r=rate, n=name: compare_rtl(  # type: ignore[misc]
                        study, made, m, r, rtl_images, folder / n
                    ),
                )
                samples.append({"memory": memory, "rate": rate, **found})
                bars.advance(task)
        task = bars.add_task("golden model", total=len(CURVES) * len(RATES) * seeds)
        for curve in CURVES:
            for rate in RATES:
                for seed in range(1, seeds + 1):
                    found = once(
                        folder / f"{curve.name.replace(', ', '-')}-{rate:g}-{seed}.json",
                        lambda c=curve, r=rate, s=seed: measure(study, c, r, s),  # type: ignore[misc]
                    )
                    points.setdefault(curve.name, {}).setdefault(rate, []).append(found)
                    bars.advance(task)
            if not console.is_terminal:
                console.print(f"{len(points)} of {len(CURVES)} curves: {curve.name}")
    clean = study.accuracy(golden.run(study.network, study.images, params=study.image.params).decisions)
    return soft_report.summarise(study, clean, points, samples, seeds)


@click.command()
@options
@images_option(2000, "Test images on the golden model.")
@click.option("--seeds", default=10, type=click.IntRange(2), show_default=True, help="Draws of the flips.")
@click.option("--rtl-images", default=20, type=click.IntRange(1), show_default=True, help="Images a sample.")
@jobs_option(2, "Threads.")
@click.option("--fresh", is_flag=True, help="Forget what an earlier run has done.")
@click.option("--publish", is_flag=True, help="Copy picture and table to docs/soft-errors of the checkout.")
@picture_option
@out_option()
@recorded()
def main(
    asked: Asked,
    images: int,
    seeds: int,
    rtl_images: int,
    jobs: int,
    fresh: bool,
    publish: bool,
    pictures: str,
    run: NamedRun,
) -> None:
    """Accuracy against the rate of bit flips in weights, A and V; goes on where it was stopped."""
    from yoso_sim.study import injection  # needs cocotb

    page = need_checkout("--publish") / "docs" / "soft-errors" if publish else None
    with one_message():
        numba.set_num_threads(min(jobs, numba.get_num_threads()))
        study = open_study(asked, images)
        run.note(
            **made_with.all_of(study.path, study.network, study.image.params, study.samples), seeds=seeds
        )
        made = build(
            study.image.params, reach=injection.REACH, report=lambda text: console.print(f"[dim]{text}")
        )
        report = measure_all(study, made, seeds, rtl_images, fresh=fresh)
        out = run.folder
        console.width = max(console.width, 125)  # a narrow table would cut the numbers
        console.print(soft_report.table(report))  # first: there may be no room for the report
        write_json(out / "soft_errors.json", report)
        write_whole(out / "soft_errors.md", soft_report.markdown(report))
        drawing.save(soft_report.draw(report), out / f"soft_errors.{pictures}")
        console.print(f"[dim]{os.path.relpath(out)}/soft_errors.json, .md, .{pictures}")
        if page is not None:
            drawing.save(soft_report.draw(report), page / "accuracy.png")
            shutil.copyfile(out / "soft_errors.md", page / "accuracy.md")
        wrong = sum(sample["mismatched_images"] for sample in report["rtl"])
        if wrong:
            raise click.ClickException(f"RTL and golden model differ on {wrong} images with flips")
