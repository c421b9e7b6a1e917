"""Publish what `make synth`, `energy` and `explore` reported: ``python -m yoso_sim.energy.publish``.

Writes the numbers as docs/asic/numbers.json and, from them, the page docs/asic/README.md, the pictures beside
it and the table of docs/costs.md. What is published of a result has the form of the report's.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
from yoso_hw import drawing
from yoso_hw.folders import output_folder
from yoso_synth.tools import REPOSITORY

from yoso_sim.energy import budget
from yoso_sim.energy.budget import PAPER_RATE
from yoso_sim.energy.cost import CLOCK_MHZ, Case
from yoso_sim.explore import show

PAGE = REPOSITORY / "docs" / "asic"
COSTS = REPOSITORY / "docs" / "costs.md"
NUMBERS = PAGE / "numbers.json"

#: What of a row of synth.json is published.
COLUMNS = ("target", "block", "ff", "area_um2", "fmax_mhz", "energy_nj_per_image", "kind", "chip")

#: What of a report of `yoso energy` is published.
TOLD = (
    *("name", "case", "process", "command", "cycles", "images", "busy_share", "leakage_mw", "memories"),
    *("check", "gated", "ungated"),
)

BLOCK = re.compile(
    r"(<!-- asic: written by sim/yoso_sim/energy/publish.py -->\n).*?(<!-- asic: end -->)", re.S
)


def gather(reports: Path) -> dict[str, Any]:
    """The published numbers from the reports. Raises `FileNotFoundError` if one has not been made."""
    synth, energy, others = (
        json.loads((reports / f"{name}.json").read_text()) for name in ("synth", "energy", "explore")
    )
    rows = [
        {key: row[key] for key in COLUMNS}
        for row in synth["rows"]
        if row["target"] != "ecp5" and not row["target"].startswith("ulx3s")
    ]
    keep = (
        *("name", "case", "process", "accuracy", "cycles", "chip_mm2", "fmax_mhz", "skippable_sweeps"),
        "images",
    )
    points = [
        {key: found[key] for key in keep}
        | {kind: {"full_rate": found[kind]["full_rate"]} for kind in ("gated", "ungated")}
        for found in others["results"]
    ]
    return {
        "rows": rows,
        "energy": {key: energy[key] for key in (*TOLD, "table_iv")},
        "explore": {
            "points": points,
            **{key: others[key] for key in ("command", "front", "chosen", "baseline", "ratio", "left")},
        },
    }


def with_beside(numbers: dict[str, Any], report: dict[str, Any]) -> dict[str, Any]:
    """The numbers with another network's energy, of a report of `yoso energy`, in place of an older one."""
    others = [one for one in numbers.get("beside", []) if one["name"] != report["name"]]
    return {**numbers, "beside": [*others, {key: report[key] for key in TOLD}]}


def _table(heads: list[str], rows: list[list[str]]) -> list[str]:
    # The first column is text, the others are numbers.
    lines = [f"| {' | '.join(heads)} |", f"|{'|'.join(['---'] + ['---:'] * (len(heads) - 1))}|"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def _value(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def synth_lines(numbers: dict[str, Any]) -> list[str]:
    """Area and clock of the blocks."""
    rows = [
        [
            f"{row['target']}: {row['block']}" + (f" ({row['chip']})" if row["chip"] else ""),
            _value(row["ff"], ",d"),
            _value(row["area_um2"], ",.0f"),
            _value(row["fmax_mhz"], ".0f"),
            _value(row["energy_nj_per_image"], ",.0f"),
            row["kind"],
        ]
        for row in numbers["rows"]
    ]
    lines = _table(["block", "FF", "area (um2)", "Fmax (MHz)", "nJ an image", "how"], rows)
    lines[1] = "|---|---:|---:|---:|---:|---|"
    return lines


def costs_lines(numbers: dict[str, Any]) -> list[str]:
    """Paragraph and table of docs/costs.md."""
    energy = numbers["energy"]
    gated, always = energy["gated"]["full_rate"], energy["ungated"]["full_rate"]
    slow = energy["gated"]["rate_21"]
    return [
        *synth_lines(numbers),
        "",
        f"An image of {energy['name']} is estimated at {1e-3 * gated['nj_per_image']:.2f} uJ at "
        f"{CLOCK_MHZ:.0f} MHz ({gated['images_per_second']:,.0f} images a second) with the clock of idle PEs "
        f"gated, {1e-3 * always['nj_per_image']:.2f} uJ with the clock always on; at the paper's "
        f"{PAPER_RATE} images a second, leakage included, {1e-3 * slow['nj_per_image']:.1f} uJ and "
        f"{slow['mw']:.2f} mW. The paper reports 35.8 uJ and 0.751 mW in 22 nm.",
    ]


def beside_lines(numbers: dict[str, Any]) -> list[str]:
    """Section that sets other networks' images beside the first one's; none if there are none."""
    if not numbers.get("beside"):
        return []
    networks = [numbers["energy"], *numbers["beside"]]

    def chip(one: dict[str, Any]) -> str:
        case = Case(**one["case"])
        words = [Path(case.chip).stem, *case.settings]
        return f"{' '.join(words)}, {case.params.cols} x {case.params.rows} PEs"

    full = [{kind: one[kind]["full_rate"] for kind in ("gated", "ungated")} for one in networks]
    rows = [
        ["chip", *map(chip, networks)],
        ["cycles an image", *(f"{one['cycles']['mean']:,.0f}" for one in networks)],
        ["cycles in which a PE has work", *(f"{100 * one['busy_share']:.0f} %" for one in networks)],
    ]
    for part in numbers["energy"]["gated"]["parts_nj"]:
        rows.append([f"{part} (nJ)", *(f"{one['gated']['parts_nj'][part]:,.0f}" for one in networks)])
    rows += [
        ["leakage (nJ)", *(f"{one['gated']['leakage_nj_per_image']:,.1f}" for one in full)],
        ["all, idle PEs gated (nJ)", *(f"{one['gated']['nj_per_image']:,.0f}" for one in full)],
        ["all, clock always on (nJ)", *(f"{one['ungated']['nj_per_image']:,.0f}" for one in full)],
        ["images a second", *(f"{one['gated']['images_per_second']:,.0f}" for one in full)],
        ["model beside the netlist", *(f"{one['check']['difference_percent']:+.1f} %" for one in networks)],
        ["images on the RTL", *(str(one["images"]) for one in networks)],
        ["command", *(f"`{one['command']}`" for one in networks)],
    ]
    heads = ["", *(Case(**one["case"]).network for one in networks)]
    worst = [
        f"{Case(**one['case']).network}: {', '.join(_signed(layer) for layer in one['check']['layers'])} %"
        for one in networks
        if "layers" in one["check"]
    ]
    return [
        "## Other networks",
        "",
        f"One image at {CLOCK_MHZ:.0f} MHz; parts with idle PEs gated.",
        "",
        *_table(heads, rows),
        "",
        "Of a chip with convolution the model is set beside the netlists of PEs of every layer that costs "
        f"were not measured on, with other images; layer by layer it is off by: {'; '.join(worst)}.",
        "",
    ]


def _signed(layer: dict[str, Any]) -> str:
    return f"{layer['difference_percent']:+.1f}"


def page(numbers: dict[str, Any]) -> str:
    """docs/asic/README.md."""
    energy, others = numbers["energy"], numbers["explore"]
    check = energy["check"]
    parts = [
        [part, *(f"{energy[kind]['parts_nj'][part]:,.0f}" for kind in ("gated", "ungated"))]
        for part in energy["gated"]["parts_nj"]
    ]
    for text, rate, key, form in (
        (f"leakage at {CLOCK_MHZ:.0f} MHz", "full_rate", "leakage_nj_per_image", ",.1f"),
        (f"all at {CLOCK_MHZ:.0f} MHz", "full_rate", "nj_per_image", ",.0f"),
        (f"mW at {CLOCK_MHZ:.0f} MHz", "full_rate", "mw", ",.0f"),
        (f"leakage at {PAPER_RATE} images/s", "rate_21", "leakage_nj_per_image", ",.0f"),
        (f"all at {PAPER_RATE} images/s", "rate_21", "nj_per_image", ",.0f"),
        (f"mW at {PAPER_RATE} images/s", "rate_21", "mw", ".3f"),
    ):
        parts.append([text, *(format(energy[kind][rate][key], form) for kind in ("gated", "ungated"))])
    points = [
        [
            point["name"] + (" (front)" if point["name"] in others["front"] else ""),
            f"{point['accuracy']:.2f}",
            f"{point['cycles']['mean']:,.0f}",
            f"{point['chip_mm2']:.1f}",
            f"{point['fmax_mhz']:.0f}",
            *(f"{1e-3 * point[kind]['full_rate']['nj_per_image']:.2f}" for kind in ("gated", "ungated")),
            f"{100 * point['skippable_sweeps']:.2f}",
        ]
        for point in others["points"]
    ]
    ratio = others["ratio"]
    memories = "; ".join(f"{name}: {plan}" for name, plan in energy["memories"].items())
    lines = [
        "# On an ASIC",
        "",
        "Written by `python -m yoso_sim.energy.publish` from the reports of `make synth TARGET=sg13g2`, "
        "`make energy` and `make explore`; do not edit. What is estimated and how: "
        "[energy.md](../energy.md).",
        "",
        *([numbers["note"], ""] if numbers["note"] else []),
        "## Area and clock",
        "",
        *synth_lines(numbers),
        "",
        "## Energy of an image",
        "",
        f"{energy['name']}, {energy['images']} test images on the RTL (`{energy['command']}`), "
        f"{energy['cycles']['mean']:,.0f} cycles an image; PEs have work in "
        f"{100 * energy['busy_share']:.0f} % of them. Memories: {memories}. Leakage "
        f"{energy['leakage_mw']:.3f} mW. A whole image on the netlist of PE "
        f"({check['node'][0]}, {check['node'][1]}), which the costs were not measured on: "
        f"{check['measured_pj']:,.0f} pJ; by counters times costs {check['modelled_pj']:,.0f} pJ "
        f"({check['difference_percent']:+.1f} %).",
        "",
        *_table(["nJ an image", "idle PEs gated", "clock always on"], parts),
        "",
        f"(At {PAPER_RATE} images/s the clock stops between images in both columns.)",
        "",
        "![Energy of an image](energy.png)",
        "",
        *beside_lines(numbers),
        "## Table IV",
        "",
        "The paper's rows as printed: its order is not quite by accuracy, and 1.26 mW at 40 fps are 31.5 uJ, "
        "not 38. (Scaled to 28 nm, says the paper of figures with a star.)",
        "",
        *_table(
            ["accelerator", "coding", "acc. (%)", "fps", "tech (nm)", "power (mW)", "uJ/frame", "source"],
            [list(row) for row in energy["table_iv"]],
        ),
        "",
        "## Other chips",
        "",
        *_table(
            [
                "network and chip",
                "acc. (%)",
                "cycles",
                "mm2",
                "MHz",
                "uJ",
                "uJ ungated",
                "sweeps to skip (%)",
            ],
            points,
        ),
        "",
        f"`{others['command']}`; energy and area estimated, cycles of "
        f"{others['points'][0]['images']} images on the RTL, accuracy of the whole test set on the golden "
        "model. *Front*: no other is as good in cycles, area, energy and accuracy at once.",
        "",
        *([f"Not run for this page: {'; '.join(others['left'])}.", ""] if others["left"] else []),
        f"Least energy x cycles x area within 0.1 points of the best accuracy: **{others['chosen']}**."
        + (
            f" The baseline ({others['baseline']}) takes {ratio['cycles']} times the cycles, "
            f"{ratio['energy']} times the energy and {ratio['area']} times the area."
            if ratio
            else ""
        ),
        "",
        "![Energy and cycles of other chips](explore.png)",
        "",
    ]
    return "\n".join(lines)


def into(costs: str, numbers: dict[str, Any]) -> str:
    """docs/costs.md with its block written anew."""
    text = "\n".join(costs_lines(numbers))
    return BLOCK.sub(lambda match: f"{match[1]}{text}\n{match[2]}", costs)


def draw_all(numbers: dict[str, Any], folder: Path) -> None:
    """The pictures beside the page."""
    drawing.save(budget.draw(numbers["energy"]), folder / "energy.png")
    drawing.save(show.draw(numbers["explore"]["points"]), folder / "explore.png")


@click.command()
@click.option("--note", default="", help="A sentence for the page, such as what RTL the figures are of.")
@click.option("--again", is_flag=True, help="Write page and pictures anew from the published numbers.")
@click.option(
    "--beside",
    type=click.Path(path_type=Path),
    metavar="energy.json",
    help="Set another network's report of `yoso energy` beside the published numbers.",
)
def main(note: str, again: bool, beside: Path | None) -> None:
    """Write docs/asic and the table of docs/costs.md."""
    reports = output_folder() / "reports"
    published = json.loads(NUMBERS.read_text())
    try:
        if beside is not None:
            numbers = with_beside(published, json.loads(beside.read_text()))
        elif again:
            numbers = published
        else:
            numbers = {"note": note, **gather(reports), "beside": published.get("beside", [])}
    except FileNotFoundError as error:
        raise click.ClickException(
            f"{error.filename} is missing: make synth, energy and explore first"
        ) from None
    except (ValueError, KeyError) as error:
        raise click.ClickException(f"{beside or reports} is no report of `yoso energy`: {error}") from None
    PAGE.mkdir(exist_ok=True)
    NUMBERS.write_text(json.dumps(numbers, indent=1) + "\n")
    (PAGE / "README.md").write_text(page(numbers))
    COSTS.write_text(into(COSTS.read_text(), numbers))
    draw_all(numbers, PAGE)


if __name__ == "__main__":
    main()
