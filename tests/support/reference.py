"""Two references that the golden model is held against; written from docs/arithmetic.md, not from the model.

`simulate` walks through docs/arithmetic.md one neuron at a time in plain Python, saturation included.
`closed_form` never steps at all: it evaluates equation 8 of the paper for every step at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from yoso_hw.params import ChipParams
from yoso_sw.network.events import Events
from yoso_sw.network.network import NEVER, Layer, Network
from yoso_sw.network.neuron import CLEARED, KEPT, Neuron, Reset


@dataclass
class Outcome:
    """One image; lists a layer, as in `yoso_sw.network.vectors.Case`.

    Attributes
    ----------
    steps
        Of each neuron the steps at which it fires.
    sent
        Of each output of a layer the steps at which it spikes: `steps`, but for a pooled layer.
    spike_potentials
        (step, neuron, V) of each spike of the last layer: what it carries.
    """

    decision: int
    decision_step: int
    spiked: bool
    last: int
    steps: list[list[list[int]]]
    sent: list[list[list[int]]]
    potentials: list[list[int]]
    accumulated: list[list[int]]
    spikes_in: list[int]
    spike_potentials: list[tuple[int, int, int]]


def clamp(value: int, low: int, high: int) -> int:
    return low if value < low else high if value > high else value


def decay(x: int, k: int) -> int:
    """sign(x) ceil(|x| / 2^k)."""
    size = -(-abs(x) // 2**k)
    return size if x > 0 else -size


def simulate(network: Network, inputs: Events, params: ChipParams, early_exit: bool) -> Outcome:
    """One image, as docs/arithmetic.md says it; a convolution is the dense layer that it stands for."""
    layers = [layer.unrolled() for layer in network.layers]
    a, v = ([[0] * layer.neurons for layer in layers] for _ in range(2))
    fired: list[list[list[int]]] = [[[] for _ in range(layer.neurons)] for layer in layers]
    sent: list[list[list[int]]] = [[[] for _ in range(layer.outputs)] for layer in network.layers]
    arriving = set(zip(inputs.step.tolist(), inputs.axon.tolist(), strict=True))
    spikes_in = [0] * len(layers)
    carried = []
    winner = None
    for t in range(network.steps):
        for index, layer in enumerate(layers):
            for j in range(layer.neurons):
                a[index][j], v[index][j], fires = sweep(
                    a[index][j], v[index][j], bool(fired[index][j]), bias_of(layer, j), t, layer, params
                )
                if fires:
                    fired[index][j].append(t)
            passing = outputs_that_spike(network.layers[index], fired[index], t)
            for output in passing:
                sent[index][output].append(t)
        carried += [(t, j, v[-1][j]) for j, steps in enumerate(fired[-1]) if t in steps[-1:]]
        for index, layer in enumerate(layers):
            if index:
                axons = [i for i, steps in enumerate(sent[index - 1]) if t in steps[-1:]]
            else:
                axons = [i for i in range(layer.inputs) if (t, i) in arriving]
            if t == 0 and layer.bias and layer.neuron.current == KEPT:
                axons.append(layer.inputs)
            for i in axons:
                spikes_in[index] += 1
                for j in range(layer.neurons):
                    total = a[index][j] + int(layer.weights[i, j])
                    a[index][j] = clamp(total, params.acc_min, params.acc_max)
        if winner is None and network.decision == "ttfs":
            ranked = sorted((-v[-1][j], j) for j, steps in enumerate(fired[-1]) if steps[-1:] == [t])
            if ranked:
                winner = (ranked[0][1], t)
        if winner is not None and early_exit:
            break
    if network.decision == "count" and any(fired[-1]):
        most = max(len(steps) for steps in fired[-1])
        winner = (next(j for j, steps in enumerate(fired[-1]) if len(steps) == most), t)
    spiked = winner is not None
    if winner is None:
        winner = (max(range(len(v[-1])), key=lambda j: (v[-1][j], -j)), t)
    return Outcome(*winner, spiked, t, fired, sent, v, a, spikes_in, carried)


def bias_of(layer: Layer, j: int) -> int:
    """b of neuron j, which sweeps add to a current that is not kept."""
    return int(layer.weights[-1, j]) if layer.bias and layer.neuron.current != KEPT else 0


def sweep(
    a: int, v: int, fired: bool, b: int, t: int, layer: Layer, params: ChipParams
) -> tuple[int, int, bool]:
    """A sweep of one neuron: the A and the V that it leaves, and whether it fires."""
    own = layer.neuron
    new, fires = v, False
    if not (own.reset == Reset.ONCE and fired):
        if own.leak:
            new -= decay(new, own.leak)
        x = own.slope if own.slope > 0 and t >= own.start else a
        new = clamp(new + x, params.pot_min, params.pot_max)
        if own.charge and t == own.charge:
            return clamp(new, params.acc_min, params.acc_max), 0, False
        fires = own.start <= t < own.end and new >= own.threshold and own.reset != Reset.NEVER
        if fires and own.reset == Reset.SUBTRACT:
            new -= own.threshold
        if fires and own.reset == Reset.ZERO:
            new = 0
    if own.current != KEPT:
        g = 1 if own.start <= t + 1 < own.end else 0
        left = 0 if own.current == CLEARED else a - decay(a, own.current)
        a = clamp(left + g * b, params.acc_min, params.acc_max)
    return a, new, fires


def outputs_that_spike(layer: Layer, fired: list[list[int]], t: int) -> list[int]:
    """Outputs of a layer that spike in step t; P2 passes on the first of four, or one a step."""
    now = [j for j, steps in enumerate(fired) if steps[-1:] == [t]]
    if not layer.pool:
        return now
    filters, cols = layer.weights.shape[1], layer.window.out_cols
    groups: dict[int, list[int]] = {}
    for j in range(layer.neurons):
        place, f = divmod(j, filters)
        row, col = divmod(place, cols)
        groups.setdefault(((row // 2) * (cols // 2) + col // 2) * filters + f, []).append(j)
    once = layer.neuron.reset == Reset.ONCE
    return [
        output
        for output, four in sorted(groups.items())
        if any(j in now for j in four) and not (once and any(fired[j] and fired[j][0] < t for j in four))
    ]


def closed_form(layer: Layer, arrivals: np.ndarray, total: int) -> tuple[np.ndarray, np.ndarray]:
    """Spike steps and firing (or final) potentials of an unsaturated ReL-PSP layer.

    V_j(t) = sum_i w_ij max(0, t - t_i) for t < `total` (paper, eq. 8), `arrivals` int (axons,) with the bias;
    a neuron fires at the first t of its window with V_j(t) >= theta.
    """
    t = np.arange(total)
    kernel = np.where(
        arrivals[:, None] == NEVER, 0, np.maximum(0, t[None, :] - arrivals[:, None].astype(int))
    )
    v = layer.weights.T.astype(np.int64) @ kernel
    may_fire = (v >= layer.neuron.threshold) & (t >= layer.neuron.start) & (t < layer.neuron.end)
    fires = may_fire.any(axis=1)
    steps = np.where(fires, may_fire.argmax(axis=1), NEVER)
    held = v[np.arange(layer.neurons), np.where(fires, steps, total - 1)]
    return steps, held


def random_network(
    rng: np.random.Generator,
    sizes: list[int],
    steps: int,
    *,
    weight_bits: int = 4,
    decision: str = "ttfs",
    slopes: bool = False,
    biases: bool = True,
    excess: float = 0.4,
    family: bool = False,
) -> Network:
    """A network of random weights with thresholds that about half of the neurons reach.

    With `family` each layer has any legal neuron of the family, and inputs spike more than once unless the
    first layer is charged.
    """
    limit = 1 << (weight_bits - 1)
    layers = []
    for inputs, neurons in zip(sizes, sizes[1:], strict=False):
        bias = bool(biases and rng.integers(2))
        weights = np.clip(
            rng.normal(excess * limit / 2, limit / 2, (inputs + bias, neurons)), -limit, limit - 1
        )
        start = int(rng.integers(0, max(1, steps // 3))) if rng.integers(2) else 0
        end = steps - (int(rng.integers(0, steps // 4 + 1)) if rng.integers(2) else 0)
        slope = int(rng.integers(1, limit)) if slopes and rng.integers(2) else 0
        threshold = int(rng.integers(1, max(2, inputs * limit)))
        if slope:  # inputs prime V until the window opens, then it climbs by the slope
            start = steps // 2 if layers else steps // 4
            threshold = int(rng.integers(1, max(2, slope * steps // 2)))
        layers.append(Layer(weights.astype(np.int8), Neuron(threshold, start, end, slope), bias=bias))
    if family:
        return of_family(rng, layers, steps, weight_bits, decision)
    if decision == "softmax":
        last = layers[-1]
        layers[-1] = Layer(last.weights, Neuron(last.neuron.threshold, 0, 0, 0), bias=last.bias)
    return Network("random", tuple(layers), steps, min(steps, 256), decision, weight_bits)


#: Resets that a hidden layer may have, and an output layer by its decision.
RESETS = {
    "hidden": tuple(Reset),
    "ttfs": (Reset.ONCE,),
    "count": (Reset.SUBTRACT, Reset.ZERO),
    "softmax": (Reset.NEVER,),
}


def random_kind(
    rng: np.random.Generator,
    neuron: Neuron,
    steps: int,
    resets: tuple[Reset, ...],
    *,
    charge: bool,
    bias: bool,
) -> Neuron:
    """A legal neuron of the family with the threshold and about the window of `neuron`.

    `charge` says whether it may be charged, `bias` whether its layer has a bias.
    """
    reset = resets[rng.integers(len(resets))]
    if charge and reset is not Reset.ONCE and steps > 3 and rng.integers(2):
        q = int(rng.integers(1, steps - 2))
        return Neuron(neuron.threshold, q + 1, steps, reset=reset, charge=q)
    current = (KEPT, CLEARED, int(rng.integers(1, 5)), 15)[rng.choice(4, p=(0.3, 0.3, 0.3, 0.1))]
    leak = (0, int(rng.integers(1, 5)), 15)[rng.choice(3, p=(0.5, 0.4, 0.1))]
    if current == KEPT and not leak and reset is Reset.ONCE and rng.integers(2):
        slope = int(rng.integers(1, 8))
        return replace(
            neuron, start=steps // 2, threshold=1 + neuron.threshold % (slope * steps), slope=slope
        )
    start = max(1, neuron.start) if bias and current != KEPT else neuron.start
    threshold = neuron.threshold if current == KEPT else 1 + neuron.threshold // 3
    return Neuron(threshold, start, neuron.end, current=current, leak=leak, reset=reset)


def of_family(
    rng: np.random.Generator, layers: list[Layer], steps: int, weight_bits: int, decision: str
) -> Network:
    """The layers with other neurons."""
    for i, layer in enumerate(layers):
        last = i == len(layers) - 1
        resets = RESETS[decision if last else "hidden"]
        if not last:  # a hidden readout sends nothing: one in eight is enough
            resets = (*resets[:3], *resets[:3], *resets[:3], Reset.NEVER)
        kind = random_kind(rng, layer.neuron, steps, resets, charge=i == 0, bias=layer.bias)
        if decision == "softmax" and last and rng.integers(2):
            kind = replace(kind, end=0, reset=Reset.ONCE) if not kind.charge else kind
        layers[i] = replace(layer, neuron=kind)
    q = layers[0].neuron.charge
    code, levels = ("ttfs", int(rng.integers(1, q + 1))) if q else ("events", int(rng.integers(1, steps + 1)))
    name = "random family"
    return Network(name, tuple(layers), steps, min(levels, 256), decision, weight_bits, code=code)


def random_inputs(
    rng: np.random.Generator, images: int, network: Network, density: float = 0.6
) -> np.ndarray:
    """int16 (images, inputs): steps of the first two thirds of an image, some silent."""
    latest = network.layers[0].neuron.charge or network.steps * 2 // 3
    steps = rng.integers(0, max(1, latest), (images, network.inputs))
    return np.where(rng.random(steps.shape) < density, steps, NEVER).astype(np.int16)


def random_events(rng: np.random.Generator, images: int, network: Network, density: float = 0.4) -> Events:
    """Events of a random network: of code `ttfs` one an axon, else in each of its levels with `density`."""
    if network.code == "ttfs":
        return Events.of_steps(random_inputs(rng, images, network))
    image, step, axon = np.nonzero(rng.random((images, network.levels, network.inputs)) < density)
    return Events.of_pairs(image, step, axon, images, network.inputs)
