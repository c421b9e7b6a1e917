"""Run a cocotb test in a built chip, as a process of its own."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from xml.etree import ElementTree

from yoso_hw.folders import is_full

from yoso_sim import top
from yoso_sim.build import Build

#: In the asserts of benches alone, cocotb shows the operands. It would rewrite those of every library as
#: well, and a simulator would take five times as long to start.
COCOTB_ENVIRONMENT = {"COCOTB_REWRITE_ASSERTION_FILES": "bench_*.py"}


class SimulationError(RuntimeError):
    """A simulator process died or its test failed; the message names the log."""


def simulate(
    build: Build,
    module: str,
    folder: Path,
    environment: dict[str, str],
    *,
    test: str | None = None,
    seed: int = 1,
) -> None:
    """Run the cocotb tests of Python module `module`, or the one called `test`, in `folder`.

    `seed` draws the state of a build whose unset state is random.

    Raises
    ------
    SimulationError
        If the process ends in any way but with its tests passed; ``simulation.log`` in `folder` has the rest.
    """
    from cocotb_tools.runner import get_runner

    folder.mkdir(parents=True, exist_ok=True)
    log, results = folder / "simulation.log", folder / "results.xml"
    runner = get_runner("verilator")
    logging.getLogger("Verilator").setLevel(logging.WARNING)  # the runner's own commentary
    # cocotb runs in this Python's environment, which may not be the activated one.
    kept = {name: os.environ.pop(name) for name in ("PYTEST_CURRENT_TEST",) if name in os.environ}
    try:
        runner.test(
            test_module=module,
            hdl_toplevel=top.TOP,
            hdl_toplevel_lang="verilog",
            build_dir=build.folder,
            test_dir=folder,
            results_xml=str(results.resolve()),
            log_file=log,
            plusargs=build.plusargs(seed),
            extra_env={**environment, "PYTHONWARNINGS": "ignore", **COCOTB_ENVIRONMENT},
            test_filter=rf"\.{re.escape(test)}$" if test else None,
        )
    except (RuntimeError, SystemExit, OSError) as error:
        raise _ended(f"the simulator died ({error})", log) from None
    finally:
        os.environ.update(kept)
    problem = _problem(results)
    if problem:
        raise _ended(problem, log)


def _problem(results: Path) -> str | None:
    """What the results file says went wrong."""
    try:
        cases = ElementTree.parse(results).getroot().iter("testcase")
    except (OSError, ElementTree.ParseError):
        return "the simulator died before its test ended"
    ran = 0
    for case in cases:
        ran += case.find("skipped") is None
        for kind in ("failure", "error"):
            found = case.find(kind)
            if found is not None:
                message = found.get("error_msg") or found.get("message") or found.text or ""
                return f"test {case.get('name')} failed: {message.strip()}"
    return None if ran else "no test ran"


def _ended(problem: str, log: Path) -> SimulationError:
    """What to raise; of a full disk no word of the simulator's says more."""
    if is_full(log.parent):
        return SimulationError(f"{log.parent}: the disk is full, and the simulator stopped")
    return SimulationError(f"{problem}; {_tail(log)}")


def _tail(log: Path, lines: int = 12) -> str:
    text = log.read_text(errors="replace").splitlines() if log.exists() else []
    kept = [line for line in text if line.strip()][-lines:]
    return f"the log is {log} and ends with\n" + "\n".join(kept)
