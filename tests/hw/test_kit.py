"""The kit of `yoso rtl`: what is in it, what is not, what it says of itself, and how it refuses."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from support import kit_case
from support.kit_case import CHIP, PARAMS, images
from yoso_hw import chips
from yoso_hw.emit import texts
from yoso_hw.kit import write as kit
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_sim.commands.rtl import main
from yoso_sw.compile.compiler import compile_network
from yoso_sw.network import golden
from yoso_sw.network.network import Network

SETTINGS = [word for key, value in CHIP.items() for word in ("--set", f"{key}={value}")]

TRIAL = kit.Trial("two\nlines", 7, load=[1, 2, 3], flits=[5, 6], decision=4, step=9, spiked=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a small network and its data set."""
    folder = tmp_path_factory.mktemp("home")
    kit_case.network().save(folder / "small.npz")
    np.savez(folder / "data.npz", images=images(40).reshape(40, 4, 4), labels=np.arange(40) % 3)
    return folder


def call(*words):
    done = CliRunner().invoke(main, list(map(str, words)))
    return done.exit_code, done.output


def ask(home, folder, *words):
    """A kit with a testbench."""
    of = ("--net", home / "small.npz", "--data", home / "data.npz")
    return call("-o", folder, *SETTINGS, *of, *words)


@pytest.fixture(scope="module")
def made(home):
    status, said = ask(home, home / "kit", "--image", 3, "--period", 12.5)
    assert status == 0, said
    return home / "kit"


# ---- what is in it ---------------------------------------------------------------------------------------


def test_chip_and_node_lose_the_ports_that_are_for_observation_alone_and_no_others():
    full, bare = texts(PARAMS), texts(PARAMS, observed=False)
    for name, due in (
        ("yoso_chip", {"trace_valid", "trace_flit", "step", "tick"}),
        ("yoso_node", {"trace", "trace_flit"}),
    ):
        heads = [re.search(rf"^module {name}\(([^)]*)\)", own[name], re.M)[1] for own in (full, bare)]
        with_, without = ({port.strip() for port in head.split(",")} for head in heads)
        assert with_ - without >= due and not without - with_
        assert without >= {"clk", "rst"} and not any("trace" in port for port in without)
    assert without == with_ - due  # of the node: inputs, streams and leaf stay
    instances = re.findall(r"^\s*yoso_node \S+ \((.*?)\);", bare["yoso_chip"], re.M | re.S)
    assert [set(re.findall(r"\.(\w+)\(", own)) for own in instances] == [without] * PARAMS.nodes


def test_generated_verilog_has_no_vendors_attributes_and_no_contents_of_memories_but_values_of_registers():
    text = texts(PARAMS)["yoso_node"]
    plain = kit.portable(text)
    assert "ram_style" in text and "memory[0] = " in text
    assert "ram_style" not in plain and "sram_macro" not in plain and "memory[0] = " not in plain
    registers = re.compile(r"^ *reg [^;]* = ", re.M)
    assert len(registers.findall(plain)) == len(registers.findall(text)) > 50
    assert len(re.findall(r"^  reg \[\d+:0\] memory \[", plain, re.M)) == len(
        re.findall(r"^  reg \[\d+:0\] memory \[", text, re.M)
    )


def test_a_memory_that_begins_as_something_keeps_it():
    text = "  initial begin\n    memory[0] = 4'h0;\n    memory[1] = 4'h3;\n  end\n"
    assert text in kit.portable(text)


def test_the_testbench_has_the_golden_decision_and_the_files_the_compilers_flits(home, made):
    network = Network.load(home / "small.npz")
    image = compile_network(network, PARAMS)
    flits = {name: [int(word, 16) for word in (made / "sim" / name).read_text().split()] for name in
             ("weights.hex", "image.hex")}  # fmt: skip
    assert flits["weights.hex"] == image.load_flits().tolist()
    (which,) = [
        i for i, one in enumerate(images(40)) if image.image_flits(one).tolist() == flits["image.hex"]
    ]
    reference = golden.run(network, images(40)[which : which + 1], params=PARAMS)
    due = Packets(PARAMS).pack(
        "DECISION",
        index=int(reference.decisions[0]),
        step=int(reference.decision_steps[0]),
        spiked=int(reference.spiked[0]),
    )
    bench = (made / "sim" / "yoso_tb.v").read_text()
    assert int(re.search(r"DUE = \d+'h(\w+);", bench)[1], 16) == due
    assert f"LOAD = {len(flits['weights.hex'])};" in bench


@pytest.mark.parametrize(("bits", "tdata"), [({}, 32), ({"weights": 1024, "cols": 16, "rows": 16}, 40)])
def test_a_beat_is_a_flit_in_whole_bytes(bits, tdata):
    params = ChipParams(**{**CHIP, **bits})
    flit = Packets(params).flit_bits
    assert kit.tdata_bits(params) == tdata >= flit > tdata - 8
    assert f"{{{tdata - flit}'b0, out_data}}" in kit.contents(params, about="")["rtl/yoso_axis.v"]


def test_a_flit_that_is_whole_bytes_needs_no_padding():
    params = ChipParams(**{**CHIP, "classes": 64, "pot_bits": 23})
    assert Packets(params).flit_bits == kit.tdata_bits(params) == 32
    text = kit.contents(params, about="")["rtl/yoso_axis.v"]
    assert "assign m_axis_tdata = out_data;" in text and "unused" not in text


def test_the_example_connects_every_port_of_the_top_to_its_own_signal(made):
    top, example = (made / name for name in ("rtl/yoso_axis.v", "example/yoso_example.v"))
    ports = re.findall(r"^    (?:input|output) +wire +(?:\[.*?\] +)?(\w+)", top.read_text(), re.M)
    joined = dict(re.findall(r"\.(\w+)\(([^)]*)\)", example.read_text()))
    assert joined.pop("aclk") == "clk" and joined.pop("aresetn") == "button[1]"
    assert joined == {port: port for port in ports if "axis" in port} and len(joined) == 6


def test_constraints_have_the_clock_that_was_asked_for(made):
    for name in ("yoso.sdc", "yoso.xdc"):
        text = (made / "constraints" / name).read_text()
        assert "80 MHz" in text
        assert text.splitlines()[-1] == "create_clock -name aclk -period 12.500 [get_ports aclk]"


@pytest.mark.parametrize("trial", [None, TRIAL])
def test_the_core_file_names_every_file_that_a_tool_reads_and_none_that_is_not_there(trial):
    files = kit.contents(PARAMS, about='a "chip" of mine', trial=trial)
    head, _, body = files["yoso.core"].partition("\n")
    core = yaml.safe_load(body)
    assert head == "CAPI=2:" and core["name"].startswith("::yoso:") and '"' not in core["description"]
    named = [name for own in core["filesets"].values() for one in own["files"]
             for name in (one if isinstance(one, dict) else [one])]  # fmt: skip
    assert sorted(named) == sorted(set(files) - {"yoso.core", "README.md", "chip.json"})
    for target in core["targets"].values():
        assert {*target["filesets"]} <= set(core["filesets"])
    assert ("sim" in core["targets"]) == (trial is not None)


def test_every_file_of_a_kit_is_in_its_readme_and_names_in_it_are_one_line():
    files = kit.contents(PARAMS, about="", trial=TRIAL)
    rows = " ".join(line for line in files["README.md"].splitlines() if line.startswith("| `"))
    assert all(name.rpartition("/")[2] in rows for name in files if name != "README.md")
    assert "two_lines" in files["README.md"] and "@" not in re.sub(r"posedge|@", "", files["README.md"])
    assert not any(re.search(r"@\w+@", text) for text in files.values())


def test_the_chip_of_a_kit_is_the_chip_of_another_with_the_same_verilog(made, home):
    again = home / "again"
    status, said = call("-o", again, "--chip", made / "chip.json")
    assert status == 0, said
    assert json.loads((made / "chip.json").read_text())["neurons"] == 8
    for name in ("yoso_node.v", "yoso_chip.v"):
        assert (again / "rtl" / name).read_text() == (made / "rtl" / name).read_text()
    assert not (again / "sim").exists()


def test_a_kit_without_a_network_takes_the_place_of_one_with_it_and_leaves_none_of_its_files(home):
    folder = home / "twice"
    kit.write(PARAMS, folder, about="", trial=TRIAL)
    assert (folder / "sim" / "image.hex").read_text().split() == ["00000005", "00000006"]
    kit.write(PARAMS, folder, about="")
    assert [path.name for path in folder.rglob("*") if path.is_file() and "sim" in path.parts] == []


# ---- how it refuses --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--chip", "nosuch"], "Error: there is no chip 'nosuch': neither a file nor one of "),
        (["--set", "lanes=3"], "Error: chip parameter lanes=3 is not 1, 2, 4 or 8"),
        (["--period", "0"], "Error: a clock of 0 ns is outside 0.1..1000000 ns: give another --period"),
        (["--period", "nan"], "Error: a clock of nan ns is outside 0.1..1000000 ns: give another --period"),
        (["--image", "1"], "Error: --image and --data are for the testbench's network: give --net too"),
        (["--net", "nosuch"], "Error: "),
        (["--net", "mnist-784-800-10", "--set", "cols=1", "--set", "rows=1"], "Error: "),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(words, message, tmp_path):
    status, said = call("-o", tmp_path / "kit", *words)
    assert status != 0 and not (tmp_path / "kit").exists()
    assert said.strip().splitlines()[-1].startswith(message) and "Traceback" not in said


@pytest.mark.parametrize("number", [-1, 9, 4000])
def test_an_image_that_the_test_set_does_not_have_is_one_line(home, tmp_path, number):
    status, said = ask(home, tmp_path / "kit", "--image", number)
    assert status == 1 and said.startswith(
        f"Error: --image {number} is outside 0..8, the test images of data"
    )


def test_a_folder_that_cannot_be_written_or_holds_other_things_is_left_alone(tmp_path):
    (tmp_path / "file").write_text("")
    status, said = call("-o", tmp_path / "file" / "kit")
    assert status == 1 and said == (
        f"Error: cannot write to {tmp_path}/file/kit: {tmp_path}/file is a file; give another -o\n"
    )
    status, said = call("-o", tmp_path)
    assert status == 1 and said == f"Error: {tmp_path} holds other things than a kit: give another -o\n"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# ---- FuseSoC reads it ------------------------------------------------------------------------------------


def test_fusesoc_sets_vivado_and_quartus_up_with_files_constraints_and_top(made, tmp_path):
    program = [sys.executable, "-m", "fusesoc.main", "--cores-root", made, "run", "--setup"]
    for target, constraints in (("vivado", "yoso.xdc"), ("quartus", "yoso.sdc")):
        done = subprocess.run(
            [*program, "--target", target, "::yoso"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        scripts = (tmp_path / "build").rglob("*.tcl")
        said = "".join(path.read_text() for path in scripts if target in str(path))
        for name in ("yoso_node.v", "yoso_chip.v", "yoso_axis.v", constraints, "yoso_axis"):
            assert name in said, (target, name)
        shutil.rmtree(tmp_path / "build")


def test_the_line_about_the_chip_says_in_what_it_is_another():
    from yoso_sim.commands.rtl import said

    assert said("default", chips.load("default")) == "chip default, 6 x 7 PEs"
    assert said("default", chips.load("default", ["lanes=8"])) == "chip default, lanes=8, 6 x 7 PEs"
