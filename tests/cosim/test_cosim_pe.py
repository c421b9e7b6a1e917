"""One processing element in Verilator under cocotb, at several shapes; and the bench's model of it."""

import random

import numpy as np
import pytest
from pe_model import PeModel, PeSetup
from yoso_hw.params import ChipParams
from yoso_sim.blocks import build_block, run_bench
from yoso_sw.network import golden
from yoso_sw.network.network import NEVER, Layer, Network
from yoso_sw.network.neuron import Neuron

#: Narrow A and V, so that random layers saturate; few words, so that every number of them comes.
SMALL = {"cols": 4, "rows": 3, "acc_bits": 10, "pot_bits": 12, "steps": 16, "layers": 4, "classes": 64}

CHIPS = {
    "four lanes": ChipParams(**SMALL, lanes=4, neurons=24, weights=240),
    "one lane, banked, unicast": ChipParams(
        **{**SMALL, "acc_bits": 16, "pot_bits": 21},
        lanes=1,
        neurons=6,
        weights=200,
        banked=True,
        multicast=False,
    ),
    "eight lanes, bus, five-bit weights": ChipParams(
        **{**SMALL, "acc_bits": 7}, lanes=8, neurons=48, weights=480, weight_bits=5, router="bus"
    ),
}


@pytest.mark.parametrize("chip", CHIPS)
def test_pe(chip, tmp_path):
    run_bench(build_block("pe", CHIPS[chip]), "bench_pe", tmp_path)


@pytest.mark.parametrize("seed", range(20))
def test_the_model_of_the_bench_is_the_golden_model(seed):
    """One layer whose axons are the weight memory's rows; a step's spikes in ascending order."""
    params, rng = CHIPS["four lanes"], random.Random(seed)
    setup = PeSetup.random(params, rng, words=params.neuron_words, mask=15)
    axons = params.weight_words - params.neuron_words + 1
    weights = np.array([setup.weights[row : row + setup.words] for row in range(axons)], np.int8)
    layer = Layer(
        weights.reshape(axons, -1), Neuron(setup.threshold, setup.start, setup.end, slope=setup.slope)
    )
    network = Network("one layer", (layer,), steps=params.steps, levels=1)
    spikes = np.array([[rng.choice([NEVER, *range(params.steps)]) for _ in range(axons)]], np.int16)
    expected = golden.run(network, spikes, params=params, early_exit=False)

    model = PeModel(setup)
    steps = np.full(params.neurons, NEVER)
    for step in range(params.steps):
        steps[model.sweep(step == 0)] = step
        for row in np.flatnonzero(spikes[0] == step):
            model.spike(int(row))
    assert steps.tolist() == expected.steps[0][0].tolist()
    assert model.pot == expected.potentials[0][0].tolist()
    assert model.acc == expected.accumulated[0][0].tolist()
