"""Figure 12: silent neurons along the learning, ReL-PSP beside alpha-PSP."""

from __future__ import annotations

import dataclasses
import math
import os
import shutil
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from yoso_hw import workers

from yoso_sw.figures import report
from yoso_sw.figures.experiment import Record, Run, training_images
from yoso_sw.figures.setting import NAMES, VALIDATION, Setting

#: What the paper says after 100 epochs: share of active hidden neurons and test accuracy, in per cent.
PAPER: dict[str, Any] = {
    "runs": 20,
    "epochs": 100,
    "rel": {"active": 30, "accuracy": 98.4},
    "alpha": {"active": 5, "accuracy": 92.5},
}

Job = tuple[Setting, str, int, Path]


def advance(job: Job, epochs: int) -> list[Record]:
    """One more epoch of a run, unless it has as many already; its records so far."""
    torch.set_num_threads(1)
    run = Run(*job)
    if run.epoch < epochs:
        run.train()
    return run.records


def train_all(jobs: list[Job], epochs: int, processes: int, console: Console) -> list[list[Record]]:
    """Train every run in `processes` processes, an epoch at a time, so that a kill costs an epoch at most.

    One process is this one: new ones start as slowly as torch does.
    """
    training_images()  # fetched once, before processes would race for it
    records: dict[int, list[Record]] = {}
    executor: Executor = (
        ThreadPoolExecutor(1)
        if processes == 1
        else ProcessPoolExecutor(processes, get_context("spawn"), workers.end_with, (os.getpid(),))
    )
    with executor as pool, report.progress(console) as progress:
        bar = progress.add_task("epochs", total=len(jobs) * epochs)
        under_way: dict[Future[list[Record]], int] = {
            pool.submit(advance, job, epochs): i for i, job in enumerate(jobs)
        }
        try:
            while under_way:
                done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    i = under_way.pop(future)
                    records[i] = future.result()[: epochs + 1]
                    progress.update(bar, completed=sum(len(each) - 1 for each in records.values()))
                    if len(records[i]) <= epochs:
                        under_way[pool.submit(advance, jobs[i], epochs)] = i
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [records[i] for i in range(len(jobs))]


def std_over_runs(values: np.ndarray) -> np.ndarray:
    """Sample standard deviation over runs, (runs, ...) -> (...); 0 of a single run."""
    return values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(values.shape[1:])


def draw(setting: Setting, numbers: dict[str, Any]) -> Any:
    """Three panels over epochs, mean and standard deviation: dead neurons, silent share, accuracy."""
    pyplot = report.pyplot()
    panels = (
        ("dead", f"dead hidden neurons of {setting.hidden}", f"Dead: fire for none of {VALIDATION:,} images"),
        ("silent", "silent hidden neurons, % an image", "Silent in an image, on average"),
        ("accuracy", "validation accuracy, %", "Accuracy"),
    )
    figure, axes = pyplot.subplots(1, 3, figsize=(11, 3.8), layout="constrained")
    for axis, (key, label, title) in zip(axes, panels, strict=True):
        for psp, name in NAMES.items():
            values = np.array(numbers[psp][key], float) * (100 if key == "silent" else 1)
            mean, spread = values.mean(0), std_over_runs(values)
            epochs = np.arange(len(mean))
            axis.plot(epochs, mean, color=report.COLOURS[psp], label=name)
            axis.fill_between(
                epochs, mean - spread, mean + spread, color=report.COLOURS[psp], alpha=0.2, linewidth=0
            )
        axis.set(xlabel=f"epochs of {setting.images:,} images", ylabel=label, title=title)
        axis.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set_ylim(bottom=0)
    axes[1].set_ylim(0, 100)
    # Untrained networks guess; what training comes to shows better without them.
    lowest = min(np.mean(numbers[psp]["accuracy"], axis=0)[1:].min() for psp in NAMES)
    axes[2].set_ylim(math.floor(lowest - 1), 100)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    runs = len(numbers["rel"]["dead"])
    figure.suptitle(f"784-{setting.hidden}-10 on MNIST: mean and standard deviation of {runs} runs of each")
    return figure


def dead_neurons(
    runs: int,
    epochs: int,
    images: int,
    hidden: int,
    tau: float,
    alpha_threshold: float,
    jobs: int,
    restart: bool,
    pictures: str,
    out: Path,
) -> None:
    """Train all runs, then draw and write the figure; what was trained before is taken up."""
    setting = Setting(hidden=hidden, images=images, tau=tau, alpha_threshold=alpha_threshold)
    folder = out / "dead-neurons"
    if restart:
        shutil.rmtree(folder, ignore_errors=True)
    console = Console()
    marks = {"rel": f"{hidden}-{images}", "alpha": f"{hidden}-{images}-{tau:g}-{alpha_threshold:g}"}
    order: list[Job] = [
        (setting, psp, seed, folder / f"{psp}-{marks[psp]}-{seed}.pt")
        for seed in range(1, runs + 1)
        for psp in NAMES
    ]
    results = train_all(order, epochs, jobs, console)
    numbers: dict[str, Any] = {}
    for psp in NAMES:
        own = [records for (_, kind, _, _), records in zip(order, results, strict=True) if kind == psp]
        numbers[psp] = {
            field.name: [[getattr(record, field.name) for record in records] for records in own]
            for field in dataclasses.fields(Record)
        }
    numbers["paper"] = PAPER
    rel, leaky = PAPER["rel"], PAPER["alpha"]
    caption = (
        f"Dead hidden neurons (those that fire for none of {VALIDATION:,} validation images), hidden neurons "
        f"silent in an image, and validation accuracy: 784-{hidden}-10, {runs} first weights, {epochs} "
        f"epochs of {images:,} images, mean and standard deviation. Alpha-PSP with tau = {tau:g} steps and "
        f"threshold {alpha_threshold:g}, our choice. The paper's figure 12 has {PAPER['runs']} first weights "
        f"and {PAPER['epochs']} epochs, after which {rel['active']} % of neurons are active with ReL-PSP and "
        f"{leaky['active']} % with alpha-PSP, at {rel['accuracy']} % and {leaky['accuracy']} % test "
        "accuracy; it does not say when a neuron counts as dead."
    )
    report.write(
        out, "dead-neurons", caption, dataclasses.asdict(setting), numbers, draw(setting, numbers), pictures
    )
    for psp, name in NAMES.items():
        dead, silent, accuracy = (
            np.array(numbers[psp][key], float)[:, -1] for key in ("dead", "silent", "accuracy")
        )
        console.print(
            f"{name:9}  dead {dead.mean():.1f} ± {std_over_runs(dead):.1f} of {hidden}  "
            f"silent {100 * silent.mean():.1f} %  accuracy {accuracy.mean():.2f} %"
        )
    console.print(f"written to {out / 'dead-neurons'}.{pictures}")
