"""A network on a simulated chip that waits for images."""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from yoso_sw.compile.image import WeightImage
from yoso_sw.data.recorded import seen
from yoso_sw.data.samples import DatasetError, Samples
from yoso_sw.network import golden
from yoso_sw.network.network import Network

from yoso_sim.build import Build
from yoso_sim.compare import compare, rtl_spikes
from yoso_sim.simulate import SimulationError, simulate
from yoso_sim.watch import Flits, Part


@dataclass(frozen=True)
class Shown:
    """A network that sees pictures in grey, rows x cols of them, and its image for the chip."""

    network: Network
    image: WeightImage
    rows: int
    cols: int

    @property
    def as_mnist(self) -> bool:
        """Whether it was trained on digits that are centred as MNIST's."""
        return str(self.network.about.get("dataset", "")).startswith("mnist")


def shown(network: Network, image: WeightImage, shape: tuple[int, ...] | None) -> Shown:
    """What can be drawn for a network. Raises `DatasetError` if it sees no pictures in grey."""
    if shape is None or len(shape) != 2:
        what = "no picture" if shape is None else "pictures of several channels"
        raise DatasetError(
            f"network {network.name!r} sees {what}; yoso demo wants one whose inputs are rows and columns of "
            "grey, such as mnist-784-100-10"
        )
    seen(_drawing(np.zeros(shape[0] * shape[1], np.uint8), shape), network)  # of its code?
    return Shown(network, image, *shape)


def _drawing(pixels: np.ndarray, shape: tuple[int, ...]) -> Samples:
    return Samples("drawing", pixels[None], np.zeros(1, np.int64), shape)


class Session:
    """A simulator that has the network loaded; one image at a time, from any thread.

    Parameters
    ----------
    build
        Of form `yoso_sim.watch.WATCHED`.
    folder
        Where the simulation runs.

    Raises
    ------
    SimulationError
        If it does not start.
    """

    def __init__(self, about: Shown, build: Build, folder: Path) -> None:
        self.about = about
        self._lock = threading.Lock()
        self._error: SimulationError | None = None
        folder.mkdir(parents=True, exist_ok=True)
        weights = folder / "weights.yoso"
        about.image.save(weights)
        # Nobody else may connect: the folder is this user's alone. A socket's path must be short.
        with tempfile.TemporaryDirectory(prefix="yoso-") as private, socket.socket(socket.AF_UNIX) as door:
            address = str(Path(private) / "line")
            door.bind(address)
            door.listen(1)
            door.settimeout(0.2)
            environment = {"YOSO_IMAGE": str(weights.resolve()), "YOSO_LINE": address}
            self._thread = threading.Thread(
                target=self._simulate, args=(build, folder, environment), daemon=True
            )
            self._thread.start()
            self._line = self._accept(door)
        self.classify(np.zeros(about.rows * about.cols, np.uint8))  # the first compiles what numba has to

    def _simulate(self, build: Build, folder: Path, environment: dict[str, str]) -> None:
        try:
            simulate(build, "yoso_sim.demo.inside", folder, environment, test="serve")
        except SimulationError as error:
            self._error = error

    def _accept(self, door: socket.socket) -> Connection:
        while self._thread.is_alive():
            try:
                line, _ = door.accept()
            except TimeoutError:
                continue
            return Connection(line.detach())
        raise self._error or SimulationError("the simulator ended before it began")

    def close(self) -> None:
        """End the simulator."""
        self._line.close()
        self._thread.join(30)

    def classify(self, pixels: np.ndarray) -> dict[str, Any]:
        """Run uint8 pixels (rows * cols,) on RTL and golden model, compare them, and tell all as JSON values.

        Raises
        ------
        SimulationError
            If the simulator has died.
        """
        about, image = self.about, self.about.image
        inputs = seen(_drawing(pixels, (about.rows, about.cols)), about.network).inputs
        with self._lock:
            began = time.monotonic()
            try:
                self._line.send(inputs[0])
                outcome, steps, uneven = self._line.recv()
            except (EOFError, OSError):
                self._thread.join(10)
                raise self._error or SimulationError("the simulator has ended") from None
            seconds = time.monotonic() - began
        reference = golden.run(about.network, inputs, params=image.params)
        comparison = compare(image, outcome, reference, 0)
        layers, _, _ = rtl_spikes(image, outcome)
        nodes = image.params.nodes
        return {
            "rtl": {"decision": outcome.decision, "step": outcome.step, "spiked": outcome.spiked},
            "golden": {
                "decision": int(reference.decisions[0]),
                "step": int(reference.decision_steps[0]),
                "spiked": bool(reference.spiked[0]),
            },
            "spikes_compared": comparison.spikes,
            "differences": [*comparison.notes, *uneven],
            "cycles": outcome.cycles,
            "seconds": round(seconds, 4),
            "spikes": [
                [own.step.tolist(), own.axon.tolist()] for own in (image.image_events(inputs[0]), *layers)
            ],
            "steps": steps.step.tolist(),
            "lengths": steps.cycles.tolist(),
            "parts": steps.parts.reshape(-1, nodes, len(Part)).tolist(),
            "flits": steps.flits.reshape(-1, nodes, len(Flits)).tolist(),
        }
