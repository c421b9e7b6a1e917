"""Router alone, and the mesh's routers without PEs, in Verilator under cocotb."""

import pytest
from yoso_hw.params import ROUTERS, ChipParams
from yoso_sim.blocks import build_block, run_bench

SMALL = {"cols": 4, "rows": 3, "lanes": 2, "neurons": 8, "weights": 512, "layers": 4, "classes": 32}
CHIPS = {kind: ChipParams(**SMALL, router=kind, link_fifo=3) for kind in ROUTERS}


@pytest.mark.parametrize("kind", CHIPS)
def test_router(kind, tmp_path):
    run_bench(build_block("router", CHIPS[kind]), "bench_router", tmp_path)


@pytest.mark.parametrize("kind", CHIPS)
def test_fabric(kind, tmp_path):
    run_bench(build_block("fabric", CHIPS[kind]), "bench_fabric", tmp_path)
