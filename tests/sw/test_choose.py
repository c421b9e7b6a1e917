"""Which chip a network runs on where none is asked for."""

import dataclasses

import numpy as np
import pytest
from yoso_hw import chips
from yoso_hw.params import ParamError
from yoso_sw.compile.choose import choose
from yoso_sw.compile.mapping import CompileError
from yoso_sw.network import zoo
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron, Reset

COMMITTED = {name: Network.load(zoo.locate(name, ".npz")) for name in zoo.names(".npz")}
DENSE = [name for name, own in COMMITTED.items() if all(layer.window is None for layer in own.layers)]


def network(inputs=4, neurons=3, **fields):
    layer = Layer(np.ones((inputs, neurons), np.int8), Neuron(5, 0, 16))
    return Network("own", (layer,), 16, 16, **fields)


@pytest.mark.parametrize("name", DENSE)
def test_every_committed_dense_network_finds_a_chip_with_adders_as_wide_as_it_was_trained_for(name):
    own = COMMITTED[name]
    choice = choose(own)
    params = choice.image.params
    assert params == dataclasses.replace(chips.load(choice.chip), neuron=own.chip.neuron)
    assert params.acc_bits >= own.acc_bits and params.pot_bits >= own.pot_bits
    assert (choice.chip == "default") == ("not on the default chip" not in choice.why)
    assert own.chip.neuron == "rel_psp" or choice.why.startswith("with neuron=all for layer 0: ")


def test_networks_that_the_default_chip_holds_stay_there_and_others_say_why_not():
    assert all(choose(COMMITTED[name]).chip == "default" for name in DENSE if name.startswith("mnist"))
    fashion = choose(COMMITTED["fashion-mnist-784-1000-10"])
    assert fashion.chip == "fashion"
    assert fashion.why.endswith("needs 50 + 1 = 51 PEs, and the 6 x 7 mesh has 42")
    assert choose(COMMITTED["caltech-160x250-4-2"]).chip == "caltech"


@pytest.mark.parametrize("name", sorted({*COMMITTED} - {*DENSE}))
def test_every_committed_convolution_goes_to_the_chip_that_is_made_for_it(name):
    own = COMMITTED[name]
    choice = choose(own)
    assert choice.chip == ("wide" if name.endswith("wide") or name.startswith("cifar10") else "csnn")
    assert choice.image.params.acc_bits >= own.acc_bits and choice.image.params.pot_bits >= own.pot_bits
    first = own.layers[0].shape
    assert choice.why.endswith(f"has a convolution, layer 0: {first}, which a chip with side=0 has not")


def test_a_convolution_that_no_chip_holds_is_refused_as_the_largest_chip_with_convolutions_refuses_it():
    window = Window(30, 30, 64, 5)
    layer = Layer(np.ones((window.axons, 300), np.int8), Neuron(5, 0, 16), window=window)
    dense = Layer(np.ones((layer.neurons, 1), np.int8), Neuron(5, 0, 16))
    with pytest.raises(CompileError, match="layer 1 has 202800 axons, and a PE's 65536 weights") as refused:
        choose(Network("own", (layer, dense), 16, 16, acc_bits=20, pot_bits=24))
    assert "\n" not in str(refused.value)


def test_a_network_for_wider_adders_than_the_default_chips_goes_to_a_chip_that_has_them():
    choice = choose(network(acc_bits=18, pot_bits=24))
    assert choice.chip == "caltech"  # the least memory of those that have them
    assert choice.why == (
        "not on the default chip: it has acc_bits=16 and not 18 and pot_bits=20 and not 24, "
        "which 'own' was trained for"
    )


def test_a_network_for_wider_adders_than_any_chips_runs_on_the_default_one_and_is_told():
    choice = choose(network(acc_bits=30, pot_bits=32))
    assert choice.chip == "default" and choice.why.startswith("no named chip has wider adders")


def family(**fields):
    layer = Layer(np.ones((4, 3), np.int8), Neuron(5, 0, 16, reset=Reset.ZERO))
    return Network("own", (layer,), 16, 16, "count", **fields)


def test_a_network_of_the_family_gets_neuron_all_on_whichever_chip_it_is_and_says_for_what():
    choice = choose(family())
    assert choice.image.params == dataclasses.replace(chips.load("default"), neuron="all")
    assert (choice.chip, choice.why) == ("default", "with neuron=all for layer 0: reset=zero, decision=count")
    wide = choose(family(acc_bits=18, pot_bits=24), settings=["router=bus"])
    assert wide.image.params == dataclasses.replace(chips.load("caltech"), neuron="all", router="bus")
    assert wide.why.startswith("with neuron=all for layer 0: reset=zero, decision=count; not on the default")
    assert choose(family(), settings=["neuron=all"]).why == ""


def test_a_network_of_the_family_is_refused_by_a_chip_without_it_that_is_asked_for():
    for asked in ({"chip": "default"}, {"settings": ["neuron=rel_psp"]}):
        with pytest.raises(CompileError, match="decision=count, which a chip with neuron=rel_psp has not"):
            choose(family(), **asked)
    assert choose(family(), "default", ["neuron=all"]).image.params.neuron == "all"


def test_a_chip_that_is_asked_for_is_taken_or_refused_but_not_replaced():
    assert choose(network(), "8-lane").image.params == chips.load("8-lane")
    with pytest.raises(CompileError, match="needs 50 \\+ 1 = 51 PEs"):
        choose(COMMITTED["fashion-mnist-784-1000-10"], "default")
    with pytest.raises(ParamError, match="there is no chip 'none'"):
        choose(network(), "none")


def test_settings_hold_for_whichever_chip_it_is():
    own = choose(COMMITTED["fashion-mnist-784-1000-10"], settings=["router=bus"])
    assert own.image.params == dataclasses.replace(chips.load("fashion"), router="bus")
    with pytest.raises(ParamError, match="'lane=1' is not NAME=VALUE"):
        choose(network(), settings=["lane=1"])


def test_a_network_that_no_chip_holds_is_refused_as_the_default_chip_refuses_it():
    wide = network(inputs=4000, neurons=2000)
    with pytest.raises(CompileError, match="has 2000 outputs and the chip numbers 256"):
        choose(wide)
