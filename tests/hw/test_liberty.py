"""The Liberty reader (`hw/yoso_synth/liberty.py`) on a library made by hand."""

import gzip
from pathlib import Path

import pytest
from support.mini_liberty import CELLS, MACRO
from yoso_synth import liberty


@pytest.fixture
def library(tmp_path: Path) -> liberty.Library:
    path = tmp_path / "mini.lib"
    path.write_text(CELLS)
    return liberty.read(path)


def test_areas_leakage_and_kinds_of_cells(library: liberty.Library) -> None:
    inverter, flop = library.cells["INV"], library.cells["DFF"]
    assert (inverter.area, inverter.leakage, inverter.sequential) == (2, pytest.approx(3e-9), False)
    assert (flop.flop, flop.sequential, flop.pins["CLK"].clock) == (True, True, True)
    assert inverter.pins["Y"].function == "!A"


@pytest.mark.parametrize(
    ("slew", "load", "delay"),
    [(0, 0, 0.1), (0, 0.1, 0.3), (1, 0, 0.2), (0.5, 0.05, 0.25), (2, 0, 0.3), (0, 0.2, 0.5)],
)
def test_tables_are_interpolated_between_points_and_extrapolated_beyond(
    library: liberty.Library, slew: float, load: float, delay: float
) -> None:
    table = library.cells["INV"].pins["Y"].delays[0].tables["cell_rise"]
    assert table.at(slew=slew, load=load) == pytest.approx(delay)


def test_units_are_made_common(tmp_path: Path) -> None:
    path = tmp_path / "other.lib"
    path.write_text(CELLS.replace('"1ns"', '"10ps"').replace("(1, pf)", "(10, ff)").replace('"1nW"', '"1uW"'))
    inverter = liberty.read(path).cells["INV"]
    assert inverter.leakage == pytest.approx(3e-6)
    assert inverter.pins["A"].capacitance == pytest.approx(0.0001)
    table = inverter.pins["Y"].delays[0].tables["cell_rise"]
    assert table.at(slew=0.0, load=0.001) == pytest.approx(0.003)


def test_the_default_wire_load_counts_and_goes_on_beyond_its_last_fanout(library: liberty.Library) -> None:
    loads = [library.wire_load(fanout) for fanout in (0, 1, 2, 3, 5)]
    assert loads == pytest.approx([0, 0.01, 0.02, 0.03, 0.05])


def test_a_bus_gives_its_bits_what_it_says_of_them(tmp_path: Path) -> None:
    path = tmp_path / "ram.lib.gz"
    path.write_bytes(gzip.compress(MACRO.encode()))
    cell = liberty.read(path).cells["RAM16x8"]
    assert cell.memory == (16, 8)
    assert (cell.pins["ADDR"].width, cell.pins["DIN"].width) == (4, 8)
    assert cell.pins["ADDR"].capacitance == pytest.approx(0.005)
    assert cell.pins["DIN"].energies[0].tables["rise_power"].at() == 0.75


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "does not begin with library"),
        ("cell (x) { }", "does not begin with library"),
        ("library (x) { cell (y) {", "ends inside a group"),
        ("library (x) { area }", "is followed by"),
    ],
)
def test_what_is_no_liberty_is_refused_with_a_reason(text: str, message: str) -> None:
    with pytest.raises(liberty.LibertyError, match=message):
        liberty.parse(text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(liberty.LibertyError, match=r"nothing\.lib"):
        liberty.read(tmp_path / "nothing.lib")
