"""Random bugs in the RTL, one at a time, and whether the tests notice: ``yoso mutate``.

`mutants.toml` lists bugs that somebody thought of. This program makes bugs of the RTL's own text: constants,
comparisons, operators, slices, dropped conditions and lost assignments, drawn by a seed. Each is tried on one
ring of tests after another, the cheapest first, until one fails:

1. it must elaborate, else it is no bug but a slip;
2. the block's own unit tests;
3. if the three chips of the record (`tests/hw/cells.py`) are the same hardware, no test can notice it
   (board files apart, which are in no chip);
4. unit tests of core, PE and chip;
5. cosimulation of whole chips.

What survives all is killed by a new test or argued by name in ``mutate.toml``. A result is kept by the text
of the mutated file, so a kill loses nothing and the same command goes on; a change of a test asks for
``--again``, which tries the survivors once more.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from mutants import ELABORATE, ROOT, RTL

#: Files of the RTL that are no hardware.
NOT_HARDWARE = {
    *("params.py", "packet.py", "registers.py", "fields.py", "document.py", "emit.py", "ports.py"),
    *(
        "component.py",
        "interfaces.py",
        "flit.py",
        "write.py",
        "ops.py",
        "framing.py",
        "options.py",
        "__init__.py",
    ),
}

#: Unit tests of a file where they are not in a file of its name.
OWN_TESTS = {
    "core.py": ("test_core.py", "test_pe.py"),
    "node.py": ("test_mesh.py",),
    "pe.py": ("test_pe.py",),
    "chip.py": ("test_chip.py",),
    "crossbar.py": ("test_router.py",),
    "bus.py": ("test_router.py",),
    "board.py": ("test_board.py", "test_top.py"),
    "top.py": ("test_board.py", "test_top.py"),
}
WIDER = ("test_core.py", "test_pe.py", "test_mesh.py", "test_chip.py", "test_chip_vectors.py")
COSIM = ("tests/cosim/test_cosim_pe.py", "tests/cosim/test_cosim_chip.py", "tests/cosim/test_default_chip.py")
BOARD_COSIM = ("tests/cosim/test_cosim_board.py",)

COMPARISONS = {ast.Eq: "!=", ast.NotEq: "==", ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">"}
OPERATORS = {ast.Add: "-", ast.Sub: "+", ast.BitAnd: "|", ast.BitOr: "&", ast.BitXor: "|"}

SAME_HARDWARE = """
import json, sys
sys.path.insert(0, "tests/hw")
import cells
record = json.loads(cells.RECORD.read_text())["chips"]
from yoso_hw.params import ChipParams
for chip, parts in record.items():
    for part, recorded in parts.items():
        if cells.measure(cells.PARTS[part](ChipParams.with_settings(chip.split()))) != recorded:
            sys.exit(3)
"""


@dataclass(frozen=True)
class Mutation:
    """One bug: in `file` of the RTL, at `line`, the text `old` at offset `at` becomes `new`."""

    file: str
    line: int
    at: int
    old: str
    new: str
    kind: str

    def apply(self, text: str) -> str:
        data = text.encode()
        end = self.at + len(self.old.encode())
        assert data[self.at : end].decode() == self.old
        return (data[: self.at] + self.new.encode() + data[end:]).decode()

    def __str__(self) -> str:
        old, new = (" ".join(part.split()) for part in (self.old, self.new))
        return f"{self.file}:{self.line} {self.kind}: {old} -> {new}"


def mutations(file: str, text: str) -> Iterator[Mutation]:
    """Every bug of one change that this program knows, in the order of the text."""
    offsets = [0]
    for line in text.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line.encode()))

    def place(node: ast.expr) -> tuple[int, int]:
        return (
            offsets[node.lineno - 1] + node.col_offset,
            offsets[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0),
        )

    data = text.encode()

    def source(node: ast.expr) -> str:
        first, end = place(node)
        return data[first:end].decode()

    def mutation(node: ast.expr, new: str, kind: str) -> Mutation:
        return Mutation(file, node.lineno, place(node)[0], source(node), new, kind)

    for function in ast.walk(ast.parse(text)):
        if isinstance(function, ast.FunctionDef) and function.name != "__init__":
            for node in ast.walk(function):
                yield from _of_node(node, source, mutation)


def _of_node(node: ast.AST, source, mutation) -> Iterator[Mutation]:  # type: ignore[no-untyped-def]
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        left, right = source(node.left), source(node.comparators[0])
        yield mutation(node, f"{left} {COMPARISONS[type(node.ops[0])]} {right}", "comparison")
    elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        left, right = source(node.left), source(node.right)
        yield mutation(node, f"(({left}) {OPERATORS[type(node.op)]} ({right}))", "operator")
        if isinstance(node.op, ast.BitAnd | ast.BitOr):
            yield mutation(node, f"({left})", "operand dropped")
            yield mutation(node, f"({right})", "operand dropped")
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
        yield mutation(node, f"({source(node.operand)})", "negation dropped")
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield mutation(node, str(node.value + 1), "constant")
        if node.value > 0:
            yield mutation(node, str(node.value - 1), "constant")
    elif isinstance(node, ast.Slice):
        for bound in (node.lower, node.upper):
            if bound is not None and not isinstance(bound, ast.Constant):
                yield mutation(bound, f"({source(bound)}) - 1", "slice")
    elif isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name == "Mux" and len(node.args) == 3:
            yield mutation(node.args[1], source(node.args[2]), "Mux")
            yield mutation(node.args[2], source(node.args[1]), "Mux")
        elif name == "eq" and len(node.args) == 1 and source(node.args[0]) != "0":
            yield mutation(node.args[0], "0", "assignment lost")
        elif name in ("If", "Elif") and len(node.args) == 1:
            yield mutation(node.args[0], "1", "condition dropped")
            yield mutation(node.args[0], f"~(({source(node.args[0])}).bool())", "condition turned")


def sample(count: int, seed: int) -> list[Mutation]:
    """So many bugs, drawn from all files alike: a file with twice as many sites has twice the chance."""
    sites = [
        found
        for path in sorted((ROOT / RTL).rglob("*.py"))
        if path.name not in NOT_HARDWARE
        for found in mutations(str(path.relative_to(ROOT / RTL)), path.read_text())
    ]
    return random.Random(seed).sample(sites, min(count, len(sites)))


def try_out(mutation: Mutation, timeout: int) -> dict[str, str]:
    """Plant it; which ring noticed it, by which test, or that none did."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        hw = Path(folder) / "hw"
        shutil.copytree(ROOT / "hw", hw, ignore=shutil.ignore_patterns("__pycache__"))
        path = hw / "yoso_hw" / mutation.file
        path.write_text(mutation.apply(path.read_text()))
        paths = os.pathsep.join(map(str, (hw, ROOT / "sw", ROOT / "sim", ROOT / "tests")))
        environment = {
            **os.environ,
            "PYTHONPATH": paths,
            "PYTHONDONTWRITEBYTECODE": "1",
            "YOSO_CACHE": str(Path(folder) / "cache"),
        }

        def run(*command: str) -> int | str:
            """Exit status, or the name of the first test that failed."""
            try:
                done = subprocess.run(
                    [sys.executable, *command],
                    cwd=ROOT,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=timeout,
                )
            except subprocess.TimeoutExpired:
                return "a test ran out of time"
            failed = [
                line for line in done.stdout.splitlines() if line.startswith(("FAILED tests", "ERROR tests"))
            ]
            return failed[0].split(" - ")[0] if failed else done.returncode

        def tests(*names: str) -> int | str:
            there = [name for name in names if (ROOT / name).exists()]
            return run("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *there) if there else 0

        if run("-c", ELABORATE):
            return {"ring": "no hardware", "by": ""}
        own = OWN_TESTS.get(Path(mutation.file).name, (f"test_{Path(mutation.file).name}",))
        if noticed := tests(*(f"tests/hw/{name}" for name in own)):
            return {"ring": "own", "by": str(noticed)}
        board = mutation.file.startswith("board/")  # of which the record knows nothing
        if not board and run("-c", SAME_HARDWARE) == 0:
            return {"ring": "same hardware", "by": ""}
        if not board and (noticed := tests(*(f"tests/hw/{name}" for name in WIDER))):
            return {"ring": "chip", "by": str(noticed)}
        if noticed := tests(*(BOARD_COSIM if board else COSIM)):
            return {"ring": "cosimulation", "by": str(noticed)}
        return {"ring": "survived", "by": ""}


def argued() -> dict[str, str]:
    """Survivors that no test need notice, by their text, and why."""
    path = Path(__file__).with_suffix(".toml")
    entries = tomllib.loads(path.read_text())["survivor"] if path.exists() else []
    return {entry["mutation"]: entry["why"] for entry in entries}


def summary(results: list[tuple[Mutation, dict[str, str]]]) -> str:
    """Counts by ring, the share killed of those that are other hardware, and the survivors with their why."""
    rings = [result["ring"] for _, result in results]
    counts = {ring: rings.count(ring) for ring in dict.fromkeys(rings)}
    reasons = argued()
    alive = [str(mutation) for mutation, result in results if result["ring"] == "survived"]
    killed = sum(counts.get(ring, 0) for ring in ("own", "chip", "cosimulation"))
    of = killed + sum(one not in reasons for one in alive)
    lines = [f"{ring}: {count}" for ring, count in counts.items()]
    lines.append(f"noticed: {killed} of {of} that are other hardware and not argued away")
    lines += [f"survived: {one}\n    {reasons.get(one, 'no test notices it')}" for one in alive]
    return "\n".join(lines)


@click.command(help=__doc__)
@click.option("--count", default=150, show_default=True, help="Bugs to try.")
@click.option("--seed", default=1, show_default=True, help="Draws them.")
@click.option("--jobs", "-j", default=2, show_default=True, help="Bugs tried at a time.")
@click.option("--timeout", default=900, show_default=True, help="Seconds for one ring of one bug.")
@click.option("--again", is_flag=True, help="Try those once more that survived.")
def main(count: int, seed: int, jobs: int, timeout: int, again: bool) -> None:
    folder = Path(os.environ.get("YOSO_OUTPUT") or ROOT / "build") / "mutate"
    folder.mkdir(parents=True, exist_ok=True)

    def attempt(mutation: Mutation) -> dict[str, str]:
        text = (ROOT / RTL / mutation.file).read_text()
        key = hashlib.sha256(f"{mutation.file}\n{mutation.apply(text)}".encode()).hexdigest()[:16]
        kept = folder / f"{key}.json"
        if kept.is_file():
            result = json.loads(kept.read_text())["result"]
            if not (again and result["ring"] == "survived"):
                return result
        begun = time.monotonic()
        result = try_out(mutation, timeout)
        partial = kept.with_suffix(".part")
        partial.write_text(json.dumps({"mutation": asdict(mutation), "result": result}))
        partial.replace(kept)
        click.echo(f"{result['ring']:13} {time.monotonic() - begun:4.0f} s  {mutation}  {result['by']}")
        return result

    drawn = sample(count, seed)
    with ThreadPoolExecutor(jobs) as pool:
        results = list(zip(drawn, pool.map(attempt, drawn), strict=True))
    click.echo(summary(results))
    sys.exit(any(r["ring"] == "survived" and str(m) not in argued() for m, r in results))


if __name__ == "__main__":
    main()
