"""A layer of a training configuration, and what can be wrong with one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from yoso_sw.network.neuron import KEPT

#: Neurons of a layer, pixels of an image: bounds that keep a slip of the pen from filling the memory.
LARGEST = 1 << 20

#: The largest number of single precision, in which training computes.
SINGLE = 3.4028234663852886e38

#: What the potential of a neuron grows by, see `NeuronConfig`.
SLOPES = ("psp", "constant")


@dataclass(frozen=True)
class NeuronConfig:
    """The neuron of a layer, in float units.

    Parameters
    ----------
    slope
        "psp": the potential grows by the weights that have arrived (the paper, eq. 8). "constant": by c a
        step within the window (Stanojevic et al. 2024); c is the unit of weights and threshold.
    threshold
        theta; with a constant slope in units of c.
    start, end
        The firing window [start, end), in steps; end <= start: never fires (softmax output).
    tau
        Time constant of rule alpha's neurons in steps (eq. 2); 0: none, ReL-PSP.
    current, leak
        Decays of A and V of rule clif's neurons, as in `network.neuron.Neuron`.
    """

    slope: str = "psp"
    threshold: float = 1.0
    start: int = 0
    end: int = 0
    tau: float = 0.0
    current: int = KEPT
    leak: int = 0

    @property
    def silent(self) -> bool:
        """Whether it never fires."""
        return self.end <= self.start


@dataclass(frozen=True)
class LayerConfig:
    """One layer, in float units; a file has the neuron's keys among the layer's own.

    Parameters
    ----------
    neurons
        Neurons of the layer; of a convolution, those of one position, its filters.
    neuron
        What each of them is.
    kernel
        Side of a convolution's windows (`network.Window`); 0: dense.
    stride, padding
        Of a convolution: positions from one window to the next, and silent ones around its inputs.
    pool
        P2 after a convolution: of 2 x 2 positions the earliest spike of each filter goes on.
    bias
        One more axon that spikes at step 0.
    dropout
        Share of the layer's inputs left out in training (`layers.Extras`).
    spike_penalty
        Weight in the loss of the penalty on the layer's spikes (`stdbp.spike_penalty`).
    silence_penalty
        Weight in the loss of the penalty on neurons that the mean image does not make fire
        (`stdbp.silence_penalty`); dense layers of slope A.
    batch_norm
        In the float phase: the standard deviation, in units of c, to which the potentials of each neuron are
        normalised over a batch (`batch_norm.BatchNorm`); 0: not at all. For a constant slope and a bias; of
        rule tandem in spikes, for a bias.
    centred
        In the float phase: whether each neuron's weights keep a mean of zero (`centring.centred`); rules
        stdbp and tandem.
    mean, std
        Mean and standard deviation of the first weights, normally distributed.
    clip
        Weights beyond this many standard deviations saturate when quantised.
    """

    neurons: int
    neuron: NeuronConfig = field(default=NeuronConfig(), metadata={"flat": True})
    bias: bool = False
    dropout: float = 0.0
    spike_penalty: float = 0.0
    silence_penalty: float = 0.0
    batch_norm: float = 0.0
    centred: bool = False
    mean: float = 0.0
    std: float = 0.1
    clip: float = 2.5
    kernel: int = 0
    stride: int = 1
    padding: int = 0
    pool: bool = False

    def faults(self, steps: int) -> Iterator[str]:
        """What is wrong with it in a network of so many steps, as "key=value is ...", the first first."""
        neuron = self.neuron
        if not 1 <= self.neurons <= LARGEST:
            yield f"neurons={self.neurons} is outside 1..{LARGEST}"
        if neuron.slope not in SLOPES:
            yield f"slope={neuron.slope!r} is not {' or '.join(SLOPES)}"
        if not neuron.threshold > 0:
            yield f"threshold={neuron.threshold} is not positive"
        for key, value in (
            *(("threshold", neuron.threshold), ("mean", self.mean)),
            *(("std", self.std), ("clip", self.clip)),
        ):
            if not abs(value) <= SINGLE:
                yield f"{key}={value} is not finite in single precision"
        if not self.std >= 0:
            yield f"std={self.std} is negative"
        if not self.clip > 0:
            yield f"clip={self.clip} is not positive"
        if not 0 <= neuron.start:
            yield f"start={neuron.start} is negative"
        if not neuron.end <= steps:
            yield f"end={neuron.end} is beyond steps={steps}"
        if not 0 <= self.dropout < 1:
            yield f"dropout={self.dropout} is outside 0..1"
        if not self.batch_norm >= 0:
            yield f"batch_norm={self.batch_norm} is negative"
        if not self.kernel >= 0:
            yield f"kernel={self.kernel} is negative"
        for key, needs in (
            ("pool", self.pool),
            (f"stride={self.stride}", self.stride != 1),
            (f"padding={self.padding}", self.padding != 0),
        ):
            if needs and not self.kernel > 0:
                yield f"{key} needs a convolution, a kernel"
