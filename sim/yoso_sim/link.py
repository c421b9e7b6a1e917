"""The link between Python and the simulation top: batches of flits in, answers and spikes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import Timer, ValueChange

from yoso_sim import observed
from yoso_sim.top import FIRST_INNER, FLIT_BYTES

#: Nodes of the record that stand for the host port.
_HOST = -1


class LinkError(RuntimeError):
    """The chip took or gave no flit for too long; the message says how far the batch came."""


@dataclass(frozen=True)
class Inner:
    """Words of pooled PEs in which neurons fired, whatever pooling lets pass; int64 (words,) each.

    Attributes
    ----------
    nodes, steps
        Node ``y * cols + x`` and running step.
    fires
        The word's address and, above it, which lanes fired (`yoso_hw.core.ops.fire_layout`).
    """

    nodes: np.ndarray
    steps: np.ndarray
    fires: np.ndarray


@dataclass(frozen=True)
class Batch:
    """What came back while a batch of flits was sent.

    Attributes
    ----------
    answers
        Flits of the host port, uint64 (answers,).
    nodes, steps, cycles, flits
        Per spike at a router port, in the order of time: node ``y * cols + x``, running step, cycle since
        time 0, and the flit; int64 (spikes,), flits uint64.
    inner
        Words of pooled PEs in which neurons fired.
    """

    answers: np.ndarray
    nodes: np.ndarray
    steps: np.ndarray
    cycles: np.ndarray
    flits: np.ndarray
    inner: Inner = field(default_factory=lambda: Inner(*np.zeros((3, 0), np.int64)))


class Link:
    """Drives `yoso_sim.top`. Python wakes once a batch.

    Parameters
    ----------
    dut
        The simulation top.
    stall_in, stall_out
        Chance in 256 that the host holds a flit back, or does not take one, in a cycle.
    seed
        Of the stalls; not 0.
    patience
        Cycles without a flit in or out after which a batch fails.
    """

    def __init__(
        self, dut: Any, *, stall_in: int = 0, stall_out: int = 0, seed: int = 1, patience: int = 100_000
    ) -> None:
        self.dut = dut
        self.stall_in, self.stall_out, self.seed, self.patience = stall_in, stall_out, seed, patience
        self._go = 0

    async def reset(self) -> None:
        """Reset the chip; call it before anything else."""
        dut = self.dut
        dut.reset.value = 1
        self._go = int(dut.go.value)  # a toggle would begin a batch
        dut.waves.value = 0
        dut.seed.value = self.seed
        dut.stall_in.value = self.stall_in
        dut.stall_out.value = self.stall_out
        dut.patience.value = self.patience
        dut.awake.value = dut.asleep.value = dut.reset_at.value = 0
        await Timer(20, "ns")
        dut.reset.value = 0
        await Timer(20, "ns")

    def stall(self, stall_in: int, stall_out: int, seed: int = 1) -> None:
        """Change the stalls from the next batch on."""
        self.dut.stall_in.value, self.dut.stall_out.value, self.dut.seed.value = stall_in, stall_out, seed

    def sleep(self, awake: int, asleep: int) -> None:
        """From the next batch on, move flits for `awake` cycles and none for `asleep`, in turn (0: never)."""
        self.dut.awake.value, self.dut.asleep.value = awake, asleep

    async def exchange(
        self, flits: np.ndarray | Sequence[int], answers: int = 0, *, reset_at: int = 0
    ) -> Batch:
        """Send `flits` and wait for so many answers; the batch ends when both are done.

        In cycle `reset_at` of the batch, counted from 1, the chip is reset for one cycle and the batch ends
        there, unless it is over by then; 0: no reset.

        Raises
        ------
        LinkError
            If nothing moves for `patience` cycles.
        """
        array = np.asarray(flits, np.uint64)
        Path("batch.bin").write_bytes(array.astype(f">u{FLIT_BYTES}").tobytes())
        self._go ^= 1
        self.dut.answers.value = answers
        self.dut.reset_at.value = reset_at
        self.dut.go.value = self._go
        await ValueChange(self.dut.done)
        record = Path("record.txt").read_bytes()
        observed.keep(record)
        batch = _parse(record)
        if int(self.dut.stuck.value):
            raise LinkError(
                f"no flit in or out for {self.patience} cycles at cycle {int(self.dut.cycle.value)}: "
                f"{int(self.dut.sent.value)} of {len(array)} flits sent, "
                f"{len(batch.answers)} of {answers} answers back"
            )
        return batch

    async def record_waves(self) -> None:
        """Begin the waveform ``waves.vcd`` now; only a model built for it writes one."""
        self.dut.waves.value = 1
        await Timer(4, "ns")
        cocotb.log.info("waveform begins")


def _parse(record: bytes) -> Batch:
    """The record's lines ``node step cycle flit`` (flit in hexadecimal) as arrays."""
    words = record.split()
    nodes, steps, cycles = (np.array(words[i::4], np.int64) for i in range(3))
    flits = np.array([int(word, 16) for word in words[3::4]], np.uint64)
    spikes, inner = nodes >= 0, nodes <= FIRST_INNER
    return Batch(
        flits[nodes == _HOST],
        nodes[spikes],
        steps[spikes],
        cycles[spikes],
        flits[spikes],
        Inner(FIRST_INNER - nodes[inner], steps[inner], flits[inner].astype(np.int64)),
    )
