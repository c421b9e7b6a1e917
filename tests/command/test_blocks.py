"""Changing one block: its tests, proofs, planted bugs and synthesis by its name; wrong names."""

import subprocess
import sys

import pytest
from click.testing import CliRunner
from formal.proofs import PROOFS
from formal.prove import main as prove
from formal.prove import of_block
from mutants import ROOT, load_mutants, rtl_blocks
from mutants import main as plant
from support.faults import environment
from yoso_hw.params import ChipParams
from yoso_sim.cli import main
from yoso_synth import ecp5
from yoso_synth.blocks import VARIANTS, WHOLE, find, instances
from yoso_synth.port_chain import PortChain
from yoso_synth.tools import SynthError, write_verilog

OTHER = ChipParams.with_settings(VARIANTS)


def said(command, *words, status=1):
    done = CliRunner().invoke(command, words)
    assert done.exit_code == status and "Traceback" not in done.output, done.output
    return " ".join(done.output.split())


# ---- synthesis -------------------------------------------------------------------------------------------


def test_every_block_of_the_rtl_is_found_in_some_chip():
    found = {**instances(ChipParams()), **instances(OTHER)}
    assert {*found} | {*WHOLE} == rtl_blocks() and not {*found} & {*WHOLE}
    assert all(own for own in found.values())


def test_a_block_is_that_of_the_chip_asked_for():
    (wide,), (narrow,) = (
        find("adder", ChipParams.with_settings((f"acc_bits={bits}",))).values() for bits in (20, 12)
    )
    assert len(wide.a) - len(narrow.a) == 8
    assert [*find("bridge", ChipParams())] == ["Bridge", "Deframer", "ImageGate", "Framer"]
    assert len(find("barrier", ChipParams())["Barrier"].leaves) == ChipParams().nodes


@pytest.mark.parametrize("block", ["adder", "stage", "uart"])
def test_a_block_becomes_verilog_between_two_registers(block, tmp_path):
    for name, one in find(block, ChipParams()).items():
        write_verilog(PortChain(one), "top", tmp_path / "top.v")
        assert "module top(" in (tmp_path / "top.v").read_text(), name


def test_a_block_that_a_chip_has_not_is_a_line_with_those_it_has():
    with pytest.raises(SynthError, match=r"no block 'walk', but .*adder.*: --set neuron=all.*--set side=35"):
        find("walk", ChipParams())
    with pytest.raises(SynthError, match="block 'mesh' has the whole chip in it: yoso bitstream"):
        find("mesh", ChipParams())


def test_wrong_names_are_a_line_and_leave_no_run(tmp_path, monkeypatch):
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path))
    text = said(main, "synth", "--block", "alu", "--target", "ecp5")
    assert text.startswith("Error: this chip has no block 'alu'")
    text = said(main, "synth", "--block", "adder", "--target", "sg13g2", status=2)
    assert "--target ecp5 takes any block of the RTL" in text
    assert not (tmp_path / "runs").exists()


@pytest.mark.synth
def test_any_block_is_placed_and_routed(tmp_path):
    (row,) = ecp5.synthesise("adder", ChipParams(), tmp_path, tmp_path)
    assert (row.block, row.bram) == ("adder", 0) and 20 < row.lut4 < 200 and row.fmax_mhz > 100
    assert "without its chain of ports" in row.kind
    rows = ecp5.synthesise("sram", ChipParams(), tmp_path, tmp_path)
    assert [one.block for one in rows] == ["sram_SinglePortSRAM", "sram_ReadWriteSRAM"]
    assert all(one.bram > 0 for one in rows)


# ---- proofs, planted bugs, tests -------------------------------------------------------------------------


def test_the_proofs_of_a_block_are_those_that_its_planted_bugs_refute():
    assert {name for name in PROOFS if name.startswith("fifo")} <= {*of_block("fifo")} != set()
    every = {name for block in rtl_blocks() for name in _proofs(block)}
    assert every == {*PROOFS}
    assert "no proof is of block 'uart': there are some of adder, " in said(prove, "--block", "uart")
    assert "'alu' is no block: one of adder, " in said(prove, "--block", "alu")


def _proofs(block):
    try:
        return of_block(block)
    except Exception as error:
        assert "no proof is of block" in str(error)
        return []


def test_the_bugs_of_a_block_are_those_planted_in_its_file(monkeypatch):
    tried = []
    monkeypatch.setattr("mutants.problem", lambda mutant: tried.append(mutant) or "")
    said(plant, "--block", "fetch", status=0)
    assert tried and all(mutant.path.stem == "fetch" for mutant in tried)
    assert len(tried) == sum(mutant.in_rtl and mutant.path.stem == "fetch" for mutant in load_mutants())
    assert "'alu' is no block" in said(plant, "--block", "alu")
    assert "no bug of that name is planted in block 'fetch'" in said(plant, "--block", "fetch", "adder wraps")


def test_the_command_hands_a_blocks_name_on_and_refuses_a_wrong_one_in_a_line(monkeypatch):
    ran = []

    def run(command, **options):
        if str(command[1]).endswith("plan.py"):
            return real(command, **options)
        ran.append(command[2:])
        return subprocess.CompletedProcess(command, 0)

    real = subprocess.run
    monkeypatch.setattr("yoso_sim.commands.checkout.subprocess.run", run)
    said(main, "test", "--block", "stage", "--", "-q", status=0)
    said(main, "formal", "--block", "stage", status=0)
    said(main, "mutants", "--block", "stage", status=0)
    assert ran[0][:2] == ["pytest", "-q"] and "tests/hw/test_stage.py" in ran[0]
    assert ran[1:] == [["formal.prove", "--block", "stage"], ["mutants", "--block", "stage"]]
    assert said(main, "test", "--block", "alu").startswith("Error: 'alu' is no block: one of adder, ")


@pytest.mark.parametrize("target", ["test", "formal", "synth", "mutants"])
def test_make_hands_a_blocks_name_on(target):
    ran = subprocess.run(
        ["make", "-n", target, "BLOCK=stage"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    wanted = "plan.py --block 'stage'" if target == "test" else f"yoso {target} --block 'stage'"
    assert wanted in ran.stdout, ran.stdout


def test_the_plan_lists_a_blocks_tests():
    command = [sys.executable, str(ROOT / "tests/plan.py"), "--block", "stage"]
    ran = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    assert "tests/hw/test_stage.py" in ran.stdout.split()
