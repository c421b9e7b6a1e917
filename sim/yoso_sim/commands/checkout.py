"""Commands whose programs are in ``tests``, which the package does not carry: they need the checkout."""

from __future__ import annotations

import os
import subprocess
import sys

import click
from yoso_hw.folders import need_checkout, output_folder


def command(name: str, about: str, module: str) -> click.Command:
    """A command that runs a module of ``tests`` in the checkout, with the words that it is given."""

    @click.command(
        name, help=f"{about}\n\nWORDS go to `{module}` of the checkout's tests; -- before options."
    )
    @click.argument("words", nargs=-1)
    def run(words: tuple[str, ...]) -> None:
        root = need_checkout(f"yoso {name}")
        output_folder()  # cannot be written? then now
        paths = [str(root / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        ran = subprocess.run([sys.executable, "-m", module, *words], cwd=root, env=environment, check=False)
        sys.exit(ran.returncode)

    return run


test = command("test", "Run the unit tests and cocotb benches.", "pytest")
formal = command("formal", "Prove the blocks of the RTL for all time.", "formal.prove")
mutants = command("mutants", "Plant the listed bugs in the RTL; tests must notice each.", "mutants")
mutate = command("mutate", "Plant random bugs in the RTL; which tests notice each.", "mutate")
gatesim = command("gatesim", "Run the RTL's benches on its netlist too.", "cosim.gatesim")
coverage = command("coverage", "Measure what the cosimulation reaches.", "cover.measure")
