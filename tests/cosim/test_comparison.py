"""The comparison of rules: rows are counted right, what is wrong is caught, the page is what it writes."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from click.testing import CliRunner
from yoso_hw.registers import Counter
from yoso_sim.cli import main
from yoso_sim.comparison import ann, latency, noise, page, priced, rows
from yoso_sim.comparison.measured import rule_of
from yoso_sim.energy.model import PARTS, Costs
from yoso_sw.compile.choose import choose
from yoso_sw.compile.predict import predict_counters
from yoso_sw.data.recorded import samples_for
from yoso_sw.network import golden
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate
from yoso_synth import pdk

NUMBERS = page.load()
COUNT, CLIF, LITERAL = "mnist-784-100-10-count", "mnist-784-100-10-clif", "mnist-784-800-10-stdbp"
IMAGES = 12


def loaded(name, images=IMAGES):
    """A network, its first samples, what the golden model makes of them, and the network compiled."""
    path = locate(name, ".npz")
    network = Network.load(path)
    samples = samples_for(network, path).first(images)
    image = choose(network, None, ("neuron=all",)).image
    return network, samples, golden.run(network, samples.inputs, params=image.params), image


# ---- the page --------------------------------------------------------------------------------------------


def test_the_committed_page_is_what_the_program_writes():
    assert (page.PAGE / "README.md").read_text() == page.page(NUMBERS)
    assert (page.PAGE / "compare.png").is_file()


def test_every_row_has_the_keys_of_the_table_and_nothing_differs():
    assert len(NUMBERS["rows"]) >= 5
    for row in NUMBERS["rows"]:
        assert tuple(row) == rows.KEYS
        if row["rule"] == "ann":
            assert row["updates"] > 0 and row["cycles"] is None and row["hidden_spikes"] is None
        elif row["images_rtl"]:
            assert row["spike_mismatches"] == 0 and row["images_rtl"] >= 20 and row["cycles"] > 0
        else:
            assert row["spike_mismatches"] is None and row["cycles"] is None
            priced_by = NUMBERS["details"][row["network"]].get("energy_from")
            assert row["energy_nj"] is None or priced_by == rows.GOLDEN


def test_the_rows_are_of_the_networks_that_are_committed_now():
    for row in NUMBERS["rows"]:
        if row["rule"] != "ann":
            path = locate(row["network"], ".npz")
            network = Network.load(path)
            assert (row["code"], row["steps"], row["rule"]) == (network.code, network.steps, rule_of(path))
            assert row["accuracy"] == pytest.approx(network.about["golden_accuracy"], abs=0.01)


def test_a_curve_ends_at_the_accuracy_of_its_row():
    for row in NUMBERS["rows"]:
        own = NUMBERS["details"][row["network"]]
        assert all(points[0] == [0.0, row["accuracy"]] for points in own["noise"].values())
        if row["rule"] != "ann":
            assert own["curve"][-1]["accuracy"] == row["accuracy"]
            assert own["curve"][-1]["steps"] == row["steps"]


def test_new_rows_take_the_place_of_the_same_networks_and_leave_the_others():
    first, second, *_ = NUMBERS["rows"]
    old = {**NUMBERS, "rows": [first, second]}
    new = {"rows": [{**second, "accuracy": 1.0}], "details": {}, "no_energy": ""}
    found = {row["network"]: row for row in page.merged(old, new)["rows"]}
    assert found == {first["network"]: first, second["network"]: {**second, "accuracy": 1.0}}


def test_a_page_without_energies_says_so():
    without = [{**row, "energy_nj": None} for row in NUMBERS["rows"]]
    text = page.page({**NUMBERS, "rows": without, "no_energy": "no files"})
    assert "no process' files were at hand" in text and without[0]["network"] in text


def test_a_page_names_the_rows_that_did_not_run_on_the_rtl():
    (first, *others) = NUMBERS["rows"]
    idle = {**first, "images_rtl": 0, "cycles": None, "spike_mismatches": None, "energy_nj": None}
    text = page.page({**NUMBERS, "rows": [idle, *others]})
    (line,) = (line for line in text.splitlines() if line.startswith("Not run on the RTL"))
    assert first["network"] in line


# ---- a row -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [COUNT, CLIF])
def test_updates_hold_spikes_biases_and_charging(name):
    network, samples, result, _ = loaded(name)
    found = rows.counts(network, result, samples.labels)
    given = golden.check_inputs(network, samples.inputs).total / IMAGES
    hidden = result.spikes[0].total / IMAGES
    # By hand: 100 neurons behind each input spike, 10 behind each hidden one, ten biases of the readout; then
    # one bias spike and one charging of the hidden layer, or its ten biases.
    beside = 100 + 100 if name == COUNT else 10 * 100
    assert found["updates"] == pytest.approx(100 * given + 10 * hidden + 10 * 10 + beside)
    assert (found["input_spikes"], found["hidden_spikes"]) == (given, hidden)
    assert found["sweeps"] == network.steps and found["neuron_sweeps"] == 110 * network.steps


def test_an_image_that_ends_early_counts_the_inputs_given_until_then():
    network, samples, result, _ = loaded(LITERAL)
    given = golden.check_inputs(network, samples.inputs)
    until = [int((own.step <= last).sum()) for own, last in zip(given, result.last, strict=True)]
    assert rows.counts(network, result, samples.labels)["input_spikes"] == pytest.approx(np.mean(until))
    assert sum(until) < given.total


def chunks(image, result):
    """What simulators that are right leave of it, in one chunk."""
    return [
        {
            "rtl": result.decisions.tolist(),
            "counters": predict_counters(image, result).tolist(),
            "cycles": [700] * len(result.last),
            "errors": [],
            **dict.fromkeys(("spike_mismatches", "class_mismatches", "counter_mismatches"), 0),
        }
    ]


def test_counts_that_are_right_pass_whatever_the_stalls():
    _, _, result, image = loaded(COUNT)
    results = chunks(image, result)
    results[0]["counters"][0][1][Counter.STALLS] += 5
    rows.check(image, result, results, COUNT)


def test_a_wrong_count_decision_or_spike_is_one_line_that_names_it():
    _, _, result, image = loaded(COUNT)
    (part, *_) = image.layers[0].slices
    results = chunks(image, result)
    results[0]["counters"][part.y][part.x][Counter.UPDATES] += 1
    place = rf"UPDATES of PE \({part.x}, {part.y}\)"
    with pytest.raises(rows.CompareError, match=place):
        rows.check(image, result, results, COUNT)
    results = chunks(image, result)
    results[0]["rtl"][3] = (results[0]["rtl"][3] + 1) % 10
    with pytest.raises(rows.CompareError, match="image 3 is class"):
        rows.check(image, result, results, COUNT)
    results = chunks(image, result)
    results[0]["spike_mismatches"] = 2
    with pytest.raises(rows.CompareError, match="differ in 2"):
        rows.check(image, result, results, COUNT)


# ---- accuracy by step ------------------------------------------------------------------------------------


def test_a_network_cut_at_its_own_steps_is_itself():
    network, samples, result, _ = loaded(CLIF)
    again = golden.run(latency.cut(network, network.steps), samples.inputs)
    assert again.spikes == result.spikes and (again.decisions == result.decisions).all()


def test_a_decision_by_the_first_spike_is_the_same_in_images_that_end_after_it():
    network, samples, result, _ = loaded(LITERAL, 200)
    given = golden.check_inputs(network, samples.inputs)
    for steps in (8, 16, 24):
        short = golden.run(latency.cut(network, steps), latency.until(given, steps))
        before = result.spiked & (result.decision_steps < steps)
        assert (short.spiked == before).all()
        assert (short.decisions == result.decisions)[before].all()
    points = latency.first_spikes(result, samples.labels, [1, network.steps])
    assert points[0]["decided"] == 0 and points[1]["decided"] == 100 * result.spiked.mean()


def test_fewer_steps_are_as_many_spikes_and_biases_of_every_layer():
    network, samples, result, _ = loaded(COUNT)
    given, steps = golden.check_inputs(network, samples.inputs), network.steps - 6
    short = golden.run(latency.cut(network, steps), given)
    (weights,) = (layer.weights.astype(np.int64) for layer in network.layers[1:])
    # Of T = 4: spikes of the first four steps of the window, and four biases.
    first = network.layers[0].neuron.start
    sent = result.spikes[0]
    counts = np.zeros((IMAGES, 100), np.int64)
    early = sent.step < first + 4
    np.add.at(counts, (sent.image[early], sent.axon[early]), 1)
    assert (short.potentials[1] == counts @ weights[:-1] + 4 * weights[-1]).all()


def test_a_rate_code_has_a_point_for_each_number_of_steps():
    assert latency.ends(Network.load(locate(COUNT, ".npz"))) == list(range(11, 21))
    assert latency.ends(Network.load(locate(CLIF, ".npz"))) == list(range(3, 13))
    assert latency.ends(Network.load(locate(LITERAL, ".npz")))[-1] == 64


# ---- noise -----------------------------------------------------------------------------------------------


def test_jitter_moves_spikes_within_the_window_and_adds_none():
    network, samples, _, _ = loaded(CLIF)
    given = golden.check_inputs(network, samples.inputs)
    moved = noise.jittered(given, network.levels, 0.2)
    assert moved != given and moved.latest < network.levels
    assert (moved.counts <= given.counts).all() and moved.total > given.total / 2
    assert noise.jittered(given, network.levels, 0.0) == given


def test_the_share_that_is_said_is_deleted():
    network, samples, _, _ = loaded(COUNT)
    given = golden.check_inputs(network, samples.inputs)
    left = noise.deleted(given, 0.3)
    assert left.total == pytest.approx(0.7 * given.total, rel=0.05) and (left.counts <= given.counts).all()
    assert noise.deleted(given, 0.0) == given and noise.deleted(given, 1.0).total == 0


def test_noise_of_pixels_has_the_deviation_that_is_said():
    grey = np.full((20, 784), 128, np.uint8)
    seen = noise.noisy(grey, 0.1)
    assert seen.std() == pytest.approx(25.5, rel=0.03) and abs(seen.mean() - 128) < 1
    assert (noise.noisy(grey, 0.1) == seen).all()


# ---- the ReLU network ------------------------------------------------------------------------------------

SMALL = ann.Ann(
    hidden=np.array([[2, -1], [0, 3]], np.int8),
    hidden_bias=np.array([10, 0]),
    output=np.array([[1, 0], [0, 2]], np.int8),
    output_bias=np.array([0, 5]),
    multiplier=1 << (ann.SHIFT - 1),  # a half
)


def test_the_relu_network_computes_what_is_worked_out_by_hand():
    pixels = np.array([[100, 0], [4, 5], [0, 200]], np.uint8)
    # Sums 210, -100; 18, 11; 10, 600. Halved with .5 up and clamped: 105, 0; 9, 6; 5, 255.
    hidden = SMALL.activations(pixels)
    assert hidden.tolist() == [[105, 0], [9, 6], [5, 255]]
    assert SMALL.decide(hidden).tolist() == [0, 1, 1]
    # Inputs not 0: 1, 2, 1; hidden: 1, 2, 2; each behind two weights.
    work = SMALL.work(pixels, hidden)
    assert work["macs"] == pytest.approx(2 * 4 / 3 + 2 * 5 / 3)
    assert work["macs_dense"] == 8 and work["biases"] == 4


def test_quantising_keeps_a_networks_decisions():
    rng = np.random.default_rng(3)
    layers = [
        (rng.normal(0, 0.1, (64, 30)), rng.normal(0, 0.1, 30)),
        (rng.normal(0, 0.3, (30, 10)), rng.normal(0, 0.1, 10)),
    ]
    pixels = rng.integers(0, 256, (500, 64)).astype(np.uint8)
    own = ann.quantised(layers, pixels)
    (first, bias), (second, output_bias) = layers
    real = np.maximum(0, pixels / 255 @ first + bias) @ second + output_bias
    decided = own.decide(own.activations(pixels))
    assert (decided == real.argmax(1)).mean() > 0.97


def test_a_kept_relu_network_is_what_was_saved(tmp_path):
    SMALL.save(tmp_path / "ann-mnist-2.npz")
    again = ann.kept("mnist", 2, tmp_path)
    assert again.multiplier == SMALL.multiplier and (again.hidden == SMALL.hidden).all()


def test_a_killed_training_comes_to_what_one_that_was_not_comes_to(tmp_path):
    rng = np.random.default_rng(5)
    pixels, labels = rng.integers(0, 256, (400, 16)).astype(np.uint8), rng.integers(0, 3, 400)
    parts = {"train": (pixels, labels), "validation": (pixels, labels)}

    def plain(images, rows, rng):
        return images

    def killed(text):
        if "epoch 2" in text:
            raise KeyboardInterrupt

    whole = ann.train(parts, 8, 3, tmp_path / "whole.pt", plain, lambda _: None)
    with pytest.raises(KeyboardInterrupt):
        ann.train(parts, 8, 3, tmp_path / "cut.pt", plain, killed)
    resumed = ann.train(parts, 8, 3, tmp_path / "cut.pt", plain, lambda _: None)
    assert (whole.hidden == resumed.hidden).all() and (whole.output == resumed.output).all()


# ---- energy ----------------------------------------------------------------------------------------------


def test_without_the_process_files_there_is_a_reason_and_no_energy(tmp_path, monkeypatch):
    monkeypatch.setattr(pdk, "folders", lambda: [tmp_path])
    assert "Set PDK_ROOT" in priced.missing()
    network, samples, result, image = loaded(COUNT)
    assert priced.costs({}, image, result, chunks(image, result)) == {}
    found = rows.row(
        network, "count", rows.counts(network, result, samples.labels), chunks(image, result), None
    )
    assert found["energy_nj"] is None and found["cycles"] == 700


def netlists(layers=2):
    """Made up costs of a chip with A in 16 bits; nothing but its clock depends on cycles."""
    each = {part: 1.0 + number for number, part in enumerate(PARTS)}
    costs = Costs(
        cycle=each,
        flit=each,
        energy=[{"words": each, "updates": each}] * layers,
        busy=[{"words": 1.0, "updates": 1.0, "sweeps": 4.0}] * layers,
    )
    macros = {"weight memory": {"read_pj": 48.0, "pack": 2}}
    figures = {"rest_pj_per_cycle": 0.0, "leakage_mw": 0.0, "chip_mm2": 1.0, "fmax_mhz": 150.0}
    return {16: {"costs": asdict(costs), "macros": macros, **figures}}


def test_a_network_that_has_not_run_on_the_rtl_is_priced_as_one_that_has():
    _, _, result, image = loaded(COUNT)
    ran = priced.costs(netlists(), image, result, chunks(image, result))["16"]
    counted = priced.costs(netlists(), image, result, [], 700.0)["16"]
    assert counted == ran and ran["energy_nj"] > 0
    counted = priced.costs(netlists(), image, result, [])["16"]
    assert counted["energy_nj"] == ran["energy_nj"]
    assert counted["energy_nj_ungated"] == pytest.approx(ran["energy_nj_ungated"], rel=0.1)  # of 700 cycles


def test_published_rows_are_priced_and_stay_otherwise_as_they_were(tmp_path, monkeypatch):
    published = []
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path))
    monkeypatch.setattr(page, "publish", published.append)
    monkeypatch.setattr(priced, "missing", lambda: "")
    monkeypatch.setattr(priced, "netlists", lambda *given, **more: netlists())
    monkeypatch.setattr(priced, "COUNTED", IMAGES)
    done = CliRunner().invoke(main, ["compare", COUNT, "--price", "--pictures", "svg"])
    assert (tmp_path / "reports" / "compare.svg").read_text().startswith("<?xml")
    assert "(compare.svg)" in (tmp_path / "reports" / "compare.md").read_text()
    assert done.exit_code == 0, done.output
    for name, numbers in zip((COUNT, "ann-784-100-10"), published, strict=True):
        before, after = ({row["network"]: dict(row) for row in own["rows"]} for own in (page.load(), numbers))
        assert after[name]["energy_nj"] > 0
        before[name]["energy_nj"] = after[name]["energy_nj"]
        assert after == before and [*after] == [*before]
    assert published[0]["details"][COUNT]["energy_from"] == rows.GOLDEN
    monkeypatch.setattr(priced, "missing", lambda: "no files")
    refused = CliRunner().invoke(main, ["compare", COUNT, "--price"])
    assert refused.exit_code == 1 and "nothing can be priced: no files" in refused.output


def test_a_page_tells_which_energies_are_by_golden_counts():
    name = NUMBERS["rows"][0]["network"]
    details = {**NUMBERS["details"], name: {**NUMBERS["details"][name], "energy_from": rows.GOLDEN}}
    text = page.page({**NUMBERS, "details": details})
    (line,) = (line for line in text.splitlines() if line.startswith("The energies of"))
    assert name in line and "golden counts" in line


def test_a_product_of_the_relu_network_costs_its_read_and_its_arithmetic():
    part = {"a": 1.0}
    netlist = {
        "macros": {"weight memory": {"read_pj": 48.0, "pack": 2}},
        "costs": {
            "cycle": {"a": 2.0},
            "flit": part,
            "energy": [{"updates": {"a": 30.0}, "words": {"a": 10.0}}],
        },
    }
    found = priced.of_ann({"macs": 1000.0}, 100, netlist, lanes=4)
    each = 6.0 + 0.3 * priced.SCALE
    assert found["memory_and_arithmetic"] == pytest.approx(each, abs=0.1)
    assert found["like_ours"] == pytest.approx(8 + 0.2 * priced.SCALE + 0.3, abs=0.1)


# ---- refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("nothing-like-it", "there is no trained network 'nothing-like-it'"),
        ("mnist-csnn --chip default", "mnist-csnn cannot be compared on chip default"),
        ("n-mnist-count --chip ulx3s", "n-mnist-count cannot be compared on chip ulx3s"),
        ("mnist-784-100-10-count --chip none-such", "none-such"),
        ("mnist-784-100-10-count --images 10001 --energy none", "--images 10001 is outside 1..10000"),
    ],
)
def test_what_cannot_be_compared_is_one_line_before_anything_runs(words, told, tmp_path, monkeypatch):
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path))
    before = (page.PAGE / "README.md").read_text()
    done = CliRunner().invoke(main, ["compare", *words.split()])
    assert done.exit_code == 1 and told in done.output
    assert done.output.strip().splitlines()[-1].startswith("Error: ") and "Traceback" not in done.output
    assert (page.PAGE / "README.md").read_text() == before
    assert json.loads((page.PAGE / "numbers.json").read_text()) == NUMBERS


def test_a_network_without_a_hidden_layer_is_refused(tmp_path):
    network = Network.load(locate(COUNT, ".npz"))
    alone = replace(network, name="alone", layers=network.layers[1:], levels=1)
    alone.save(tmp_path / "alone.npz")
    done = CliRunner().invoke(main, ["compare", str(tmp_path / "alone.npz")])
    assert done.exit_code == 1 and "alone has no hidden layer (100-10)" in done.output
