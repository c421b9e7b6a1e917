"""One processing element in Verilator under cocotb, at several shapes; and the bench's model of it."""

import random

import numpy as np
import pytest
from support.block_cases import PES, pe_benches
from support.blocks import build_block, run_bench
from support.pe_model import PeModel, PeSetup
from yoso_sw.network import golden
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import NEVER, Network
from yoso_sw.network.neuron import Neuron


@pytest.mark.parametrize("chip", PES)
def test_pe(chip, tmp_path):
    made = build_block("pe", PES[chip])
    for bench in pe_benches(PES[chip]):
        run_bench(made, bench, tmp_path)


@pytest.mark.parametrize("seed", range(20))
def test_the_model_of_the_bench_is_the_golden_model(seed):
    """One layer whose axons are the weight memory's rows; a step's spikes in ascending order."""
    params, rng = PES["four lanes"], random.Random(seed)
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
