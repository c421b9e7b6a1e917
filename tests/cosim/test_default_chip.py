"""Networks that fill the default chip in every dimension: tags, neuron words, weight rows, classes, steps.

Benches run on small chips, where an address or a tag that lost its highest bit may still name the right one.
"""

import pytest
from yoso_hw.params import ChipParams
from yoso_sim.build import build
from yoso_sim.study.cases import Case, LayerRecipe, Run
from yoso_sim.study.draw import CORNERS
from yoso_sim.study.session import Session

PARAMS = ChipParams()


def layer(neurons, seed, threshold=6, weights="small", bias=False, **changes):
    recipe = {"slope": 0, "start": 0, "end": PARAMS.steps, **changes}
    return LayerRecipe(neurons, weights, seed, bias, threshold, **recipe)


def run(inputs, *layers, spread=True):
    images = ("random", 5), ("every step", 6)
    return Run(inputs, PARAMS.steps, layers, False, spread, False, images)


#: Each dimension of the chip by a network that uses all of it.
FULL = {
    "all seven tags": run(20, *(layer(24, seed, 3) for seed in range(6)), layer(10, 9, 3)),
    "all neurons of a PE and as many axons": run(
        PARAMS.weight_words // PARAMS.neuron_words,
        layer(15 * PARAMS.neurons, 1),
        layer(10, 2, threshold=40),
        spread=False,
    ),
    "all weight rows": run(PARAMS.weight_words - 1, layer(4, 3, threshold=60, bias=True), layer(2, 4, 3)),
    "all classes": run(60, layer(PARAMS.classes, 5, threshold=30, weights="random")),
}


def test_the_networks_fill_what_they_are_called_for():
    images = {name: Case(PARAMS, (own,), 0, 0, 1).programs[0][1] for name, own in FULL.items()}
    assert images["all seven tags"].layers[-1].tag == PARAMS.layers - 1 == 7
    wide = images["all neurons of a PE and as many axons"].layers[0]
    assert {part.count for part in wide.slices} == {PARAMS.neurons}
    assert wide.axons * wide.stride == PARAMS.weight_words
    assert images["all weight rows"].layers[0].axons == PARAMS.weight_words
    assert images["all classes"].layers[0].neurons == PARAMS.classes
    assert all(image.steps == PARAMS.steps for image in images.values())
    assert PARAMS in CORNERS  # and soak draws more of them


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    with Session(build(PARAMS), tmp_path_factory.mktemp("default")) as opened:
        yield opened


@pytest.mark.parametrize("name", FULL)
def test_a_network_as_large_as_the_default_chip_agrees_in_every_spike_counter_and_state(session, name):
    assert session.run(Case(PARAMS, (FULL[name],), 0, 0, 1)) == []


def test_networks_of_all_sizes_follow_each_other_under_a_host_that_stalls(session):
    assert session.run(Case(PARAMS, tuple(FULL.values())[::-1], 60, 60, 7)) == []
