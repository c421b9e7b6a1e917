"""What every command that simulates is asked: a network, a chip, data; and how its errors end."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from yoso_hw.chips.options import chip_option, set_option
from yoso_hw.drawing import FormatError
from yoso_hw.extras import advice
from yoso_hw.params import ParamError
from yoso_sw.commands.options import net_option
from yoso_sw.compile.choose import choose
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.mapping import CompileError
from yoso_sw.data.options import data_option, other_data_option
from yoso_sw.data.recorded import samples_for
from yoso_sw.data.samples import DatasetError, Samples
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate
from yoso_sw.runs import made_with
from yoso_sw.runs.run import NamedRun

from yoso_sim.build import RTL, Build, Form, build
from yoso_sim.finished import FinishedError
from yoso_sim.kept import BuildError
from yoso_sim.simulate import SimulationError
from yoso_sim.study.cases import CaseError
from yoso_sim.tools import ToolError

ERRORS = (
    *(ParamError, NetworkError, CompileError, DatasetError),
    *(ToolError, BuildError, SimulationError, CaseError, FinishedError, FormatError),
)

console = Console(highlight=False)


@contextmanager
def one_message() -> Iterator[None]:
    """Turn every expected error into one message and exit status 1."""
    try:
        yield
    except ERRORS as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; what is done is kept") from None


@dataclass(frozen=True)
class Asked:
    """What to run on what: the options that all commands share.

    Attributes
    ----------
    net
        Network: name or file.
    chip
        Name or file; None: the default one, or else the first named one that holds the network.
    settings
        Parameters in which the chip is to be another, ``name=value``.
    data, other_data
        As `yoso_sw.data.recorded.samples_for` takes them.
    """

    net: str
    chip: str | None
    settings: tuple[str, ...]
    data: str | None
    other_data: bool

    @property
    def path(self) -> Path:
        """The network's file. Raises `NetworkError`."""
        return locate(self.net, ".npz")

    def choose(self) -> tuple[Network, WeightImage]:
        """The network, compiled; says so if not for the default chip. Raises what compiling raises."""
        network = Network.load(self.path)
        choice = choose(network, self.chip, self.settings)
        params = choice.image.params
        if choice.why:
            console.print(
                f"{network.name} on chip {choice.chip}, {params.cols} x {params.rows} PEs, {choice.why}",
                soft_wrap=True,
                markup=False,
            )
        return network, choice.image

    def samples(self, network: Network, images: int) -> Samples:
        """The first test samples. Raises `DatasetError`."""
        return samples_for(network, self.path, self.data, self.other_data).first(images)


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of `Asked`, which it takes as its first argument."""

    @wraps(command)
    def wrapped(
        *,
        net: str,
        chip: str | None,
        settings: tuple[str, ...],
        lanes: str | None,
        cast: str | None,
        data: str | None,
        other_data: bool,
        **own: Any,
    ) -> Any:
        if lanes:
            settings = (*settings, f"lanes={lanes}")
        if cast:
            settings = (*settings, f"multicast={cast == 'multicast'}")
        return command(Asked(net, chip, settings, data, other_data), **own)

    asking: Callable[..., Any] = wrapped
    for option in (
        set_option,
        click.option("--lanes", metavar="N", help="Neurons a memory word."),
        click.option("--cast", type=click.Choice(["multicast", "unicast"]), help="How spikes travel."),
        chip_option(None),
        other_data_option,
        data_option,
        net_option("mnist-784-800-10"),
    ):
        asking = option(asking)
    return asking


def prepare(
    asked: Asked,
    images: int,
    *,
    waves: bool | str = False,
    form: Form = RTL,
    run: NamedRun | None = None,
) -> tuple[Build, Samples]:
    """Check all that was asked for, so that a mistake costs no build; note it in `run`; build the chip."""
    if importlib.util.find_spec("matplotlib") is None:  # the reports' pictures
        raise ToolError(advice("matplotlib", "sim"))
    network, image = asked.choose()
    samples = asked.samples(network, images)
    if run is not None:
        run.note(**made_with.all_of(asked.path, network, image.params, samples))
    made = build(image.params, waves=waves, form=form, report=lambda text: console.print(f"[dim]{text}"))
    if made.seconds:
        console.print(f"[dim]built in {made.seconds:.0f} s, kept in {made.folder}")
    return made, samples
