"""Where the flows run, and how they call a tool."""

from __future__ import annotations

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


def run_tool(command: list[str], folder: Path, log: Path) -> None:
    """Run a YoWASP tool in `folder` (they see relative paths only). Raises `SynthError`."""
    # The tools of the environment that runs this program come first, whether or not it is activated.
    tool = shutil.which(command[0], path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if tool is None:
        raise SynthError(advice(command[0]))
    os.environ.setdefault("YOWASP_CACHE_DIR", str(cache_folder() / "yowasp"))
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
