"""The bench of a session whose simulator dies."""

import os

import cocotb


@cocotb.test()
async def serve(dut):
    os._exit(3)
