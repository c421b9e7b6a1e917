"""Images on a board: port opened, network loaded, images run, and what the board is asked besides."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from yoso_hw.extras import advice

from yoso_sw.compile.image import WeightImage
from yoso_sw.data.samples import Inputs
from yoso_sw.host.protocol import Outcome
from yoso_sw.host.serial import BoardError, Port, SerialHost
from yoso_sw.network import golden

#: Images sent without waiting for answers, so that the line never idles.
BATCH = 16

#: V, whether it fired, and A of the neurons of a layer, as `Protocol.neurons` reads them.
Neurons = tuple[np.ndarray, np.ndarray, np.ndarray]


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


@dataclass
class Ran:
    """What images on a board came to.

    Attributes
    ----------
    outcomes
        Of each image.
    seconds
        That the images took, loading apart.
    counters
        Performance counters over all images, as `Protocol.counters`; None if not asked for.
    states
        By layer that was read back, what each image left.
    counts
        Spikes of each output, an array an image; only of a chip that counts, if layers are read back.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0
    counters: np.ndarray | None = None
    states: dict[int, list[Neurons]] = field(default_factory=dict)
    counts: list[np.ndarray] = field(default_factory=list)


def run(
    host: SerialHost,
    image: WeightImage,
    inputs: Inputs,
    early_exit: bool = True,
    *,
    counted: bool = False,
    read_back: tuple[int, ...] = (),
    loading: Callable[[int], None] = lambda sent: None,
    done: Callable[[int], None] = lambda images: None,
) -> Ran:
    """Reset the board, load a network, run images.

    Parameters
    ----------
    counted
        Whether performance counters are read.
    read_back
        Layers whose V, A and fired bits are read after each image. That is counted as reads, so counters are
        taken before.
    loading, done
        Called with the flits of the weight image that are sent, and with the images that are done.

    Raises
    ------
    BoardError
        If the board does not do as it should.
    """
    ran, protocol = Ran(states={layer: [] for layer in read_back}), host.protocol
    host.reset()
    host.load(image, loading)
    if counted:
        host.ask(protocol.clear_counters())
    begun = time.monotonic()
    batch = 1 if read_back else BATCH
    for first in range(0, len(inputs), batch):
        ran.outcomes += host.classify(image, inputs[first : first + batch], early_exit)
        if read_back:
            _count(host, ran, counted)
            for layer in read_back:
                ran.states[layer].append(host.ask(protocol.neurons(image, layer)))
            if image.decision == "count":
                ran.counts.append(host.counts(image))
            if counted:
                host.ask(protocol.clear_counters())
        done(len(ran.outcomes))
    ran.seconds = time.monotonic() - begun
    _count(host, ran, counted)
    if errors := host.errors():
        raise BoardError(f"the chip reports {', '.join(errors)}")
    return ran


def _count(host: SerialHost, ran: Ran, counted: bool) -> None:
    if counted:
        found = host.ask(host.protocol.counters())
        ran.counters = found if ran.counters is None else ran.counters + found


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
