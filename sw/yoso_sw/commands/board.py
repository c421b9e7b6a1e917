"""Run a network on a board.

Without NET and --chip, those are the board's own. Loads the weights over the serial line, runs test images,
compares every decision with the golden model, and writes the report board.json.
"""

from __future__ import annotations

import json
from dataclasses import asdict

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from yoso_hw import boards
from yoso_hw.boards.options import board_option
from yoso_hw.chips.options import chip_option, set_option
from yoso_hw.params import ParamError
from yoso_hw.writing import write_whole

from yoso_sw.commands.options import images_option, net_option, out_option
from yoso_sw.commands.recorded import recorded
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.mapping import CompileError
from yoso_sw.data.options import data_option, other_data_option
from yoso_sw.data.recorded import samples_for
from yoso_sw.data.samples import DatasetError, Inputs
from yoso_sw.host import board as on_board
from yoso_sw.host.board import differences, open_port
from yoso_sw.host.serial import BoardError, SerialHost
from yoso_sw.learn.config import ConfigError
from yoso_sw.network import golden
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate
from yoso_sw.runs import made_with
from yoso_sw.runs.run import NamedRun

ERRORS = (
    boards.DescriptionError,
    ParamError,
    ConfigError,
    NetworkError,
    CompileError,
    DatasetError,
    BoardError,
)


def classify(
    host: SerialHost, image: WeightImage, images: Inputs, early_exit: bool, console: Console
) -> on_board.Ran:
    """Run images behind progress bars."""
    with Progress(console=console) as bars:
        load = bars.add_task("loading", total=len(image.load_flits()))
        task = bars.add_task("images", total=len(images))
        return on_board.run(
            host,
            image,
            images,
            early_exit,
            loading=lambda sent: bars.update(load, completed=sent),
            done=lambda count: bars.update(task, completed=count),
        )


@click.command(help=__doc__)
@click.option("--port", required=True, help="Serial port, /dev/ttyUSB0 or COM3.")
@board_option
@click.option("--baud", type=int, help="Rate of the line; the board's if not given.")
@net_option(needed=False)
@data_option
@other_data_option
@images_option(100, "Test images to classify.")
@click.option("--full", is_flag=True, help="Run every image to its last step, without early exit.")
@click.option("--timeout", default=3.0, show_default=True, help="Seconds of silence that end the run.")
@chip_option(None)
@set_option
@out_option()
@recorded()
def main(
    port: str,
    board: str,
    baud: int | None,
    net: str | None,
    data: str | None,
    other_data: bool,
    images: int,
    full: bool,
    timeout: float,
    chip: str | None,
    settings: tuple[str, ...],
    run: NamedRun,
) -> None:
    console = Console(highlight=False)
    try:
        description = boards.load(board)
        params = description.params(chip, settings)
        trained = locate(net or description.network, ".npz")
        network = Network.load(trained)
        image = compile_network(network, params)
        samples = samples_for(network, trained, data, other_data).first(images)
        reference = golden.run(network, samples.inputs, params=params, early_exit=not full)
        run.note(**made_with.all_of(trained, network, params, samples), port=port)
        with open_port(port, baud or description.baud, timeout) as line:
            ran = classify(SerialHost(line, params), image, samples.inputs, not full, console)
    except ERRORS as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; the next run resets the chip") from None

    outcomes, seconds = ran.outcomes, ran.seconds
    notes = differences(outcomes, reference)
    right = sum(int(one.decision) == int(label) for one, label in zip(outcomes, samples.labels, strict=True))
    cycles = float(np.mean([one.cycles for one in outcomes]))
    report = {
        "network": network.name,
        "chip": json.loads(params.to_json()),
        "images": images,
        "correct": right,
        "mismatches": len(notes),
        "mean_cycles": round(cycles, 1),
        "images_a_second": round(images / seconds, 1),
        "outcomes": [asdict(one) for one in outcomes],
    }
    path = run.folder / "board.json"
    write_whole(path, json.dumps(report, indent=1) + "\n")
    table = Table("images", "correct", "not as golden", "cycles an image", "images/s", box=None)
    table.add_row(
        *(str(images), f"{100 * right / images:.2f} %", str(len(notes))),
        *(f"{cycles:,.0f}", f"{images / seconds:.1f}"),
    )
    console.print(table)
    console.print(f"written to {path}")
    if notes:
        raise click.ClickException("board and golden model differ\n" + "\n".join(notes[:5]))
