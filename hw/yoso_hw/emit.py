"""The chip as Verilog. `yoso_hw.kit` packs it for the tools of others."""

from __future__ import annotations

import re
from pathlib import Path

from amaranth.back import verilog

from yoso_hw.chip import Chip
from yoso_hw.mesh import NODE_MODULE
from yoso_hw.node import Node
from yoso_hw.params import ChipParams
from yoso_hw.ports import ports
from yoso_hw.writing import write_whole

CHIP_MODULE = "yoso_chip"


def without_initial_values(text: str) -> str:
    """Emitted Verilog whose registers and memories begin in no particular state, as those of an ASIC do.

    An FPGA loads initial values with its bitstream. The chip needs none: `rst` resets every register that
    has to be, and nothing is read of a memory before it was written.
    """
    text = re.sub(r"^  initial begin\n.*?^  end\n", "", text, flags=re.MULTILINE | re.DOTALL)
    # yosys' own variable stays: its one event makes a simulator evaluate blocks that assign constants.
    text = re.sub(r"^( *reg (?!\\\$auto\$)[^;=]*) = [^;]*;", r"\1 ;", text, flags=re.MULTILINE)
    return re.sub(r"^ *\(\* init = .*? \*\)\n", "", text, flags=re.MULTILINE)


def texts(params: ChipParams, *, observed: bool = True) -> dict[str, str]:
    """Verilog by top module, ``yoso_node`` and ``yoso_chip``.

    The chip instantiates the node, so the node is elaborated and compiled once. Not `observed`: without the
    ports that are for observation alone, and the logic behind them.
    """
    found = {}
    chip = Chip(params, black_boxes=True, observed=observed)
    for name, component in ((NODE_MODULE, Node(params)), (CHIP_MODULE, chip)):
        # Amaranth names submodules after their top, so the two files never clash.
        text = verilog.convert(
            component,
            name=name,
            ports={name: (value, None) for name, (value, _) in ports(component, observed).items()},
            strip_internal_attrs=True,
            emit_src=False,
        )
        if name == NODE_MODULE:
            # Inlining all nodes into the mesh would multiply Verilator's code and its compile time.
            text = re.sub(
                r"^module [^;]*;", r"\g<0> /* verilator no_inline_module */", text, count=1, flags=re.M
            )
        found[name] = text
    return found


def emit(params: ChipParams, folder: Path) -> list[Path]:
    """Write ``yoso_node.v`` and ``yoso_chip.v`` into `folder`, which is made if need be.

    A file whose text would be the same is left alone, so that builds that depend on it stay fresh.

    Returns
    -------
    list of Path
        The two files; `yoso_chip` is the top module.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {folder / f"{name}.v": text for name, text in texts(params).items()}
    for path, text in files.items():
        write_whole(path, text)
    return list(files)
