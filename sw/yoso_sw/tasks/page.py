"""What the tasks' reports have in common, and the page that they make, docs/tasks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from yoso_hw import drawing, versions
from yoso_hw.writing import write_whole

from yoso_sw.tasks import uci
from yoso_sw.tasks.errors import TaskError

NAMES = ("uci", "autoencoder", "anytime")

#: Title and what there is to say of each, before its numbers.
ABOUT = {
    "uci": (
        "UCI sets by spike counts",
        "One hidden layer of rule `count`, trained in floats and in integers, on the golden model, beside a "
        "ReLU network of the same shape in floats, with the same optimiser, rate, batches and epochs; "
        "stratified folds, mean and sample standard deviation over folds, test accuracy in per cent. Nothing "
        "is chosen on a fold: the last epoch counts. Wu et al. 2019 have UCI sets too; of their paper the "
        "abstract alone is public, so their sets, shapes and table are not known to us, and no row of theirs "
        "stands here. The sets are those that scikit-learn brings; each feature is scaled to the range that "
        "it has in the training folds, and charges the hidden layer in 16 levels.",
    ),
    "autoencoder": (
        "Regression: an autoencoder of digits by tandem learning",
        "V of the outputs stands for pixels, 0 .. 1, and the loss is their mean square error; hidden layers "
        "spike and are trained by rule `tandem`, in floats and in integers. Its ReLU twin has the same "
        "layers with values in place of counts, in floats. The abstract of Wu et al. 2021 names regression; "
        "digits, shape, T and loss are ours, and we have no figure of theirs to set beside it.",
    ),
    "anytime": (
        "Accuracy against step, from one run",
        "An image may be ended at any step. One run to the last step tells what every shorter one would have "
        "decided: by the output spikes so far or, where there are none yet, by the highest V of the outputs. "
        "Golden model; no network is trained anew for few steps.",
    ),
}


def write(out: Path, name: str, command: str, numbers: Any, drawn: Any = None, pictures: str = "png") -> None:
    """Write <name>.json and, if there is a figure, <name>.png or in the format `pictures`."""
    out.mkdir(parents=True, exist_ok=True)
    if drawn is not None:
        drawing.save(drawn, out / f"{name}.{pictures}")
    tools = versions.of("training", "folds")
    write_whole(
        out / f"{name}.json",
        json.dumps({"task": name, "command": command, "numbers": numbers, "tools": tools}, indent=1) + "\n",
    )


def read(out: Path, name: str) -> dict[str, Any]:
    """What `write` wrote. Raises `TaskError`."""
    path = out / f"{name}.json"
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        raise TaskError(f"{path} is missing: run `yoso tasks {name}`") from None
    except ValueError as error:
        raise TaskError(f"{path} is damaged ({error}): run `yoso tasks {name}` again") from None
    if not isinstance(found, dict) or not {"command", "numbers"} <= found.keys():
        raise TaskError(f"{path} is not what `yoso tasks {name}` writes: run it again")
    return found


def autoencoder(numbers: Mapping[str, Any]) -> str:
    """The autoencoder's numbers as a table, and what the RTL had of it."""
    narrow, components = numbers["components"]
    spikes = ", ".join(f"{own:,.0f}" for own in numbers["hidden_spikes"])
    floats, integers = numbers["epochs"]
    lines = [
        f"{numbers['shape']}, T = {numbers['T']}, {numbers['bits']}-bit weights, {floats} epochs in floats "
        f"and {integers} in integers, {numbers['images']:,} test images:",
        "",
        "| | mean square error |",
        "|---|---:|",
        f"| spike counts, golden model | {numbers['golden']:.4f} |",
        f"| ReLU twin, floats, as many epochs | {numbers['twin']:.4f} |",
        f"| {narrow} principal components of the training images | {components:.4f} |",
        f"| the mean image | {numbers['mean_image']:.4f} |",
        "",
        f"Hidden spikes an image, by layer: {spikes}.",
    ]
    if rtl := numbers.get("rtl"):
        lines += [
            "",
            f"On the RTL, {rtl['chip']}: {rtl['images']} images, {rtl['spikes']:,} spikes compared, "
            f"{rtl['spike_mismatches']} differ; V of all outputs read back after each image, "
            f"{rtl['outputs']:,} values, {rtl['output_mismatches']} differ; "
            f"{rtl['cycles']:,.0f} cycles an image.",
        ]
    return "\n".join(lines)


def anytime(numbers: list[dict[str, Any]]) -> str:
    """The points of every curve, where it is within so many points of its end."""
    lines = [
        "| network | steps | images | last step (%) | first step within 1 point of it | within 0.1 |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in numbers:
        points, last = row["curve"], row["curve"][-1]["accuracy"]
        near = [first_within(points, last - gap) for gap in (1.0, 0.1)]
        lines.append(
            f"| {row['network']} | {len(points)} | {row['images']:,} | {last:.2f} | {near[0]} | {near[1]} |"
        )
    return "\n".join(lines)


def first_within(points: list[dict[str, Any]], least: float) -> int:
    """The steps from which on accuracy stays at `least` or above; of the last point at the latest."""
    found: int = points[-1]["steps"]
    for point in reversed(points):
        if point["accuracy"] < least:
            break
        found = point["steps"]
    return found


TABLES: dict[str, Callable[[Any], str]] = {
    "uci": uci.markdown,
    "autoencoder": autoencoder,
    "anytime": anytime,
}


def page(reports: Mapping[str, Mapping[str, Any]], pictures: frozenset[str]) -> str:
    """docs/tasks/README.md."""
    lines = ["# Other tasks", "", "Written by `yoso tasks publish`; do not edit.", ""]
    for name, found in reports.items():
        title, about = ABOUT[name]
        lines += [f"## {title}", "", about, ""]
        if name in pictures:
            lines += [f"![{title}]({name}.png)", ""]
        lines += [TABLES[name](found["numbers"]), "", f"    {found['command']}", ""]
    return "\n".join(lines)


def publish(to: Path, out: Path) -> list[str]:
    """Write the page of what is in `out` to the folder `to`; the tasks that are on it.

    Raises `TaskError` if one is missing.
    """
    reports = {name: read(out, name) for name in NAMES}
    pictures = frozenset(name for name in NAMES if (out / f"{name}.png").exists())
    to.mkdir(parents=True, exist_ok=True)
    for name in sorted(pictures):
        shutil.copyfile(out / f"{name}.png", to / f"{name}.png")
    write_whole(to / "README.md", page(reports, pictures))
    return [*reports]
