"""The mesh in Verilator under cocotb: 4 x 3 nodes, and the smallest there is."""

import dataclasses

import pytest
from support.block_cases import MESH
from support.blocks import build_block, run_bench


@pytest.mark.parametrize("cols, rows", [(4, 3), (1, 1)])
def test_mesh(cols, rows, tmp_path):
    params = dataclasses.replace(MESH, cols=cols, rows=rows)
    run_bench(build_block("mesh", params), "cosim.bench_mesh", tmp_path)
