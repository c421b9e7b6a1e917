"""Settings of the hardware tests."""

import sys
from pathlib import Path

# The flit machine, a chip without cycles, is the reference of PEs here as of compiled images there.
sys.path.append(str(Path(__file__).parents[1] / "sw"))


def pytest_configure(config):
    # A component whose parameters are refused is never elaborated.
    config.addinivalue_line("filterwarnings", "ignore::amaranth.hdl.UnusedElaboratable")
