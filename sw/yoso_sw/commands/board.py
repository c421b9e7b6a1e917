"""Run a network on a board.

Without NET and --chip, those are the board's own. Loads the weights over the serial line, runs test images,
compares every decision with the golden model, and writes the report board.json.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from yoso_hw import boards
from yoso_hw.boards.options import board_option
from yoso_hw.chips.options import chip_option, set_option
from yoso_hw.extras import advice
from yoso_hw.params import ParamError
from yoso_hw.writing import write_whole

from yoso_sw.commands.options import images_option, net_option, out_option
from yoso_sw.commands.recorded import recorded
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.mapping import CompileError
from yoso_sw.data.options import data_option, other_data_option
from yoso_sw.data.recorded import samples_for
from yoso_sw.data.samples import DatasetError, Inputs
from yoso_sw.host.protocol import Outcome
from yoso_sw.host.serial import BoardError, Port, SerialHost
from yoso_sw.learn.config import ConfigError
from yoso_sw.network import golden
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate
from yoso_sw.runs import made_with
from yoso_sw.runs.run import Run

#: Images sent without waiting for answers, so that the line never idles.
BATCH = 16

ERRORS = (
    boards.DescriptionError,
    ParamError,
    ConfigError,
    NetworkError,
    CompileError,
    DatasetError,
    BoardError,
)


@contextmanager
def open_port(name: str, baud: int, timeout: float) -> Iterator[Port]:
    """A serial port of this machine.

    Raises
    ------
    BoardError
        If pyserial is not installed, there is no such port, or it fails while it is open.
    """
    try:
        import serial
        from serial.tools import list_ports
    except ImportError:
        raise BoardError(advice("serial")) from None
    try:
        port = serial.Serial(name, baud, timeout=timeout, write_timeout=timeout)
    except (serial.SerialException, ValueError) as error:
        found = ", ".join(sorted(one.device for one in list_ports.comports())) or "none"
        raise BoardError(
            f"cannot open the port {name} at {baud} baud ({error}); ports here: {found}"
        ) from None
    with port:
        try:
            yield port
        except (serial.SerialException, OSError) as error:
            raise BoardError(f"the port {name} failed ({error}): was the board unplugged?") from None


def classify(
    host: SerialHost, network: Network, images: Inputs, early_exit: bool, console: Console
) -> tuple[list[Outcome], float]:
    """Load a network, run images; what came out, and seconds that the images took.

    Raises
    ------
    CompileError
        If the network does not fit the chip.
    BoardError
        If the board does not do as it should.
    """
    image = compile_network(network, host.params)
    host.reset()
    with Progress(console=console) as bars:
        task = bars.add_task("loading", total=len(image.load_flits()))
        host.load(image, lambda sent: bars.update(task, completed=sent))
        task = bars.add_task("images", total=len(images))
        outcomes: list[Outcome] = []
        begun = time.monotonic()
        for first in range(0, len(images), BATCH):
            outcomes += host.classify(image, images[first : first + BATCH], early_exit)
            bars.update(task, completed=len(outcomes))
        seconds = time.monotonic() - begun
    if errors := host.errors():
        raise BoardError(f"the chip reports {', '.join(errors)}")
    return outcomes, seconds


def differences(outcomes: list[Outcome], reference: golden.GoldenResult) -> list[str]:
    """Images whose decision, deciding step or way of deciding is not the golden model's, in words."""
    notes = []
    for i, outcome in enumerate(outcomes):
        mine = (outcome.decision, outcome.step, outcome.spiked)
        theirs = (
            int(reference.decisions[i]),
            int(reference.decision_steps[i]),
            bool(reference.spiked[i]),
        )
        if mine != theirs:
            notes.append(f"image {i}: (class, step, by a spike) is {mine}, in the golden model {theirs}")
    return notes


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
    run: Run,
) -> None:
    console = Console(highlight=False)
    try:
        description = boards.load(board)
        params = description.params(chip, settings)
        trained = locate(net or description.network, ".npz")
        network = Network.load(trained)
        compile_network(network, params)
        samples = samples_for(network, trained, data, other_data).first(images)
        reference = golden.run(network, samples.inputs, params=params, early_exit=not full)
        run.note(**made_with.all_of(trained, network, params, samples), port=port)
        with open_port(port, baud or description.baud, timeout) as line:
            outcomes, seconds = classify(SerialHost(line, params), network, samples.inputs, not full, console)
    except ERRORS as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; the next run resets the chip") from None

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
