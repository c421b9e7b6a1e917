"""The mesh in Verilator under cocotb: 4 x 3 nodes, and the smallest there is."""

import dataclasses

import pytest
from yoso_hw.params import ChipParams
from yoso_sim.blocks import build_block, run_bench

PARAMS = ChipParams(
    cols=4,
    rows=3,
    lanes=2,
    neurons=6,
    weights=80,
    weight_bits=4,
    acc_bits=12,
    pot_bits=14,
    steps=16,
    layers=4,
    classes=128,
)


@pytest.mark.parametrize("cols, rows", [(4, 3), (1, 1)])
def test_mesh(cols, rows, tmp_path):
    params = dataclasses.replace(PARAMS, cols=cols, rows=rows)
    run_bench(build_block("mesh", params), "bench_mesh", tmp_path)
