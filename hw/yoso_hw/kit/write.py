"""Write the kit: the files of ``templates`` filled in for one chip, beside its Verilog."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from yoso_hw.emit import texts
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.writing import write_whole

TEMPLATES = Path(__file__).parent / "templates"

#: Where the files of templates go. Those that need a network come with a `Trial` alone.
PLACES = {
    "yoso_axis.v": "rtl",
    "yoso_example.v": "example",
    "yoso.sdc": "constraints",
    "yoso.xdc": "constraints",
    "yoso.core": "",
    "README.md": "",
}
TRIAL_FILES = ("sim/yoso_tb.v", "sim/weights.hex", "sim/image.hex")

#: The file by which a folder is known as a kit.
MARK = "yoso.core"

#: What Verilator's -Wall says of the style of generated Verilog. What tells of a fault is not among
#: these: latches, loops, several drivers, missing pins.
STYLE = (
    *("ASCRANGE", "CASEINCOMPLETE", "DECLFILENAME", "PROCASSINIT"),
    *("UNUSEDPARAM", "UNUSEDSIGNAL", "WIDTHEXPAND", "WIDTHTRUNC"),
)


class KitError(ValueError):
    """A kit cannot be written as asked; the message says why."""


@dataclass(frozen=True)
class Trial:
    """An image that a kit's testbench runs.

    Attributes
    ----------
    network, image
        Name of the network, number of the image in its test set.
    load, flits
        What is sent: the weight image, then the image.
    decision, step, spiked
        What must come back: class, deciding step, whether a spike decided.
    """

    network: str
    image: int
    load: Sequence[int]
    flits: Sequence[int]
    decision: int
    step: int
    spiked: bool


def portable(text: str) -> str:
    """Emitted Verilog without what is meant for one flow: attributes of memories, and their contents.

    The counters' memory is asked to be LUT RAM, which iCE40 does not have; left to itself, a tool takes what
    the device has: LUT RAM, a block RAM whose output register is the one behind it, or flip-flops. Memories
    begin as zeros, which nothing needs, and which not every RAM can do.
    """
    text = re.sub(r"^ *\(\* (ram_style|sram_macro) = .*? \*\)\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^  initial begin\n(?:    \S+\[\d+\] = \d+'h0+;\n)+  end\n", "", text, flags=re.MULTILINE)
    off = "\n".join(f"/* verilator lint_off {rule} */" for rule in STYLE)
    return f"/* verilator lint_save */\n{off}\n{text}/* verilator lint_restore */\n"


def filled(name: str, values: dict[str, object]) -> str:
    """A template with its ``@words@`` replaced by `values`."""
    return re.sub(r"@(\w+)@", lambda word: str(values[word[1]]), (TEMPLATES / name).read_text())


def write(
    params: ChipParams, folder: Path, *, about: str, period: float = 20.0, trial: Trial | None = None
) -> list[Path]:
    """Write a kit into `folder`, which is made if need be; files of an older kit there are replaced.

    Parameters
    ----------
    about
        The chip, in a line.
    period
        Of its clock, in nanoseconds.
    trial
        For the testbench and its files; None: there are none.

    Returns
    -------
    list of Path
        The files, by name.

    Raises
    ------
    KitError
        If the folder holds other things, or the period is no time.
    """
    check(folder, period)
    files = contents(params, about=about, period=period, trial=trial)
    for name in sorted(set(TRIAL_FILES) - set(files)):
        (folder / name).unlink(missing_ok=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    return [folder / name for name in sorted(files)]


def contents(
    params: ChipParams, *, about: str, period: float = 20.0, trial: Trial | None = None
) -> dict[str, str]:
    """The files of a kit, by their path in it; arguments as `write`."""
    values = {**_values(params, about, period), **_trial_values(params, trial)}
    files = {f"rtl/{name}.v": portable(text) for name, text in texts(params, observed=False).items()}
    files |= {(Path(place) / name).as_posix(): filled(name, values) for name, place in PLACES.items()}
    files["chip.json"] = params.to_json() + "\n"
    if trial:
        flits = (filled("yoso_tb.v", values), _hex(params, trial.load), _hex(params, trial.flits))
        files |= dict(zip(TRIAL_FILES, flits, strict=True))
    return files


def check(folder: Path, period: float) -> None:
    """Whether a kit can be written there, with that clock. Raises `KitError`."""
    if not 0.1 <= period <= 1e6:
        raise KitError(f"a clock of {period:g} ns is outside 0.1..1000000 ns: give another --period")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise KitError(f"{folder} holds other things than a kit: give another -o")


def tdata_bits(params: ChipParams) -> int:
    """Bits of a beat: a flit in whole bytes."""
    return -(-Packets(params).flit_bits // 8) * 8


def _printable(text: str) -> str:
    """A text for a comment's line, or between quotes."""
    return re.sub(r"[^ !#-~]+", "_", text)


def _hex(params: ChipParams, flits: Sequence[int]) -> str:
    """Flits for ``$readmemh``, one a line."""
    digits = -(-Packets(params).flit_bits // 4)
    return "".join(f"{int(flit):0{digits}x}\n" for flit in flits)


def _values(params: ChipParams, about: str, period: float) -> dict[str, object]:
    flit, tdata = Packets(params).flit_bits, tdata_bits(params)
    rest = tdata - flit

    def unused(signal: str) -> str:
        """Verilator's idiom for bits that are not read."""
        return f"    wire unused = &{{1'b0, {signal}[{tdata - 1}:{flit}]}};\n" if rest else ""

    about = _printable(about)
    return {
        "about": about,
        "version": importlib.metadata.version("yoso"),
        "cols": params.cols,
        "rows": params.rows,
        "flit": flit,
        "tdata": tdata,
        "out": f"{{{rest}'b0, out_data}}" if rest else "out_data",
        "unused": unused("s_axis_tdata"),
        "unused_tb": unused("m_tdata"),
        "padded": f"{{{rest}'b0, flit}}" if rest else "flit",
        "period": f"{period:.3f}",
        "mhz": f"{1e3 / period:g}",
    }


def _trial_values(params: ChipParams, trial: Trial | None) -> dict[str, object]:
    """What the templates say of a trial; nothing if there is none."""
    if trial is None:
        return {"trial": "", "trial_rows": "", "trial_files": "", "trial_target": ""}
    packets = Packets(params)
    digits = -(-packets.flit_bits // 4)

    def place(packet: str, name: str) -> str:
        field = packets.formats[packet].field(name)
        low = field.offset
        return f"{low}" if field.width == 1 else f"{low + field.width - 1}:{low}"

    values: dict[str, object] = {
        "network": _printable(trial.network),
        "image": trial.image,
        "load": len(trial.load),
        "flits": len(trial.flits),
        # Longer than an image can take in which every axon spikes at every step.
        "quiet": params.steps * (params.neuron_words + params.weight_words + 100),
        "class": trial.decision,
        "step": trial.step,
        "how": "by a spike" if trial.spiked else "by the highest potential",
        "due": format(
            packets.pack("DECISION", index=trial.decision, step=trial.step, spiked=int(trial.spiked)),
            f"0{digits}x",
        ),
        "ask": format(packets.pack("STATUS", errors=0), f"0{digits}x"),
        "index": place("DECISION", "index"),
        "steps": place("DECISION", "step"),
        "spiked": place("DECISION", "spiked"),
        "cycles": place("CYCLES", "cycles"),
        "errors": place("STATUS", "errors"),
    }
    return values | {
        "trial": filled("trial.md", values),
        "trial_rows": filled("trial-rows.md", values).rstrip("\n") + "\n",
        "trial_files": filled("trial-files.core", values),
        "trial_target": filled("trial-target.core", values),
    }
