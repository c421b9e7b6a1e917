"""A host on a serial line: loads a chip on a board and runs images. Knows no board and no kind of port.

The protocol is `yoso_hw.board.framing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol as Interface
from typing import TypeVar

import numpy as np
from yoso_hw.board.framing import (
    BUFFER,
    CODE_BITS,
    FIRST,
    FRAME_BITS,
    KIND_BITS,
    NOTICE,
    Notice,
    frame_bytes,
    identity,
    notice,
)
from yoso_hw.params import ChipParams

from yoso_sw.compile.image import WeightImage
from yoso_sw.host.protocol import Exchange, Outcome, Protocol, ProtocolError
from yoso_sw.network.events import Events

T = TypeVar("T")

#: Flits written at a time, so that answers are read in between.
MOST_WRITTEN = 128


class BoardError(RuntimeError):
    """The board does not answer, or not as it should; the message says what to look at."""


class Port(Interface):
    """What is needed of a serial port: pyserial's `Serial`, opened with a timeout."""

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read at once."""

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; fewer, or none, after the port's timeout."""

    def write(self, data: bytes) -> int | None:
        """Send all of `data`."""


def to_bytes(flits: np.ndarray, flit_bits: int) -> bytes:
    """Flits, uint64 (n,), as their frames."""
    size = frame_bytes(flit_bits)
    shifts = np.arange(size, dtype=np.uint64) * np.uint64(FRAME_BITS)
    frames = (flits.astype(np.uint64)[:, None] >> shifts & np.uint64(FIRST - 1)).astype(np.uint8)
    frames[:, 0] |= FIRST
    return frames.tobytes()


class SerialHost:
    """Talks to a chip through the bridge of its board.

    Parameters
    ----------
    port
        The line.
    params
        The chip that should be there.
    """

    def __init__(self, port: Port, params: ChipParams) -> None:
        self.port, self.params = port, params
        self.protocol = Protocol(params)
        self._flit_bits = self.protocol.packets.flit_bits
        self._size = frame_bytes(self._flit_bits)
        self._frame = bytearray()  # the frame that is coming in
        self._credit = 0  # flits that the bridge has room for

    # ---- the line ------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Reset bridge and chip, whatever they were doing; call it once before anything else.

        Memories keep what they hold.

        Raises
        ------
        BoardError
            If no board answers, or one with another chip does.
        """
        while self.port.in_waiting:
            self.port.read(self.port.in_waiting)
        self._frame.clear()
        self._write(np.array([notice(Notice.RESET)], np.uint64))
        while True:
            flits = self._read(block=True)
            if flits is None:
                raise BoardError(
                    "no board answers: is it powered and its bitstream loaded, is this its port, "
                    "and is the rate of the line the bitstream's?"
                )
            for flit in flits:
                # What the chip was still sending goes before.
                if _field(flit, 0, KIND_BITS) == NOTICE and _code(flit) == Notice.READY:
                    if _data(flit) != identity(self.params):
                        raise BoardError(
                            "the board has another chip than the one asked for: give the parameters that "
                            "its bitstream was made with (--set), or load another bitstream"
                        )
                    self._credit = BUFFER
                    return

    def exchange(
        self,
        flits: np.ndarray,
        answers: int = 0,
        progress: Callable[[int], None] = lambda sent: None,
    ) -> list[int]:
        """Send `flits`, uint64 (n,), and read so many flits of the chip.

        Parameters
        ----------
        progress
            Called now and then with the number of flits sent.

        Raises
        ------
        BoardError
            If the board falls silent, or has lost a frame.
        """
        got: list[int] = []
        sent = 0
        while sent < len(flits) or len(got) < answers:
            count = min(len(flits) - sent, self._credit, MOST_WRITTEN)
            if count:
                self._write(flits[sent : sent + count])
                self._credit -= count
                sent += count
                progress(sent)
            fresh = self._read(block=not count)
            if fresh is None:
                raise BoardError(
                    f"the board fell silent after {sent} of {len(flits)} flits sent and {len(got)} of "
                    f"{answers} answers back"
                )
            for flit in fresh:
                if _field(flit, 0, KIND_BITS) != NOTICE:
                    got.append(flit)
                elif _code(flit) == Notice.CREDIT:
                    self._credit += _data(flit)
                elif _code(flit) == Notice.LOST:
                    raise BoardError("the board lost a frame: a bad cable or a wrong rate; run again")
                else:
                    raise BoardError("the board was reset in between: run again")
        return got

    def _write(self, flits: np.ndarray) -> None:
        self.port.write(to_bytes(flits, self._flit_bits))

    def _read(self, block: bool) -> list[int] | None:
        """The flits that came; with `block` wait for a byte, and None if none comes."""
        waiting = self.port.in_waiting
        data = self.port.read(max(1, waiting)) if block or waiting else b""
        if block and not data:
            return None
        flits = []
        for byte in data:
            if byte & FIRST:
                if self._frame:
                    raise BoardError("a byte of the board was lost: is another program reading the port?")
                self._frame.append(byte ^ FIRST)
            elif self._frame:
                self._frame.append(byte)
            if len(self._frame) == self._size:
                flits.append(sum(part << FRAME_BITS * i for i, part in enumerate(self._frame)))
                self._frame.clear()
        return flits

    # ---- the chip ------------------------------------------------------------------------------------

    def ask(self, exchange: Exchange[T], progress: Callable[[int], None] = lambda sent: None) -> T:
        """Make a request; returns what was answered. Raises `BoardError` if the answer is none."""
        try:
            return exchange.parse(self.exchange(exchange.flits, exchange.answers, progress))
        except ProtocolError as error:
            raise BoardError(str(error)) from None

    def load(self, image: WeightImage, progress: Callable[[int], None] = lambda sent: None) -> None:
        """Send a weight image. Raises `yoso_sw.compile.image.WrongChipError` before anything is sent."""
        self.ask(self.protocol.load(image), progress)
        if errors := self.errors():
            raise BoardError(f"the chip reports {', '.join(errors)} after loading")

    def classify(
        self, image: WeightImage, inputs: Iterable[np.ndarray | Events], early_exit: bool = True
    ) -> list[Outcome]:
        """Run images on a loaded chip, one on the heels of another; each is uint8 pixels or int16 steps
        (inputs,), or events of one image."""
        return self.ask(self.protocol.classify(image, inputs, early_exit))

    def counts(self, image: WeightImage) -> np.ndarray:
        """How often each output spiked in the last image: int64 (outputs,); a chip with neuron=all."""
        return self.ask(self.protocol.counts(image.layers[-1].neurons))

    def potentials(self, image: WeightImage) -> np.ndarray:
        """V of every output as the last image left it, int64 (outputs,)."""
        return self.ask(self.protocol.potentials(image))

    def errors(self) -> list[str]:
        """Names of the chip's sticky errors."""
        return self.ask(self.protocol.errors())


def _field(flit: int, offset: int, bits: int) -> int:
    return flit >> offset & (1 << bits) - 1


def _code(flit: int) -> int:
    return _field(flit, KIND_BITS, CODE_BITS)


def _data(flit: int) -> int:
    return flit >> KIND_BITS + CODE_BITS
