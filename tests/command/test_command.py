"""The command `yoso`: what it lists, what it imports, how it refuses."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from yoso_hw import folders
from yoso_sim.cli import COMMANDS, main

#: What only some commands need.
HEAVY = (
    *("torch", "cocotb", "cocotb_tools", "amaranth", "matplotlib", "nir", "serial", "PIL"),
    *("optuna", "plotly", "flask"),
)

#: Python that runs without those packages; `run(*words)` is (exit status, output) of a command.
WITHOUT = f"""
import json, sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
import click
from click.testing import CliRunner
from yoso_sim.cli import main
def run(*words):
    done = CliRunner().invoke(main, words, prog_name="yoso")
    return done.exit_code, done.output
def every(group, words):
    for name in group.list_commands(click.Context(group)):
        found = group.get_command(click.Context(group), name)
        yield (*words, name)
        if isinstance(found, click.Group):
            yield from every(found, (*words, name))
"""


def python(program, cwd, **environment):
    """What a Python program without the heavy packages prints, as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + program], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_help_of_every_command_needs_no_extra(tmp_path):
    found = python(
        "print(json.dumps({' '.join(words): run(*words, '--help') for words in every(main, ())}))", tmp_path
    )
    assert set(COMMANDS) <= set(found) and {"nir export", "figures gradients"} <= set(found)
    for name, (status, said) in found.items():
        assert status == 0 and said.startswith(f"Usage: yoso {name} "), said
    assert not list(tmp_path.iterdir())


def test_the_list_of_commands_is_there_at_once(tmp_path):
    spent, loaded, said = python(
        "import time; status, said = run('--help')\n"
        "loaded = [name for name in ('numpy', 'numba', 'rich', 'yoso_sw') if name in sys.modules]\n"
        "print(json.dumps([time.process_time(), loaded, said]))",
        tmp_path,
    )
    assert spent < 1 and not loaded
    assert all(f"  {name} " in said for name in COMMANDS)
    assert all(word in said for word in ("--net NAME|FILE", "--out DIR", "YOSO_OUTPUT", "YOSO_CACHE"))


#: A call of each command that needs something, what it misses first, and the extra to install.
MISSING = {
    "train mnist-784-100-10": ("torch", "train"),
    "seeds mnist-784-100-10": ("torch", "train"),
    "bench": ("torch", "train"),
    "figures gradients": ("matplotlib", "train"),
    "tasks uci": ("torch", "sim,train,uci"),
    "figures spike-times": ("matplotlib", "train"),
    "nir export mnist-784-100-10-stdbp": ("nir", "nir"),
    "rtl": ("amaranth", "hw"),
    "sim": ("matplotlib", "sim"),
    "regress": ("matplotlib", "sim"),
    "demo": ("Flask", "demo"),
    "waves": ("matplotlib", "sim"),
    "soak": ("cocotb", "sim"),
    "soft-errors": ("cocotb", "sim"),
    "synth": ("amaranth", "sim,synth"),
    "energy": ("amaranth", "sim,synth"),
    "explore": ("amaranth", "sim,synth"),
    "compare": ("amaranth", "sim,synth,train"),
    "bitstream": ("amaranth", "hw,synth"),
}


def test_a_missing_package_is_one_line_that_says_what_to_type(tmp_path):
    found = python(
        f"print(json.dumps({{text: run(*text.split()) for text in {list(MISSING)}}}))",
        tmp_path,
    )
    for text, (package, extra) in MISSING.items():
        words = text.split()
        name = " ".join(words[:2] if words[0] in ("figures", "nir") else words[:1])
        assert found[text] == [
            1,
            f"Error: yoso {name} needs {package}, which is not installed: pip install 'yoso[{extra}]'\n",
        ]


def test_import_yoso_needs_no_extra_and_what_does_says_what_to_type(tmp_path):
    found = python(
        """
import yoso
network = yoso.network([yoso.layer([[5, 0], [0, 5]], threshold=3), yoso.layer([[1, 0], [0, 1]])],
                       steps=8, levels=4, name="tiny")
import numpy as np
pixels = np.array([[0, 200], [200, 0]], np.uint8)
run = yoso.Chip(cols=2, rows=1).run(network, pixels)
said = []
for ask in (
    lambda: yoso.Chip(backend="rtl", cols=2, rows=1).run(network, pixels),
    lambda: yoso.Chip(backend="board", port="/dev/none").run(network, pixels),
    lambda: yoso.train("mnist-784-100-10"),
    lambda: yoso.to_nir(network),
    lambda: yoso.nn,
    lambda: run.raster(),
    lambda: run.energy(),
):
    try:
        said.append(f"no error: {ask()}")
    except yoso.ERRORS as error:
        said.append(str(error))
print(json.dumps([run.decisions.tolist(), said]))
""",
        tmp_path,
    )
    decisions, said = found
    assert decisions == [1, 0]
    for line, extra in zip(said, ("sim", "board", "train", "nir", "train", "sim", "synth"), strict=True):
        assert "is not installed: pip install 'yoso[" in line and extra in line.split("[")[1], line


def test_an_error_of_the_program_itself_is_not_taken_for_a_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "yoso_sw.commands.compile", None)
    done = CliRunner().invoke(main, ["compile", "--help"])
    assert isinstance(done.exception, ImportError)


def test_an_unknown_command_is_one_line():
    done = CliRunner().invoke(main, ["simulate"])
    assert done.exit_code == 2 and "No such command 'simulate'" in done.output


@pytest.mark.parametrize("name", ["test", "formal", "mutants", "mutate", "gatesim", "coverage"])
def test_what_needs_the_checkout_says_so_in_a_line(name, monkeypatch):
    monkeypatch.setattr(folders, "checkout", lambda: None)
    done = CliRunner().invoke(main, [name])
    assert done.exit_code == 1
    assert (
        done.output == f"Error: yoso {name} needs a checkout of the repository, with pip install -e . there\n"
    )


def test_a_command_of_the_checkout_hands_its_words_on():
    done = CliRunner().invoke(main, ["mutants", "no-such-bug"])
    assert done.exit_code not in (0, None)


def test_a_network_is_an_argument_or_an_option_and_only_one():
    done = CliRunner().invoke(main, ["compile", "a", "--net", "b"])
    assert done.exit_code == 2 and "a and --net b: give one network" in done.output
    done = CliRunner().invoke(main, ["compile"])
    assert done.exit_code == 2 and "NET is missing: a file or one of caltech-160x250-4-2, " in done.output
