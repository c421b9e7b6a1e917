"""Emit: two Verilog files that fit together, the same bytes every time, and errors that name the setting."""

import dataclasses
import re

import pytest
from click.testing import CliRunner
from yoso_hw.emit import emit, without_initial_values
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_sim.commands.emit import main

PARAMS = ChipParams(cols=2, rows=1, lanes=2, neurons=4, weights=16, layers=2, classes=4, steps=8)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return emit(PARAMS, tmp_path_factory.mktemp("rtl"))


def ports(text, module):
    """Name -> (direction, width) of a Verilog module's ports."""
    body = re.search(rf"^module {module}\b.*?^endmodule", text, re.M | re.S).group()
    found = re.findall(r"^\s+(input|output) (?:reg |wire )?(?:\[(\d+):0\] )?(\w+);", body, re.M)
    return {name: (direction, int(top or 0) + 1) for direction, top, name in found}


def test_the_top_has_the_hosts_streams_a_clock_a_reset_and_the_trace(files):
    flit, nodes = Packets(PARAMS).flit_bits, PARAMS.nodes
    assert ports(files[1].read_text(), "yoso_chip") == {
        "clk": ("input", 1),
        "rst": ("input", 1),
        "host_in_data": ("input", flit),
        "host_in_valid": ("input", 1),
        "host_in_ready": ("output", 1),
        "host_out_data": ("output", flit),
        "host_out_valid": ("output", 1),
        "host_out_ready": ("input", 1),
        "trace_valid": ("output", nodes),
        "trace_flit": ("output", nodes * flit),
        "step": ("output", PARAMS.step_bits),
        "tick": ("output", 1),
    }


def test_with_convolution_the_top_shows_inner_fires_besides(tmp_path):
    params = ChipParams(cols=2, rows=1, lanes=2, neurons=8, weights=16, side=3)
    node, chip = (ports(file.read_text(), file.stem) for file in emit(params, tmp_path))
    assert node["inner_valid"] == ("output", 1) and node["inner"] == ("output", 2 + 2)
    assert chip["inner_valid"] == ("output", 2) and chip["inner"] == ("output", 2 * (2 + 2))


def test_the_chip_connects_every_port_of_its_nodes(files):
    node, chip = (file.read_text() for file in files)
    due = set(ports(node, "yoso_node"))
    instances = re.findall(r"^\s*yoso_node \S+ \((.*?)\);", chip, re.M | re.S)
    assert len(instances) == PARAMS.nodes
    for instance in instances:
        assert set(re.findall(r"\.(\w+)\(", instance)) == due


def test_node_and_chip_share_no_module_name(files):
    names = [re.findall(r"^module (\S+?)[ (;]", file.read_text(), re.M) for file in files]
    assert not set(names[0]) & set(names[1]) and all(len(set(each)) == len(each) for each in names)


def test_the_same_chip_gives_the_same_files_and_leaves_them_alone(files, tmp_path):
    before = [(file.read_text(), file.stat().st_mtime_ns) for file in files]
    assert emit(PARAMS, files[0].parent) == files
    assert [(file.read_text(), file.stat().st_mtime_ns) for file in files] == before


@pytest.mark.parametrize(
    ("setting", "message"),
    [("lanes=3", "lanes=3 is not 1, 2, 4 or 8"), ("cols=0", "cols=0 is outside"), ("colour=1", "colour=1")],
)
def test_a_wrong_setting_is_named_and_nothing_is_written(setting, message, tmp_path):
    result = CliRunner().invoke(main, ["--out", str(tmp_path / "rtl"), "--set", setting])
    assert result.exit_code != 0 and message in result.output and not (tmp_path / "rtl").exists()


@pytest.mark.parametrize("kind", [{}, {"banked": True, "multicast": False}])
def test_every_block_reads_something_or_no_simulator_would_ever_run_it(tmp_path, kind):
    for path in emit(dataclasses.replace(PARAMS, **kind), tmp_path):
        assert not re.findall(r"always @\*\n +(?!begin)[^;=]*= \d+'\w+;", path.read_text())


def test_initial_values_are_left_out_on_request(files):
    for path in files:
        text = without_initial_values(path.read_text())
        assert "initial" not in text and "init =" not in text
        assert all(name.startswith("\\$auto$") for name in re.findall(r"^ *reg ([^;=]*) = ", text, re.M))
