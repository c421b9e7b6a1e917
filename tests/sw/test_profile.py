"""The profile of quantisation: ranges as a walk in plain Python has them, stages that say what changed."""

import copy
import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from support import reference
from support.labels import unreadable
from support.quarters import CLIF, COUNT, LITERAL, TANDEM, load, patterns, small_config
from support.reference import random_events, random_network
from yoso_hw.params import ChipParams
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.mapping import CompileError
from yoso_sw.data.samples import Samples
from yoso_sw.learn import floats, rules
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.layer_config import LayerConfig, NeuronConfig
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network import golden
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron
from yoso_sw.network.vectors import load_vector
from yoso_sw.profile import show, weights
from yoso_sw.profile.difference import Difference
from yoso_sw.profile.draw import draw
from yoso_sw.profile.observe import bits_of, observe
from yoso_sw.profile.profile import narrower, profile
from yoso_sw.profile.rounding import Rounding
from yoso_sw.profile.stages import measure, of_model, stages

FOLDER = Path(__file__).parents[1] / "vectors"

#: A and V of different widths, so that a clamp tells which of both it is of.
WIDE, NARROW = ChipParams(acc_bits=16, pot_bits=24), ChipParams(weight_bits=4, acc_bits=5, pot_bits=7)

NORMED = {
    "layers": (
        LayerConfig(
            20, NeuronConfig("constant", 17, 16, 32), std=0.1, bias=True, batch_norm=5.0, centred=True
        ),
        LayerConfig(4, std=0.2, dropout=0.1),
    ),
}
CONVOLVED = {
    "layers": (
        LayerConfig(5, NeuronConfig("constant", 17, 16, 32), std=0.1, bias=True, kernel=3, pool=True),
        LayerConfig(4, std=0.2),
    ),
    "rows": 8,
}
FILTERS = {
    **TANDEM,
    "layers": (
        LayerConfig(
            5, NeuronConfig(start=9, end=21), std=0.4, bias=True, kernel=3, pool=True, batch_norm=3.0
        ),
        LayerConfig(6, NeuronConfig(start=10, end=22), std=0.4, bias=True, kernel=2, batch_norm=3.0),
        LayerConfig(4, std=0.3, bias=True),
    ),
    **{"levels": 8, "steps": 23, "rows": 8},
}
EXAMPLES = {
    "windows": {},
    "windows, normalised and centred": NORMED,
    "windows, convolved": CONVOLVED,
    "the paper's": LITERAL,
    "count": COUNT,
    "clif": CLIF,
    "tandem": TANDEM,
    "tandem, convolved": FILTERS,
}
EACH = pytest.mark.parametrize("name", EXAMPLES)


@pytest.fixture(scope="module")
def data():
    return load()


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """Of an example its configuration, network, file of the float phase, and float accuracy; trained once."""
    made = {}

    def get(name):
        if name not in made:
            example = EXAMPLES[name]
            config = small_config(**example)
            file = tmp_path_factory.mktemp("trained") / "own.pt"
            trainer = Trainer(config, data, file)
            trainer.run()
            made[name] = config, trainer.network(""), floats.beside(file), trainer.float_accuracy
        return made[name]

    return get


def samples(data, count=300):
    return Samples("quarters", data.test[0][:count], data.test[1][:count])


# ---- A and V -----------------------------------------------------------------------------------------------


def test_bits_of_a_number_hold_it_and_no_fewer_do():
    for value in (*range(-70, 70), 2**20, -(2**20), 2**20 - 1):
        bits = bits_of(value)
        assert -(1 << (bits - 1)) <= value < 1 << (bits - 1)
        assert bits == 1 or not -(1 << (bits - 2)) <= value < 1 << (bits - 2)


@pytest.mark.parametrize("params", [WIDE, NARROW], ids=["wide", "narrow"])
def test_ranges_are_those_of_the_page_walked_through_neuron_by_neuron(params, monkeypatch):
    """Every V that a sweep reaches and every A that it leaves, with their bits and V's clamps."""
    own = {}

    def sweep(a, v, fired, b, t, layer, params):
        own["layer"] = own["layers"].index(layer)
        if t:
            own["a"][own["layer"]].append(a)  # as the step before left it
        return walked(a, v, fired, b, t, layer, params)

    def clamp(value, low, high):
        if (low, high) == (params.pot_min, params.pot_max):
            own["v"][own["layer"]].append((value, clamped(value, low, high)))
        return clamped(value, low, high)

    walked, clamped = reference.sweep, reference.clamp
    monkeypatch.setattr(reference, "sweep", sweep)
    monkeypatch.setattr(reference, "clamp", clamp)
    seen = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        sizes = [int(size) for size in rng.integers(1, 9, rng.integers(2, 5))]
        decision = ("ttfs", "softmax", "count")[seed % 3]
        network = random_network(rng, sizes, int(rng.integers(4, 17)), decision=decision, family=True)
        events = random_events(rng, 3, network)
        layers = range(len(network.layers))
        own.update(layers=list(network.layers), a=[[] for _ in layers], v=[[] for _ in layers])
        for image in events:
            outcome = reference.simulate(network, image, params, False)
            for i in layers:
                own["a"][i] += outcome.accumulated[i]
        a, v = observe(network, events, params)
        for i in layers:
            reached = [after for _, after in own["v"][i]]
            for found, values in ((a[i], own["a"][i]), (v[i], reached)):
                assert (found.least, found.largest) == (min([0, *values]), max([0, *values]))
                bits = np.bincount([bits_of(int(value)) for value in values], minlength=33)
                assert np.array_equal(found.bits, bits)
            clamps = sum(before != after for before, after in own["v"][i])
            assert v[i].saturated == clamps
            seen += clamps
    assert (seen > 100) == (params is NARROW)


def test_saturations_of_the_vectors_by_hand_are_counted():
    """docs/arithmetic.md: in "clamp-accumulated" three A saturate, in the others' tables two V and four."""
    found = {}
    for name in ("clamp-accumulated", "clamp-high", "clamp-low", "equality"):
        vector = load_vector(FOLDER / f"{name}.json")
        both = [observe(vector.network, case.inputs, vector.params) for case in vector.cases]
        found[name] = [sum(own[k][0].saturated for own in both) for k in (0, 1)]
    assert found["clamp-accumulated"][0] == 3
    assert found["clamp-high"] == [0, 2]
    assert found["clamp-low"] == [0, 1]
    assert found["equality"] == [0, 0]


def test_the_bound_of_a_is_what_the_compiler_asks_for():
    rng = np.random.default_rng(3)
    for _ in range(20):
        layer = Layer(rng.integers(-8, 8, (40, 3)).astype(np.int8), Neuron(5, 0, 9), bias=True)
        network = Network("own", (layer,), 9, 4, weight_bits=4)
        bits = max(map(bits_of, weights.bound_of_a(network, 0)))
        chip = ChipParams(cols=2, rows=1, weight_bits=4, acc_bits=bits, pot_bits=20)
        compile_network(network, chip)
        with pytest.raises(CompileError, match="acc_bits"):
            compile_network(network, dataclasses.replace(chip, acc_bits=bits - 1))


def test_weights_are_told_against_their_bits_and_channels_one_by_one():
    own = np.array([[-8, 7, 0, 0], [7, 1, 0, 0], [1, -2, 0, 1], [3, 3, 3, 3]], np.int8)
    layer = Layer(own, Neuron(5, 0, 9), bias=True)
    found = weights.of_layer(layer, 4)
    assert (found["least"], found["largest"], found["needed"], found["unused"]) == (-8, 7, 4, 0)
    assert found["at_bounds"] == 25.0 and found["zeros"] == round(100 * 5 / 12, 2)
    assert found["values"] == {"-8": 1, "-2": 1, "0": 5, "1": 3, "7": 2}
    assert found["bias"] == {"least": 3, "largest": 3, "at_bounds": 0.0}
    assert weights.of_layer(layer, 8)["unused"] == 4
    channels = weights.channels(layer, 4)
    assert channels["needed"] == [4, 4, 1, 2] and channels["unused"] == 1.25
    assert channels["snr_db"][2] is None
    assert channels["snr_db"][0] == pytest.approx(10 * math.log10(12 * (64 + 49 + 1) / 3), abs=0.05)


def test_v_is_tried_in_fewer_bits_until_the_network_would_not_compile_or_it_costs_enough(data, trained):
    _, network, _, _ = trained("the paper's")
    some = samples(data)
    _, v = observe(network, some.inputs)
    needed = max(own.needed for own in v)
    rows = narrower(network, some, network.chip, needed)
    assert rows[0] == {
        "pot_bits": needed,
        "accuracy": rows[0]["accuracy"],
        "cost": 0.0,
        "spikes_changed": 0.0,
        "decisions_changed": 0,
    }
    assert [row["pot_bits"] for row in rows] == list(range(needed, needed - len(rows), -1))
    for row in rows:
        chip = dataclasses.replace(
            network.chip, weight_bits=network.weight_bits, acc_bits=row["pot_bits"], pot_bits=row["pot_bits"]
        )
        result = golden.run(network, some.inputs, params=chip)
        assert row["accuracy"] == round(100 * float((result.decisions == some.labels).mean()), 2)


# ---- stages ------------------------------------------------------------------------------------------------


def test_a_difference_is_what_one_counts_by_hand():
    inf = np.inf
    sums = Difference()
    times = np.array([[1.0, 2.5, inf, inf], [3.0, 4.0, 5.0, inf]], np.float32)
    others = np.array([[1.0, 3.0, 6.0, inf], [5.0, inf, 4.0, inf]], np.float32)
    sums.take(times, others, np.isfinite(times), np.isfinite(others))
    row = sums.row()
    assert (row["shift"], row["mean_shift"]) == (0.875, 0.375)  # 0, 0.5, 2, -1
    assert (row["moved"], row["lost"], row["gained"]) == (25.0, 12.5, 12.5)
    assert (row["counts"], row["mean_counts"]) == (0.25, 0.0)
    assert "potentials" not in row
    sums.take_potentials(np.array([[1.0, 2.0]]), np.array([[30.0, 60.0]]))
    assert sums.row()["potentials"] == 0
    sums.take_potentials(np.array([[1.0, 0.0]]), np.array([[0.0, 10.0]]))
    assert 0.05 < sums.row()["potentials"] < 1


@EACH
def test_training_keeps_the_float_phase_which_is_as_accurate_as_it_was(name, data, trained):
    config, network, file, accuracy = trained(name)
    model, recorded = floats.load(config, file)
    assert model.scales is None and recorded == accuracy
    seen = of_model(model)(data.test[0])
    assert 100 * (seen.decisions == data.test[1]).mean() == pytest.approx(accuracy)
    # From there the integer phase ends with the same network.
    again = Trainer(config, data)
    again.resume(file)
    again.run()
    for ours, theirs in zip(again.network("").layers, network.layers, strict=True):
        assert np.array_equal(ours.weights, theirs.weights)


@EACH
def test_going_back_to_floats_unrounded_changes_nothing_and_rounded_gives_the_integers(name, data, trained):
    config, _, file, _ = trained(name)
    model, _ = floats.load(config, file)
    whole = copy.deepcopy(model)
    whole.quantise()
    integers = [layer.weights for layer in whole.export({}).layers]
    scales = whole.scales
    folded, rounded = copy.deepcopy(whole), copy.deepcopy(whole)
    folded.unquantise()
    rounded.unquantise(range(len(integers)))
    before, after = (of_model(own)(data.test[0][:100]) for own in (model, folded))
    for ours, theirs in zip(before.times, after.times, strict=True):
        assert (np.isfinite(ours) != np.isfinite(theirs)).mean() < 1e-3
        both = np.isfinite(ours) & np.isfinite(theirs)
        # What is folded rounds otherwise, which moves few spikes.
        assert (np.abs(ours[both] - theirs[both]) > 1e-3).sum() <= 2e-3 * both.sum()
    assert (before.decisions != after.decisions).sum() <= 1
    for own, layer, scale in zip(integers, rounded.chain, scales, strict=True):
        assert np.allclose(layer.weight.detach().numpy() * scale, own, atol=1e-3)
    with pytest.raises(ValueError, match="float phase"):
        folded.unquantise()


@EACH
def test_stages_lead_from_floats_to_the_golden_model_which_is_the_trainers(name, data, trained):
    config, network, file, accuracy = trained(name)
    model, _ = floats.load(config, file)
    own = samples(data)
    found = profile(network, own, config, model)
    assert [row["stage"] for row in found["stages"]] == ["float", "rounded", "integers", "trained", "golden"]
    by_name = {row["stage"]: row for row in found["stages"]}
    assert by_name["float"]["accuracy"] == pytest.approx(accuracy, abs=0.006)
    exact = golden.run(network, own.inputs, early_exit=False)
    assert by_name["golden"]["accuracy"] == round(100 * float((exact.decisions == own.labels).mean()), 2)
    assert by_name["golden"]["decisions_changed"] == 0
    for layer in by_name["golden"]["layers"]:
        assert all(not layer[key] for key in ("shift", "moved", "lost", "gained", "counts"))
        assert layer.get("potentials", 0) == 0
    costs = [row["cost"] for row in found["stages"][1:]]
    assert sum(costs) == pytest.approx(by_name["float"]["accuracy"] - by_name["golden"]["accuracy"])
    changed = by_name["trained"]["layers"][0]
    assert changed["moved"] + changed["lost"] + changed["gained"] + changed["counts"] > 0
    assert model.scales is None  # stays as it is
    json.dumps(found)
    assert len(show.tables(found)) == 7
    assert show.markdown({**found, "notes": ["A note."]}, "x.png").count("| layer |") >= 3


def test_a_spike_that_the_golden_model_had_elsewhere_would_be_told(data, trained):
    """The planted bug: the golden model's stage of a network in which one weight differs."""
    config, network, _, _ = trained("count")
    own = network.layers[0].weights.copy()
    own[:, 3] = 0
    broken = dataclasses.replace(
        network, layers=(dataclasses.replace(network.layers[0], weights=own), *network.layers[1:])
    )
    chain = stages(network, config, None)
    chain[-1] = stages(broken, None, None)[-1]
    rows = measure(chain, *data.test, True)
    assert rows[-1]["layers"][0]["lost"] > 0 and rows[-1]["layers"][1]["potentials"] > 0
    with pytest.raises(TrainingError, match="weight_bits=3"):
        stages(network, small_config(**{**COUNT, "seed": 2, "weight_bits": 3}), None)


@pytest.mark.parametrize("name", ["windows", "the paper's", "tandem, convolved", "clif"])
def test_a_network_without_configuration_has_the_neurons_forward_pass_beside_the_golden_model(
    name, data, trained
):
    _, network, _, _ = trained(name)
    found = profile(network, samples(data, 100))
    assert [row["stage"] for row in found["stages"]] == ["trained", "golden"]
    assert found["stages"][-1]["decisions_changed"] == 0
    assert all(layer["moved"] == layer["lost"] == 0 for layer in found["stages"][-1]["layers"])
    alone = profile(network, samples(data, 100), trainer=False)
    assert [row["stage"] for row in alone["stages"]] == ["golden"]
    assert alone["layers"] == found["layers"]


# ---- rounding and channels ---------------------------------------------------------------------------------


@EACH
def test_eight_bits_round_little_and_two_bits_a_lot(name, data, trained):
    config, _, file, _ = trained(name)
    model, _ = floats.load(config, file)
    ratios = []
    for bits in (8, 2):
        own = dataclasses.replace(config, weight_bits=bits, acc_bits=20, pot_bits=24)
        again = rules.rule_of(own.rule)(own)
        again.load_state_dict(model.state_dict())
        ratios.append(np.median(Rounding(own, again).channels(0)["snr_db"]))
    assert ratios[0] > ratios[1] + 8


def test_a_channel_of_small_weights_is_lost_to_its_layers_scale_and_kept_by_one_of_its_own(data, trained):
    """What folded normalisation does to a filter of a small gain, planted here."""
    config, _, file, _ = trained("tandem, convolved")
    model, _ = floats.load(config, file)
    before = Rounding(config, model).channels(0)
    with torch.no_grad():
        model.chain[0].norm.gain[2] *= 1 / 16
    rounding = Rounding(config, model)
    after = rounding.channels(0)
    assert after["spread_db"] > before["spread_db"] + 12
    assert after["snr_db"][2] < before["snr_db"][2] - 6
    assert after["own_snr_db"][2] == pytest.approx(before["own_snr_db"][2], abs=1)
    costs = rounding.costs(*data.test)
    assert len(costs["alone"]) == 3 and all(0 <= got <= 100 for got in (*costs["alone"], costs["by_channel"]))


def test_layers_are_rounded_one_at_a_time(data, trained):
    config, _, file, _ = trained("tandem, convolved")
    rounding = Rounding(config, floats.load(config, file)[0])
    for i in range(3):
        model = rounding.with_rounded((i,))
        for k, layer in enumerate(model.chain):
            weight = layer.weight.detach().numpy()
            assert np.array_equal(weight, (rounding.rounded if k == i else rounding.weights)[k])
            assert not np.array_equal(rounding.rounded[k], rounding.weights[k])


# ---- checkpoints of the float phase ------------------------------------------------------------------------


def test_a_checkpoint_that_has_no_float_weights_of_the_network_is_refused(data, trained, tmp_path):
    config, _, file, _ = trained("count")
    with pytest.raises(TrainingError, match=r"there is no checkpoint .*none\.pt"):
        floats.load(config, tmp_path / "none.pt")
    (tmp_path / "bad.pt").write_bytes(b"no checkpoint")
    with pytest.raises(TrainingError, match="damaged"):
        floats.load(config, tmp_path / "bad.pt")
    with pytest.raises(TrainingError, match="belongs to another configuration: seed was 1 and is 7"):
        floats.load(dataclasses.replace(config, seed=7), file)
    whole = file.with_name("own.pt")
    with pytest.raises(
        TrainingError, match=r"integer phase \(epoch 4\): .* training keeps them as own\.float"
    ):
        floats.load(config, whole)
    floats.load(dataclasses.replace(config, weight_bits=7, integer_epochs=9), file)
    early = tmp_path / "early.pt"
    Trainer(config, data, early).run(until=1)
    assert not floats.beside(early).exists()
    assert math.isnan(floats.load(config, early)[1])


def test_the_picture_can_be_read(data, trained):
    """With float weights and the RTL, of a convolution and a long name; and of integers alone."""
    config, network, file, _ = trained("tandem, convolved")
    model, _ = floats.load(config, file)
    found = profile(network, samples(data, 100), config, model)
    rtl = {"stage": "RTL", "images": 1000, "accuracy": 90.0, "cost": 0.0, "beside": "golden"}
    rtl |= {"decisions_changed": 0, "spike_mismatches": 0}
    rtl["layers"] = [{"spikes_compared": 10, "mismatches": 0}] * 3
    found = {**found, "network": "a-network-of-a-long-name" * 3, "stages": [*found["stages"], rtl]}
    assert unreadable(draw(found)) == []
    assert len(show.tables(found)) == 8
    _, alone, _, _ = trained("the paper's")
    assert unreadable(draw(profile(alone, samples(data, 100), trainer=False))) == []


def test_patterns_are_what_the_tests_run_on():
    """Guards the fixtures: the labels are the bright quarters."""
    images, labels = patterns(20, 1)
    assert (images.reshape(20, 4, 16).mean(2).argmax(1) == labels).all()
