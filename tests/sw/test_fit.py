"""Which chips hold a network: what ``yoso fit`` says is what the compiler does."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from yoso_hw import chips
from yoso_sw.commands.fit import main
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.estimate import Predicted
from yoso_sw.compile.fit import fits, on_chip, wide_enough
from yoso_sw.compile.mapping import CompileError
from yoso_sw.compile.work import EVENTS
from yoso_sw.data.recorded import samples_for
from yoso_sw.network import golden, zoo
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron, Reset

CSNN, DENSE = "mnist-csnn", "mnist-784-800-10"


def committed(name: str) -> Network:
    return Network.load(zoo.locate(name, ".npz"))


@pytest.mark.parametrize("name", [CSNN, DENSE, "n-mnist-count"])
def test_each_named_chip_holds_a_network_just_where_it_compiles_and_on_as_many_pes(name):
    network = committed(name)
    found = [*fits(network, chips.DEFAULT)]
    assert [one.chip for one in found] == [*chips.names(), "smallest"]
    for one in found:
        try:
            image = compile_network(network, one.params)
        except CompileError as error:
            assert (one.pes, one.why) == (0, str(error))
        else:
            assert one.pes == image.pes and one.cycles > network.steps
            assert one.params.neuron == network.chip.neuron or one.params.neuron == "all"


def test_the_goals_of_the_mnist_csnn_are_met_by_estimate_which_is_near_what_the_rtl_takes():
    """10,000 cycles an image on `csnn`, and 25,000 on 9 x 9 PEs; the RTL takes 8,511 and 22,360."""
    network = committed(CSNN)
    assert on_chip(network, "csnn", chips.load("csnn")).cycles == pytest.approx(8511, rel=0.1)
    small = dataclasses.replace(chips.load("csnn"), cols=9, rows=9, lanes=4, neurons=256, weights=16384)
    assert on_chip(network, "9 x 9", small).cycles == pytest.approx(22_360, rel=0.1)


#: What the committed networks take on the RTL, a mean over their first images.
ON_CHIP = json.loads((Path(__file__).parents[2] / "docs" / "on-chip" / "numbers.json").read_text())


@pytest.mark.parametrize(
    "name",
    [
        *("mnist-784-100-10", DENSE, "mnist-784-800-10-stdbp", "mnist-784-800-10-count"),
        *("mnist-784-800-10-tandem", "mnist-784-800-10-clif", CSNN, "mnist-csnn-stdbp"),
        *("mnist-csnn-count", "mnist-csnn-tandem", "mnist-csnn-clif"),
    ],
)
def test_cycles_by_images_are_near_what_the_rtl_takes_whatever_the_rule(name):
    network, path, own = committed(name), zoo.locate(name, ".npz"), ON_CHIP[name]
    result = golden.run(network, samples_for(network, path).first(4).inputs)
    chip = chips.load(own["chip"], (f"neuron={own['neuron']}",))
    assert on_chip(network, own["chip"], chip, result).cycles == pytest.approx(
        own["cycles_per_image"]["mean"], rel=0.25
    )


def test_without_multicast_an_input_takes_a_cycle_for_each_pe_that_it_goes_to():
    layers = tuple(Layer(np.ones(shape, np.int8), Neuron(5, 0, 8)) for shape in ((300, 64), (64, 4)))
    network = Network("own", layers, 8, 8)
    result = golden.run(network, np.full((1, 300), 3, np.uint8))
    assert on_chip(network, "default", chips.load("default"), result).cycles < 1000
    paper = chips.load("paper")
    x0, x1, y0, y1 = compile_network(network, paper).layers[0].rectangle
    assert on_chip(network, "paper", paper, result).cycles > 300 * (x1 - x0 + 1) * (y1 - y0 + 1) > 9000


def test_layers_that_spike_in_the_same_steps_follow_each_other():
    """A PE whose spikes the next layer's do not take yet waits, and so does the layer before it."""
    spiking = Neuron(1, 0, 12, reset=Reset.SUBTRACT)
    layers = (
        Layer(np.ones((50, 80), np.int8), spiking),
        Layer(np.ones((80, 80), np.int8), spiking),
        Layer(np.ones((80, 80), np.int8), spiking),
        Layer(np.ones((80, 4), np.int8), spiking),
    )
    network = Network("own", layers, 12, 8, "count", acc_bits=20, pot_bits=24)
    chip = chips.load("default", ("neuron=all", "acc_bits=20", "pot_bits=24", "layers=5"))
    result = golden.run(network, np.full((1, 50), 255, np.uint8))
    predicted = Predicted(compile_network(network, chip), result)
    layer = np.array([work.number for work in predicted.works])
    updates = predicted.steps[0][:, :, EVENTS.index("updates")]
    walks = [updates[layer == i].max(0) for i in range(4)]
    assert min(walk[6] for walk in walks[1:]) >= 80  # all neurons spike in each of these steps
    assert predicted.cycles > 0.9 * sum(walks).sum() > 1.5 * np.max(walks, axis=0).sum()


def test_the_smallest_of_a_kind_has_what_the_network_needs_and_memories_no_less_than_the_kind():
    network = committed(CSNN)
    for kind in ("default", "8-lane"):
        base, smallest = chips.load(kind), [*fits(network, kind)][-1].params
        assert (smallest.lanes, smallest.side) == (base.lanes, 29)
        assert (smallest.acc_bits, smallest.pot_bits) == (network.acc_bits, network.pot_bits)
        for name in ("neurons", "weights"):
            assert getattr(smallest, name) >= getattr(base, name)
        compile_network(network, smallest)


@pytest.mark.parametrize("name", ["mnist-784-100-10", DENSE, "n-mnist-count"])
def test_the_smallest_of_a_kind_has_fewer_pes_than_the_kind_where_fewer_hold_the_network(name):
    network = committed(name)
    smallest = [*fits(network, chips.DEFAULT)][-1].params
    compile_network(network, smallest)
    assert smallest.nodes < chips.load(chips.DEFAULT).nodes
    for cols, rows in ((smallest.cols - 1, smallest.rows), (smallest.cols, smallest.rows - 1)):
        if cols and rows:
            with pytest.raises(CompileError):
                compile_network(network, dataclasses.replace(smallest, cols=cols, rows=rows))


def test_a_side_of_the_mesh_that_is_asked_for_is_the_smallests_least():
    network = committed("mnist-784-100-10")
    smallest = [*fits(network, chips.DEFAULT, ("cols=7",))][-1].params
    assert (smallest.cols, smallest.rows) == (7, 1)


def test_what_a_network_needs_beside_memory_is_widened_and_nothing_narrowed():
    layer = Layer(np.ones((4, 300), np.int8), Neuron(5, 0, 16, reset=Reset.ZERO))
    network = Network("own", (layer,), 300, 16, "count", acc_bits=20, pot_bits=24)
    own = wide_enough(network, chips.load("default"))
    assert (own.classes, own.steps, own.neuron, own.acc_bits, own.pot_bits) == (300, 300, "all", 20, 24)
    assert own == dataclasses.replace(
        chips.load("default"), classes=300, steps=300, neuron="all", acc_bits=20, pot_bits=24
    )


def test_a_network_of_the_family_is_tried_on_chips_with_its_neurons():
    network = committed("n-mnist-count")
    assert {one.params.neuron for one in fits(network, chips.DEFAULT)} == {"all"}


def test_the_command_has_a_row_for_each_chip_that_holds_it_and_a_reason_for_each_other():
    result = CliRunner().invoke(main, [CSNN])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == f"{CSNN}: {committed(CSNN).shape}, 12202 neurons, 527456 weights, 81 steps"
    assert lines[1].split() == ["chip", "mesh", "lanes", "neurons", "weights", "PEs", "cycles"]
    rows = [line.split()[0] for line in lines[2:] if not line.startswith("not on")]
    assert rows == ["csnn", "wide", "smallest"]
    refused = [line for line in lines if line.startswith("not on default: ")]
    assert refused and refused[0].endswith("use a chip with side >= 29")
    assert len(lines) == 2 + len(chips.names()) + 1


def test_cycles_are_by_images_where_there_are_any_and_the_command_says_where_there_are_none(tmp_path):
    def cycles(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, [*arguments])
        assert result.exit_code == 0, result.output
        row = next(line.split() for line in result.output.splitlines() if line.startswith("csnn "))
        return int(row[-1]), result.output

    by_images, said = cycles("mnist-csnn-clif", "--images", "2")
    typical, told = cycles("mnist-csnn-clif", "--images", "0")
    assert by_images > 1.5 * typical  # the RTL takes twice as long as of typical activity
    assert "typical" not in said and "cycles by typical activity, which may be far off" in told
    dataclasses.replace(committed("mnist-csnn-clif"), about={}).save(tmp_path / "own.npz")
    assert cycles(str(tmp_path / "own.npz"))[0] == typical
    assert "does not say what it was trained on" in cycles(str(tmp_path / "own.npz"))[1]


def test_a_network_that_nothing_holds_has_reasons_and_no_table(tmp_path):
    window = Window(300, 4, 1, 3)
    layer = Layer(np.ones((9, 1), np.int8), Neuron(1, 0, 8), window=window)
    dense = Layer(np.ones((layer.neurons, 2), np.int8), Neuron(1, 0, 8))
    Network("tall", (layer, dense), 8, 8).save(tmp_path / "tall.npz")
    result = CliRunner().invoke(main, [str(tmp_path / "tall.npz")])
    assert result.exit_code == 0, result.output
    assert "not on csnn: network 'tall', layer 0: 300 x 4 inputs have more" in result.output
    assert "side=35: make its inputs smaller; no chip has a side of more than 256" in result.output
    assert "not on smallest: chip parameter side=300 is neither 0 nor within 2..256" in result.output
    assert "cycles" not in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "there is no trained network 'nowhere'"),
        ([DENSE, "--chip", "none"], "there is no chip 'none'"),
        ([DENSE, "--set", "lanes=3"], "lanes=3 is not 1, 2, 4 or 8"),
        ([DENSE, "--images", "10001"], "--images 10001 is outside 1..10000"),
    ],
)
def test_bad_input_is_one_error_line(arguments, message):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1 and message in result.output and result.output.count("Error:") == 1
