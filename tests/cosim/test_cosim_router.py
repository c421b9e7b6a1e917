"""Router alone, and the mesh's routers without PEs, in Verilator under cocotb."""

import pytest
from support.block_cases import ROUTER_KINDS
from support.blocks import build_block, run_bench


@pytest.mark.parametrize("kind", ROUTER_KINDS)
def test_router(kind, tmp_path):
    run_bench(build_block("router", ROUTER_KINDS[kind]), "cosim.bench_router", tmp_path)


@pytest.mark.parametrize("kind", ROUTER_KINDS)
def test_fabric(kind, tmp_path):
    run_bench(build_block("fabric", ROUTER_KINDS[kind]), "cosim.bench_fabric", tmp_path)
