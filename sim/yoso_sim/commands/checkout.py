"""Commands whose programs are in ``tests``, which the package does not carry: they need the checkout."""

from __future__ import annotations

import subprocess
import sys

import click
from yoso_hw.folders import need_checkout, output_folder


def command(name: str, about: str, *program: str) -> click.Command:
    """A command that runs a Python program in the checkout, with the words that it is given."""

    @click.command(
        name, help=f"{about}\n\nWORDS go to `python {' '.join(program)}` in the checkout; -- before options."
    )
    @click.argument("words", nargs=-1)
    def run(words: tuple[str, ...]) -> None:
        root = need_checkout(f"yoso {name}")
        output_folder()  # cannot be written? then now
        sys.exit(subprocess.run([sys.executable, *program, *words], cwd=root, check=False).returncode)

    return run


test = command("test", "Run the unit tests and cocotb benches.", "-m", "pytest")
formal = command("formal", "Prove the blocks of the RTL for all time.", "tests/formal/prove.py")
mutants = command("mutants", "Plant bugs in the RTL one by one; tests must notice each.", "tests/mutants.py")
gatesim = command("gatesim", "Run the RTL's benches on its netlist too.", "tests/cosim/gatesim.py")
coverage = command("coverage", "Measure what the cosimulation reaches.", "tests/cover/measure.py")
