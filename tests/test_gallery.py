"""The gallery shows every picture of the pages, each with a line on it and a command that there is."""

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from yoso_sim import cli

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
KINDS = {".png", ".svg", ".jpg", ".gif"}

#: A picture, a paragraph, a command.
ENTRY = re.compile(r"^!\[([^\]]+)\]\(([^)\s]+)\)\n\n(\S(?:.|\n(?!\n))*)\n\n {4}(.+)$", re.M)


def pictures():
    """Pictures of docs/, by their paths from there."""
    done = subprocess.run(["git", "ls-files", "docs"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = map(Path, done.stdout.splitlines())
    return {path.relative_to("docs").as_posix() for path in paths if path.suffix in KINDS}


def entries(text):
    """(picture, text, command) of each entry of a gallery."""
    return [match.groups()[1:] for match in ENTRY.finditer(text)]


def missing(text, there):
    """What of the pictures `there` a gallery does not show."""
    return there - {picture for picture, _, _ in entries(text)}


def known(command):
    """Whether there is such a command: ``yoso NAME ...`` or ``python -m MODULE``."""
    if module := re.fullmatch(r"python -m ([\w.]+)", command):
        return importlib.util.find_spec(module[1]) is not None
    program, *words = command.split()
    return program == "yoso" and not CliRunner().invoke(cli.main, [*words, "--help"]).exit_code


GALLERY = (DOCS / "gallery.md").read_text()


def test_the_gallery_shows_every_picture_of_the_pages():
    assert missing(GALLERY, pictures()) == set()


def test_a_picture_without_words_or_command_is_missing_from_the_gallery():
    whole = "![A](a.png)\n\nSays a.\n\n    yoso sim\n"
    assert missing(whole, {"a.png"}) == set()
    assert missing(whole, {"a.png", "b.png"}) == {"b.png"}
    assert missing(whole.replace("Says a.\n\n", ""), {"a.png"}) == {"a.png"}
    assert missing(whole.replace("    yoso sim\n", ""), {"a.png"}) == {"a.png"}


def test_the_gallery_shows_no_picture_twice_and_none_but_those_with_words_and_command():
    shown = re.findall(r"^!\[.*\]\((.+)\)$", GALLERY, re.M)
    assert sorted(shown) == sorted(picture for picture, _, _ in entries(GALLERY))
    assert len(shown) == len(set(shown))


@pytest.mark.parametrize("command", [command for _, _, command in entries(GALLERY)])
def test_every_command_of_the_gallery_is_there(command):
    assert known(command)


@pytest.mark.parametrize(
    "command", ["yoso draw", "yoso figures heads", "python -m yoso_sw.nothing", "make it"]
)
def test_a_command_that_is_not_there_is_noticed(command):
    assert not known(command)
