"""Networks on other chips: accuracy, cycles, area, energy, LUTs, and the Pareto front."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from yoso_hw import drawing, versions
from yoso_hw.extras import advice
from yoso_hw.writing import write_whole
from yoso_sw.commands.options import jobs_option, out_option, picture_option
from yoso_sw.commands.recorded import recorded
from yoso_sw.runs.made_with import digest_of
from yoso_sw.runs.run import NamedRun
from yoso_synth.pdk import PROCESSES

from yoso_sim import tools
from yoso_sim.commands.energy import ERRORS

#: The process that energy and area are of.
PROCESS = "sg13g2"


@click.command()
@click.argument("spec", required=False, type=click.Path(path_type=Path), metavar="[SPEC]")
@click.option(
    "--images", type=click.IntRange(1), metavar="N", help="Test images of each on the RTL; SPEC's else."
)
@jobs_option(1, "Simulator processes.")
@click.option(
    "--also",
    multiple=True,
    metavar="'NET NAME=VALUE ...'",
    help="Another network, with parameters of its chip; may be given several times.",
)
@click.option("--done", is_flag=True, help="Only the points whose netlist has been measured already.")
@picture_option
@out_option()
@recorded()
def main(
    spec: Path | None,
    images: int | None,
    jobs: int,
    also: tuple[str, ...],
    done: bool,
    pictures: str,
    run: NamedRun,
) -> None:
    """Explore networks on chips: SPEC is a TOML file of grids; the chips of docs/asic if none is given.

    What is done is kept, so a killed exploration goes on. Writes a table as JSON and Markdown, a picture, and
    a page (HTML) on which two of the figures can be chosen for the axes. The status is 1 if RTL and golden
    model differ anywhere.
    """
    from yoso_sim.energy.cost import netlist_file  # needs Amaranth
    from yoso_sim.explore import page, show
    from yoso_sim.explore.front import choose, front, measured
    from yoso_sim.explore.measure import measure, measures_of
    from yoso_sim.explore.spec import STUDY, SpecError, asked, label, load

    console = Console(highlight=False)
    console.width = max(console.width, 110)

    def say(text: str) -> None:
        console.print(f"[dim]  {text}")

    results: list[dict[str, Any]] = []
    process = PROCESSES[PROCESS]
    try:
        asked_for = load(spec or STUDY)
        if spec is None:
            asked_for = replace(asked_for, name="explore")
        if images is not None:
            asked_for = replace(asked_for, images=images)
        known = list(dict.fromkeys([*asked_for.cases, *map(asked, also)]))
        measures, why = measures_of(asked_for, process)
        if why:
            console.print(f"energy and area are left out: {why}", soft_wrap=True, markup=False)
        cases = [case for case in known if not done or netlist_file(case, process).is_file()]
        run.note(
            networks={case.network: digest_of(case.path) for case in cases},
            spec=asked_for.name,
            points=len(cases),
            images=asked_for.images,
            measures=[*measures],
        )
        for number, case in enumerate(cases, 1):
            console.print(f"{number} of {len(cases)}: {label(case)}", markup=False, soft_wrap=True)
            results.append(
                measure(
                    case, asked_for, measures, lambda text: console.print(f"[dim]  {text}"), jobs, PROCESS
                )
            )
            if reason := results[-1].get("impossible"):
                console.print(f"  no such point: {reason}", markup=False, soft_wrap=True)
    except SpecError as error:
        raise click.ClickException(str(error)) from None
    except ERRORS as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; what is done is kept") from None
    there = [found for found in results if not found.get("impossible")]
    if not there:
        raise click.ClickException(
            f"none of the {len(results)} points exists; the last: {results[-1]['impossible']}"
            if results
            else "no point's netlist has been measured yet: leave --done out"
        )
    objectives = measured(there, asked_for.front)
    chosen = choose(there, objectives)
    baseline = None if asked_for.baseline is None else label(asked_for.baseline)
    words = ["yoso explore", *([] if spec is None else [str(spec)]), f"--images {asked_for.images}"]
    report = {
        "spec": asked_for.name,
        "command": " ".join([*words, *(f"--also '{one}'" for one in also)]),
        "measures": [*measures],
        "left": [label(case) for case in known if case not in cases],
        "results": results,
        "front": [found["name"] for found, best in zip(there, front(there, objectives), strict=True) if best],
        "objectives": [*objectives],
        "chosen": None if chosen is None else there[chosen]["name"],
        "baseline": baseline,
        "ratio": None if chosen is None else ratio_of(there, there[chosen], baseline),
        "tools": tools.reported() | versions.of("synthesis"),
    }
    name = "explore" if spec is None else f"explore-{asked_for.name}"
    path = run.folder / name
    console.print(show.table(there, objectives))
    console.print(show.sentence(report, objectives), soft_wrap=True, markup=False)
    write_whole(path.with_name(f"{name}.json"), json.dumps(report, indent=1))
    write_whole(path.with_name(f"{name}.md"), show.markdown(report, objectives))
    drawing.save(show.draw(there, objectives), path.with_name(f"{name}.{pictures}"))
    suffixes = f".json, .md, .{pictures}"
    if page.missing():
        console.print(advice("plotly", "html", "the interactive page"), soft_wrap=True, markup=False)
    else:
        write_whole(path.with_name(f"{name}.html"), page.page(report, objectives))
        suffixes += ", .html"
    console.print(f"[dim]{os.path.relpath(path)}{suffixes}")
    if wrong := [found["name"] for found in there if any(found.get("mismatches", {}).values())]:
        raise click.ClickException(f"RTL and golden model differ: {'; '.join(wrong)}")


def ratio_of(
    results: list[dict[str, Any]], chosen: dict[str, Any], baseline: str | None
) -> dict[str, float] | None:
    """How many times what the chosen point takes the baseline does; None if that has not run."""
    from yoso_sim.explore.front import OBJECTIVES

    found = next((found for found in results if found["name"] == baseline), None)
    if found is None:
        return None
    ratio = {}
    for name, one in OBJECTIVES.items():
        mine, theirs = one.value(chosen), one.value(found)
        if not one.more and mine and theirs is not None:
            ratio[name] = round(theirs / mine, 2)
    return ratio
