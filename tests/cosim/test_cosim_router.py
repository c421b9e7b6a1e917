"""Router alone, and the mesh's routers without PEs, in Verilator under cocotb."""

from yoso_hw.params import ChipParams
from yoso_sim.blocks import build_block, run_bench

PARAMS = ChipParams(cols=4, rows=3, lanes=2, neurons=8, weights=512, layers=4, classes=32)


def test_router(tmp_path):
    run_bench(build_block("router", PARAMS), "bench_router", tmp_path)


def test_fabric(tmp_path):
    run_bench(build_block("fabric", PARAMS), "bench_fabric", tmp_path)
