"""The reader of coverage files, the check of waivers, and the bins; `make coverage` measures."""

from pathlib import Path

import pytest
from yoso_hw.emit import emit
from yoso_hw.params import ChipParams

from cover import measure, points
from cover.bins import PREFIX, planted
from cover.measure import CoverageError, Unexplained, Waiver
from cover.points import Point

VERILOG = """\
module \\chip.unit (a, b, clk, y);
  reg \\$auto$verilog_backend.cc:1:dump_module$1  = 0;
  wire \\$1 ;
  wire \\$2 ;
  reg [3:0] \\$3 ;
  input a;
  wire a;
  wire \\b$7 ;
  reg [3:0] count = 4'h0;
  reg bin_it_happens = 1'h0;
  reg [7:0] storage [3:0];
  assign \\$1  = a & \\b$7 ;
  assign \\$2  = count == 4'hf;
  assign y = \\$1  ? a : \\$2 ;
  always @(posedge clk)
    count <= \\$3 ;
  always @* begin
    if (\\$auto$verilog_backend.cc:1:dump_module$1 ) begin end
    \\$3  = count;
    if (\\$1 ) begin
      casez (count)
        4'h3:
          \\$3  = 4'h0;
      endcase
    end else if (\\$2 ) begin
      \\$3  = 4'h1;
    end
  end
endmodule
"""


def entry(page, line, what, count, module="chip__02eunit", file="unit.v"):
    fields = {"f": file, "l": line, "n": 1, "t": "x", "page": f"v_{page}/{module}", "o": what, "h": "top.*"}
    return "C '" + "".join(f"\x01{key}\x02{value}" for key, value in fields.items()) + f"' {count}"


def read(tmp_path, *entries, names=None):
    path = tmp_path / "coverage.dat"
    path.write_text("\n".join(["# SystemC::Coverage-3", *entries, ""]))
    return points.read(path, {"chip": "chip"}, lambda file: points.Verilog(VERILOG), names)


def line_of(text):
    return next(number for number, line in enumerate(VERILOG.splitlines(), 1) if text in line)


# ---- the reader ------------------------------------------------------------------------------------------


def test_a_bit_is_toggled_when_it_rose_and_fell(tmp_path):
    found = read(
        tmp_path,
        entry("toggle", 9, "count[0]:0->1", 3),
        entry("toggle", 9, "count[0]:1->0", 2),
        entry("toggle", 9, "count[1]:0->1", 1),
        entry("toggle", 9, "count[1]:1->0", 0),
    )
    assert found == {
        Point("toggle", "chip.unit", "count[0]"): True,
        Point("toggle", "chip.unit", "count[1]"): False,
    }


def test_a_bin_is_reached_when_it_rose(tmp_path):
    found = read(
        tmp_path,
        entry("toggle", 10, "bin_it_happens:0->1", 1),
        entry("toggle", 10, "bin_it_happens:1->0", 0),
        entry("toggle", 10, "bin_it_never_does:0->1", 0),
    )
    assert found == {
        Point("bin", "chip.unit", "it happens"): True,
        Point("bin", "chip.unit", "it never does"): False,
    }


def test_branches_are_named_by_target_and_conditions(tmp_path):
    found = read(
        tmp_path,
        entry("branch", line_of("if (\\$1 )"), "if", 5),
        entry("branch", line_of("else if"), "if", 0),
        entry("branch", line_of("if (\\$1 )"), "else", 1),
        entry("line", line_of("4'h3:"), "case", 2),
        entry("branch", line_of("assign y"), "cond_then", 1),
    )
    assert {(point.name, hit) for point, hit in found.items()} == {
        ("count: (a & b)", True),
        ("count: else (count == #)", False),
        ("count: (a & b) > else", True),
        ("count: (a & b) > count > 3", True),
        ("y: (a & b) ? then", True),
    }


def test_expressions_are_written_out(tmp_path):
    found = read(tmp_path, entry("expr", line_of("assign y"), "($1==1 && $2==0) => 1", 0))
    assert found == {Point("expr", "chip.unit", "((a & b)==1 && (count == #)==0) => 1"): False}


def test_lanes_and_numbered_instances_are_one_block_and_all_its_points_must_be_reached(tmp_path):
    found = read(
        tmp_path,
        entry("toggle", 9, "sum:0->1", 1, module="chip__02eadder0"),
        entry("toggle", 9, "sum:1->0", 1, module="chip__02eadder0"),
        entry("toggle", 9, "sum:0->1", 0, module="chip__02eadder1__0249"),
    )
    assert found == {Point("toggle", "chip.adder", "sum"): False}


def test_two_kinds_of_block_in_one_place_are_told_apart(tmp_path):
    one = entry("toggle", 10, "bin_it_happens:0->1", 1, module="chip__02eunit__02epart")
    assert read(tmp_path, one) == {Point("bin", "chip.unit.part", "it happens"): True}
    other = read(tmp_path, one, names={"unit": "other"})
    assert other == {Point("bin", "chip.other.part", "it happens"): True}
    found = {name: bench.names for name, bench in measure.benches().items()}
    assert found["pe convolution, banked"] == found["chip 2 x 1, maps"] == {"load": "walk"}
    assert found["pe four lanes"] == found["chip 1 x 1"] == {}


def test_what_lies_outside_the_measured_tops_is_left_out(tmp_path):
    assert read(tmp_path, entry("toggle", 9, "clk:0->1", 1, module="yoso_sim")) == {}


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "is no coverage file"),
        ("hello\n", "is no coverage file"),
        ("# SystemC::Coverage-3\nC nonsense\n", "line 2"),
        ("# SystemC::Coverage-3\nC '\x01l\x02x' 1\n", "line 2"),
    ],
)
def test_a_file_that_is_none_is_one_clear_error(tmp_path, text, message):
    path = tmp_path / "coverage.dat"
    path.write_text(text)
    with pytest.raises(CoverageError, match=message):
        points.read(path, {}, lambda file: points.Verilog(""))
    with pytest.raises(CoverageError, match="cannot be read"):
        points.read(tmp_path / "none.dat", {}, lambda file: points.Verilog(""))


def test_toggles_are_counted_of_a_blocks_own_signals_alone():
    lines = points.prepare(VERILOG).splitlines()
    on, counted = True, []
    for line in lines:
        if "coverage_" in line:
            on = "coverage_on" in line
        elif on:
            counted.append(line)
    text = "\n".join(counted)
    assert "reg [3:0] count" in text and "reg bin_it_happens" in text and "if (\\$1 )" in text
    assert not any(hidden in text for hidden in ("wire \\$1", "\\b$7 ;\n  reg", "storage", "dump_module"))
    assert [line for line in lines if "coverage_" not in line] == VERILOG.splitlines()


def test_reached_in_one_run_is_reached():
    a, b = Point("line", "x", "a"), Point("line", "x", "b")
    assert points.merge([{a: True, b: False}, {a: False}]) == {a: True, b: False}


# ---- waivers ---------------------------------------------------------------------------------------------

HOLE = Point("toggle", "node.router", "x[3]")
REACHED = Point("toggle", "node.router", "x[0]")
WAIVER = Waiver("toggle", r"node\..*", r"[xy]\[\d\]", "coordinates are constant")


def test_a_hole_is_explained_by_the_first_waiver_that_matches():
    later = Waiver("toggle", ".*", ".*", "never asked")
    assert measure.explain({HOLE: False, REACHED: True}, [WAIVER]) == {WAIVER: [HOLE]}
    with pytest.raises(Unexplained, match=r"waiver without a hole: toggle \.\* \.\*"):
        measure.explain({HOLE: False}, [WAIVER, later])


def test_a_hole_without_a_waiver_is_named():
    with pytest.raises(Unexplained, match=r"not explained: line \| node.router \| x\[3\]"):
        measure.explain({HOLE: False, HOLE._replace(kind="line"): False}, [WAIVER])


def test_a_waiver_of_points_that_are_reached_is_stale():
    with pytest.raises(Unexplained, match="waiver without a hole"):
        measure.explain({HOLE: True, REACHED: True}, [WAIVER])


@pytest.mark.parametrize(
    "text",
    [
        '[[waiver]]\nkind = "toggle"\nblock = "x"\nname = "("\nreason = "r"',
        '[[waiver]]\nkind = "toggle"\nblock = "x"\nname = "y"\nreason = " "',
        '[[waiver]]\nkind = "colour"\nblock = "x"\nname = "y"\nreason = "r"',
        '[[waiver]]\nkind = "toggle"\nblock = "x"\nreason = "r"',
    ],
)
def test_a_waiver_that_is_not_right_is_named(tmp_path, text):
    path = tmp_path / "waivers.toml"
    path.write_text(text)
    with pytest.raises(CoverageError, match="waiver 1"):
        measure.load_waivers(path)


def test_the_page_has_the_reason_of_every_waiver():
    page = measure.PAGE.read_text()
    assert [waiver for waiver in measure.load_waivers() if waiver.reason not in page] == []


# ---- bins ------------------------------------------------------------------------------------------------


SIZES = {"cols": 2, "rows": 1, "lanes": 2, "neurons": 4, "weights": 16, "layers": 2, "classes": 2}


def with_and_without_bins(tmp_path: Path, **rest) -> tuple[str, str]:
    """The Verilog of a chip in a coverage build, and in any other."""
    params = ChipParams(**SIZES, **rest)
    with planted():
        binned = "".join(path.read_text() for path in emit(params, tmp_path / "binned"))
    return binned, "".join(path.read_text() for path in emit(params, tmp_path / "plain"))


def test_every_bin_is_in_the_rtl_of_a_coverage_build_and_none_in_any_other(tmp_path: Path):
    binned, plain = with_and_without_bins(tmp_path, multicast=False)
    assert PREFIX not in plain and "bins_" not in plain
    assert all(
        f"reg {PREFIX}{name} " in binned for name in ("early_exit_on", "a_clamped_at_the_top", "bad_row")
    )
    assert binned.count(f"reg {PREFIX}full ") == 9  # five of the router, two of the host, spikes, fire queue


def test_bins_of_convolution_are_where_a_chip_convolves(tmp_path: Path):
    walked, plain = with_and_without_bins(tmp_path, side=3, neuron="all")
    dense, _ = with_and_without_bins(tmp_path, neuron="all")
    own = ("kernel_cut_at_the_top", "2_are_first_at_once", "group_passes_again", "bias_row_in_pool_order")
    assert PREFIX not in plain and "bins_" not in plain
    assert all(f"reg {PREFIX}{name} " in walked and name not in dense for name in own)
    assert f"reg {PREFIX}inputs_reach_tiles_of_their_own " in walked
    assert f"reg {PREFIX}bad_row " in dense and f"reg {PREFIX}bad_row " not in walked
