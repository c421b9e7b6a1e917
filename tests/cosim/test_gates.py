"""Netlists of a PE and of a chip run the benches of the RTL; `make gatesim` does more, and swaps gates."""

import pytest
from support.block_cases import PES

from cosim import gatesim

TARGETS = {
    "pe": gatesim.Target("pe", PES["one lane, banked, unicast"], "cosim.bench_pe"),
    "family": gatesim.targets()["family"],
}

#: Two gates of another kind with the same ports, in the text of a netlist.
NETLIST = r"""
  \$_AND_  _10_ (
    .A(a)
  );
  \$_MUX_  _11_ (
    .A(b)
  );
  sg13g2_nor2_1 _12_ (
    .A(c)
  );
"""


@pytest.mark.long
@pytest.mark.parametrize("name", TARGETS)
def test_a_pe_and_a_chip_of_the_family_of_gates_leave_the_flits_of_the_rtl_in_the_same_cycles(name, tmp_path):
    row = gatesim.compare_with_rtl(name, TARGETS[name], gatesim.GENERIC_LIBRARY, tmp_path)
    assert row.cells > 1000 and row.flip_flops > 500 and row.flits > 1000 and row.spikes > 100
    assert row.same and not row.mismatches, row


def test_a_planted_gate_is_another_with_the_same_ports():
    planted = {gatesim.plant(NETLIST, seed) for seed in range(20)}
    assert {what for _, what in planted} == {
        "_10_: $_AND_ becomes $_OR_",
        "_12_: sg13g2_nor2_1 becomes sg13g2_nand2_1",
    }
    for text, _ in planted:
        assert sum(a != b for a, b in zip(text.splitlines(), NETLIST.splitlines(), strict=True)) == 1


def test_a_memory_that_is_read_while_it_is_written_gives_another_word():
    assert gatesim.collide("_0_ <= memory[read__addr];") == (
        "_0_ <= write_en && write_addr == read__addr ? ~memory[read__addr] : memory[read__addr];"
    )
    assert gatesim.collide("_0_ <= memory[addr];") == "_0_ <= memory[addr];"
