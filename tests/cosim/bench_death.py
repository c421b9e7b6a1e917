"""Benches that go wrong on purpose."""

import os

import cocotb
from yoso_sim.link import Link, LinkError


@cocotb.test()
async def dies(dut):
    os._exit(3)


@cocotb.test()
async def fails(dut):
    raise AssertionError("forty-two")


@cocotb.test()
async def notices_silence(dut):
    link = Link(dut, patience=500)
    await link.reset()
    try:
        await link.exchange([], answers=1)
    except LinkError as error:
        assert "0 of 1 answers" in str(error)
    else:
        raise AssertionError("an answer came from nowhere")
