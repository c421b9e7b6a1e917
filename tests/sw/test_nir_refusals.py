"""NIR: what has no node, and what is no network of the neuron family, is refused by name."""

import dataclasses

import nir
import numpy as np
import pytest
from support.nir_graphs import convolution, dense, foreign
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import CLEARED, Neuron, Reset
from yoso_sw.nir import NirError, export, from_nir, to_nir


def changed(network, index=0, **changes):
    layers = list(network.layers)
    neuron = {name: changes.pop(name) for name in ("slope", "start", "end") if name in changes}
    own = dataclasses.replace(layers[index].neuron, **neuron)
    layers[index] = dataclasses.replace(layers[index], neuron=own, **changes)
    return dataclasses.replace(network, layers=tuple(layers))


@pytest.mark.parametrize(
    ("neuron", "says"),
    [
        ({"leak": 2}, "layer 0: leak=2 of a current that is kept"),
        ({"reset": Reset.SUBTRACT}, "layer 0: its reset is subtract; with a current that is kept"),
        ({"reset": Reset.ZERO}, "layer 0: its reset is zero; with a current that is kept"),
        ({"reset": Reset.NEVER}, "layer 0: its reset is never"),
        ({"charge": 20, "start": 21, "reset": Reset.SUBTRACT}, "layer 0: charge=20 makes V the current"),
        ({"current": CLEARED, "start": 2}, r"layer 0 fires in steps 2\.\.19 only; .* 29 steps .*, 1\.\.29"),
        ({"current": CLEARED, "end": 30}, "layer 2: its bias comes at step 0, and its spikes 1 steps later"),
    ],
    ids=str,
)
def test_a_neuron_of_the_family_that_no_node_says_is_not_exported(neuron, says):
    network = dense()
    longer = dataclasses.replace(network, steps=30)
    first = dataclasses.replace(longer.layers[0].neuron, **{"start": 1, **neuron})
    layers = (dataclasses.replace(longer.layers[0], neuron=first), *longer.layers[1:])
    with pytest.raises(NirError, match=says):
        to_nir(dataclasses.replace(longer, layers=layers))


def test_a_readout_whose_potentials_decide_is_exported_and_means_the_same():
    network = dense(decision="softmax")
    last = network.layers[-1]
    readout = dataclasses.replace(last, neuron=Neuron(1, 0, network.steps, reset=Reset.NEVER))
    graph = to_nir(dataclasses.replace(network, layers=(*network.layers[:-1], readout)))
    assert "potential" in graph.nodes and graph.nodes.keys() == to_nir(network).nodes.keys()


def test_all_obstacles_of_a_network_are_listed_at_once():
    network = changed(changed(dense(), slope=3), 1, start=2)
    with pytest.raises(NirError, match=r"(?s)2 obstacles:.*layer 0: it has the constant.*layer 1 fires"):
        to_nir(network)


@pytest.mark.parametrize(
    ("network", "says"),
    [
        (changed(dense(), slope=3), "'dense', layer 0: it has the constant slope 3; no NIR node"),
        (changed(dense(), 1, start=2), "layer 1 fires in steps 2..19 only; NIR has no firing windows"),
        (changed(dense(), 1, end=12), r"layer 1 fires in steps 0\.\.11 only"),
        (
            Network(
                "pooled",
                (
                    Layer(
                        np.ones((9, 2), np.int8),
                        Neuron(5, 0, 9),
                        window=Window(6, 6, 1, 3),
                        pool=True,
                    ),
                    Layer(np.ones((8, 2), np.int8), Neuron(5, 0, 9)),
                ),
                9,
                9,
            ),
            "'pooled', layer 0 is pooled by the earliest spike; NIR's pooling nodes sum or average",
        ),
        (
            Network("loud", (Layer(np.full((300, 2), 127, np.int8), Neuron(5, 0, 9)),), 9, 9),
            r"A may reach 0\.\.38100 and V .* NIR has no clamp",
        ),
        (
            Network("deep", (Layer(np.full((200, 2), -127, np.int8), Neuron(5, 0, 99)),), 99, 9),
            r"V -2489200\.\.4, where the chip clamps",
        ),
    ],
    ids=["slope", "start", "end", "pool", "A", "V"],
)
def test_what_no_node_says_is_not_exported(network, says):
    with pytest.raises(NirError, match=says):
        to_nir(network)


def test_a_layer_of_a_later_kind_is_not_exported(monkeypatch):
    @dataclasses.dataclass(frozen=True, eq=False)
    class Later(Layer):
        leak: int = 0

    network = dense()
    values = {field.name: getattr(network.layers[0], field.name) for field in dataclasses.fields(Layer)}
    later = Later(**values, leak=3)
    monkeypatch.setattr(export, "Layer", Later)
    with pytest.raises(NirError, match="layer 0: leak=3 cannot be said in NIR"):
        to_nir(dataclasses.replace(network, layers=(later, *network.layers[1:])))


TWO = np.ones(2)


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        (
            {"fire": nir.LIF(TWO, TWO, 0 * TWO, TWO)},
            r"'fire' \(LIF\): tau=1 and a step of 1 lose 1 of it a st",
        ),
        ({"fire": nir.LIF(TWO * 4, TWO, TWO, TWO)}, r"'fire' \(LIF\): v_leak=1; a layer leaks towards 0"),
        ({"fire": nir.LIF(TWO * 4, TWO, 0 * TWO, TWO)}, r"'fire' \(LIF\): it leaks behind an integrator"),
        ({"fire": nir.LIF(TWO * 4e5, TWO, 0 * TWO, TWO)}, r"tau=400000 .* lose 2.5e-06 of it a step"),
        ({"fire": nir.CubaLIF(TWO * 4, TWO * 4, TWO, 0 * TWO, TWO)}, "it has a current of its own, and an"),
        ({"fire": nir.LIF(np.array([2.0, 4.0]), TWO, 0 * TWO, TWO)}, r"'fire' \(LIF\): tau differs, 2\.\.4"),
        (
            {"arrived": nir.LI(np.ones(3), np.ones(3), np.ones(3))},
            r"node 'arrived' \(LI\): it integrates bef",
        ),
        (
            {"arrived": nir.Flatten(np.array([3]), 0), "fire": nir.Threshold(TWO)},
            r"\(Threshold\): it comes with",
        ),
        ({"arrived": nir.Delay(np.ones(3))}, r"node 'arrived' \(Delay\): its delay is 1; only a delay of 0"),
        (
            {"fire": nir.IF(TWO, TWO)},
            r"node 'fire' \(IF\): it resets to 0 and may spike again; .* steps v_reset must be at most -151",
        ),
        ({"fire": nir.IF(TWO, np.array([7.0, 8.0]), TWO * -999)}, r"'fire' \(IF\): thresholds differ, 7"),
        ({"fire": nir.IF(TWO, TWO * -1, TWO * -999)}, r"'fire' \(IF\): v_threshold=-1\.0; it must be 0 or"),
        ({"fire": nir.IF(TWO, TWO * np.nan, TWO * -999)}, r"'fire' \(IF\): v_threshold=nan"),
        ({"fire": nir.IF(TWO, TWO * 1e7, TWO * -999)}, "its threshold is 10000001 .*; V has 524287 at most"),
        ({"weights": nir.Linear(np.full((2, 3), np.nan))}, r"node 'weights' \(Linear\): weight=nan"),
        (
            {
                "arrived": nir.Affine(np.ones((2, 3)), TWO),
                "weights": nir.I(TWO),
            },
            r"node 'weights' \(I\): a bias stands before it, of which it makes a ramp",
        ),
        (
            {"weights": nir.Affine(np.ones((2, 3)), np.ones(3))},
            r"'weights' \(Affine\): bias has shape \(3,\)",
        ),
        (
            {"arrived": nir.Linear(np.eye(3))},
            r"node 'weights' \(Linear\): it follows node 'arrived' \(Linear\)",
        ),
        (
            {"weights": nir.Linear(np.ones((2, 3))), "fire": nir.I(TWO), "more": nir.I(TWO)},
            r"node 'fire' \(I\): a second integrator before the neuron",
        ),
        ({"fire": nir.Flatten(np.array([2]), 0)}, r"node 'fire' \(Flatten\): it stands after the weights"),
    ],
    ids=lambda value: "-".join(type(node).__name__ for node in value.values()) if type(value) is dict else "",
)
def test_a_graph_that_is_no_network_of_the_family_is_refused(nodes, says):
    with pytest.raises(NirError, match=says):
        from_nir(foreign(**nodes), steps=20, levels=16)


def conv(**changes):
    values = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": np.zeros(2), **changes}
    node = nir.Conv2d((4, 4), np.ones((2, 1, 3, 3)), **values)
    shape = np.array(node.output_type["output"])
    chain = {
        "in": nir.Input(np.array([1, 4, 4])),
        "arrived": nir.I(np.ones((1, 4, 4))),
        "conv": node,
        "fire": nir.IF(np.ones(shape), np.ones(shape), np.full(shape, -9999.0)),
        "out": nir.Output(shape),
    }
    names = list(chain)
    return nir.NIRGraph(chain, list(zip(names, names[1:], strict=False)))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"stride": (1, 2)}, r"node 'conv' \(Conv2d\): stride=\(1, 2\); a convolution has one stride"),
        ({"padding": (0, 1)}, r"padding=\(0, 1\); a convolution has one padding, a number, down and across"),
        ({"padding": "same"}, "padding=same; a convolution has one padding, a number"),
        ({"padding": 3}, r"node 'conv' \(Conv2d\): padding=3 is outside 0..2: with kernel=3"),
        ({"dilation": 2}, r"dilation=\(2, 2\); a convolution has dilation 1"),
        ({"groups": 2}, "groups=2"),
    ],
)
def test_a_convolution_of_another_kind_is_refused(changes, says):
    with pytest.raises(NirError, match=says):
        from_nir(conv(**changes), steps=20, levels=16)


def test_pooling_is_refused_with_the_reason():
    network = convolution()
    graph = to_nir(network)
    graph.nodes["arrived1"] = nir.SumPool2d(np.array([1, 1]), np.array([1, 1]), np.array([0, 0]))
    with pytest.raises(NirError, match=r"node 'arrived1' \(SumPool2d\): it sums spikes"):
        from_nir(graph)


def test_recurrence_branches_and_loose_ends_are_refused():
    nodes, edges = foreign().nodes, foreign().edges
    back = nir.NIRGraph(nodes, [*edges, ("fire", "fire")], type_check=False)
    with pytest.raises(NirError, match=r"node 'fire' \(IF\) has 2 inputs, 'weights', 'fire'; .*recurrence"):
        from_nir(back, steps=20, levels=16)
    loose = {**nodes, "alone": nir.I(np.ones(3))}
    with pytest.raises(NirError, match=r"node 'alone' \(I\) is not on the way from 'in' to 'out'"):
        from_nir(nir.NIRGraph(loose, edges, type_check=False), steps=20, levels=16)
    with pytest.raises(NirError, match="has 2 Input nodes"):
        second = {**nodes, "in2": nir.Input(np.array([3]))}
        from_nir(nir.NIRGraph(second, edges, type_check=False), steps=20, levels=16)
