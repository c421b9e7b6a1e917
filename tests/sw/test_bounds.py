"""What the compiler lets a layer's A hold: each kind of current at the edge of its bound, and past it.

At the edge a chip's worst spikes are walked through by the plain arithmetic of docs/arithmetic.md.
"""

import dataclasses

import numpy as np
import pytest
from yoso_hw.params import ChipParams
from yoso_sw.compile.compiler import CompileError, compile_network
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import CLEARED, KEPT, Neuron, Reset

#: A lies in -512 .. 511.
CHIP = ChipParams(
    cols=2, rows=2, neurons=8, weights=128, acc_bits=10, pot_bits=16, steps=32, layers=4, neuron="all"
)

#: The firing window [2, 7) lets a neuron spike five times in the eight steps of an image.
STEPS, START, END, SPIKES = 8, 2, 7, 5

IF = Neuron(threshold=3, start=START, end=END, reset=Reset.SUBTRACT)


def decay(x: int, k: int) -> int:
    return (1 if x > 0 else -1) * -(-abs(x) // (1 << k))


def extremes(weights: list[int], bias: int, neuron: Neuron, spikes: list[range]) -> tuple[int, int]:
    """Smallest and largest A, unclamped, over both worst orders: all that lowers A, or all that lifts it.

    `spikes` are the steps at which each axon spikes. Axons of the other sign stay silent, which is worst.
    """
    reached = []
    for sign in (1, -1):
        a = v = 0
        for t in range(STEPS):
            g = START <= t + 1 < END
            v += a
            if neuron.charge and t == neuron.charge:
                a, v = v, 0
            elif neuron.current == CLEARED:
                a = g * bias
            elif neuron.current != KEPT:
                a = a - decay(a, neuron.current) + g * bias
            reached.append(a)
            for weight, own in zip(weights, spikes, strict=True):
                if t in own and weight * sign > 0:
                    a += weight
                    reached.append(a)
            if t == 0 and neuron.current == KEPT:
                a += bias
                reached.append(a)
    return min(reached), max(reached)


def network(weights: list[int], bias: int, neuron: Neuron, source: str) -> Network:
    """A layer whose inputs are spikes of a code, or of neurons that spike all along their window."""
    rows = np.array([*weights, bias], np.int8)[:, None]
    layer = Layer(rows, neuron, bias=True)
    if source != "neurons":
        return Network("edge", (layer,), STEPS, SPIKES, "count", code=source)
    before = Layer(np.ones((2, len(weights)), np.int8), IF)
    return Network("edge", (before, layer), STEPS, SPIKES, "count", code="ttfs")


#: Kind -> neuron, where its spikes come from, weights and bias whose sums are just the bound, as positives.
#: Columns: what the bound multiplies the axons' sum by, and the bias.
KINDS = {
    "kept, one spike an axon": (IF, "ttfs", 1, 1),
    "kept, rate-coded inputs": (IF, "rate", SPIKES, 1),
    "kept, events": (IF, "events", SPIKES, 1),
    "kept, neurons that spike often": (IF, "neurons", SPIKES, 1),
    "cleared": (dataclasses.replace(IF, current=CLEARED), "rate", 1, 1),
    "decays by 1": (dataclasses.replace(IF, current=1), "rate", 2, 2),
    "decays by 2": (dataclasses.replace(IF, current=2), "neurons", 4, 4),
    "decays by 4, few steps": (dataclasses.replace(IF, current=4), "rate", STEPS, STEPS),
    "charged": (dataclasses.replace(IF, charge=5, start=6), "ttfs", 5, 5),
}


def at_the_edge(bound: int, times: int, bias_times: int) -> tuple[list[int], int]:
    """Weights and a bias that count up to `bound`, or as near as whole weights come."""
    bias = bound % times if times != bias_times else 1
    left = (bound - bias * bias_times) // times
    weights = []
    while left:
        weights.append(min(left, 127))
        left -= weights[-1]
    return weights, bias


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("kind", KINDS)
def test_the_bound_of_each_kind_is_met_and_one_more_is_refused(kind, sign):
    neuron, source, times, bias_times = KINDS[kind]
    weights, bias = at_the_edge(CHIP.acc_max if sign > 0 else -CHIP.acc_min, times, bias_times)
    weights, bias = [sign * weight for weight in weights], sign * bias
    compile_network(network(weights, bias, neuron, source), CHIP)
    index = int(source == "neurons")
    which = "positive" if sign > 0 else "negative"
    with pytest.raises(CompileError, match=f"layer {index}, neuron 0: its {which} weights.* sum to"):
        compile_network(network(weights, bias + sign, neuron, source), CHIP)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("kind", KINDS)
def test_at_the_edge_no_spikes_carry_a_out_of_its_range(kind, sign):
    neuron, source, times, bias_times = KINDS[kind]
    weights, bias = at_the_edge(CHIP.acc_max if sign > 0 else -CHIP.acc_min, times, bias_times)
    weights, bias = [sign * weight for weight in weights], sign * bias
    often = {"ttfs": range(1), "neurons": range(START, END)}.get(source, range(SPIKES))
    low, high = extremes(weights, bias, neuron, [often] * len(weights))
    assert CHIP.acc_min <= low and high <= CHIP.acc_max
    if times == 1 or neuron.current == KEPT:
        # Spikes that reach the bound: it is no wider than it must be.
        assert (high if sign > 0 else -low) > CHIP.acc_max - times


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_current_that_decays_never_passes_its_bound_however_long_it_is_fed(k):
    for total in range(1, 40):
        a = 0
        for _ in range(300):
            a = a - decay(a, k) + total
            assert a <= total << k


def test_an_axon_whose_source_never_fires_brings_nothing():
    silent = Layer(np.ones((2, 3), np.int8), dataclasses.replace(IF, start=0, end=0))
    heavy = Layer(np.full((3, 2), 127, np.int8), IF)
    compile_network(Network("net", (silent, heavy), STEPS, 4, "count"), dataclasses.replace(CHIP, acc_bits=8))


# ---- what a chip has -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"current": CLEARED}, "layer 1: current=cleared"),
        ({"current": 3}, "layer 1: current=3"),
        ({"leak": 2}, "layer 1: leak=2"),
        ({"reset": Reset.NEVER}, "layer 1: reset=never"),
        ({"reset": Reset.ZERO}, "layer 1: reset=zero"),
    ],
)
def test_a_chip_without_the_family_refuses_each_field_of_it_by_name(change, said):
    weights = np.ones((3, 3), np.int8)
    plain = Neuron(threshold=3, start=START, end=END)
    layers = (Layer(weights, plain), Layer(weights, dataclasses.replace(plain, **change)))
    own = Network("net", (*layers, Layer(weights, plain)), STEPS, 4)
    with pytest.raises(
        CompileError, match=rf"has {said}, which.*neuron=rel_psp.*use a chip with neuron=all$"
    ):
        compile_network(own, dataclasses.replace(CHIP, neuron="rel_psp"))
    compile_network(own, CHIP)


def test_a_chip_without_the_family_names_charging_resets_and_counts_all_at_once():
    own = network([1], 0, KINDS["charged"][0], "ttfs")
    with pytest.raises(
        CompileError, match="layer 0: reset=subtract, layer 0: charge=5, decision=count, which"
    ):
        compile_network(own, dataclasses.replace(CHIP, neuron="rel_psp"))
    compile_network(own, CHIP)


@pytest.mark.parametrize("code", ["rate", "poisson", "events"])
def test_a_chip_without_the_family_takes_several_spikes_an_axon(code):
    own = Network("net", (Layer(np.ones((3, 3), np.int8), Neuron(3, 0, 8)),), STEPS, 4, code=code)
    compile_network(own, dataclasses.replace(CHIP, neuron="rel_psp"))


def test_the_edge_of_v_holds_for_thresholds_of_every_reset():
    neuron = dataclasses.replace(IF, threshold=CHIP.pot_max)
    compile_network(network([1], 0, neuron, "rate"), CHIP)
    with pytest.raises(CompileError, match=f"layer 0: threshold={CHIP.pot_max + 1} exceeds"):
        compile_network(network([1], 0, dataclasses.replace(IF, threshold=CHIP.pot_max + 1), "rate"), CHIP)
