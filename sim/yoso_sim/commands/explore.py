"""Other chips: cycles, area, energy and accuracy, and the Pareto front."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from yoso_hw import drawing, versions
from yoso_hw.writing import write_whole
from yoso_sw.commands.options import images_option, out_option, picture_option
from yoso_synth.pdk import PROCESSES

from yoso_sim import tools
from yoso_sim.commands.energy import ERRORS


def beside_the_baseline(ratio: dict[str, float] | None) -> str:
    """What the baseline takes beside the chosen chip, in words."""
    if ratio is None:
        return "the baseline has not run yet"
    return f"the baseline takes {', '.join(f'{value} times the {what}' for what, value in ratio.items())}"


@click.command()
@images_option(20, "Test images that each case runs on the RTL.")
@click.option(
    "--also",
    multiple=True,
    metavar="'NET NAME=VALUE ...'",
    help="Another network, with parameters of its chip; may be given several times.",
)
@click.option("--done", is_flag=True, help="Only the cases whose netlist has been measured already.")
@picture_option
@out_option()
def main(images: int, also: tuple[str, ...], done: bool, pictures: str, out: Path) -> None:
    """Explore the chip's parameters, draw the Pareto front, choose a chip."""
    from yoso_sim.energy.cost import evaluate, netlist_file  # needs Amaranth
    from yoso_sim.energy.explore import BASELINE, CASES, asked, choose, draw, energy, front, table

    console = Console(highlight=False)
    results: list[dict[str, Any]] = []
    process = PROCESSES["sg13g2"]
    try:
        known = [*CASES, *map(asked, also)]
        cases = [case for case in known if not done or netlist_file(case, process).is_file()]
        for number, case in enumerate(cases, 1):
            console.print(f"{number} of {len(cases)}: {case}")
            results.append(evaluate(case, images, lambda text: console.print(f"[dim]  {text}")))
    except ERRORS as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; what is done is kept") from None
    chosen = results[choose(results)]
    named = {found["name"]: found for found in results}
    baseline = named.get(str(BASELINE))
    ratio = None
    if baseline:
        ratio = {
            "cycles": round(baseline["cycles"]["mean"] / chosen["cycles"]["mean"], 2),
            "energy": round(energy(baseline) / energy(chosen), 2),
            "area": round(baseline["chip_mm2"] / chosen["chip_mm2"], 2),
        }
    out.mkdir(parents=True, exist_ok=True)
    report = {
        "command": " ".join([f"yoso explore --images {images}", *(f"--also '{words}'" for words in also)]),
        "left": [str(case) for case in known if case not in cases],
        "results": results,
        "front": [found["name"] for found, best in zip(results, front(results), strict=True) if best],
        "chosen": chosen["name"],
        "baseline": str(BASELINE),
        "ratio": ratio,
        "tools": tools.reported() | versions.of("synthesis"),
    }
    write_whole(out / "explore.json", json.dumps(report, indent=1))
    drawing.save(draw(results), out / f"explore.{pictures}")
    console.print(table(results))
    console.print(f"chosen: {chosen['name']}; {beside_the_baseline(ratio)}", soft_wrap=True)
    console.print(f"[dim]{os.path.relpath(out / 'explore')}.json, .{pictures}")
