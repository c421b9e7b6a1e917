"""One API whatever runs a network: golden model, RTL and board agree in all that they tell."""

import csv
import dataclasses
import sys

import numpy as np
import pytest
import yoso
from support import chip_cases
from support.fake_board import MachineBoard
from yoso_hw.registers import Counter
from yoso_sim.running import price
from yoso_sw.network import golden
from yoso_synth import pdk

#: Convolution and all neurons of the family, on four PEs.
PARAMS = chip_cases.CHIPS["2 x 2, convolution"]

rng = np.random.default_rng(5)


def of_arrays() -> yoso.Network:
    """Two dense layers, the second a readout."""
    weights = rng.integers(-3, 5, (12, 10))
    return yoso.network(
        [
            yoso.layer(weights, threshold=9, window=(2, 14), bias=rng.integers(-3, 4, 10)),
            yoso.layer(rng.integers(-4, 5, (10, 4))),
        ],
        **{"name": "arrays", "steps": 16, "levels": 8, "weight_bits": 4, "acc_bits": 9, "pot_bits": 11},
    )


def of_maps() -> yoso.Network:
    """A pooled convolution and a dense layer that fires once."""
    return yoso.network(
        [
            yoso.layer(rng.integers(-2, 4, (3, 3, 1, 2)), threshold=6, padding=1, pool=True),
            yoso.layer(rng.integers(-4, 5, (2 * 2 * 2, 3)), threshold=8),
        ],
        **{"name": "maps", "steps": 12, "levels": 6, "shape": (4, 4), "weight_bits": 4},
        **{"acc_bits": 9, "pot_bits": 11},
    )


def of_counts() -> yoso.Network:
    """Layers that leak and fire as often as they like, decided by the most spikes."""
    leaky = {"current": "cleared", "leak": 4, "reset": "subtract"}
    return yoso.network(
        [
            yoso.layer(rng.integers(-1, 4, (8, 9)), threshold=5, window=(1, 12), **leaky),
            yoso.layer(rng.integers(-2, 4, (9, 3)), threshold=4, window=(2, 13), **leaky),
        ],
        **{"name": "counts", "steps": 14, "levels": 12, "code": "events", "weight_bits": 4},
        **{"acc_bits": 9, "pot_bits": 11},
    )


def spikes_for(network: yoso.Network, count: int) -> yoso.Events:
    """Random events that the network's code allows."""
    drawn = np.random.default_rng(7).random((count, network.levels, network.inputs)) < 0.4
    if network.code == "ttfs":
        first = drawn.cumsum(1) == 1
        drawn = drawn & first
    return yoso.Events.of_record(drawn)


NETWORKS = {make.__name__: make() for make in (of_arrays, of_maps, of_counts)}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Of each network the same images on all three back ends, everything asked for."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("YOSO_OUTPUT", str(tmp_path_factory.mktemp("output")))
        for name, network in NETWORKS.items():
            inputs = spikes_for(network, 12)
            for backend in yoso.Chip.BACKENDS:
                port = MachineBoard(PARAMS) if backend == "board" else None
                chip = yoso.Chip(PARAMS, backend, port=port, say=None)
                found[name, backend] = chip.run(network, inputs, potentials="all")
    return found


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("backend", ["rtl", "board"])
def test_every_back_end_tells_what_the_golden_model_does(runs, name, backend):
    run, exact = runs[name, backend], runs[name, "golden"]
    assert not run.differences(exact) and not exact.differences(run)
    wanted = {"decisions", "steps", "spiked", "counters", "counts of outputs"}
    wanted |= {f"layer {i}, {part}" for i in (0, 1) for part in ("potential", "accumulated", "fired")}
    if backend == "rtl":
        wanted |= {f"layer {i}, {part}" for i in (0, 1) for part in ("spikes", "spikes sent")}
        assert run.compared.agree and run.compared.spikes > 50
        assert run.cycles.min() > 0 and len(run.cycles) == len(run) == 12
    assert set(run.known()) & set(exact.known()) == wanted
    assert sum(layer.total for layer in exact.spikes) > 20


def test_spikes_of_a_pooled_layer_are_those_of_its_neurons_and_those_that_go_on(runs):
    run = runs["of_maps", "rtl"]
    assert run.spikes[0].axons == 4 * run.sent[0].axons
    assert run.spikes[0].total > run.sent[0].total > 0


def changed(run, **values):
    return dataclasses.replace(run, **values)


def test_whatever_differs_is_told(runs):
    """Planted: one spike later, one V, one counter, one decision of the RTL's."""
    run, exact = runs["of_arrays", "rtl"], runs["of_arrays", "golden"]
    ends, step, axon = (part.copy() for part in run.spikes[0].pairs)
    step[-1] += 1
    late = (yoso.Events(ends, step, axon, run.spikes[0].axons), run.spikes[1])
    state = run.states[1]
    other = dataclasses.replace(state, potential=state.potential + (np.arange(4) == 2))
    counters = run.counters.copy()
    counters[0, 0, Counter.SWEEPS] += 1
    for planted, said in (
        (changed(run, own_spikes=late), ["layer 0, spikes: 2 are of one run alone"]),
        (changed(run, states={**run.states, 1: other}), ["layer 1, potential: 12 of 48 differ"]),
        (changed(run, own_counters=counters), ["counters: 1 of"]),
        (changed(run, decisions=run.decisions ^ 1), ["decisions: 12 of 12 differ"]),
        (changed(run, inputs=exact.inputs[:6]), ["they are of other inputs"]),
    ):
        notes = planted.differences(exact)
        assert len(notes) == 1 and notes[0].startswith(said[0]), notes


def test_what_a_back_end_does_not_know_is_one_line_that_says_who_does(runs):
    board, exact = runs["of_arrays", "board"], runs["of_arrays", "golden"]
    for ask in (lambda: board.spikes, lambda: board.sent, lambda: board.raster()):
        with pytest.raises(yoso.RunError, match=r"^a board does not show its spikes: .* 'golden'$"):
            ask()
    with pytest.raises(yoso.RunError, match=r"^the golden model counts no cycles: .*'rtl' or 'board'$"):
        exact.cycles  # noqa: B018
    plain = yoso.Chip(PARAMS).run(NETWORKS["of_arrays"], exact.inputs)
    with pytest.raises(yoso.RunError, match=r"V and A of layer 1 were not read: .*potentials=True"):
        plain.potentials  # noqa: B018
    with pytest.raises(yoso.RunError, match=r"V and A of layer 0 were not read: .*potentials=\"all\""):
        plain.state(0)


def test_a_run_survives_its_file_and_another_file_is_refused(runs, tmp_path):
    for (name, backend), run in runs.items():
        path = run.save(tmp_path / f"{name}.{backend}.npz")
        again = yoso.Run.load(path)
        assert not again.differences(run) and set(again.known()) == set(run.known())
        assert again.network.shape == run.network.shape and again.params == run.params
        assert again.backend == backend and (again.compared is None) == (backend != "rtl")
    np.savez(tmp_path / "other.npz", images=np.zeros(3))
    for path in (tmp_path / "other.npz", tmp_path / "none.npz"):
        with pytest.raises(yoso.RunError, match=r"(other|none)\.npz"):
            yoso.Run.load(path)


def test_a_csv_has_a_row_an_image_with_all_that_is_known_of_it(runs, tmp_path):
    run = runs["of_maps", "rtl"]
    with run.to_csv(tmp_path / "run.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    for i, row in enumerate(rows):
        assert int(row["image"]) == i and int(row["decision"]) == run.decisions[i]
        assert int(row["cycles"]) == run.cycles[i] and int(row["v_2"]) == run.potentials[i, 2]
        assert int(row["spikes_0"]) == run.spikes[0].per_image[i]
        assert int(row["count_1"]) == run.counts[i, 1]


@pytest.mark.parametrize(("suffix", "begins"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")])
def test_a_raster_is_written_as_its_suffix_says(runs, tmp_path, suffix, begins):
    figure = runs["of_maps", "rtl"].raster(3)
    figure.savefig(tmp_path / f"spikes.{suffix}")
    assert (tmp_path / f"spikes.{suffix}").read_bytes().startswith(begins)
    assert len(figure.axes) >= 3 and figure._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(yoso.RunError, match=r"image 12 is outside 0..11"):
        runs["of_maps", "rtl"].raster(12)


def test_the_energy_model_gets_the_spikes_that_each_layer_got(runs):
    for name, network in NETWORKS.items():
        run = runs[name, "rtl"]
        result = golden.run(network, run.inputs, params=PARAMS)
        assert [price.arrived(run, i) for i in (0, 1)] == result.spikes_in.mean(axis=0).tolist(), name


def test_an_energy_that_cannot_be_estimated_is_one_line(runs, monkeypatch, tmp_path):
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    monkeypatch.setattr(pdk, "REPOSITORY", tmp_path / "none")
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path))
    for name, backend, message in (
        ("of_arrays", "golden", "counts no cycles"),
        ("of_arrays", "board", "does not show its spikes"),
        ("of_arrays", "rtl", "PDK_ROOT"),
    ):
        with pytest.raises(yoso.ERRORS, match=message) as caught:
            runs[name, backend].energy()
        assert "\n" not in str(caught.value)


def test_accuracy_by_step_ends_at_that_of_the_run(runs):
    run = runs["of_counts", "rtl"]
    with pytest.raises(yoso.RunError, match="has no labels"):
        run.accuracy_by_step()
    labelled = changed(run, labels=run.decisions * (np.arange(12) % 3 > 0))
    table = labelled.accuracy_by_step()
    steps, accuracy = (table.only([name]).rows for name in ("steps", "accuracy"))
    assert steps[-1] == (14,) and len(steps) > 5 and accuracy[-1] == (round(labelled.accuracy, 2),)
    assert min(accuracy) < max(accuracy)


def test_a_picture_without_matplotlib_is_one_line(runs, monkeypatch):
    """Planted: as if it were not installed."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(yoso.RunError, match=r"a picture needs matplotlib.*pip install 'yoso\[sim\]'"):
        runs["of_arrays", "golden"].raster()


def test_a_notebook_shows_runs_and_networks_as_tables(runs):
    html = runs["of_arrays", "rtl"]._repr_html_()
    assert html.startswith("<table>") and "nothing differs" in html and "12-10-4" in html
    assert "12-10-4" in NETWORKS["of_arrays"]._repr_html_()
    assert repr(runs["of_arrays", "rtl"]) == "Run('arrays' on rtl, 12 images)"
