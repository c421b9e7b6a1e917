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


#: The same chip with convolution and the whole family.
MAPS = ChipParams(side=35, neuron="all")


def convolution(filters, window, seed, threshold, weights="random", **changes):
    recipe = {"bias": False, "slope": 0, "start": 0, "end": MAPS.steps, **changes}
    return LayerRecipe(filters, weights, seed, threshold=threshold, window=window, **recipe)


#: Each dimension that convolution adds, by a network that uses all of it.
WHOLE = {
    "a map of all coordinates, its bias counted": run(
        34 * 34, convolution(3, (34, 34, 1, 5, 2, 0), 1, 40, bias=True), layer(10, 2, threshold=20)
    ),
    "a pooled map of all coordinates": run(
        35 * 35, convolution(3, (35, 35, 1, 4, 1, 0), 3, 30, pool=True), layer(10, 4, threshold=20)
    ),
    "all neurons of a PE in one tile": run(
        18 * 18, convolution(4, (18, 18, 1, 3, 1, 0), 5, 30), layer(4, 6, threshold=60), spread=False
    ),
    "all words of a PE for one position": run(
        16, convolution(4 * 64, (4, 4, 1, 4, 1, 0), 7, 30), layer(10, 8, threshold=20), spread=False
    ),
    "kernels that fill a PE's weights": run(
        9 * 9 * 50, convolution(8, (9, 9, 50, 9, 1, 0), 9, 200, weights="small"), layer(4, 1, threshold=3)
    ),
    "six layers of convolutions, all tags": run(
        20 * 20,
        *(convolution(2, (20 - 2 * i, 20 - 2 * i, 1 + (i > 0), 3, 1, 0), i, 6, "one") for i in range(6)),
        layer(10, 2, threshold=20),
    ),
    "rate-coded maps": run(
        30 * 30,
        convolution(5, (30, 30, 1, 3, 1, 0), 2, 25, pool=True, reset="subtract", current="cleared"),
        convolution(6, (14, 14, 5, 3, 1, 1), 3, 9, bias=True, start=1, reset="zero", current=2, leak=2),
        layer(10, 4, threshold=20),
    ),
}


def test_the_convolutions_fill_what_they_are_called_for():
    images = {name: Case(MAPS, (own,), 0, 0, 1).programs[0][1] for name, own in WHOLE.items()}
    first = {name: image.layers[0] for name, image in images.items()}
    assert first["a map of all coordinates, its bias counted"].window.rows + 1 == MAPS.side
    assert first["a pooled map of all coordinates"].window.rows == MAPS.side
    words = [part.words(MAPS.lanes) for part in first["all neurons of a PE in one tile"].slices]
    assert max(words) == MAPS.neuron_words
    assert first["all words of a PE for one position"].stride == MAPS.neuron_words
    filled = first["kernels that fill a PE's weights"]
    assert filled.axons * filled.stride > 0.98 * MAPS.weight_words
    assert len(images["six layers of convolutions, all tags"].layers) == MAPS.layers - 1


@pytest.fixture(scope="module")
def convolving(tmp_path_factory):
    with Session(build(MAPS), tmp_path_factory.mktemp("convolving")) as opened:
        yield opened


@pytest.mark.parametrize("name", WHOLE)
def test_a_convolution_as_large_as_the_default_chip_agrees_in_every_spike_counter_and_state(convolving, name):
    assert convolving.run(Case(MAPS, (WHOLE[name],), 0, 0, 1)) == []


def test_convolutions_and_dense_networks_follow_each_other_under_a_host_that_stalls(convolving):
    names = (
        "six layers of convolutions, all tags",
        "all classes",
        "a pooled map of all coordinates",
        "all weight rows",
    )
    runs = tuple((FULL | WHOLE)[name] for name in names)
    assert convolving.run(Case(MAPS, runs, 60, 60, 7)) == []


@pytest.mark.long
def test_all_of_them_follow_each_other_under_a_host_that_stalls(convolving):
    runs = (*FULL.values(), *WHOLE.values())[::-1]
    assert convolving.run(Case(MAPS, runs, 60, 60, 7)) == []
