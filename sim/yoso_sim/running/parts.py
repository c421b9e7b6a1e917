"""Parts of a run: what neurons held, what was compared, and the error of one that has not what is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from yoso_hw.extras import advice, package_of
from yoso_hw.registers import Reset
from yoso_sw.network.golden import GoldenResult
from yoso_sw.network.network import Network


class RunError(RuntimeError):
    """A run does not know what it is asked for; the message says who does."""


@contextmanager
def needs(extra: str, what: str) -> Iterator[None]:
    """Raise `RunError` that says what to type where `what` misses a package of an extra."""
    try:
        yield
    except ImportError as error:
        if not (package := package_of(error)):
            raise
        raise RunError(advice(package, extra, what)) from None


@dataclass(frozen=True, eq=False)
class State:
    """What the neurons of a layer held when each image ended.

    Attributes
    ----------
    potential, accumulated
        V and A, int64 (images, neurons).
    fired
        Whether each has fired, bool (images, neurons); of neurons that fire more than once False, as they
        keep no such bit.
    """

    potential: np.ndarray
    accumulated: np.ndarray
    fired: np.ndarray


def golden_state(network: Network, golden: GoldenResult, layer: int) -> State:
    """What the neurons of a layer hold when each image ends. Neurons that fire more than once keep no bit."""
    fired = golden.spikes[layer].counts > 0
    return State(
        golden.potentials[layer].astype(np.int64),
        golden.accumulated[layer].astype(np.int64),
        fired if network.layers[layer].neuron.reset is Reset.ONCE else np.zeros_like(fired),
    )


@dataclass(frozen=True, eq=False)
class Compared:
    """What the simulator compared with the golden model while it ran.

    Attributes
    ----------
    spikes
        Spikes compared.
    spike_mismatches, class_mismatches, counter_mismatches, state_mismatches
        How many differ; the last are V, A and fired bits, where they were asked for.
    notes
        The first differences, and errors of the chip, in words.
    """

    spikes: int
    spike_mismatches: int
    class_mismatches: int
    counter_mismatches: int
    state_mismatches: int = 0
    notes: tuple[str, ...] = ()

    @property
    def agree(self) -> bool:
        """Whether nothing differs."""
        return not (
            self.spike_mismatches
            or self.class_mismatches
            or self.counter_mismatches
            or self.state_mismatches
            or self.notes
        )
