"""Tools that read NIR, on what is exported and on what they export (docs/nir.md has the table).

`make test` installs all of them, `tests/nir-tools.txt`; elsewhere one that is not installed is skipped.
"""

import json
import logging

import numpy as np
import pytest
from support.nir_graphs import dense
from support.nir_steps import follow_steps
from yoso_sw.network import golden
from yoso_sw.network.events import Events
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import CLEARED, Neuron, Reset
from yoso_sw.nir import convert, measure, read, to_nir, write
from yoso_sw.nir.measure import record

torch = pytest.importorskip("torch")
pytest.importorskip("nirtorch")

T, INPUTS = 20, 6


def network(reset, current=CLEARED, leak=0, low=-9, high=9, readout=False):
    """Two layers that spike a lot, without a bias, of weights low .. high."""
    rng, layers = np.random.default_rng(1), []
    for i, (axons, neurons) in enumerate([(INPUTS, 5), (5, 3)]):
        weights = rng.integers(low, high + 1, (axons, neurons)).astype(np.int8)
        kind = Reset.NEVER if readout and i else reset
        neuron = Neuron(1 if readout and i else 12, i + 1, i + 1 + T, current=current, leak=leak, reset=kind)
        layers.append(Layer(weights, neuron))
    decision = "softmax" if readout else "ttfs" if reset is Reset.ONCE else "count"
    return Network("tried", tuple(layers), T + 2, T, decision, code="events")


NETWORKS = {
    "ReL-PSP": dense(steps=T),
    "IF, zero": network(Reset.ZERO),
    "IF, subtract, -theta <= V < 2 theta": network(Reset.SUBTRACT, low=0, high=2),
    "IF, subtract": network(Reset.SUBTRACT),
    "IF, once": network(Reset.ONCE),
    "LIF, zero": network(Reset.ZERO, leak=3),
    "LIF, subtract": network(Reset.SUBTRACT, leak=3),
    "CubaLIF, zero": network(Reset.ZERO, current=1, leak=3),
    "readout I": network(Reset.ZERO, readout=True),
    "readout LI": network(Reset.ZERO, leak=3, readout=True),
    "readout CubaLI": network(Reset.ZERO, current=1, leak=3, readout=True),
}


def images(inputs=INPUTS):
    return np.random.default_rng(2).random((5, T, inputs)) < 0.4


# ---- what each tool makes of a graph: (steps, inputs) spikes to its output ------------------------------


def stepped(module, image):
    """Run a module that takes a step and its state."""
    state, rows = None, []
    for row in torch.from_numpy(image).float():
        out, state = module(row[None]) if state is None else module(row[None], state)
        rows.append((out[0] if isinstance(out, tuple) else out).detach().numpy().ravel())
    return np.array(rows)


def snntorch(graph, image):
    import_nir = pytest.importorskip("snntorch.import_nir")
    return stepped(import_nir.import_from_nir(graph), image)


def norse(graph, image):
    tool = pytest.importorskip("norse.torch")
    return stepped(tool.from_nir(graph, dt=graph.metadata["dt"]), image)


def sinabs(graph, image):
    tool = pytest.importorskip("sinabs.nir")
    out = tool.from_nir(graph, batch_size=1)(torch.from_numpy(image).float())
    return (out[0] if isinstance(out, tuple) else out).detach().numpy()


#: The step that a tool takes for granted, if any.
TOOLS = {"snntorch": (snntorch, 1e-4), "norse": (norse, 1.0), "sinabs": (sinabs, 1.0)}

REFUSED, OTHERWISE, EQUAL = "refused", "otherwise", "equal"


def verdict(tool, own):
    """Whether a tool refuses the graph of a network, gives other outputs than it says, or just these."""
    run, dt = TOOLS[tool]
    graph, same, some = to_nir(own, dt), [], False
    subtract = json.loads(graph.metadata["subtract"])
    for image in images(own.inputs):
        spikes, potentials = follow_steps(graph, image, dt, subtract)
        last = len(own.layers) - 1
        expected = potentials["potential"] if own.decision == "softmax" else spikes[f"fire{last}"]
        some |= bool(expected.any())
        try:
            got = run(graph, image)
        except (AssertionError, AttributeError, KeyError, ValueError, TypeError, NotImplementedError):
            return REFUSED
        same.append(got.shape == expected.shape and np.allclose(got, expected, rtol=1e-5, atol=1e-5))
    assert some
    return EQUAL if all(same) else OTHERWISE


#: What each tool makes of each network, which docs/nir.md says too.
EXPECTED = {
    "ReL-PSP": (REFUSED, REFUSED, REFUSED),
    "IF, zero": (REFUSED, EQUAL, OTHERWISE),
    "IF, subtract, -theta <= V < 2 theta": (REFUSED, OTHERWISE, EQUAL),
    "IF, subtract": (REFUSED, OTHERWISE, OTHERWISE),
    "IF, once": (REFUSED, OTHERWISE, OTHERWISE),
    "LIF, zero": (EQUAL, EQUAL, OTHERWISE),
    "LIF, subtract": (OTHERWISE, OTHERWISE, OTHERWISE),
    "CubaLIF, zero": (EQUAL, EQUAL, REFUSED),
    "readout I": (REFUSED, OTHERWISE, OTHERWISE),
    "readout LI": (REFUSED, OTHERWISE, OTHERWISE),
    "readout CubaLI": (REFUSED, OTHERWISE, REFUSED),
}


@pytest.fixture(autouse=True)
def quiet():
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_makes_of_an_exported_graph_what_the_page_says(tool, name):
    pytest.importorskip(tool)
    assert verdict(tool, NETWORKS[name]) == dict(zip(TOOLS, EXPECTED[name], strict=True))[tool]


# ---- what each tool exports ----------------------------------------------------------------------------


def linear(axons, neurons, seed):
    layer = torch.nn.Linear(axons, neurons, bias=False)
    weights = np.random.default_rng(seed).integers(-5, 9, (neurons, axons)) / 8
    layer.weight.data = torch.from_numpy(weights).float()
    return layer


def spikes_of(network, inputs):
    """The output's spikes, (images, T, neurons), in the steps of the graph."""
    result = golden.run(network, Events.of_record(inputs), early_exit=False)
    delay = len(network.layers)
    return record(result.spikes[-1], network.steps)[:, delay : delay + T]


def through_a_file(graph, tmp_path):
    write(tmp_path / "x.nir", graph)
    return read(tmp_path / "x.nir")


def test_sinabs_spikes_come_out_the_same_where_it_fires_once_a_step(tmp_path):
    pytest.importorskip("sinabs")
    from sinabs.activation import SingleSpike
    from sinabs.layers import IAFSqueeze
    from sinabs.nir import to_nir as export

    neurons = [
        IAFSqueeze(batch_size=1, spike_threshold=torch.tensor(1.25), spike_fn=SingleSpike) for _ in "ab"
    ]
    module = torch.nn.Sequential(linear(INPUTS, 5, 1), neurons[0], linear(5, 3, 2), neurons[1])
    module(torch.zeros(T, INPUTS))
    graph = export(module, torch.zeros(T, INPUTS))
    conversion = convert(through_a_file(graph, tmp_path), steps=T, reset="subtract")
    theirs = []
    for image in images():
        for own in neurons:
            own.reset_states()
        theirs.append(module(torch.from_numpy(image).float()).detach().numpy() > 0)
    assert np.any(theirs)
    np.testing.assert_array_equal(spikes_of(conversion.network, images()), theirs)


def test_norse_integrators_come_out_the_same(tmp_path):
    norse_torch = pytest.importorskip("norse.torch")
    cell = [norse_torch.IAFCell(norse_torch.IAFParameters(v_th=torch.full((n,), 1.25))) for n in (5, 3)]
    module = norse_torch.SequentialState(linear(INPUTS, 5, 1), cell[0], linear(5, 3, 2), cell[1])
    graph = norse_torch.to_nir(module, torch.zeros(INPUTS))
    conversion = convert(through_a_file(graph, tmp_path), steps=T)
    assert conversion.exact
    theirs = [stepped(module, image) > 0 for image in images()]
    assert np.any(theirs)
    np.testing.assert_array_equal(spikes_of(conversion.network, images()), theirs)


def test_snntorch_leaky_neurons_come_out_with_their_leak(tmp_path):
    snn = pytest.importorskip("snntorch")
    from snntorch.export_nir import export_to_nir

    neurons = [
        snn.Leaky(
            beta=torch.full((n,), 0.875), threshold=torch.full((n,), 1.25), init_hidden=True, output=i == 1
        )
        for i, n in enumerate((5, 3))
    ]
    module = torch.nn.Sequential(linear(INPUTS, 5, 1), neurons[0], linear(5, 3, 2), neurons[1])
    graph = export_to_nir(module, torch.zeros(INPUTS))
    conversion = convert(through_a_file(graph, tmp_path), steps=T, dt=1e-4)
    assert [layer.neuron.leak for layer in conversion.network.layers] == [3, 3]
    assert not conversion.exact and "weights times" in str(conversion)
    measured = measure(conversion, Events.of_record(images()))
    assert max(measured.errors) < 0.5 and measured.equal >= 4


def table():
    """Rows of the table: each network, and what each tool makes of it."""
    logging.disable(logging.WARNING)
    return {name: {tool: verdict(tool, own) for tool in TOOLS} for name, own in NETWORKS.items()}


if __name__ == "__main__":
    print(json.dumps(table(), indent=1))
