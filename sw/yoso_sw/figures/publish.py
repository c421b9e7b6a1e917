"""Copy the figures and tables made last into docs/figures, with a page that says what made each."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from rich.console import Console

from yoso_sw.figures import report

NAMES = ("gradients", "dead-neurons", "spike-times")
TITLES = {
    "gradients": "Spike gradients (the paper's figure 11)",
    "dead-neurons": "Dead neurons (the paper's figure 12)",
    "spike-times": "Spike times (the paper's figure 8)",
}


def page(reports: list[dict[str, str]]) -> str:
    """docs/figures/README.md."""
    lines = [
        "# Figures",
        "",
        f"Written by `{report.COMMAND} publish`; do not edit. `make figures` draws them all anew.",
        "The paper's tables I to III with this project's rows are in [tables.md](tables.md):",
        f"`make accuracy`, then `{report.COMMAND} tables`.",
        "",
    ]
    for each in reports:
        name = each["figure"]
        lines += [f"## {TITLES[name]}", "", f"![{TITLES[name]}]({name}.png)", "", each["caption"], ""]
        lines += [f"    {each['command']}", ""]
    return "\n".join(lines)


def publish(to: Path, out: Path) -> None:
    """Copy what is in `out` to the folder `to`, with its page."""
    reports = []
    for name in NAMES:
        path = out / f"{name}.json"
        if not path.exists():
            raise report.FigureError(f"{path} is missing: run `{report.COMMAND} {name}`")
        if not path.with_suffix(".png").exists():
            raise report.FigureError(
                f"{path.with_suffix('.png')} is missing: run `{report.COMMAND} {name}` without --pictures"
            )
        reports.append(json.loads(path.read_text()))
    tables = out / "tables.md"
    if not tables.exists():
        raise report.FigureError(f"{tables} is missing: run `make accuracy` and `{report.COMMAND} tables`")
    to.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        shutil.copyfile(out / f"{name}.png", to / f"{name}.png")
    shutil.copyfile(tables, to / "tables.md")
    (to / "README.md").write_text(page(reports))
    Console().print(f"{len(NAMES)} figures and the tables copied to {to}")
