"""The energy of an image on sg13g2, estimated."""

from __future__ import annotations

import json
import os

import click
from rich.console import Console
from yoso_hw import drawing, versions
from yoso_hw.chips.options import chip_option, set_option
from yoso_hw.params import ParamError
from yoso_hw.writing import write_whole
from yoso_sw.commands.options import images_option, net_option, out_option, picture_option
from yoso_sw.commands.recorded import recorded
from yoso_sw.compile.mapping import CompileError
from yoso_sw.data.options import data_option
from yoso_sw.data.samples import DatasetError
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.network import Network
from yoso_sw.runs import made_with
from yoso_sw.runs.run import NamedRun
from yoso_synth.liberty import LibertyError
from yoso_synth.pdk import PROCESSES
from yoso_synth.report import Row, chip_text, write_report
from yoso_synth.tools import SynthError

from yoso_sim import tools
from yoso_sim.kept import BuildError
from yoso_sim.simulate import SimulationError
from yoso_sim.tools import ToolError

#: What may be wrong with something that the user gave or that is missing; one message each.
ERRORS = (
    *(ParamError, CompileError, SynthError, LibertyError, BuildError),
    *(SimulationError, ToolError, DatasetError, NetworkError),
)


@click.command()
@net_option("mnist-784-800-10")
@data_option
@images_option(20, "Test images to run on the RTL.")
@chip_option(None)
@set_option
@picture_option
@out_option()
@recorded(own=("synth.json",))
def main(
    net: str,
    data: str | None,
    images: int,
    chip: str | None,
    settings: tuple[str, ...],
    pictures: str,
    run: NamedRun,
) -> None:
    """Estimate the energy of an image on sg13g2 from what the RTL counts and a netlist spends.

    Without --chip the default chip is taken or, if that does not hold the network, the first that does.
    """
    from yoso_sim.energy.budget import draw, parts_table, table_iv  # needs Amaranth
    from yoso_sim.energy.cost import case_of, evaluate

    console = Console(highlight=False)
    process = PROCESSES["sg13g2"]
    try:
        case, why = case_of(net, chip, settings, data, process)
        if why:
            console.print(f"[dim]chip {case.chip}: {why}", soft_wrap=True)
        samples = case.samples().first(images)  # better refused now than after the netlist
        params = case.params
        run.note(**made_with.all_of(case.path, Network.load(case.path), params, samples))
        found = evaluate(case, images, lambda text: console.print(f"[dim]{text}"), process)
    except ERRORS as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; what is done is kept") from None
    found["command"] = " ".join(asked(net, images, data, chip, settings))
    found["tools"] = tools.reported() | versions.of("synthesis")
    found["table_iv"] = table_iv(found)
    out = run.folder
    write_whole(out / "energy.json", json.dumps(found, indent=1))
    drawing.save(draw(found), out / f"energy.{pictures}")
    row = Row(
        target=found["process"],
        block=f"chip running {net}",
        area_um2=round(1e6 * found["chip_mm2"]),
        fmax_mhz=found["fmax_mhz"],
        energy_nj_per_image=found["gated"]["full_rate"]["nj_per_image"],
        kind="estimated from RTL counters and a netlist's switching; idle PEs gated",
        chip=chip_text(params),
    )
    write_report([row], run.latest / "synth.json")
    console.print(parts_table(found))
    check = found["check"]
    pes = "PEs of all layers" if "layers" in check else "one PE"
    console.print(
        f"{pes} by its netlist, whole image: {check['measured_pj']:,.0f} pJ; by counters: "
        f"{check['modelled_pj']:,.0f} pJ ({check['difference_percent']:+.1f} %)"
    )
    console.print(f"[dim]{os.path.relpath(out / 'energy')}.json, .{pictures}")


def asked(net: str, images: int, data: str | None, chip: str | None, settings: tuple[str, ...]) -> list[str]:
    """The words of `make energy` that ask for this."""
    words = [chip] if chip else []
    return [
        *("make energy", f"NET={net}", f"IMAGES={images}"),
        *([f"DATA={data}"] if data else []),
        *([f"CHIP='{' '.join([*words, *settings])}'"] if words or settings else []),
    ]
