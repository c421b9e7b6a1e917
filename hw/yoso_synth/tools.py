"""Where the flows run, and how they call a tool."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from yoso_hw.extras import advice
from yoso_hw.folders import cache_folder, is_full, output_folder
from yoso_hw.writing import write_whole

if TYPE_CHECKING:
    from amaranth.lib.wiring import Component

REPOSITORY = Path(__file__).resolve().parents[2]


def build_folder() -> Path:
    """Where the flows run."""
    return output_folder() / "synth"


class SynthError(RuntimeError):
    """A tool or a file is missing, or a tool failed; the message names it and its log."""


def compile_once(tool: str, cache: Path) -> None:
    """Have a YoWASP tool compiled into its cache by one process, while others wait.

    It writes there without a lock, and a process that has the file mapped then ends with SIGBUS. What was
    compiled for another installation of the tool does not count.

    Parameters
    ----------
    tool
        Its program.
    cache
        Where YoWASP keeps what it compiled (YOWASP_CACHE_DIR).

    Raises
    ------
    SynthError
        If that folder cannot be written.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _compile_once(tool, cache)
    except OSError as error:
        raise SynthError(
            f"{cache}: {error.strerror}; YOWASP_CACHE_DIR must be a folder that can be written"
        ) from None


def _compile_once(tool: str, cache: Path) -> None:
    mark, installed = cache / f"{Path(tool).name}.ready", str(Path(tool).stat().st_mtime_ns)
    if mark.is_file() and mark.read_text() == installed:
        return
    with (cache / f"{Path(tool).name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if mark.is_file() and mark.read_text() == installed:
            return
        environment = {**os.environ, "YOWASP_CACHE_DIR": str(cache)}
        subprocess.run([tool, "--version"], env=environment, capture_output=True, check=False)
        write_whole(mark, installed)


def run_tool(command: list[str], folder: Path, log: Path) -> None:
    """Run a YoWASP tool in `folder` (they see relative paths only). Raises `SynthError`."""
    # The tools of the environment that runs this program come first, whether or not it is activated.
    tool = shutil.which(command[0], path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if tool is None:
        raise SynthError(advice(command[0]))
    os.environ.setdefault("YOWASP_CACHE_DIR", str(cache_folder() / "yowasp"))
    compile_once(tool, Path(os.environ["YOWASP_CACHE_DIR"]))
    with log.open("w") as file:
        result = subprocess.run(
            [tool, *command[1:]], cwd=folder, stdout=file, stderr=subprocess.STDOUT, check=False
        )
    if result.returncode:
        if is_full(folder):
            raise SynthError(f"{folder}: the disk is full, and {command[0]} stopped")
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
        raise SynthError(f"{command[0]} failed with status {result.returncode}; {log} ends with\n{tail}")


def write_verilog(component: Component, name: str, path: Path, platform: object = None) -> None:
    """Write a component and all below it as Verilog, its top module called `name`."""
    from amaranth.back import verilog
    from yoso_hw.ports import ports

    text = verilog.convert(
        component,
        name=name,
        platform=platform,
        ports={name: (value, None) for name, (value, _) in ports(component).items()},
        strip_internal_attrs=True,
        emit_src=False,
    )
    write_whole(path, text)
