"""The energy of an image (`yoso_sim.energy`), by hand."""

from dataclasses import replace

import numpy as np
import pytest
from yoso_hw.drawing import fit, pyplot
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter
from yoso_sim.commands.energy import asked
from yoso_sim.energy import cost
from yoso_sim.energy.cost import Case, evaluate, skippable
from yoso_sim.energy.measured import DENSE, PASSING, WALKED, Measured, kind_of_sweep, layer_costs, shares
from yoso_sim.energy.model import PARTS as PARTS_OF
from yoso_sim.energy.model import Activity, Costs, Point
from yoso_sim.energy.stimulus import EAST, NORTH, SOUTH, WEST, NodeBench
from yoso_sim.energy.traffic import activity_of, path_nodes, router_flits, tree_nodes
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.flits import rectangle_fields
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.mapping import CompileError
from yoso_sw.compile.work import EVENTS
from yoso_sw.network import golden
from yoso_sw.network.events import NEVER
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import CLEARED, KEPT, Neuron, Reset
from yoso_synth.pdk import PROCESSES
from yoso_synth.power import Energy
from yoso_synth.toggles import Window
from yoso_synth.tools import SynthError

PARTS = ("weight memory", "A and V memories", "spike-address memory", "core", "router", "rest of PE")


def test_an_image_is_its_counters_times_their_costs_by_hand() -> None:
    counters = np.zeros((1, 2, len(Counter)))
    counters[0, 0, Counter.UPDATES] = 20
    counters[0, :, Counter.SWEEPS] = 3
    words, layers = np.array([[5, 2]]), np.array([[0, 1]])
    activity = Activity(counters, words, layers, flits=7, cycles=100)

    costs = Costs(
        cycle=only("core", 2.0),
        flit=only("router", 1.5),
        energy=[
            {"words": only("A and V memories", 10.0), "updates": only("weight memory", 30.0)},
            {"words": only("A and V memories", 100.0)},
        ],
        busy=[{"words": 1.0, "updates": 1.0, "sweeps": 4.0}, {"words": 1.0, "sweeps": 4.0}],
    )
    # Busy: 3 sweeps of 5 and of 2 words, 20 updates, 6 times 4 cycles at a sweep's end.
    assert costs.busy_cycles(activity) == 15 + 6 + 20 + 24
    gated, always = costs.image(activity, gated=True), costs.image(activity, gated=False)
    due = {"A and V memories": 150.0 + 600.0, "weight memory": 600.0, "router": 10.5}
    assert gated == {**only("core", 130.0), **due}
    assert always["core"] == 2 * 100 * 2.0
    assert {name: value for name, value in always.items() if name != "core"} == {
        name: value for name, value in gated.items() if name != "core"
    }


def only(part: str, value: float) -> dict[str, float]:
    return {name: value if name == part else 0.0 for name in PARTS}


def test_events_of_convolutions_are_counted_by_layer_by_hand() -> None:
    counters = np.zeros((1, 3, len(Counter)))
    counters[0, :, Counter.SWEEPS] = 2
    counters[0, :, Counter.SPIKES_IN], counters[0, :, Counter.SPIKES_OUT] = (3, 4, 5), (6, 7, 8)
    reached, dropped = np.array([[1.0, 2.0, 4.0]]), np.array([[8.0, 16.0, 32.0]])
    place = np.array([[3, 2, 1]]), np.array([[0, 0, 1]])
    events = Activity(counters, *place, 0.0, 10.0, reached=reached, dropped=dropped).events
    assert [tuple(layer[name] for name in EVENTS) for layer in events] == [
        (4, 10, 3, 13, 7, 0, 24),
        (2, 2, 4, 8, 5, 0, 32),
    ]


class _Model:
    """A power model whose windows cost 2 pJ of the core a cycle, and 7 of the weight memory a read."""

    def energy(self, window: Window) -> Energy:
        core, weights = PARTS_OF["core"][0], PARTS_OF["weight memory"][0]
        return Energy({(core, ""): 2.0 * window.cycles, (weights, ""): 7.0 * int(window.reads.sum())})


def _window(cycles: int, busy: int = 0, reads: int = 0) -> Window:
    none = np.zeros(0, np.int64)
    return Window(cycles, busy, none, none, none, np.array([reads]), none)


def _done(**events: tuple[int, ...]) -> np.ndarray:
    """Events of some steps, int64 (steps, events); those that are not named are 0."""
    steps = len(next(iter(events.values())))
    return np.array([events.get(name, (0,) * steps) for name in EVENTS]).T


def test_events_cost_what_their_windows_take_beyond_idle_cycles_by_hand() -> None:
    """Two steps on a node of 3 words, with 1 and 3 spikes; its sweeps read a bias a word."""
    windows = [
        ("idle", _window(300)),
        *(("sweep", _window(9, 5, 3)), ("spikes", _window(8, 3, 3))),
        *(("sweep", _window(9, 5, 3)), ("spikes", _window(20, 9, 9))),
        ("passing", _window(600)),
    ]
    done = _done(sweeps=(1, 1), words=(3, 3), spikes=(1, 3), updates=(3, 9))
    measured = Measured.of(_Model(), windows, done)  # type: ignore[arg-type]
    costs = layer_costs([measured], DENSE)
    assert measured.cycle.tolist() == list(only("core", 2.0).values()) and not measured.flit.any()
    assert costs.energy == {
        "words": only("weight memory", 7.0),  # 6 reads, 6 words
        "updates": only("weight memory", 7.0),
    }
    assert costs.busy == {"words": 1.0, "updates": 1.0, "sweeps": (10 - 6 + 12 - 12) / 2}


def test_events_of_a_convolution_are_told_apart_by_hand() -> None:
    """Reads by event, 7 pJ each: 2 a word, 3 more where a spike has reached it, 11 a spike sent; 5 a spike,
    1 a word that it updates, 4 one that is dropped. A flit that passes takes 2, so 2 of a spike's are its."""
    done = _done(
        sweeps=(1,) * 7,
        words=(6,) * 7,
        reached=(0, 2, 4, 6, 6, 6, 6),
        sent=(0, 1, 0, 3, 0, 1, 2),
        spikes=(1, 0, 2, 3, 1, 2, 0),
        updates=(6, 0, 3, 9, 1, 4, 0),
        dropped=(0, 4, 1, 2, 3, 0, 1),
    )
    windows = [("idle", _window(300))]
    for step in done:
        took = 6 + 4 + int(step @ (0, 0, 0, 1, 2, 1, 0))
        windows.append(("step", _window(took, took, int(step @ (0, 2, 3, 11, 5, 1, 4)))))
    windows.append(("passing", _window(600, 0, 2 * PASSING)))
    measured = Measured.of(_Model(), windows, done)  # type: ignore[arg-type]
    costs = layer_costs([measured], WALKED)
    reads = {name: cost["weight memory"] / 7 for name, cost in costs.energy.items()}
    due = {"words": 2, "reached": 3, "sent": 11, "spikes": 5 - 2, "updates": 1, "dropped": 4 - 2}
    assert reads == pytest.approx(due)
    busy = {"words": 1, "sweeps": 4, "sent": 1, "spikes": 2, "updates": 1, "dropped": 0}
    assert costs.busy == pytest.approx(busy, abs=1e-9)


def test_no_event_takes_less_than_nothing_and_all_together_take_what_was_measured() -> None:
    counts = np.array([[1, 1, 0], [1, 2, 0], [1, 3, 0]])
    found = shares(counts, np.array([3.0, 2.0, 1.5]))
    assert found[1] == found[2] == 0 and (counts @ found).sum() == pytest.approx(6.5)
    assert not shares(counts, np.array([-1.0, -2.0, -3.0])).any()
    assert shares(counts[:, 1:2], np.array([-1.0, -2.0, -3.0])) == [-1]  # one alone takes all


def test_sweeps_that_write_a_let_it_decay_or_read_a_bias_are_measured_apart() -> None:
    weights = np.ones((3, 2), np.int8)

    def kind(bias: bool = False, **changes: object) -> tuple[bool, ...]:
        return kind_of_sweep(Layer(weights, replace(RATE, **{"current": KEPT, **changes}), bias=bias))  # type: ignore[arg-type]

    plain = kind(reset=Reset.ONCE)
    assert not any(plain) and kind(bias=True) == plain  # the bias is an axon
    others = [
        kind(current=CLEARED),
        kind(current=CLEARED, bias=True),
        kind(current=2),
        kind(leak=1),
        kind(current=2, leak=1),
    ]
    assert len({plain, *others}) == 6
    assert kind(charge=1, start=2) == kind(current=CLEARED)  # both write A, and nothing else


def test_each_pe_s_words_are_those_of_its_layer() -> None:
    network, image = _biased(RATE)
    counters = np.zeros((1, 2, len(Counter)))
    hidden, output = (layer.slices[0] for layer in image.layers)
    counters[hidden.y, hidden.x, Counter.SWEEPS], counters[output.y, output.x, Counter.SWEEPS] = 4, 5
    result = golden.run(network, np.full((1, 2), NEVER, np.int16), params=image.params)
    events = activity_of(image, result, counters, 100.0).events
    assert [layer["words"] for layer in events] == [4, 5]  # a word each


def test_a_spike_that_leaves_by_two_links_is_one_and_two_of_a_neuron_are_two() -> None:
    _, image = _biased(RATE)
    hidden, following = image.layers[0].slices[0], image.layers[1]
    bench = NodeBench(image, hidden.x, hidden.y)

    def flit(neuron: int, parity: int) -> int:
        fields = rectangle_fields(following.rectangle)
        row = neuron * following.stride
        return bench.packets.pack("SPIKE", **fields, tag=following.tag, parity=parity, row=row)

    sent = [(0, flit(0, 0)), (2, flit(0, 0)), (0, flit(1, 0)), (0, flit(0, 1))]
    assert bench.sent(sent) == [0, 0, 1]


@pytest.mark.parametrize(
    ("mesh", "at", "link", "to"),
    [
        ((2, 3), (1, 0), WEST, (1, 1)),
        ((2, 3), (1, 1), SOUTH, (1, 2)),
        ((2, 3), (0, 2), WEST, (1, 2)),
        ((2, 1), (1, 0), EAST, (0, 0)),
        ((1, 2), (0, 1), NORTH, (0, 0)),
    ],
)
def test_a_flit_that_only_passes_goes_to_a_node_that_there_is(mesh, at, link, to) -> None:
    network, _ = _biased(RATE)
    sizes = {"neurons": 8, "weights": 16, "lanes": 2, "neuron": "all"}
    image = compile_network(network, ChipParams(cols=mesh[0], rows=mesh[1], **sizes))
    bench = NodeBench(image, image.layers[0].slices[0].x, image.layers[0].slices[0].y)
    bench.x, bench.y, bench.link = *at, SOUTH if at[1] else WEST
    command = bench.passing(3)
    fields = bench.packets.unpack(command.b)
    assert (command.a, fields["x0"], fields["y0"], fields["row"]) == (link, *to, 3)


def test_a_network_without_a_hidden_layer_is_refused_in_a_line(tmp_path) -> None:
    layer = Layer(np.ones((3, 2), np.int8), Neuron(threshold=3, start=0, end=4))
    Network("one", (layer,), 4, 4).save(tmp_path / "one.npz")
    with pytest.raises(SynthError, match="a PE of a hidden layer, and 3-2 has none; take a network of two"):
        evaluate(Case(str(tmp_path / "one.npz")), 1, print)


def test_a_network_gets_the_chip_that_holds_it_with_banks_where_its_memories_have_no_macro(
    monkeypatch,
) -> None:
    def plan(params: ChipParams, process: object) -> None:
        if not params.banked and params.neurons > 256:
            raise SynthError("the accumulated memory has no macro: use banked=true")

    monkeypatch.setattr(cost, "plan_memories", plan)
    process = PROCESSES["sg13g2"]
    case, why = cost.case_of("mnist-csnn", None, (), None, process)
    assert (case.chip, case.settings) == ("csnn", ("banked=true",))
    assert "banked=true, as the accumulated memory has no macro" in why
    assert cost.case_of("mnist-784-800-10", None, (), None, process) == (Case("mnist-784-800-10"), "")
    case, why = cost.case_of("mnist-784-100-10-count", None, ("lanes=2",), None, process)
    assert case.settings == ("neuron=all", "lanes=2") and "neuron=all" in why
    with pytest.raises(CompileError):
        cost.case_of("mnist-csnn", "default", (), None, process)
    assert " ".join(asked("a", 3, None, None, ())) == "make energy NET=a IMAGES=3"
    said = " ".join(asked("a", 3, "b", "csnn", ("banked=true",)))
    assert said == "make energy NET=a IMAGES=3 DATA=b CHIP='csnn banked=true'"


def test_power_and_leakage_follow_from_rate() -> None:
    point = Point(dynamic_nj=1000.0, leakage_mw=0.5, cycles=1500.0, clock_mhz=150.0)
    # 100,000 images a second: 0.5 mW leaks 5 nJ an image; 1,005 nJ times 100,000 is 100.5 mW.
    assert point.at() == {
        "images_per_second": 100_000.0,
        "nj_per_image": 1005.0,
        "leakage_nj_per_image": 5.0,
        "mw": 100.5,
    }
    # Once in 50 ms: 0.5 mW leaks 25 uJ.
    assert point.at(20.0)["nj_per_image"] == 26_000.0
    assert point.at(20.0)["mw"] == 0.52


@pytest.mark.parametrize(
    ("start", "rectangle", "tree", "paths"),
    [
        ((0, 0), (0, 0, 0, 0), 1, 1),
        ((0, 0), (0, 5, 0, 6), 42, sum(x + y + 1 for x in range(6) for y in range(7))),
        ((2, 3), (0, 1, 0, 0), 3 + 2 * 3, 3 + 2 + 1 + 3 + 1 + 1),
        ((2, 3), (1, 3, 2, 4), 3 + 3 * 2, 9 + 2 * 3 + 2 * 3),
    ],
)
def test_routers_on_the_way_are_those_of_the_tree_or_of_every_path(
    start: tuple[int, int], rectangle: tuple[int, int, int, int], tree: int, paths: int
) -> None:
    assert tree_nodes(start, rectangle) == tree
    assert path_nodes(start, rectangle) == paths


def test_flits_at_routers_are_those_of_inputs_spikes_and_results() -> None:
    weights = np.ones((2, 2), np.int8)
    layer = Layer(weights=weights, neuron=Neuron(threshold=1, start=0, end=4, slope=0))
    layers = (layer, layer)
    network = Network(name="tiny", layers=layers, steps=4, levels=4, decision="ttfs")
    image = compile_network(network, ChipParams(cols=2, rows=1, neurons=8, weights=16, lanes=2))
    counters = np.zeros((1, 2, len(Counter)))
    hidden, output = (layer.slices[0] for layer in image.layers)
    counters[hidden.y, hidden.x, Counter.SPIKES_OUT] = 3
    there = tree_nodes((0, 0), image.layers[0].rectangle)
    onward = tree_nodes((hidden.x, hidden.y), image.layers[1].rectangle)
    results = 2 * (output.x + output.y + 1)
    assert router_flits(image, np.array([5.0, 2.0]), counters) == 7 * there + 3 * onward + results


#: A layer of the family with a bias: of a kept current an axon, else no flit.
RATE = Neuron(threshold=3, start=1, end=4, current=CLEARED, reset=Reset.SUBTRACT)


def _biased(neuron: Neuron) -> tuple[Network, WeightImage]:
    weights = np.ones((3, 2), np.int8)
    layers = tuple(Layer(weights=weights, neuron=neuron, bias=True) for _ in range(2))
    network = Network(name="tiny", layers=layers, steps=4, levels=4, decision="count")
    params = ChipParams(cols=2, rows=1, neurons=8, weights=16, lanes=2, neuron="all")
    return network, compile_network(network, params)


@pytest.mark.parametrize(("current", "bias_flits"), [(KEPT, 1), (CLEARED, 0)])
def test_a_bias_that_sweeps_add_is_no_flit_and_each_counted_spike_is_one(
    current: int, bias_flits: int
) -> None:
    network, image = _biased(replace(RATE, current=current))
    counters = np.zeros((1, 2, len(Counter)))
    hidden, output = (layer.slices[0] for layer in image.layers)
    counters[hidden.y, hidden.x, Counter.SPIKES_OUT] = 3
    counters[output.y, output.x, Counter.SPIKES_OUT] = 7
    there, bias = (tree_nodes((0, 0), layer.rectangle) for layer in image.layers)
    onward = tree_nodes((hidden.x, hidden.y), image.layers[1].rectangle)
    due = 7 * there + 3 * onward + bias_flits * (there + bias) + 7 * (output.x + output.y + 1)
    assert router_flits(image, np.array([5.0, 2.0]), counters) == due
    result = golden.run(network, np.full((1, 2), NEVER, np.int16), params=image.params)
    steps = NodeBench(image, hidden.x, hidden.y).work.axons(result, 0)
    assert steps == [[2] * bias_flits, [], [], []]


def test_only_neurons_that_fire_once_could_be_skipped() -> None:
    network, image = _biased(RATE)
    inputs = np.zeros((1, 2), np.int16)  # A is 3 in step 1, and every neuron fires
    result = golden.run(network, inputs, params=image.params)
    assert result.spikes[0].total == 2 and skippable(network, image, result) == 0
    once = Layer(np.ones((2, 2), np.int8), replace(RATE, reset=Reset.ONCE, threshold=2))
    network = Network(name="once", layers=(once,), steps=4, levels=4)
    image = compile_network(network, image.params)
    result = golden.run(network, inputs, params=image.params, early_exit=False)
    assert skippable(network, image, result) == 2 / 4  # swept in steps 2 and 3 for nothing


@pytest.mark.parametrize(("values", "scale"), [((2, 9), "log"), ((2, 5), "linear"), ((0, 9), "linear")])
def test_an_axis_is_logarithmic_where_values_above_0_are_far_apart(values, scale) -> None:
    _, axis = pyplot().subplots()
    fit(axis, values)
    assert axis.get_xscale() == scale
