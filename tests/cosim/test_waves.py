"""The GTKWave save file: every layer's spikes, under the names that the waveform has."""

import random
from pathlib import Path

import pytest
from support import chip_cases
from yoso_sim.waves import full_names, gtkwave

PARAMS = chip_cases.CHIPS["3 x 2, unicast, bus"]


def header(nodes):
    """A waveform's definitions as Verilator writes them."""
    top = ["in_valid", "in_ready", "out_valid", "out_ready", "tick"]
    lines = ["$scope module yoso_sim $end", *(f"$var wire 1 ! {name} $end" for name in top)]
    lines += ["$var wire 5 ! step [4:0] $end", "$var wire 31 ! out_data [30:0] $end"]
    for node in range(nodes):
        lines += [f"$scope module node[{node}] $end", "$var wire 1 ! spike $end"]
        lines += ["$var wire 6 ! row [5:0] $end", "$upscope $end"]
    return "\n".join([*lines, "$upscope $end", "$enddefinitions $end", "$var wire 1 ! later $end"])


def test_names_carry_the_bit_range():
    names = full_names(header(2))
    assert names["yoso_sim.step"] == "yoso_sim.step[4:0]"
    assert names["yoso_sim.node[1].spike"] == "yoso_sim.node[1].spike"
    assert "later" not in " ".join(names)


def test_every_pe_of_every_layer_is_shown():
    _, image = chip_cases.random_network(random.Random(1), PARAMS)
    text = gtkwave(image, Path("waves.vcd"), full_names(header(PARAMS.nodes)))
    for number, layer in enumerate(image.layers):
        assert f"-layer {number}: {layer.neurons} neurons on {len(layer.slices)} PEs, spikes" in text
        for part in layer.slices:
            node = f"yoso_sim.node[{part.y * PARAMS.cols + part.x}]"
            assert f"{node}.spike\n" in text and f"{node}.row[5:0]\n" in text


def test_a_signal_that_the_waveform_lacks_is_not_passed_over():
    _, image = chip_cases.random_network(random.Random(1), PARAMS)
    with pytest.raises(KeyError):
        gtkwave(image, Path("waves.vcd"), full_names(header(0)))
