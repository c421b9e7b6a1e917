"""README.md's table of a first run: make and data sets say it before it happens, and its sizes are true."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from yoso_sw.data import fetch, places, registry
from yoso_sw.data.published import Published
from yoso_sw.data.samples import DatasetError

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
HEAD = "| step | fetches | keeps | takes |"

#: Step -> the Makefile's mark of it, and the extra of the package that it installs.
STEPS = {
    "simulation": (".sim", "sim"),
    "training and tests": (".test", "test"),
    "synthesis": (".synth", "synth"),
    "proofs": (".formal", "formal"),
    "site": (".docs", "docs"),
}

#: What a size may be off by: pip itself, folders, another machine's builds.
TOLERANCE = 0.2


def table(text):
    """Step -> (fetches, keeps, takes); a step's name ends at its colon."""
    rows = text[text.index(HEAD) :].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]
    return {step.partition(":")[0]: tuple(rest) for step, *rest in cells}


def megabytes(text):
    """The first size that a cell names, in MB."""
    number, unit = re.search(r"([\d.]+) ([MG])B", text).groups()
    return float(number) * {"M": 1, "G": 1000}[unit]


ROWS = table(README)
OWN = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SETS = {set_.name: set_ for set_ in registry.KNOWN.values() if isinstance(set_, Published)}


# ---- packages --------------------------------------------------------------------------------------------


def needed(extra):
    """Distributions that ``yoso[extra]`` asks for, and what those ask for, by name.

    Raises `importlib.metadata.PackageNotFoundError` if one is not installed.
    """
    found, asked, todo = {}, set(), [("yoso", frozenset({extra}))]
    while todo:
        name, extras = todo.pop()
        if (name, extras) in asked:
            continue
        asked.add((name, extras))
        if name == "yoso":  # as this checkout says, whatever was installed when
            lines = [
                *OWN["dependencies"],
                *(line for e in extras for line in OWN["optional-dependencies"][e]),
            ]
        else:
            found[name] = importlib.metadata.distribution(name)
            lines = found[name].requires or ()
        for each in map(Requirement, lines):
            if each.marker is None or any(each.marker.evaluate({"extra": e}) for e in {"", *extras}):
                todo.append((each.name.lower().replace("_", "-"), frozenset(each.extras)))
    return found


def taken(distributions):
    """MB that the files of distributions take."""
    files = [each.locate_file(file) for each in distributions for file in each.files or ()]
    return sum(path.stat().st_size for path in files if path.exists()) / 1e6


@pytest.mark.parametrize("step", STEPS)
def test_what_a_step_keeps_is_what_its_packages_take(step):
    _, extra = STEPS[step]
    try:
        there = needed(extra)
    except importlib.metadata.PackageNotFoundError as error:
        pytest.skip(f"{error.name} is not installed")
    if "torch" in there and "+cpu" not in there["torch"].version:
        pytest.skip("torch is not the CPU build, of which the table speaks")
    before = {} if extra == "sim" else needed("sim")
    measured = taken(each for name, each in there.items() if name not in before)
    assert megabytes(ROWS[step][1]) == pytest.approx(measured, rel=TOLERANCE), f"README.md: {measured:.0f} MB"


def test_what_is_fetched_is_packed_so_less_than_what_is_kept():
    for step in STEPS:
        assert 0.1 < megabytes(ROWS[step][0]) / megabytes(ROWS[step][1]) < 0.5


# ---- make ------------------------------------------------------------------------------------------------


@pytest.fixture
def clone(tmp_path):
    """A checkout whose Python says "pip" and what it was to install, and installs nothing."""
    for name in ("Makefile", "README.md", "pyproject.toml", "constraints.txt"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "nir-tools.txt").touch()
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho pip $@\n")
    python.chmod(0o755)
    return tmp_path


def made(clone, mark):
    outer = ("MAKELEVEL", "MAKEFLAGS", "MFLAGS")  # of `make test`
    own = {name: value for name, value in os.environ.items() if name not in outer}
    done = subprocess.run(["make", f".venv/{mark}"], cwd=clone, env=own, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("step", STEPS)
def test_make_says_what_a_step_fetches_before_it_does(clone, step):
    mark, extra = STEPS[step]
    made(clone, ".sim") if extra != "sim" else None
    lines = made(clone, mark)
    (told,) = [number for number, line in enumerate(lines) if line.startswith(step)]
    fetches, keeps, takes = (cell.replace("`", "") for cell in ROWS[step])
    assert lines[told].endswith(f": fetches {fetches}, keeps {keeps}, takes {takes}")
    assert told < min(number for number, line in enumerate(lines) if line.startswith("pip"))


def test_make_says_it_once_and_nothing_where_there_is_no_readme(clone):
    made(clone, ".sim")
    (clone / "pyproject.toml").touch()
    assert not [line for line in made(clone, ".sim") if "fetches" in line]
    (clone / "README.md").unlink()
    assert made(clone, ".docs")[0] == "installing what builds the site"


# ---- data ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SETS)
def test_the_readme_names_what_a_set_takes_on_the_way(name):
    (row,) = (row for step, row in ROWS.items() if step.lower() == name)
    assert megabytes(row[0]) == SETS[name].megabytes


@pytest.mark.parametrize("name", SETS)
def test_a_set_takes_on_the_way_what_it_says(name):
    packed = [[folder / name / f"{file}.gz" for file in SETS[name].digests] for folder in places.folders()]
    there = [paths for paths in packed if all(path.is_file() for path in paths)]
    if not there:
        pytest.skip(f"{name} is not here as it is fetched")
    size = sum(path.stat().st_size for path in there[0]) / 1e6
    assert SETS[name].megabytes == pytest.approx(size, abs=0.5)


@pytest.mark.parametrize("name", SETS)
def test_a_set_says_what_it_fetches_before_it_does(name, tmp_path, monkeypatch, capsys):
    told = []

    def refuse(*_):
        told.append(capsys.readouterr().err)
        raise fetch.FetchError("no network here")

    monkeypatch.setattr(places, "folders", lambda: [tmp_path])
    monkeypatch.setattr(fetch, "into", refuse)
    with pytest.raises(DatasetError):
        registry.load(name, "test")
    assert told == [f"{name}: fetching {SETS[name].megabytes} MB, once, into {tmp_path / name}\n"]
