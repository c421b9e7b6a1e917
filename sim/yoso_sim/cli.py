"""``yoso``: every command by its name, loaded when it is called.

What a command needs is imported when it runs, so that ``yoso --help`` and ``yoso COMMAND --help`` work, and
fast, wherever the package is installed; a package that is missing is one line that says what to type.
"""

from __future__ import annotations

import signal
import warnings
from importlib import import_module
from typing import Any, NamedTuple

import click
from yoso_hw import extras, folders


class Entry(NamedTuple):
    """A command: where it is, "module:attribute"; what it does, in a line; the extra with its packages."""

    where: str
    about: str
    extra: str = ""


_SW, _SIM = "yoso_sw.commands", "yoso_sim.commands"

#: Every command, by the part of the road that it belongs to.
SECTIONS: dict[str, dict[str, Entry]] = {
    "Train": {
        "data": Entry(f"{_SW}.data:main", "list the data sets, or look at one", "train"),
        "train": Entry(f"{_SW}.train:main", "train a network; goes on where a kill stopped it", "train"),
        "seeds": Entry(f"{_SW}.seeds:main", "train a network from several seeds", "train"),
        "search": Entry(
            f"{_SW}.search:main", "search thresholds, windows, bits by validation", "search,train"
        ),
        "eval": Entry(f"{_SW}.accuracy:main", "accuracy of trained networks on the golden model"),
        "figures": Entry(f"{_SW}.figures:main", "redraw the paper's figures and tables", "train"),
        "tasks": Entry(f"{_SIM}.tasks:main", "UCI sets, an autoencoder, accuracy by step", "sim,train,uci"),
        "bench": Entry(f"{_SW}.bench:main", "time an epoch beside plain PyTorch and a ReLU network", "train"),
        "nir": Entry(f"{_SW}.nir:main", "networks as NIR files: export, import", "nir"),
    },
    "Compile and simulate": {
        "fit": Entry(f"{_SW}.fit:main", "which chips hold a network, and how long an image takes"),
        "compile": Entry(f"{_SW}.compile:main", "compile a network for a chip, print the mapping"),
        "rtl": Entry(f"{_SIM}.rtl:main", "the chip as a kit for Vivado, Quartus, Radiant, yosys", "hw"),
        "sim": Entry(f"{_SIM}.campaign:sim", "test images on the RTL, every spike compared", "sim"),
        "regress": Entry(f"{_SIM}.campaign:regress", "the whole test set, in several processes", "sim"),
        "demo": Entry(f"{_SIM}.demo:main", "draw a digit, see the RTL classify it", "demo"),
        "waves": Entry(f"{_SIM}.waves:main", "a waveform of one image, for GTKWave", "sim"),
        "soak": Entry(f"{_SIM}.soak:main", "random networks on random chips, until stopped", "sim"),
        "profile": Entry(
            f"{_SIM}.profile:main", "quantisation by layer: ranges, bits, what it costs", "sim,train"
        ),
        "soft-errors": Entry(f"{_SIM}.soft_errors:main", "accuracy against the rate of bit flips", "sim"),
    },
    "Silicon": {
        "synth": Entry(f"{_SIM}.synth:main", "logic, memories and clock of the blocks", "sim,synth"),
        "energy": Entry(f"{_SIM}.energy:main", "energy of an image on sg13g2, estimated", "sim,synth"),
        "explore": Entry(f"{_SIM}.explore:main", "other chips, and the Pareto front", "sim,synth"),
        "bitstream": Entry(f"{_SIM}.bitstream:main", "a whole chip for a board", "hw,synth"),
        "board": Entry(f"{_SW}.board:main", "run a network on a board", "board"),
    },
    "Results and checks": {
        "on-chip": Entry(f"{_SIM}.on_chip:main", "the committed networks on the RTL, as a page", "sim"),
        "compare": Entry(
            f"{_SIM}.compare:main", "learning rules side by side on one chip", "sim,synth,train"
        ),
        "runs": Entry(f"{_SIM}.runs:main", "list the runs that are kept; show, compare, prune them"),
        "report": Entry(f"{_SIM}.report:main", "show the last reports, and where the pictures are"),
        "test": Entry(f"{_SIM}.checkout:test", "unit tests and cocotb benches", "test"),
        "formal": Entry(f"{_SIM}.checkout:formal", "prove the blocks of the RTL for all time", "test"),
        "mutants": Entry(f"{_SIM}.checkout:mutants", "plant bugs that the tests must notice", "test"),
        "mutate": Entry(f"{_SIM}.checkout:mutate", "plant random bugs; which tests notice each", "test"),
        "gatesim": Entry(f"{_SIM}.checkout:gatesim", "the benches on the netlist as well", "test"),
        "coverage": Entry(f"{_SIM}.checkout:coverage", "what the cosimulation reaches of the RTL", "test"),
    },
}

COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


class Commands(click.Group):
    """The group of `COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        ctx.meta["yoso.command"] = name
        module, _, attribute = COMMANDS[name].where.partition(":")
        command = getattr(import_module(module), attribute)
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # until here `__main__` has its own
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["yoso.words"] = tuple(args)  # the record of a run has them
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, entries in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.about) for name, entry in entries.items()])

    def invoke(self, ctx: click.Context) -> Any:
        folders.keep_compiled_code()
        try:
            return super().invoke(ctx)
        except ImportError as error:
            package, name = extras.package_of(error), ctx.meta.get("yoso.command", "")
            if not package:
                raise
            extra = COMMANDS[name].extra if name else ""
            raise click.ClickException(extras.advice(package, extra, f"yoso {name}")) from None
        except KeyboardInterrupt:
            warnings.simplefilter("ignore")  # Amaranth's, on what it was about to make
            raise click.ClickException("interrupted") from None
        except OSError as error:
            raise click.ClickException(folders.told(error)) from None


EPILOG = """\b
The same words everywhere:
  NET, --net NAME|FILE   a network: a committed one by name, or a file
  --data NAME|PATH       a data set; else the one that the network records
  --chip NAME|FILE       a chip
  --set NAME=VALUE       a parameter in which the chip is to be another
  --images N, --jobs N   how many test images, in how many processes
  --out DIR              folder of the reports
  --run NAME             name of a run, under which `yoso runs` finds it
  -o FILE|DIR            what a command makes
  --board NAME|FILE      a board

\b
YOSO_OUTPUT  folder of all results; else build, of the checkout or of the working folder
YOSO_CACHE   folder of compiled simulators; else build of the checkout, or ~/.cache/yoso
YOSO_DATA    folder of data sets
PDK_ROOT     folder of Liberty files
"""


@click.group(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="yoso")
def main() -> None:
    """Train a spiking network, run it on your own chip, check every spike."""
