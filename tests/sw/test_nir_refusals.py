"""NIR: what has no node, and what is no network of ReL-PSP neurons, is refused by name."""

import dataclasses

import nir
import numpy as np
import pytest
from support.nir_graphs import convolution, dense, foreign
from yoso_sw.network.network import Layer, Network, Window
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
        ({"current": CLEARED}, "layer 0: its current is cleared"),
        ({"current": 3}, "layer 0: current=3 loses whole numbers"),
        ({"leak": 2}, "layer 0: leak=2 takes whole numbers"),
        ({"reset": Reset.SUBTRACT}, "layer 0: its reset is subtract; NIR's IF sets V to v_reset"),
        ({"reset": Reset.ZERO}, "layer 0: its reset is zero"),
        ({"reset": Reset.NEVER}, "layer 0: its reset is never"),
        ({"charge": 20, "start": 21, "reset": Reset.SUBTRACT}, "layer 0: charge=20 makes V the current"),
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


@pytest.mark.parametrize(
    "fields",
    [{"code": "events"}, {"code": "rate"}, {"decision": "count"}],
    ids=str,
)
def test_a_code_or_a_decision_that_the_metadata_lack_is_not_exported(fields):
    layer = Layer(np.ones((2, 2), np.int8), Neuron(5, 0, 9))
    if "decision" in fields:
        layer = dataclasses.replace(layer, neuron=Neuron(5, 0, 9, reset=Reset.ZERO))
    with pytest.raises(NirError, match=f"{next(iter(fields))} {next(iter(fields.values()))}"):
        to_nir(Network("coded", (layer,), 9, 9, **fields))


@pytest.mark.parametrize(
    ("network", "says"),
    [
        (changed(dense(), slope=3), "'dense', layer 0 has the constant slope 3; no NIR node"),
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
        ({"fire": nir.LIF(TWO, TWO, TWO, TWO)}, r"node 'fire' \(LIF\): it leaks"),
        ({"fire": nir.CubaLIF(TWO, TWO, TWO, TWO, TWO)}, r"node 'fire' \(CubaLIF\): it leaks"),
        ({"arrived": nir.LI(np.ones(3), np.ones(3), np.ones(3))}, r"node 'arrived' \(LI\): it leaks"),
        ({"fire": nir.Threshold(TWO)}, r"node 'fire' \(Threshold\): no part of a ReL-PSP layer"),
        ({"arrived": nir.Delay(np.ones(3))}, r"node 'arrived' \(Delay\): no part"),
        ({"arrived": nir.Scale(np.ones(3))}, r"node 'arrived' \(Scale\): no part"),
        ({"arrived": nir.I(np.full(3, 2.0))}, r"node 'arrived' \(I\): r=2\.0; it must be 1"),
        ({"fire": nir.IF(TWO * 0.5, TWO, TWO * -999)}, r"node 'fire' \(IF\): r=0\.5; it must be 1"),
        (
            {"fire": nir.IF(TWO, TWO)},
            r"node 'fire' \(IF\) resets to 0 and may spike again; .* 20 steps v_reset must be at most -151",
        ),
        ({"fire": nir.IF(TWO, np.array([7.0, 8.0]), TWO * -999)}, r"'fire' \(IF\): thresholds differ, 7"),
        ({"fire": nir.IF(TWO, TWO * -1, TWO * -999)}, r"'fire' \(IF\): v_threshold=-1\.0; it must be 0 or"),
        ({"fire": nir.IF(TWO, TWO * np.nan, TWO * -999)}, r"'fire' \(IF\): v_threshold=nan"),
        (
            {"weights": nir.Linear(np.array([[0.5, 1, 1], [1, 1, 1]]))},
            r"node 'weights' \(Linear\): weight 0\.5 is no whole number of -128\.\.127; train it in integers",
        ),
        ({"weights": nir.Linear(np.full((2, 3), 128.0))}, r"weight 128\.0 is no whole number"),
        ({"weights": nir.Linear(np.full((2, 3), np.nan))}, r"weight nan is no whole number"),
        (
            {
                "arrived": nir.Affine(np.ones((2, 3)), TWO),
                "weights": nir.I(TWO),
            },
            r"node 'arrived' \(Affine\): its bias stands before the integrator",
        ),
        (
            {"weights": nir.Affine(np.ones((2, 3)), np.ones(3))},
            r"'weights' \(Affine\): bias has shape \(3,\)",
        ),
        ({"arrived": nir.Linear(np.eye(3))}, r"node 'weights' \(Linear\) follows node 'arrived' \(Linear\)"),
        (
            {"arrived": nir.Flatten(np.array([3]), 0)},
            r"node 'fire' \(IF\) comes without integrator \(I\) of its spikes: it adds a spike's weight",
        ),
        (
            {"weights": nir.Linear(np.ones((2, 3))), "fire": nir.I(TWO), "more": nir.I(TWO)},
            "follows a potential",
        ),
        ({"fire": nir.Flatten(np.array([2]), 0)}, r"node 'fire' \(Flatten\) stands after the weights"),
    ],
    ids=lambda value: "-".join(type(node).__name__ for node in value.values()) if type(value) is dict else "",
)
def test_a_graph_that_is_no_network_of_relpsp_is_refused(nodes, says):
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
        ({"stride": 2}, r"node 'conv' \(Conv2d\): stride=\(2, 2\); a convolution has stride 1"),
        ({"padding": 1}, r"padding=\(1, 1\); a convolution has padding 0"),
        ({"padding": "same"}, "padding=same"),
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
