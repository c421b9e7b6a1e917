"""The report of a run as one HTML file: plotly, data and all are in it, and nothing is fetched."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from yoso_hw import versions

from yoso_sim import report as reports
from yoso_sim.campaign import Campaign
from yoso_sim.html import collect, figures
from yoso_sim.watch import Flits, Part

_HERE = Path(__file__).parent


def page(
    campaign: Campaign,
    results: list[dict[str, Any]],
    report: dict[str, Any],
    energy: dict[str, Any] | None = None,
) -> str:
    """The page of a campaign on a watched build (`yoso_sim.watch.WATCHED`).

    Parameters
    ----------
    results
        Of every chunk, in order, with what the watch saw.
    report
        `yoso_sim.report.summarise` of them.
    energy
        The report of ``yoso energy`` of the same network and chip, if there is one.
    """
    from plotly.offline import get_plotlyjs

    params, raster = campaign.image.params, results[0]["raster"]
    nodes, layers = collect.nodes_of(campaign.image), collect.layers_of(raster)
    parts = collect.cycles_of(results, nodes)
    wrong = collect.wrong_of(results, campaign.samples)
    shown = {
        "raster": figures.raster(layers, raster["steps"])
        if any(not layer["map"] for layer in layers)
        else None,
        "maps": figures.maps(layers, raster["steps"]),
        "traffic": figures.traffic(params.cols, params.rows),
        "busy": figures.busy(params.cols, params.rows),
        "steps": figures.step_cycles(),
        "cycles": figures.cycles(parts, nodes),
        "confusion": figures.confusion(collect.confusion_of(results, raster["sizes"][-1])),
        "energy": figures.energy(energy) if energy else None,
    }
    run = {
        "cols": params.cols,
        "rows": params.rows,
        "steps": raster["steps"],
        "part": {part.name: int(part) for part in Part},
        "flits": {flits.name: int(flits) for flits in Flits},
        "nodes": nodes,
        "layers": layers,
        "images": collect.details_of(results),
        "wrong": wrong,
        "figures": shown,
    }
    passed = reports.passed(report)
    return (
        (_HERE / "page.html")
        .read_text()
        .format(
            title=escape(report["network"]),
            css=(_HERE / "page.css").read_text(),
            headline=escape(reports.headline(report)),
            verdict_class="pass" if passed else "wrong",
            verdict="Every spike, decision and counter of the RTL is the golden model's."
            if passed
            else "RTL and golden model differ: " + escape("; ".join(report["notes"])),
            rows=_table(
                (name, value, "wrong" if fault else "") for name, value, fault in reports.rows(report)
            ),
            tools=escape(
                ", ".join(
                    f"{name} {version}" for name, version in (report["tools"] | versions.of("pages")).items()
                )
            ),
            raster='<div id="raster" class="plot"></div>' if shown["raster"] else "",
            maps='<div id="maps" class="plot"></div>' if shown["maps"] else "",
            images=report["images"],
            parts=_table(_shares(parts, nodes)),
            accuracy=f"{report['rtl_accuracy']:.2f} % of {report['images']} images on the RTL, "
            f"{report['golden_accuracy']:.2f} % on the golden model.",
            energy=_energy(report, energy),
            wrong=_wrong(wrong, report["images"]),
            plotly=get_plotlyjs(),
            run=json.dumps(run, separators=(",", ":")).replace("</", "<\\/"),
            script=(_HERE / "page.js").read_text(),
        )
    )


def _table(rows: Any) -> str:
    return "".join(
        f'<tr><td>{escape(name)}</td><td class="number {kind}">{escape(value)}</td></tr>'
        for name, value, kind in rows
    )


def _shares(parts: dict[str, list[float]], nodes: list[dict[str, Any]]) -> Any:
    """Of the PEs with neurons together: each part's share of their cycles."""
    used = [i for i, node in enumerate(nodes) if node["layer"]]
    sums = {name: sum(values[i] for i in used) for name, values in parts.items()}
    total = sum(sums.values())
    yield f"{len(used)} PEs with neurons of {len(nodes)}", f"{total / len(used):,.1f} cycles an image", ""
    for name, value in sums.items():
        if name != collect.UNUSED:
            yield name, f"{100 * value / total:.1f} %", ""


def _energy(report: dict[str, Any], energy: dict[str, Any] | None) -> str:
    if energy is None:
        command = escape(f"yoso energy --net {report['network']}")
        return (
            f"<p>Not estimated for this network and chip: <code>{command}</code> (with the same chip) does, "
            "and the next report has it.</p>"
        )
    rate = energy["gated"]["full_rate"]
    told = (
        f"{rate['nj_per_image']:,.1f} nJ an image with idle PEs gated, on {energy['process']}, estimated "
        f"from {energy['images']} images on the RTL and a netlist."
    )
    return f'<p>{escape(told)}</p><div id="energy" class="plot"></div>'


def _wrong(wrong: dict[str, Any], images: int) -> str:
    if not wrong["count"]:
        return f"None of {images}."
    first = f"; the first {len(wrong['shown'])}" if wrong["count"] > len(wrong["shown"]) else ""
    return f"{wrong['count']} of {images}{first}."
