"""Waveforms: their signals by name, and how GTKWave and Surfer show them; a PE that is looked into."""

import random
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from support import chip_cases
from yoso_hw.params import ChipParams
from yoso_sim import build as builds
from yoso_sim.cli import main
from yoso_sim.tools import ToolError
from yoso_sim.waves import record
from yoso_sim.waves.names import WaveError, of_fst, of_vcd, unpack_lz4
from yoso_sim.waves.states import groups, gtkwave, inside, surfer
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron

PARAMS = chip_cases.CHIPS["3 x 2, unicast, bus"]
WAVE = Path("waves.vcd")


def header(nodes, more=()):
    """A waveform's definitions as Verilator writes them."""
    top = ["in_valid", "in_ready", "out_valid", "out_ready", "tick"]
    lines = ["$scope module yoso_sim $end", *(f"$var wire 1 ! {name} $end" for name in top)]
    lines += ["$var wire 5 ! step [4:0] $end", "$var wire 31 ! out_data [30:0] $end"]
    for node in range(nodes):
        lines += [f"$scope module node[{node}] $end", "$var wire 1 ! spike $end"]
        lines += ["$var wire 6 ! row [5:0] $end", "$upscope $end"]
    return "\n".join([*lines, *more, "$upscope $end", "$enddefinitions $end", "$var wire 1 ! later $end"])


#: A PE in it: scopes by their names, with a signal each.
INSIDE = (
    "pe",
    "pe.core",
    "pe.core.load",
    "pe.core.fire_queue",
    "pe.core.fire_queue.fifo",
    "router.fifo_east",
)


def looked_into():
    lines = [f"$scope module {scope} $end" for scope in ("chip", "mesh", "node_2_1")]
    for scope in INSIDE:
        parts = scope.split(".")
        lines += [f"$scope module {part} $end" for part in parts]
        lines += ["$var wire 1 ! clk $end", "$var wire 4 ! word [3:0] $end", "$var wire 1 ! port$12$0 $end"]
        lines += ["$upscope $end" for _ in parts]
    return [*lines, *["$upscope $end"] * 3]


def test_names_carry_the_bit_range():
    names = of_vcd(header(2))
    assert names["yoso_sim.step"] == "yoso_sim.step[4:0]"
    assert names["yoso_sim.node[1].spike"] == "yoso_sim.node[1].spike"
    assert "later" not in " ".join(names)


def test_every_pe_of_every_layer_is_shown():
    _, image = chip_cases.random_network(random.Random(1), PARAMS)
    shown = groups(image, of_vcd(header(PARAMS.nodes)), "yoso_sim")
    text, state = gtkwave(shown, WAVE, "yoso_sim"), read_ron(surfer(shown, WAVE))["waves"]
    titles = [item["name"] for kind, item in state["displayed_items"].values() if kind == "Group"]
    for number, layer in enumerate(image.layers):
        name = f"layer {number}: {layer.neurons} neurons on {len(layer.slices)} PEs, spikes"
        assert f"-{name}" in text and name in titles
        for part in layer.slices:
            node = f"yoso_sim.node[{part.y * PARAMS.cols + part.x}]"
            assert f"{node}.spike\n" in text and f"{node}.row[5:0]\n" in text


def test_a_signal_that_the_waveform_lacks_is_not_passed_over():
    _, image = chip_cases.random_network(random.Random(1), PARAMS)
    with pytest.raises(KeyError):
        groups(image, of_vcd(header(0)), "yoso_sim")
    with pytest.raises(KeyError, match="node_0_0"):
        [*inside(of_vcd(header(2)), "yoso_sim", (0, 0))]


def test_a_pe_that_is_looked_into_is_shown_by_core_and_fifos():
    shown = [*inside(of_vcd(header(6, looked_into())), "yoso_sim", (2, 1))]
    assert [group.name for group in shown] == [
        "PE (2, 1): core",
        "PE (2, 1): core.load",
        "PE (2, 1), FIFO: pe.core.fire_queue",
        "PE (2, 1), FIFO: router.fifo_east",
    ]
    assert [trace.full for trace in shown[1].traces] == ["yoso_sim.chip.mesh.node_2_1.pe.core.load.word[3:0]"]
    assert not any(group.is_open for group in shown)


# ---- Surfer ----------------------------------------------------------------------------------------------

_RON = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[A-Za-z_]\w*|-?\d+\.?\d*|[()\[\]{}:,])')


def read_ron(text):
    """RON as Python: structs and maps as dicts, tuples and lists as lists, Some(x) as x, enums as pairs."""
    tokens, at = [], 0
    while text[at:].strip():
        match = _RON.match(text, at)
        assert match, text[at : at + 40]
        tokens.append(match[1])
        at = match.end()
    place = 0

    def take(wanted=None):
        nonlocal place
        token = tokens[place]
        assert wanted is None or token == wanted, (token, wanted)
        place += 1
        return token

    def several(end):
        items = []
        while tokens[place] != end:
            item = value()
            if tokens[place] == ":":
                take()
                item = (item if isinstance(item, str) else tuple(item), value())
            items.append(item)
            if tokens[place] != end:
                take(",")
        take(end)
        keyed = items and all(isinstance(item, tuple) for item in items)
        return dict(items) if keyed else items

    def value():
        token = take()
        if token in "([{":
            return several({"(": ")", "[": "]", "{": "}"}[token])
        if token[0] == '"':
            return token[1:-1]
        if tokens[place] == "(" and token[0].isalpha():
            take("(")
            inner = several(")")
            inner = inner[0] if isinstance(inner, list) and len(inner) == 1 else inner
            return inner if token == "Some" else (token, inner)
        return {"true": True, "false": False, "None": None}.get(token, token)

    found = value()
    assert place == len(tokens)
    return found


def test_surfers_state_has_every_signal_in_its_group_by_its_scopes():
    _, image = chip_cases.random_network(random.Random(1), PARAMS)
    shown = groups(image, of_vcd(header(PARAMS.nodes, looked_into())), "yoso_sim", (2, 1))
    state = read_ron(surfer(shown, WAVE))["waves"]
    assert state["source"] == ("File", "waves.vcd") and state["format"] == "Vcd"
    tree, items = state["items_tree"]["items"], state["displayed_items"]
    assert [row["item_ref"][0] for row in tree] == [str(n + 1) for n in range(len(items))]
    assert state["display_item_ref_counter"] == str(len(items))
    rows = iter(zip(tree, items.values(), strict=True))
    for group in shown:
        row, (kind, item) = next(rows)
        assert (kind, item["name"], row["level"]) == ("Group", group.name, "0")
        assert row["unfolded"] == item["is_open"] == group.is_open and len(item["content"]) == len(
            group.traces
        )
        for trace in group.traces:
            row, (kind, item) = next(rows)
            where = item["variable_ref"]
            assert kind == "Variable" and row["level"] == "1"
            assert ".".join([*where["path"]["strs"], where["name"]]) == trace.path
            assert item["format"] == {"hex": "Hexadecimal", "decimal": "Unsigned"}[trace.base]


# ---- FST -------------------------------------------------------------------------------------------------


def lz4(data):
    """A block of LZ4 with nothing but bytes as they are."""
    count = len(data)
    if count < 15:
        return bytes([count << 4]) + data
    more = count - 15
    return bytes([0xF0, *[255] * (more // 255), more % 255]) + data


def fst(entries, size=None):
    packed = lz4(entries)
    block = (len(entries) if size is None else size).to_bytes(8, "big") + packed
    return (
        bytes([0]) + (9).to_bytes(8, "big") + b"x" + bytes([6]) + (8 + len(block)).to_bytes(8, "big") + block
    )


#: A scope in a scope with an attribute, and two signals.
ENTRIES = (
    b"\xfe\x00top\x00\x00" + b"\xfc\x00\x00note\x00\x85\x01" + b"\x10\x00step [7:0]\x00\x08\x00"
    b"\xfe\x00node[1]\x00\x00" + b"\x10\x00spike\x00\x81\x01\x02" + b"\xff\xfd\xff"
)


def test_the_signals_of_an_fst_are_read_from_its_hierarchy():
    assert of_fst(fst(ENTRIES)) == {"top.step": "top.step[7:0]", "top.node[1].spike": "top.node[1].spike"}
    with pytest.raises(WaveError, match="damaged"):
        of_fst(fst(ENTRIES, size=3))
    with pytest.raises(WaveError, match="no hierarchy"):
        of_fst(b"")
    with pytest.raises(WaveError, match="no length"):
        of_fst(bytes(40))


def test_lz4_copies_what_came_before_and_counts_beyond_fifteen():
    assert unpack_lz4(b"\x12abc"[:1] + b"a" + b"\x01\x00" + b"\x10z", 8) == b"aaaaaaaz"
    long = bytes(range(250)) * 3
    assert unpack_lz4(lz4(long), 750) == long
    # Four as they are, then a copy of them 4 + 15 + 255 + 3 long.
    assert unpack_lz4(b"\x4fabcd\x04\x00\xff\x03\x00", 4 + 277) == (b"abcd" * 71)[:281]
    with pytest.raises(WaveError):
        unpack_lz4(b"\x1fa\x09\x00\x00", 30)


def test_an_fst_without_its_headers_is_a_line_before_anything_is_built(monkeypatch, tmp_path):
    compiler = tmp_path / "g++"
    compiler.write_text("#!/bin/sh\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        ToolError, match=r"needs lz4\.h and zlib\.h.*apt install liblz4-dev zlib1g-dev; or leave"
    ):
        record.check_format("fst")
    record.check_format("vcd")


# ---- a waveform of the RTL -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """An untrained 784-12-10 that fits two PEs, as a file."""
    rng = np.random.default_rng(0)
    layers = (
        Layer(rng.integers(-2, 4, (784, 12), np.int8), Neuron(120, 0, 16)),
        Layer(rng.integers(-7, 8, (12, 10), np.int8), Neuron(20, 0, 16)),
    )
    path = tmp_path_factory.mktemp("network") / "tiny.npz"
    Network("tiny", layers, 16, 8, about={"dataset": "mnist"}).save(path)
    return path


CHIP = ("--set", "cols=2", "--set", "rows=1")


def waves(network, tmp_path, *words, status=0):
    command = ["waves", "--net", str(network), *CHIP, *map(str, words)]
    done = CliRunner().invoke(main, command, env={"YOSO_OUTPUT": str(tmp_path)})
    assert done.exit_code == status and "Traceback" not in done.output, done.output
    return done.output


def test_a_waveform_of_any_image_has_a_pes_core_and_fifos_as_the_states_show_them(network, tmp_path):
    said = waves(network, tmp_path, "--image", 7, "--pe", "1,0")
    folder = tmp_path / "waves"
    assert "waves.surf.ron: surfer -s " in said and "waves.gtkw: gtkwave " in said
    vcd = (folder / "waves.vcd").read_text()
    names = of_vcd(vcd)
    assert any(path.startswith("yoso_sim.chip.mesh.node_1_0.pe.core.compute.") for path in names)
    assert not any(path.startswith("yoso_sim.chip.mesh.node_0_0.") for path in names)
    save = (folder / "waves.gtkw").read_text()
    shown = [line for line in save.splitlines() if line.startswith("yoso_sim.")]
    assert {*shown} <= {*names.values()} and len(shown) > 50
    for wanted in ("PE (1, 0): core", "PE (1, 0): core.load", "PE (1, 0), FIFO: router.fifo_east"):
        assert f"-{wanted}\n" in save
    items = read_ron((folder / "waves.surf.ron").read_text())["waves"]["displayed_items"].values()
    assert sum(kind == "Variable" for kind, _ in items) == len(shown)


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("--pe", "2,0"), 1, "--pe 2,0 is outside the mesh: X is 0..1 and Y 0..0"),
        (("--pe", "middle"), 2, "'middle' is no place of a PE: give X and Y"),
        (("--format", "ghw"), 2, "'ghw' is not one of"),
        (("--image", "-1"), 2, "-1 is not in the range"),
        (("--image", "10000"), 1, "10001 is outside 1..10000"),
    ],
)
def test_a_wrong_image_pe_or_format_is_a_line_before_anything_is_built(
    words, status, message, network, tmp_path, monkeypatch
):
    monkeypatch.setattr("yoso_sim.commands.asked.build", None)
    assert message in waves(network, tmp_path, *words, status=status)


def test_a_copy_of_the_nodes_module_is_one_instances_alone(tmp_path):
    node, chip = tmp_path / "yoso_node.v", tmp_path / "yoso_chip.v"
    node.write_text(
        "module yoso_node(clk);\n  \\yoso_node.pe pe (\nendmodule\nmodule \\yoso_node.pe (clk);\n"
    )
    chip.write_text("  yoso_node node_0_0 (\n  yoso_node node_1_0 (\n  yoso_node node_11_0 (\n")
    form = record.looking_into((1, 0))
    files = form.change([node, chip])
    assert [path.name for path in files] == ["yoso_seen.v", "yoso_node.v", "yoso_chip_seen.v"]
    assert "yoso_node" not in files[0].read_text() and "yoso_seen" not in node.read_text()
    assert files[2].read_text() == "  yoso_node node_0_0 (\n  yoso_seen node_1_0 (\n  yoso_node node_11_0 (\n"
    assert record.looking_into(None) is builds.RTL


def test_forms_of_waveforms_are_builds_of_their_own_and_no_other_build_is_another():
    params = ChipParams(cols=2, rows=1)
    forms = [
        (False, builds.RTL),
        (True, builds.RTL),
        ("fst", builds.RTL),
        (True, record.looking_into((1, 0))),
    ]
    keys = [builds.build_key(params, waves, form) for waves, form in forms]
    assert len({*keys}) == 4 and keys[0] == builds.build_key(params)


def test_an_fst_has_the_signals_of_the_vcd(network, tmp_path):
    try:
        record.check_format("fst")
    except ToolError as error:
        pytest.skip(str(error))
    waves(network, tmp_path / "fst", "--format", "fst")
    waves(network, tmp_path / "vcd")
    fst_file, vcd_file = tmp_path / "fst/waves/waves.fst", tmp_path / "vcd/waves/waves.vcd"
    assert of_fst(fst_file.read_bytes()) == of_vcd(vcd_file.read_text())
    assert fst_file.stat().st_size < vcd_file.stat().st_size / 2
    same = [
        (folder / "waves.gtkw").read_text().splitlines()[1:] for folder in (fst_file.parent, vcd_file.parent)
    ]
    assert same[0] == same[1]
