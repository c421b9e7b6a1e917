"""A chip, on the golden model, in the RTL or on a board: one call runs a network on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from yoso_hw import boards, chips
from yoso_hw.folders import output_folder
from yoso_hw.params import ChipParams
from yoso_sim.running import board, golden
from yoso_sim.running.given import samples_of
from yoso_sim.running.place import network_file
from yoso_sim.running.run import Run, RunError
from yoso_sw.compile.choose import choose
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.fit import Fit, fits
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.mapping import CompileError
from yoso_sw.data.samples import Samples
from yoso_sw.host.board import open_port
from yoso_sw.network.network import Network

from yoso.missing import told

#: Images a chunk of the simulator.
CHUNK = 10


class Chip:
    """A chip of some parameters, and what it is run on.

    Parameters
    ----------
    name
        A named chip, a chip's file, or its `ChipParams`; None: the default chip or, if that does not hold a
        network, the first named one that does; of a board, the board's.
    backend
        "golden": the golden model. "rtl": the Verilog in Verilator, every spike compared with the golden
        model. "board": a board on a serial port.
    jobs
        Simulator processes.
    port
        Of a board: its serial port, or anything with `read`, `write` and `in_waiting`.
    board, baud, timeout
        The board's description, by name or file; the rate of its line; seconds of silence that end a run.
    say
        Gets a line when something long begins or goes on; None: silence.
    **settings
        Parameters in which the chip is another, such as ``cols=2, rows=1``.

    Raises
    ------
    RunError, yoso_hw.params.ParamError
        If there is no such back end, chip or parameter.
    """

    BACKENDS = ("golden", "rtl", "board")

    def __init__(
        self,
        name: str | Path | ChipParams | None = None,
        backend: str = "golden",
        *,
        jobs: int = 1,
        port: Any = None,
        board: str = boards.DEFAULT,
        baud: int | None = None,
        timeout: float = 3.0,
        say: Callable[[str], None] | None = print,
        **settings: int | bool | str,
    ) -> None:
        if backend not in self.BACKENDS:
            raise RunError(f"backend={backend!r} is not one of {', '.join(self.BACKENDS)}")
        if backend == "board" and port is None:
            raise RunError("a board is run through its port: give port='/dev/ttyUSB0', or whichever it is")
        if isinstance(name, ChipParams):
            name, settings = chips.DEFAULT, {**vars(name), **settings}
        self.name, self.backend, self.jobs = None if name is None else str(name), backend, jobs
        self.port, self.baud, self.timeout = port, baud, timeout
        self.settings = tuple(f"{key}={value}" for key, value in settings.items())
        self._say = say or (lambda text: None)
        self._board = boards.load(board) if backend == "board" else None
        chips.load(self.name or chips.DEFAULT, self.settings)  # better refused now than at the first run

    def params(self, network: Network | None = None) -> ChipParams:
        """The chip's parameters; of one that was not named, those that it has for a network."""
        if self._board is not None:
            return self._board.params(self.name, self.settings)
        if self.name is not None or network is None:
            return chips.load(self.name or chips.DEFAULT, self.settings)
        return self.compile(network).params

    def compile(self, network: Network) -> WeightImage:
        """The network's weight image. Raises `CompileError` if the chip does not hold it."""
        if self._board is not None:
            return compile_network(network, self.params())
        choice = choose(network, self.name, self.settings)
        if choice.why and self.backend != "golden":
            self._say(f"{network.name} on chip {choice.chip}, {choice.why}")
        return choice.image

    def fits(self, network: Network) -> list[Fit]:
        """Which named chips hold a network, and the smallest of PEs like this one's, or larger, that does."""
        return [*fits(network, self.name or chips.DEFAULT, self.settings)]

    def run(
        self,
        network: Network,
        inputs: Any = None,
        *,
        images: int | None = None,
        labels: Sequence[int] | np.ndarray | None = None,
        potentials: bool | str = False,
        early_exit: bool = True,
        resume: bool = False,
    ) -> Run:
        """Run images of a network.

        Parameters
        ----------
        inputs
            None: the test images of the data set that the network records. A name or a path: those of
            another. Else uint8 pixels (n, ...), int16 spike steps (n, inputs), `Events` or `Samples`.
        images
            How many, the first; None: all that are given, 100 of a data set.
        labels
            Their classes, if there are any.
        potentials
            True: V, A and fired bits of the outputs are read when an image has ended. "all": of all layers.
        early_exit
            Images end at their deciding step; else they run to step T - 1.
        resume
            Whether the simulator goes on from what an interrupted run of the same images has finished.

        Raises
        ------
        CompileError
            If the chip does not hold the network.
        yoso.ERRORS
            Whatever else a command would end with, in the same words.
        """
        with told(self.backend):
            read_back = _read_back(network, potentials)
            samples, known = samples_of(network, inputs, images, labels)
            how: dict[str, Any] = {"early_exit": early_exit, "read_back": read_back}
            if self.backend == "golden":
                image, params = self._golden(network)
                return golden.run(network, image, samples, known, params=params, **how)
            image = self.compile(network)
            if self.backend == "board":
                with self._open() as line:
                    return board.run(line, network, image, samples, known, **how)
            return self._simulate(network, image, samples, known, early_exit, read_back, resume)

    def _golden(self, network: Network) -> tuple[WeightImage | None, ChipParams]:
        """The network on this chip; where none was named and none holds it, on none."""
        try:
            image = self.compile(network)
            return image, image.params
        except CompileError:
            if self.name is not None or self.settings:
                raise
            return None, network.chip

    def _open(self) -> Any:
        if not isinstance(self.port, str):
            return nullcontext(self.port)
        assert self._board is not None
        return open_port(self.port, self.baud or self._board.baud, self.timeout)

    def _simulate(
        self,
        network: Network,
        image: WeightImage,
        samples: Samples,
        labels: np.ndarray | None,
        early_exit: bool,
        read_back: tuple[int, ...],
        resume: bool,
    ) -> Run:
        from yoso_sim import campaign
        from yoso_sim.build import build
        from yoso_sim.running import rtl

        made = build(image.params, report=self._say)
        planned = campaign.plan(
            network_file(network),
            made,
            samples,
            chunk=max(1, min(CHUNK, len(samples) // max(1, self.jobs))),
            early_exit=early_exit,
            root=output_folder() / "api",
            keep=read_back,
        )
        results = campaign.run(planned, self.jobs, self._tenths(len(samples)), fresh=not resume)
        found = rtl.run_of(planned, results, labels, network)
        if found.compared is not None and not found.compared.agree:
            self._say(f"RTL and golden model differ: {'; '.join(found.compared.notes[:3])}")
        return found

    def _tenths(self, total: int) -> Callable[[int], None]:
        """Says how far a run is at each tenth."""
        shown = 0

        def progress(done: int) -> None:
            nonlocal shown
            if done - shown >= max(1, total // 10) and total > CHUNK:
                shown = done
                self._say(f"{done} of {total} images")

        return progress

    def __repr__(self) -> str:
        said = [repr(self.name or "any"), f"backend={self.backend!r}", *self.settings]
        return f"Chip({', '.join(said)})"


def _read_back(network: Network, potentials: bool | str) -> tuple[int, ...]:
    """The layers whose V and A are wanted."""
    layers = len(network.layers)
    if potentials not in (True, False, "all"):
        raise RunError(f"potentials={potentials!r} is not True, False or 'all'")
    return tuple(range(layers)) if potentials == "all" else (layers - 1,) if potentials else ()
