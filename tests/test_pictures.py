"""Pictures can be read: no label over another or beyond the canvas, no legend over data, greys that differ.

Each is drawn from what is published or the like of it, and from the worst that it may be given: one point,
points that coincide, long names.
"""

import json

import numpy as np
import pytest
from support.labels import unreadable
from yoso_hw import drawing
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter
from yoso_sim import report as sim_report
from yoso_sim.comparison import page as comparison
from yoso_sim.energy import budget
from yoso_sim.energy.publish import NUMBERS, PAGE
from yoso_sim.explore import show as explore
from yoso_sim.explore.front import measured
from yoso_sim.study import soft_report
from yoso_sw.figures import dead_neurons, gradients, overview, spike_times
from yoso_sw.figures.setting import NAMES, Setting
from yoso_sw.learn import curve
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate
from yoso_synth import report as synth_report

PUBLISHED = json.loads(NUMBERS.read_text())
LONG = "a-network-of-a-name-that-is-longer-than-any-that-we-have-given-to-one-so-far-because-users-may"


@pytest.fixture(autouse=True)
def closed():
    """Figures are closed again."""
    yield
    drawing.pyplot().close("all")


# ---- the check itself ------------------------------------------------------------------------------------


def words(*placed, **legend):
    """A figure with words at places of the canvas, and dots."""
    figure, axis = drawing.pyplot().subplots(figsize=(4, 3))
    axis.plot([0, 1, 2], [2, 2, 2], label="a line")
    for x, y, word in placed:
        figure.text(x, y, word)
    if legend:
        axis.legend(**legend)
    return figure


def test_words_that_stand_apart_can_be_read():
    assert unreadable(words((0.3, 0.3, "one"), (0.3, 0.5, "two"), loc="lower left")) == []


def test_words_over_each_other_are_told():
    assert unreadable(words((0.3, 0.3, "one"), (0.32, 0.31, "two"))) == ["'one' and 'two' overlap"]


def test_a_word_beyond_the_canvas_is_told():
    assert unreadable(words((0.95, 0.5, "cut off"))) == ["'cut off' leaves the canvas"]


def test_a_legend_over_data_is_told():
    assert unreadable(words(loc="center")) == ["a legend lies over data"]


def test_a_label_over_dots_is_told():
    figure, axis = drawing.pyplot().subplots()
    axis.scatter([1, 2, 3], [1, 2, 3])
    axis.text(2, 2, "here", ha="center", va="center")
    assert unreadable(figure) == ["'here' lies over dots"]


# ---- what all pictures have in common --------------------------------------------------------------------


def grey(colour):
    from matplotlib.colors import to_rgb

    return float(np.dot(to_rgb(colour), (0.299, 0.587, 0.114)))


@pytest.mark.parametrize("count", range(2, 7))
def test_shades_differ_in_grey(count):
    greys = [grey(colour) for colour in drawing.shades(count)]
    assert np.diff(greys).min() > 0.07


def test_the_two_colours_differ_in_grey():
    assert grey(drawing.SECOND) - grey(drawing.FIRST) > 0.25


@pytest.mark.parametrize("values", [[0.5], [0.5, 0.5, 0.5], [0.99, 1.0, 0.2, 0.98], [0.0, 0.01, 1.0], []])
def test_places_of_labels_are_apart_in_the_order_of_their_values(values):
    places = drawing.apart(values, 0.1)
    assert all(np.diff(sorted(places)) > 0.1 - 1e-9) and max(places, default=0) <= 1
    assert sorted(places) == [place for _, place in sorted(zip(values, places, strict=True))]


def test_labels_that_are_apart_stay_where_they_are():
    assert drawing.apart([0.9, 0.1, 0.5], 0.1) == [0.9, 0.1, 0.5]


# ---- energy ----------------------------------------------------------------------------------------------


def test_the_energy_of_an_image_can_be_read():
    assert unreadable(budget.draw(PUBLISHED["energy"])) == []


def test_the_energy_of_a_long_name_can_be_read():
    assert unreadable(budget.draw({**PUBLISHED["energy"], "name": LONG})) == []


def test_other_chips_can_be_read():
    assert unreadable(explore.draw(PUBLISHED["explore"]["points"])) == []


def renamed(point, network, settings=""):
    name = f"{network} {settings}".strip()
    return {**point, "name": name, "case": {**point["case"], "network": network}}


def test_one_chip_and_long_names_and_equal_points_can_be_read():
    first, *others = PUBLISHED["explore"]["points"]
    assert unreadable(explore.draw([first])) == []
    assert unreadable(explore.draw([first] * 3)) == []
    settings = "lanes=8 weights=18840 weight_bits=5 banked=true router=bus multicast=false no early exit"
    assert unreadable(explore.draw([renamed(first, LONG, settings), *others])) == []


def test_each_chip_has_a_row_below_its_network():
    points = PUBLISHED["explore"]["points"]
    rows = explore.lines_of(points, measured(points))
    assert sorted(i for _, i in rows if i is not None) == list(range(len(PUBLISHED["explore"]["points"])))
    headings = [name for name, i in rows if i is None]
    assert rows[0] == (headings[0], None) and len(headings) == len(set(headings)) == 3


# ---- rules side by side ----------------------------------------------------------------------------------


def test_rules_side_by_side_can_be_read():
    assert unreadable(comparison.draw(comparison.load())) == []


def test_one_rule_of_a_long_name_without_energy_can_be_read():
    numbers = comparison.load()
    (first, *_), details = numbers["rows"], numbers["details"]
    alone = {**first, "network": LONG, "energy_nj": None, "cycles": None, "rule": "own"}
    drawn = comparison.draw({"rows": [alone], "details": {LONG: details[first["network"]]}, "no_energy": "x"})
    assert unreadable(drawn) == []


# ---- soft errors -----------------------------------------------------------------------------------------


def soft_errors(**changes):
    """The published figures as their report."""
    lines = (PAGE.parent / "soft-errors" / "accuracy.md").read_text().splitlines()
    (head,) = (line for line in lines if line.startswith("| accuracy in %"))
    rates = [float(cell) for cell in head.split("|")[2:-1]]
    points = []
    for line in lines:
        if " ± " in line:
            name, *cells = (cell.strip() for cell in line.split("|")[1:-1])
            for rate, cell in zip(rates, cells, strict=True):
                mean, deviation = map(float, cell.split(" ± "))
                points.append({"curve": name, "rate": rate, "mean": mean, "deviation": deviation})
    return {
        "network": "mnist-784-800-10",
        "images": 2000,
        "seeds": 10,
        "accuracy_without_flips": 99.05,
        "widths": {"chip": {"weight": 8, "A": 16, "V": 20}, "narrow": {"weight": 5, "A": 14, "V": 15}},
        "points": points,
        **changes,
    }


def test_soft_errors_can_be_read():
    assert unreadable(soft_report.draw(soft_errors())) == []


def test_soft_errors_that_change_nothing_or_all_can_be_read():
    for mean in (100.0, 0.0):
        points = [{**point, "mean": mean, "deviation": 0.0} for point in soft_errors()["points"]]
        drawn = soft_report.draw(soft_errors(points=points, accuracy_without_flips=mean, network=LONG))
        assert unreadable(drawn) == []


def test_each_curve_of_the_soft_errors_is_named_once():
    drawn = soft_report.draw(soft_errors())
    named = [text.get_text() for axis in drawn.axes for text in axis.texts]
    assert sorted(named) == sorted({point["curve"] for point in soft_errors()["points"]})


# ---- synthesis -------------------------------------------------------------------------------------------


def blocks(*chips):
    rows = [synth_report.Row(**row) for row in PUBLISHED["rows"]]
    fpga = [synth_report.Row("ecp5", name, lut4=900, fmax_mhz=80.0) for name in ("router", "core", "pe")]
    odd = [synth_report.Row("ecp5", "core", lut4=900, fmax_mhz=80.0, chip=chip) for chip in chips]
    return [*fpga, *odd, *rows]


def test_what_blocks_cost_can_be_read():
    assert unreadable(synth_report.draw(blocks())) == []
    assert unreadable(synth_report.draw(blocks("lanes=8 weights=18840 weight_bits=5 banked=true " * 2))) == []


def test_a_single_block_is_compared_with_nothing():
    assert synth_report.draw(blocks()[:1]) is None
    assert synth_report.draw([]) is None


# ---- simulation ------------------------------------------------------------------------------------------


def simulated(params, sizes, dots, network="mnist-784-800-10"):
    """A report and results with `dots` spikes in each layer."""
    rng = np.random.default_rng(1)
    spikes = [[[int(rng.integers(32)), int(rng.integers(size))] for _ in range(dots)] for size in sizes]
    counters = np.full((params.rows, params.cols, len(Counter)), 784)
    raster = {"spikes": spikes, "sizes": sizes, "steps": 32, "step": 31, "decision": 7}
    results = [{"raster": raster, "counters": counters, "labels": [7], "cycles": [2000]}]
    shape = "-".join(map(str, sizes))
    mesh = f"{params.cols} x {params.rows}"
    head = {"network": network, "shape": shape, "mesh": mesh, "lanes": params.lanes, "cast": "multicast"}
    return sim_report.draw(head, params, results)


@pytest.mark.parametrize("dots", [0, 1, 500])
def test_a_simulation_can_be_read(dots):
    assert unreadable(simulated(ChipParams(), [784, 800, 10], dots)) == []


def test_a_simulation_of_a_wide_mesh_can_be_read():
    assert unreadable(simulated(ChipParams(cols=15, rows=14), [784, 800, 10], 40)) == []


def test_a_deep_network_of_a_long_name_on_one_pe_can_be_read():
    drawn = simulated(ChipParams(cols=1, rows=1), [784, 40, 30, 20, 10], 40, network=LONG)
    assert unreadable(drawn) == []


# ---- the paper's figures ---------------------------------------------------------------------------------


def fired(name, layers, steps=64):
    rising = list(range(steps))
    return {
        "network": name,
        "images": 1000,
        "fired at the decision": 31.2,
        "fired in all": 60.0,
        "hidden layers": [{"neurons": 800, "first spikes by step": rising} for _ in range(layers)],
        "decisions by step": [0] * (steps - 1) + [1000],
    }


def test_spike_times_of_all_networks_can_be_read():
    rows = [fired(name, 1 + i) for i, name in enumerate(spike_times.SHOWN)]
    assert unreadable(spike_times.draw(rows + [fired(f"fashion-mnist-{i}", 1) for i in range(16)])) == []


def test_spike_times_of_one_network_and_of_long_names_can_be_read():
    assert unreadable(spike_times.draw([fired("one", 1)])) == []
    assert unreadable(spike_times.draw([fired(LONG, 5), fired(f"{LONG}-too", 2), fired("short", 1)])) == []


def test_a_handful_of_networks_gets_a_panel():
    many = [fired(f"net-{i}", 1) for i in range(20)]
    assert spike_times.panels_of(many) == many[:4]
    named = fired(spike_times.SHOWN[2], 1)
    assert spike_times.panels_of([*many, named]) == [named]


@pytest.mark.parametrize("epochs", [1, 20])
def test_dead_neurons_can_be_read(epochs):
    runs = np.linspace(0, 1, epochs + 1)[None].repeat(3, axis=0)
    numbers = {psp: {"dead": 400 * runs, "silent": runs, "accuracy": 10 + 89 * runs} for psp in NAMES}
    assert unreadable(dead_neurons.draw(Setting(), numbers)) == []


def test_gradients_can_be_read():
    rng = np.random.default_rng(1)
    layers = {layer: (rng.lognormal(-2, 1, 5000), rng.lognormal(1, 2, 5000)) for layer in gradients.LAYERS}
    assert unreadable(gradients.draw(Setting(), dict.fromkeys(NAMES, layers), "784-400-10 on MNIST")) == []


def test_the_overview_can_be_read():
    network = Network.load(locate(overview.NET, ".npz"))
    image = np.random.default_rng(1).integers(0, 256, 784).astype(np.uint8)
    assert unreadable(overview.draw(network, image)) == []


# ---- training --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("whole", "epochs"), [(0, 1), (1, 2), (1, 30), (29, 30), (3, 300)])
def test_a_learning_curve_can_be_read(whole, epochs):
    history = [
        curve.Epoch(i, i > epochs - whole, 1 / i, 99 - 1 / i, (3000.0, 300.0 / i, 30.0, 3.0))
        for i in range(1, epochs + 1)
    ]
    assert unreadable(curve.draw("mnist-784-800-10", history)) == []
    assert unreadable(curve.draw(LONG, history)) == []
