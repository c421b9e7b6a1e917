"""The comparison of rules: rows are counted right, what is wrong is caught, the page is what it writes."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from support.compared import CLIF, COUNT, IMAGES, LITERAL, chunks, loaded
from yoso_hw.registers import Counter
from yoso_sim.cli import main
from yoso_sim.comparison import page, rows
from yoso_sim.comparison.measured import rule_of
from yoso_sw.network import golden
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate

NUMBERS = page.load()

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
        few = own.get("curve_images", own["images"]) < own["images"]
        accuracy = own["noise"]["pixels"][0][1] if few else row["accuracy"]
        assert accuracy == pytest.approx(row["accuracy"], abs=1.0)
        assert all(points[0] == [0.0, accuracy] for points in own["noise"].values())
        if row["rule"] != "ann":
            assert own["curve"][-1]["accuracy"] == accuracy
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
