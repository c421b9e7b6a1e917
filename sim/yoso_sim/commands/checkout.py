"""Commands whose programs are in ``tests``, which the package does not carry: they need the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
from yoso_hw.folders import need_checkout, output_folder

#: Words for a block's name, by the checkout and the environment that it is run in.
Blocks = Callable[[str, Path, dict[str, str]], list[str]]


def command(name: str, about: str, module: str, blocks: Blocks | None = None) -> click.Command:
    """A command that runs a module of ``tests`` in the checkout, with the words that it is given.

    With `blocks` it has ``--block NAME``, which becomes more words.
    """

    @click.command(
        name, help=f"{about}\n\nWORDS go to `{module}` of the checkout's tests; -- before options."
    )
    @click.argument("words", nargs=-1)
    def run(words: tuple[str, ...], block: str | None = None) -> None:
        root = need_checkout(f"yoso {name}")
        output_folder()  # cannot be written? then now
        paths = [str(root / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        if block is not None and blocks is not None:
            words = (*words, *blocks(block, root, environment))
        ran = subprocess.run([sys.executable, "-m", module, *words], cwd=root, env=environment, check=False)
        sys.exit(ran.returncode)

    if blocks is not None:
        shown = "Only what is of this block: a file of hw/yoso_hw by its name."
        run = click.option("--block", metavar="NAME", help=shown)(run)
    return run


def passed_on(block: str, root: Path, environment: dict[str, str]) -> list[str]:
    """For modules that have the option themselves."""
    return ["--block", block]


def tests_of(block: str, root: Path, environment: dict[str, str]) -> list[str]:
    """The tests of a block. Raises `click.ClickException` if there is none of that name."""
    listed = subprocess.run(
        [sys.executable, root / "tests" / "plan.py", "--block", block],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        raise click.ClickException(listed.stderr.strip().removeprefix("Error: "))
    return listed.stdout.split()


test = command("test", "Run the unit tests and cocotb benches.", "pytest", tests_of)
formal = command("formal", "Prove the blocks of the RTL for all time.", "formal.prove", passed_on)
mutants = command(
    "mutants", "Plant the listed bugs in the RTL; tests must notice each.", "mutants", passed_on
)
mutate = command("mutate", "Plant random bugs in the RTL; which tests notice each.", "mutate")
gatesim = command("gatesim", "Run the RTL's benches on its netlist too.", "cosim.gatesim")
coverage = command("coverage", "Measure what the cosimulation reaches.", "cover.measure")
