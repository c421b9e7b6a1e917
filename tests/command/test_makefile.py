"""What the Makefile does by itself: it checks Python before anything else, and cleans up."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FILES = ("Makefile", "pyproject.toml", "constraints.txt")

#: A real Python that takes itself for one of another version.
OTHER = """#!/bin/sh
if [ "$1" = -V ]; then echo Python 3.8.10; exit; fi
exec "{python}" -c 'import sys; sys.version_info = (3, 8, 10); exec(sys.argv[1])' "$2"
"""


@pytest.fixture
def clone(tmp_path):
    """A checkout without an environment."""
    for name in FILES:
        shutil.copyfile(ROOT / name, tmp_path / name)
    return tmp_path


def make(folder, *words):
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    return subprocess.run(["make", *words], cwd=folder, env=environment, capture_output=True, text=True)


def script(folder, text):
    path = folder / "python"
    path.write_text(text)
    path.chmod(0o755)
    return path


BROKEN = {
    "ends with an error": "#!/bin/sh\nexit 1\n",
    "says nothing": "#!/bin/sh\n",
    "killed": "#!/bin/sh\nkill -9 $$\n",
    "no interpreter": "#!/nowhere/python\n",
    "another program": "#!/bin/sh\necho hello\n",
    "lost its library": f'#!/bin/sh\nPYTHONHOME=/nowhere exec "{sys.executable}" "$@"\n',
}


def told(clone, python):
    """The one line of an error, after which nothing was made."""
    done = make(clone, "env", f"PYTHON={python}")
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    assert done.returncode and len(lines) == 1 and not (clone / ".venv").exists()
    return lines[0]


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_python_that_does_not_start_is_told_as_that(clone, text):
    python = script(clone, text)
    line = told(clone, python)
    assert line.startswith(f"error: {python} does not start") and "too old" not in line


def test_a_program_that_is_no_python_is_told_as_that(clone):
    assert "/bin/false does not start" in told(clone, "/bin/false")


def test_an_old_python_is_told_by_its_version(clone):
    python = script(clone, OTHER.format(python=sys.executable))
    assert told(clone, python).startswith("error: Python 3.8.10 is too old: 3.11 or later")


def test_a_python_that_is_not_there_is_told_as_that(clone):
    assert "error: /nowhere/python not found" in told(clone, "/nowhere/python")


@pytest.mark.parametrize("name", ["é ü", "a b", "naïve", "a;b"])
def test_a_folder_in_which_make_cannot_build_is_told_before_anything_is_fetched(clone, name):
    folder = clone / name
    folder.mkdir()
    for file in FILES:
        shutil.copyfile(ROOT / file, folder / file)
    line = told(folder, sys.executable)
    assert line.startswith(f"error: make cannot build below {folder}: its path has a space or a letter")


def tree(clone):
    for name in (
        *("train/net.pt", "yowasp/x/code", "verilator/1/yoso_sim", "reports/sim.json", ".venv/bin/x"),
        "runs/sim-1/run.json",
    ):
        path = clone / name if name.startswith(".") else clone / "build" / name
        path.parent.mkdir(parents=True)
        path.touch()


def left(clone):
    return {
        str(path.relative_to(clone)) for path in clone.rglob("*") if path.is_file() and path.name not in FILES
    }


def test_clean_keeps_checkpoints_runs_and_tools_and_distclean_nothing(clone):
    tree(clone)
    assert make(clone, "clean").returncode == 0
    assert left(clone) == {
        "build/train/net.pt",
        "build/yowasp/x/code",
        "build/runs/sim-1/run.json",
        ".venv/bin/x",
    }
    assert make(clone, "distclean").returncode == 0 and left(clone) == set()
    assert make(clone, "clean", "distclean").returncode == 0  # nothing there


def test_help_says_what_clean_keeps(clone):
    lines = make(clone, "help").stdout.splitlines()
    assert any(
        "make clean" in line and "neither training checkpoints nor tools" in line and "nor runs" in line
        for line in lines
    )


# ---- what a target makes and calls -----------------------------------------------------------------------


def dry(clone, *words):
    """The commands of a target, in order, of which none runs."""
    (clone / "tests").mkdir(exist_ok=True)
    (clone / "tests/nir-tools.txt").touch()
    done = make(clone, "-n", *words)
    assert done.returncode == 0, done.stderr
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


def test_the_environment_has_torch_for_cpus_and_the_rest_only_if_asked_for(clone):
    some, every = ("\n".join(dry(clone, "env", *words)) for words in ((), ("ALL=1",)))
    assert "'.[sim]'" in some and "torch" not in some and "'.[test]'" not in some
    assert "whl/cpu torch" in every and "'.[test]'" in every


@pytest.mark.parametrize(
    ("words", "called"),
    [
        ("profile NET=mine.npz IMAGES=50 CHIP=lanes=2", "profile --net 'mine.npz' --set lanes=2 --images 50"),
        ("search NET=mine.toml", "search --net 'mine.toml'"),
        ("sim NET=mine.npz HTML=run.html RUN=a", "sim --net 'mine.npz' --html 'run.html' --run 'a'"),
        ("regress HTML=run.html", "regress --html 'run.html'"),
        ("regress JOBS=1", "regress --jobs 1"),
    ],
)
def test_a_target_hands_on_what_it_was_asked(clone, words, called):
    lines = dry(clone, *words.split())
    assert lines[-1] == f".venv/bin/yoso {called}"
    assert any("import plotly" in line for line in lines) == ("HTML" in words)
