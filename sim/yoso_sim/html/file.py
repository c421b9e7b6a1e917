"""What ``--html FILE`` needs, looked at before any work, and the estimate of energy that belongs to a run."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import click
from yoso_hw.extras import advice
from yoso_hw.folders import obstacle
from yoso_hw.params import ParamError

from yoso_sim.campaign import Campaign
from yoso_sim.tools import ToolError


def _file(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    if value is None:
        return None
    if value.is_dir():
        raise click.BadParameter(f"{value} is a folder; name a file in it, such as {value / 'report.html'}")
    if reason := obstacle(value.parent):
        raise click.BadParameter(f"cannot write {value}: {reason}")
    return value


#: ``--html FILE``: the report of the run as a page.
page_option = click.option(
    "--html",
    metavar="FILE",
    type=click.Path(path_type=Path),
    callback=_file,
    help="Write the report as one HTML file, with spikes, mesh and cycles step by step.",
)


def needed() -> None:
    """Raise `ToolError` if plotly is missing."""
    if importlib.util.find_spec("plotly") is None:
        raise ToolError(advice("plotly", "html", "--html"))


def energy_of(folder: Path, campaign: Campaign) -> dict[str, Any] | None:
    """The report of ``yoso energy`` in a folder; None if there is none of this network on this chip."""
    try:
        found: dict[str, Any] = json.loads((folder / "energy.json").read_text())
        case = found["case"]
        same = (
            Path(case["network"]).stem == campaign.network_path.stem
            and _params(case) == campaign.build.params
        )
        known = found["gated"]["full_rate"]["nj_per_image"] and all(
            found[kind]["parts_nj"] for kind in ("gated", "ungated")
        )
    except (OSError, ValueError, KeyError, TypeError, ParamError):
        return None
    return found if same and known else None


def _params(case: dict[str, Any]) -> Any:
    from yoso_sim.energy.cost import Case  # needs Amaranth

    return Case(**case).params
