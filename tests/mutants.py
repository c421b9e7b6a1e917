"""Plants the bugs of ``mutants.toml`` one by one in a copy of the code and sees that the named tests fail.

``python tests/mutants.py [NAME]...`` prints a table; exit status 1 if a bug is not noticed.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import click

ROOT = Path(__file__).parents[1]
RTL = Path("hw/yoso_hw")
TESTS = Path("tests/hw")  # of tests named without a folder below tests/

#: The planted bug must still be hardware: a chip that no longer elaborates proves nothing about the tests.
ELABORATE = """
from amaranth.hdl import Fragment
from yoso_hw.chip import Chip
from yoso_hw.params import ChipParams
sizes = dict(cols=1, rows=2, lanes=2, neurons=4, weights=8, layers=2, classes=2)
for kind in ({}, {"banked": True, "multicast": False}, {"neuron": "all"}):
    chip = Chip(ChipParams(**sizes, **kind))
    Fragment.get(chip, None).prepare()
"""

#: A test that notices does so by what it sees, or by waiting in vain.
NOTICED = ("AssertionError", "TimeoutError", "assert ", "yoso_sim.simulate.SimulationError: test ")


@dataclass(frozen=True)
class Mutant:
    """One planted bug: `old`, found once in `file`, becomes `new`, and all of `tests` fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def in_rtl(self) -> bool:
        """Whether it is in the RTL; else it is in software or in what simulates."""
        return not self.file.startswith(("sw/", "sim/"))

    @property
    def path(self) -> Path:
        """Its file from the root."""
        return RTL / self.file if self.in_rtl else Path(self.file)

    def apply(self, copy: Path) -> None:
        """Plant it in a copy of hw/, sw/ and sim/."""
        path = copy / self.path
        path.write_text(self.mutated(path.read_text()))

    def mutated(self, text: str) -> str:
        found = text.count(self.old)
        if found != 1:
            raise ValueError(f"mutant {self.name!r}: {self.old!r} stands {found} times in {self.file}")
        return text.replace(self.old, self.new)


def rtl_blocks() -> set[str]:
    """The files of the RTL that hold hardware, by their names."""
    files = (ROOT / RTL).rglob("*.py")
    return {path.stem for path in files if re.search(r"^class \w+\(Component\):", path.read_text(), re.M)}


def check_block(block: str) -> None:
    """Raise `click.ClickException` if it is no block of the RTL."""
    if block not in rtl_blocks():
        raise click.ClickException(f"{block!r} is no block: one of {', '.join(sorted(rtl_blocks()))}")


def load_mutants() -> list[Mutant]:
    entries = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())["mutant"]
    return [Mutant(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]


def path_of(test: str) -> Path:
    """A test of the list by its path from the root, its name included."""
    return Path("tests") / test if "/" in test.partition("::")[0] else TESTS / test


def functions(path: Path) -> set[str]:
    """Names of the tests in a file."""
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def problem(mutant: Mutant, timeout: int = 900) -> str:
    """Plant the bug and run its tests; what is wrong, or "" if every test notices it."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        own = mutant.path.parts[0]
        left_out = shutil.ignore_patterns("__pycache__", "networks")
        shutil.copytree(ROOT / own, Path(folder) / own, ignore=left_out)
        mutant.apply(Path(folder))
        homes = [Path(folder) if name == own else ROOT for name in ("hw", "sw", "sim")]
        path = os.pathsep.join(
            str(home / name) for home, name in zip(homes, ("hw", "sw", "sim"), strict=True)
        )
        environment = {
            "YOSO_CACHE": str(ROOT / "build"),  # simulators stay where those of this checkout are
            **os.environ,
            "PYTHONPATH": path,
            "PYTHONDONTWRITEBYTECODE": "1",
        }

        def run(*command: str) -> subprocess.CompletedProcess:
            return subprocess.run(
                [sys.executable, *command],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=timeout,
            )

        elaborated = run("-c", ELABORATE)
        if elaborated.returncode:
            return f"does not elaborate: {elaborated.stderr.strip().splitlines()[-1]}"
        report = Path(folder) / "report.xml"
        names = [str(path_of(test)) for test in mutant.tests]
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", f"--junitxml={report}"]
        ran = run("-m", "pytest", *options, *names)
        if not report.exists():
            return f"tests do not run: {ran.stdout.strip()[-200:]}"
        return verdict(mutant, ElementTree.parse(report).getroot())


def verdict(mutant: Mutant, report: ElementTree.Element) -> str:
    """Which of the mutant's tests passed, or failed for another reason than the bug."""
    failed: set[str] = set()
    for case in report.iter("testcase"):
        name = f"{case.get('classname', '').rpartition('.')[2]}.py::{case.get('name')}"
        if case.find("error") is not None:
            return f"{name}: {case.find('error').get('message')}"
        failure = case.find("failure")
        if failure is not None:
            message = failure.get("message", "")
            if not message.startswith(NOTICED):
                return f"{name} failed by {message[:100]}"
            failed |= {name, name.partition("[")[0]}
    unnoticed = [test for test in mutant.tests if Path(test).name not in failed]
    return f"not noticed by {', '.join(unnoticed)}" if unnoticed else ""


@click.command()
@click.argument("names", nargs=-1)
@click.option("--block", metavar="NAME", help="Only bugs planted in this block of the RTL.")
@click.option("-j", "--jobs", default=2, show_default=True, help="Bugs tried at a time.")
def main(names: tuple[str, ...], block: str | None, jobs: int) -> None:
    """Plant each bug whose name contains one of NAMES (all if none), and run its tests."""
    mutants = [m for m in load_mutants() if not names or any(name in m.name for name in names)]
    if not mutants:
        raise click.ClickException(f"no mutant has a name with {' or '.join(names)}")
    if block is not None:
        check_block(block)
        mutants = [m for m in mutants if m.in_rtl and m.path.stem == block]
        if not mutants:
            raise click.ClickException(
                f"no bug{' of that name' if names else ''} is planted in block {block!r}"
            )
    begun = time.monotonic()

    def attempt(mutant: Mutant) -> tuple[str, float]:
        start = time.monotonic()
        return problem(mutant), time.monotonic() - start

    missed = 0
    with ThreadPoolExecutor(jobs) as pool:
        for mutant, (wrong, seconds) in zip(mutants, pool.map(attempt, mutants), strict=True):
            missed += bool(wrong)
            click.echo(f"{'MISSED' if wrong else 'caught':6}  {seconds:4.0f} s  {mutant.name}")
            if wrong:
                click.echo(f"        {wrong}")
    click.echo(f"{len(mutants) - missed} of {len(mutants)} caught in {time.monotonic() - begun:.0f} s")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
