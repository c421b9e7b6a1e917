"""The chip behind AXI4-Stream in Verilator, with cocotbext-axi as its host, against the golden model."""

from support.blocks import build_block, run_bench
from yoso_hw.params import ChipParams

#: A flit of this chip has 30 bits, so a beat has two to spare.
CHIP = ChipParams(
    cols=2, rows=2, lanes=2, neurons=16, weights=256, steps=32, layers=4, classes=16, acc_bits=12, pot_bits=16
)


def test_the_chip_behind_axi4_stream_passes_every_bench(tmp_path):
    assert len(run_bench(build_block("axis", CHIP), "cosim.bench_axis", tmp_path)) == 2
