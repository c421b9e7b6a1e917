"""The layers in real numbers that the nodes of a chain say, and every node that keeps them from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from yoso_hw.registers import Reset

from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.neuron import Neuron
from yoso_sw.nir.common import called, sums
from yoso_sw.nir.real import RealLayer
from yoso_sw.nir.whole import decay_fits

_SUMS = "it sums spikes; pooling passes the earliest on"

#: Why a node cannot be imported.
REASONS = {"SumPool2d": _SUMS, "AvgPool2d": _SUMS, "Input": "a second input", "Output": "a second output"}

WEIGHTS = ("Linear", "Affine", "Conv2d")
FIRING = ("IF", "LIF", "CubaLIF")
POTENTIALS = ("I", "LI", "CubaLI")


class Reader:
    """Puts layers together from the nodes of a chain, which `take` gets one by one.

    Parameters
    ----------
    steps
        T of the graph; None: not known.
    dt
        What a step is of the graph's time.
    subtract
        The nodes whose firing subtracts the threshold, where `v_reset` is 0; None: all.
    once
        Whether an input spikes once an image at most.

    Attributes
    ----------
    layers
        Those that are whole.
    obstacles
        What keeps the nodes taken so far from being layers, in their order.
    potential
        Whether the last layer's output is its potential.
    delay
        Steps by which the last layer's answer comes later than in the graph.
    """

    def __init__(
        self, steps: int | None, dt: float, subtract: frozenset[str] | None, once: bool = True
    ) -> None:
        self.steps, self.dt, self.subtract, self.once = steps, dt, subtract, once
        self.layers: list[RealLayer] = []
        self.obstacles: list[str] = []
        self.potential = False
        self.delay = 0
        self.shape: tuple[int, ...] = ()  # of the signal, channels first; () not known
        self._restart()

    def _restart(self) -> None:
        self.node = ""
        self.known = len(self.obstacles)  # before this layer
        self.arrived = False  # whether spikes were integrated before the weights
        self.flat = False
        self.spatial: tuple[int, ...] = ()  # the shape that was merged
        self.gain: np.ndarray = np.ones(())  # of the axons
        self.unit = 1.0  # what resistances and time constants make of a weight of 1
        self.weighed = ""
        self.weights: np.ndarray | None = None  # None: none yet, or none that can be read
        self.bias = False
        self.window: Window | None = None
        self.integrated: list[tuple[str, Any]] = []  # integrators after the weights

    def refuse(self, why: str) -> None:
        self.obstacles.append(f"{self.node}: {why}")

    def take(self, label: str, node: Any) -> None:
        kind = type(node).__name__
        self.node = called(label, node)
        if self.potential and kind != "Output":
            self.refuse("it follows a potential; only the output may be one")
            self.potential = False
        if kind == "Input":
            if self.shape:
                self.refuse(REASONS[kind])
            self.shape = tuple(int(side) for side in np.ravel(node.input_type["input"]))
        elif kind == "Flatten":
            self._flatten(node)
        elif kind == "Scale":
            self._scale(self._numbers(node, "scale"))
        elif kind == "Delay":
            if self._numbers(node, "delay").any():
                self.refuse(f"its delay is {np.ravel(node.delay)[0]:g}; only a delay of 0 means nothing")
        elif kind in WEIGHTS:
            self._weigh(node)
        elif kind in POTENTIALS:
            self._integrate(label, node)
        elif kind in FIRING:
            self._fire(label, node)
        elif kind == "Threshold":
            self._cross(label, node)
        elif kind == "Output":
            self._end()
        else:
            self.refuse(REASONS.get(kind, "no part of a layer says this"))

    # ---- numbers of a node ---------------------------------------------------------------------------

    def _numbers(self, node: Any, name: str) -> np.ndarray:
        """A parameter of a node; ones where it is not finite, which is an obstacle."""
        values = np.asarray(getattr(node, name), np.float64)
        if not np.isfinite(values).all():
            self.refuse(f"{name}={values[~np.isfinite(values)][0]}")
            return np.ones(values.shape)
        return values

    def _one(self, node: Any, name: str) -> float:
        """A parameter that all neurons of a layer share."""
        values = np.unique(self._numbers(node, name))
        if len(values) > 1:
            self.refuse(f"{name} differs, {values[0]:g}..{values[-1]:g}; a layer has one")
        return float(values[0]) if len(values) else 1.0

    def _share(self, node: Any, tau: str, current: bool) -> float:
        """What a step takes of a current, or a potential, of the time constant `tau`, by Euler's rule."""
        constant = self._one(node, tau)
        share = self.dt / constant if constant > 0 else np.inf
        if not (decay_fits(share) or (current and share == 1)):
            self.refuse(
                f"{tau}={constant:g} and a step of {self.dt:g} lose {share:.4g} of it a step; a layer loses "
                "1/2, 1/4, .. 1/32768, and 0.75 is the most that comes near"
            )
            return 0.5
        return share

    # ---- before the neurons --------------------------------------------------------------------------

    def _flatten(self, node: Any) -> None:
        if self.weighed or self.flat:
            self.refuse("it stands after the weights; it may stand before a dense layer only")
        elif tuple(np.ravel(node.output_type["output"])) != (int(np.prod(self.shape)),):
            self.refuse(f"it keeps some of the dimensions {self.shape}; it must merge them all")
        elif len(self.shape) > 1:
            self.spatial, self.shape = self.shape, (int(np.prod(self.shape)),)
            self.gain = self.gain.ravel() if self.gain.ndim else self.gain
        self.flat = True

    def _resist(self, by: np.ndarray) -> None:
        """Fold what a resistance makes of the signal into the weights."""
        self._scale(by)
        if len(np.unique(by)) == 1 and np.ravel(by)[0] > 0:
            self.unit *= float(np.ravel(by)[0])

    def _scale(self, by: np.ndarray) -> None:
        """Fold factors of the signal into the weights."""
        by = np.squeeze(by)
        if by.size == 1:
            by = by.reshape(())
        elif self.shape and tuple(by.shape) != tuple(side for side in self.shape if side != 1):
            self.refuse(f"it has shape {by.shape} and gets {self.shape}")
            return
        elif self.shape:
            by = by.reshape(self.shape)
        if not self.weighed:
            self.gain = self.gain * by
        elif self.weights is not None:
            columns = self._of_channels(by) if self.window is not None else by
            self.weights = self.weights * columns

    def _of_channels(self, by: np.ndarray) -> np.ndarray:
        """One factor a channel of a convolution."""
        if not by.ndim:
            return by
        channels = by.reshape(len(by), -1)
        if (channels != channels[:, :1]).any():
            self.refuse("factors differ within a channel, whose weights are shared")
        return channels[:, 0]

    def _weigh(self, node: Any) -> None:
        if self.weighed:
            self.refuse(f"it follows {self.weighed}; a layer has one set of weights, then neurons")
            return
        self.weighed = self.node
        weight = self._numbers(node, "weight")
        if type(node).__name__ == "Conv2d":
            matrix = self._convolve(node, weight)
        elif weight.ndim != 2:
            self.refuse(f"weights have shape {weight.shape}; they must be a matrix")
            matrix = None
        else:
            matrix = self._connect(weight.T)
        biases = () if getattr(node, "bias", None) is None else self._numbers(node, "bias")
        bias = np.asarray(biases)
        if matrix is None:
            self.shape = ()
            return
        self.bias = bool(bias.any())
        if self.bias and bias.shape != matrix.shape[1:]:
            self.refuse(f"bias has shape {bias.shape}; there are {matrix.shape[1]} outputs")
            self.bias = False
        self.weights = np.vstack([matrix, bias]) if self.bias else matrix
        window = self.window
        self.shape = (matrix.shape[1],)
        if window is not None:
            self.shape = matrix.shape[1], window.out_rows, window.out_cols

    def _connect(self, matrix: np.ndarray) -> np.ndarray | None:
        """The weights of a dense layer, its axons in our order."""
        if self.shape and len(matrix) != int(np.prod(self.shape)):
            self.refuse(f"it has {len(matrix)} inputs and gets {self.shape}")
            return None
        if len(self.shape) > 1 and max(self.shape) < len(matrix):
            self.refuse(f"it gets {self.shape}; a Flatten node must come first")
            return None
        if self.gain.size not in (1, len(matrix)):
            self.refuse(f"it has {len(matrix)} inputs and gets {self.gain.size}")
            return None
        matrix = matrix * np.broadcast_to(self.gain.ravel(), len(matrix))[:, None]
        if self.spatial:
            matrix = matrix[np.arange(len(matrix)).reshape(self.spatial).transpose(1, 2, 0).ravel()]
        return matrix

    def _of_both_axes(self, what: str, value: Any) -> int:
        """A stride or a padding, which a convolution has alike down and across."""
        if isinstance(value, str) or len(set(np.ravel(value).tolist())) != 1:
            self.refuse(f"{what}={value}; a convolution has one {what}, a number, down and across")
            return 1
        return int(np.ravel(value)[0])

    def _convolve(self, node: Any, weight: np.ndarray) -> np.ndarray | None:
        known = len(self.obstacles)
        if weight.ndim != 4 or weight.shape[2] != weight.shape[3]:
            self.refuse(f"weights have shape {weight.shape}; kernels must be square")
            return None
        for what, value in (("dilation", node.dilation), ("groups", node.groups)):
            if (np.ravel(value) != 1).any():
                self.refuse(f"{what}={value}; a convolution has {what} 1")
        stride = self._of_both_axes("stride", node.stride)
        valid = isinstance(node.padding, str) and node.padding == "valid"
        padding = self._of_both_axes("padding", 0 if valid else node.padding)
        if len(self.shape) != 3 or self.flat or self.shape[0] != weight.shape[1]:
            self.refuse(f"its input has shape {self.shape}, not ({weight.shape[1]} channels, rows, cols)")
        if len(self.obstacles) > known:
            return None
        channels, rows, cols = self.shape
        window = Window(rows, cols, channels, weight.shape[2], stride, padding)
        if faults := list(window.faults):
            self.refuse("; ".join(faults))
            return None
        self.window = window
        by = np.broadcast_to(self._of_channels(self.gain), (channels,))
        return (weight * by[None, :, None, None]).transpose(2, 3, 1, 0).reshape(-1, len(weight))

    # ---- integrators and neurons ---------------------------------------------------------------------

    def _integrate(self, label: str, node: Any) -> None:
        if self.weighed:
            if len(self.integrated) == 2:
                self.refuse("a third integrator after the weights; a layer has a current and a potential")
                return
            self.integrated.append((label, node))
            return
        if self.arrived or type(node).__name__ != "I":
            self.refuse("it integrates before the weights, where only one I may stand")
            return
        self.arrived = True
        self._resist(self._numbers(node, "r") * self.dt)

    def _current(self, nodes: list[tuple[str, Any]]) -> float:
        """The share of the current that a step leaves, by the integrators between weights and potential."""
        if not nodes:
            return 1.0 if self.arrived else 0.0
        (label, node), here = nodes[0], self.node
        self.node = called(label, node)
        if len(nodes) > 1 or self.arrived or type(node).__name__ == "CubaLI":
            self.refuse("a second integrator before the neuron; a layer has one current")
            kept = 0.0
        elif type(node).__name__ == "I":
            if self.bias:
                self.refuse(
                    "a bias stands before it, of which it makes a ramp; the bias of a current that is kept "
                    "is added after it"
                )
            self._resist(self._numbers(node, "r") * self.dt)
            kept = 1.0
        else:
            kept = 1 - self._leaks(node, "tau", "r", current=True)
        self.node = here
        return kept

    def _leaks(self, node: Any, tau: str, resistance: str, current: bool = False) -> float:
        """The share that a step takes of a leaky quantity, whose input is scaled."""
        share = self._share(node, tau, current)
        if tau != "tau_syn" and np.any(self._numbers(node, "v_leak")):
            self.refuse(f"v_leak={np.ravel(node.v_leak)[0]:g}; a layer leaks towards 0")
        self._resist(self._numbers(node, resistance) * share)
        return share

    def _membrane(self, node: Any, nodes: list[tuple[str, Any]]) -> tuple[float, float]:
        """(kept, leak) of the neurons of `node`, behind the integrators `nodes`."""
        kept = self._current(nodes)
        kind = type(node).__name__
        if kind in ("CubaLI", "CubaLIF"):
            if kept:
                self.refuse("it has a current of its own, and an integrator stands before it")
            kept = 1 - self._leaks(node, "tau_syn", "w_in", current=True)
            return kept, self._leaks(node, "tau_mem", "r")
        if kind in ("LI", "LIF"):
            leak = self._leaks(node, "tau", "r")
            if kept == 1:
                self.refuse("it leaks behind an integrator (I); what has been integrated does not leak here")
            return kept, leak
        self._resist(self._numbers(node, "r") * self.dt)
        return kept, 0.0

    def _fire(self, label: str, node: Any) -> None:
        kept, leak = self._membrane(node, self.integrated)
        threshold = self._limit(node, "v_threshold")
        self._finish(kept, leak, self._reset(label, node, kept, leak, threshold), threshold)

    def _limit(self, node: Any, name: str) -> float:
        limits = self._numbers(node, name)
        if limits.size and limits.min() < 0:
            self.refuse(f"{name}={limits.min()}; it must be 0 or more")
            return 1.0
        if len(np.unique(limits)) > 1:
            self.refuse(f"thresholds differ, {limits.min():g}..{limits.max():g}; a layer has one")
        return float(np.max(limits, initial=0))

    def _reset(self, label: str, node: Any, kept: float, leak: float, threshold: float) -> Reset:
        """What firing does, by `v_reset`: 0, or so low that no neuron fires again."""
        resets = self._numbers(node, "v_reset") if node.v_reset is not None else np.zeros(())
        if kept != 1 and not resets.any():
            subtracts = self.subtract is None or label in self.subtract
            return Reset.SUBTRACT if subtracts else Reset.ZERO
        if self.steps is None or self.weights is None:
            return Reset.ONCE
        # The most that a reset neuron gains: each step all that A may be.
        most = self._spikes(kept) * float(sums(self.weights)[1].max())
        climb = (self.steps - (kept == 1)) * most
        lowest = threshold - climb
        if leak:
            lowest /= (1 - leak) ** self.steps
        highest = float(resets.max())
        if highest > lowest:
            again = (
                "a neuron of a current that is kept"
                if kept == 1
                else "a neuron that is reset to other than 0"
            )
            self.refuse(
                f"it resets to {highest:g} and may spike again; {again} spikes once an image. In "
                f"{self.steps} steps v_reset must be at most {lowest:g}"
            )
        return Reset.ONCE

    def _spikes(self, kept: float) -> float:
        """The spikes of an axon that a current may hold at once, at most."""
        steps = self.steps or 1
        if kept < 1:
            return min(steps, 1 / (1 - kept))
        once = self.layers[-1].reset is Reset.ONCE if self.layers else self.once
        return 1 if once else steps

    def _cross(self, label: str, node: Any) -> None:
        """A threshold of a potential: in the output its first crossing, which decides."""
        nodes = self.integrated
        if nodes:
            kept, leak = self._membrane(nodes[-1][1], nodes[:-1])
        elif self.arrived and self.bias:
            self.refuse("its weights have a bias, which an integrator before them does not integrate")
            kept, leak = 0.0, 0.0
        elif self.arrived:  # integrals and weights commute
            self.arrived, kept, leak = False, 0.0, 0.0
        else:
            self.refuse("it comes without an integrator (I, LI or CubaLI) of its spikes")
            kept, leak = 0.0, 0.0
        self._finish(kept, leak, Reset.ONCE, self._limit(node, "threshold"))

    def _end(self) -> None:
        if self.weighed and self.integrated:
            here = self.node
            label, node = self.integrated[-1]
            self.node = called(label, node)
            kept, leak = self._membrane(node, self.integrated[:-1])
            self._finish(kept, leak, Reset.NEVER, 1.0)
            self.potential, self.node = True, here
        elif len(self.obstacles) == self.known and (self.weighed or self.arrived or not self.layers):
            self.refuse(
                "it follows no neuron and no potential; the last layer of a network spikes (IF, LIF, "
                "CubaLIF, Threshold) or has a potential (I, LI, CubaLI)"
            )

    def _finish(self, kept: float, leak: float, reset: Reset, threshold: float) -> None:
        if not self.weighed:
            if len(self.obstacles) == self.known:
                self.refuse("it comes without weights")
        elif self.weights is not None:
            if kept == 1 and self.bias and self.delay:
                self.refuse(f"its bias comes at step 0, and its spikes {self.delay} steps late")
            if kept < 1:
                self.delay += 1
            start, end = self.delay, self.delay + (self.steps or 0)
            weights, spikes = self.weights, self._spikes(kept)
            neuron = (kept, leak, reset, threshold, start, end, spikes, self.unit)
            self.layers.append(RealLayer(self.node, weights, self.bias, self.window, *neuron))
            layer = Layer(weights, Neuron(1, 0, 0), bias=self.bias, window=self.window)
            self.shape = (layer.neurons,)
            if self.window is not None:
                self.shape = weights.shape[1], self.window.out_rows, self.window.out_cols
        self._restart()
