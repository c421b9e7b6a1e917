"""Single blocks of the chip as Verilator executables, and the cocotb benches that run on them.

A block's Verilog top has the ports of its Amaranth component under the names of `yoso_hw.ports`, besides
`clk` and `rst`. Builds are kept and shared as the chip's are (`yoso_sim.kept`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from yoso_hw.folders import cache_folder
from yoso_hw.kit.write import TEMPLATES
from yoso_hw.params import ChipParams
from yoso_sim import build, kept, tools, top
from yoso_sim.simulate import COCOTB_ENVIRONMENT

#: Environment variable by which a bench learns the parameters of its block.
PARAMS_VARIABLE = "YOSO_BLOCK_PARAMS"

#: Signals of a stream.
STREAM = ("data", "valid", "ready")

#: The chip behind AXI4-Stream, as a kit has it.
AXIS = TEMPLATES / "yoso_axis.v"

#: Clock cycles a bit of a board's serial line: as few as its receiver takes, for the sake of time.
LINE_DIVISOR = 4


def block_key(block: str, params: ChipParams, form: build.Form = build.RTL) -> str:
    """Name of a block's build: the chip's key, the block and what this file does with it."""
    digest = hashlib.sha256(f"{block} {build.build_key(params, form=form)}".encode())
    for path in (*(Path(__file__).parent / name for name in ("blocks.py", "router_mesh.py")), AXIS):
        digest.update(path.read_bytes())
    return f"{block}-{digest.hexdigest()[:16]}"


def build_block(
    block: str,
    params: ChipParams,
    *,
    form: build.Form = build.RTL,
    root: Path | None = None,
    report: Callable[[str], None] = lambda text: None,
) -> build.Build:
    """Make the executable of a block ("router", "pe", "mesh", "fabric", "board" or "axis"), or find it.

    Raises
    ------
    yoso_sim.kept.BuildError
        If emit, Verilator or the compiler fails.
    yoso_sim.tools.ToolError
        If one of them is missing.
    """
    tools.prepare()
    root = root or cache_folder() / "verilator"
    key = block_key(block, params, form)

    def make(folder: Path) -> dict[str, Any]:
        report(f"building {key}")
        control, *files = emit_block(block, params, folder)
        files = form.change(files) if form.change else files
        build.verilate([control, *files], False, folder, root, form.flags, report, build.is_quick(params))
        return {"block": block}

    seconds = kept.made_once(root, key, make, report)
    return build.Build(root / key, key, params, False, seconds, form)


def emit_block(block: str, params: ChipParams, folder: Path) -> list[Path]:
    """Write a block's files for Verilator; its top module is called as the chip's simulation top is."""
    if block == "axis":
        return emit_axis(params, folder)
    from amaranth.back import verilog
    from yoso_hw.board.board import CHIP_MODULE, Board
    from yoso_hw.chip import Chip
    from yoso_hw.mesh import NODE_MODULE, Mesh
    from yoso_hw.node import Node
    from yoso_hw.pe import ProcessingElement
    from yoso_hw.ports import ports
    from yoso_hw.router import Router

    from support.router_mesh import ROUTER_MODULE, Fabric

    # The top, and the module that it repeats, if it does: that is compiled once, not once an instance.
    blocks: dict[str, Callable[[], dict[str, Any]]] = {
        "router": lambda: {top.TOP: Router(params)},
        "pe": lambda: {top.TOP: ProcessingElement(params)},
        "mesh": lambda: {NODE_MODULE: Node(params), top.TOP: Mesh(params, black_boxes=True)},
        "fabric": lambda: {
            ROUTER_MODULE: (router := Router(params)),
            top.TOP: Fabric(params, router.signature),
        },
        "board": lambda: {
            NODE_MODULE: Node(params),
            CHIP_MODULE: Chip(params, black_boxes=True),
            top.TOP: Board(params, LINE_DIVISOR),
        },
    }
    files = [folder / "control.vlt"]
    control = ["`verilator_config"]
    for module, component in blocks[block]().items():
        names = {name: value for name, (value, _) in ports(component).items()}
        if module == top.TOP and "trace" in names:  # Verilator's model has a method of that name
            names["trace_valid"] = names.pop("trace")
        text = verilog.convert(
            component,
            name=module,
            ports={name: (value, None) for name, value in names.items()},
            strip_internal_attrs=True,
            emit_src=False,
        )
        if module != top.TOP:
            comment = r"\g<0> /* verilator no_inline_module */"
            text = re.sub(r"^module [^;]*;", comment, text, count=1, flags=re.M)
        access = "public_flat_rw" if module == top.TOP else "public_flat_rd"
        control += [f'{access} -module "{module}" -var "{name}"' for name in (*names, "clk", "rst")]
        files.append(folder / f"{module}.v")
        files[-1].write_text(text)
    files[0].write_text("\n".join([*control, ""]))
    return files


def emit_axis(params: ChipParams, folder: Path) -> list[Path]:
    """The chip behind AXI4-Stream, from the files of a kit."""
    from yoso_hw.kit.write import contents

    control, files = ["`verilator_config"], [folder / "control.vlt"]
    for name, text in contents(params, about="a bench's").items():
        if name.startswith("rtl/"):
            files.append(folder / Path(name).name)
            files[-1].write_text(text.replace("module yoso_axis ", f"module {top.TOP} "))
    for name in ("aclk", "aresetn", *(f"{side}_axis_t{one}" for side in "sm" for one in STREAM)):
        control.append(f'public_flat_rw -module "{top.TOP}" -var "{name}"')
    files[0].write_text("\n".join([*control, ""]))
    return files


def run_bench(
    made: build.Build, bench: str, folder: Path, *, seed: int = 1, environment: dict[str, str] | None = None
) -> list[str]:
    """Run every cocotb test of the module `bench` on a block; `folder` gets log and results.

    The module must be importable. `seed` draws the state of a build whose unset state is random. Returns the
    names of the tests.

    Raises
    ------
    AssertionError
        If a test failed; the message has the name and message of each, and names the log.
    """
    from cocotb_tools.runner import get_runner

    tools.prepare()
    log, results = folder / f"{bench}.log", folder / f"{bench}.xml"
    # A simulator that dies leaves no results: that fails below.
    with contextlib.suppress(SystemExit):
        get_runner("verilator").test(
            test_module=bench,
            hdl_toplevel=top.TOP,
            hdl_toplevel_lang="verilog",
            build_dir=made.folder,
            test_dir=folder,
            plusargs=made.plusargs(seed),
            extra_env={**(environment or {}), **COCOTB_ENVIRONMENT, PARAMS_VARIABLE: made.params.to_json()},
            results_xml=str(results),
            log_file=log,
        )
    if not results.is_file():
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:]) if log.exists() else ""
        raise AssertionError(f"{bench} left no results; its log {log} ends with\n{tail}")
    tests = list(ElementTree.parse(results).getroot().iter("testcase"))
    failed = [(test.get("name"), wrong) for test in tests for wrong in test.findall("failure")]
    assert tests, f"{bench} has no tests"
    assert not failed, f"{len(failed)} of {len(tests)} tests failed; the log is {log}\n" + "\n".join(
        f"{name}: {wrong.get('error_msg') or wrong.get('message')}" for name, wrong in failed
    )
    return [str(test.get("name")) for test in tests]


def bench_params() -> ChipParams:
    """Parameters of the block that the running bench is for."""
    return ChipParams.from_json(os.environ[PARAMS_VARIABLE])
