"""cocotb bench of a chip that convolves: every corner case that it holds, one after another."""

from __future__ import annotations

import dataclasses
import os

import cocotb
from support.corner_cases import fitting
from yoso_hw.params import ChipParams
from yoso_sim.link import Link
from yoso_sim.study.session import run_case

PARAMS = ChipParams.from_json(os.environ["YOSO_CHIP"])
CASES = fitting(PARAMS)


@cocotb.test()
async def corner_cases_agree_in_every_spike_counter_and_state(dut):
    """Inner fires of pooled layers are compared too, and what is read back."""
    assert len(CASES) > 20
    link = Link(dut, patience=20_000)
    for name, case in CASES.items():
        assert await run_case(link, case) == [], name


@cocotb.test()
async def they_follow_each_other_under_a_host_that_stalls(dut):
    runs = tuple(
        dataclasses.replace(run, images=run.images[:1]) for case in CASES.values() for run in case.runs
    )
    case = dataclasses.replace(
        next(iter(CASES.values())), runs=runs, stall_in=128, stall_out=200, stall_seed=7
    )
    assert await run_case(Link(dut, patience=20_000), case) == []
