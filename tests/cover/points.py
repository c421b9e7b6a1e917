"""What Verilator counted, as points with names that do not change from chip to chip.

Verilator names a coverage point by file, line and column of the Verilog, which move with every parameter and
every change of the RTL. Here a point is called by its block and by the signals and conditions of the RTL, so
that the points of several chips can be merged and a waiver outlives a rebuild. The Verilog is that of
Amaranth's backend: one statement a line, indented by two, intermediate values called ``$1``, ``$2`` ...
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

#: Prefix of the registers of `bins`.
BIN = "bin_"

KINDS = ("line", "toggle", "expr", "bin")

#: A signal of no name, an intermediate value; or one of another block, which counts it under its own name.
_FOREIGN = re.compile(r"\\.*\$")
_DECLARATION = re.compile(r"\s*(?:wire|reg|input|output)\b\s*(?:signed\s*)?(?:\[\d+:\d+\]\s*)?(\S+)")
#: Amaranth's shadow registers for functional coverage are no RTL, but for the bins themselves.
_SHADOW = re.compile(r"\\?bins_")
#: A memory: what it holds is seen at its ports.
_ARRAY = re.compile(r"\] ;|\];")
#: The backend's trick to wake an ``always`` block; never true.
_WAKE = "dump_module$"

_COUNT = re.compile(r"C '(.*)' (\d+)")
_ESCAPED = re.compile(r"__0([0-9A-Fa-f]{2})")
_CONSTANT = re.compile(r"(\d+)'s?([hdb])([0-9a-fxz?]+)")
_INTERMEDIATE = re.compile(r"\\(\$\d+) ?")


class CoverageError(ValueError):
    """A coverage file cannot be read; the message names it and the line."""


class Point(NamedTuple):
    """Something that simulation reaches or does not.

    `kind` is one of `KINDS`; `block` a path such as ``node.pe.core.compute``; `name` what it is there.
    """

    kind: str
    block: str
    name: str


def prepare(text: str) -> str:
    """Verilog in which Verilator counts toggles of a block's own signals alone, and not of memories."""
    lines, hidden = [], False
    for line in text.splitlines():
        declared = _DECLARATION.match(line)
        hide = _WAKE in line or bool(
            declared and (_FOREIGN.match(declared[1]) or _SHADOW.match(declared[1]) or _ARRAY.search(line))
        )
        if hide != hidden:
            lines.append(f"/* verilator coverage_{'off' if hide else 'on'} */")
            hidden = hide
        lines.append(line)
    return "\n".join([*lines, ""])


def hide(text: str) -> str:
    """Verilog in which Verilator counts nothing."""
    return f"/* verilator coverage_off */\n{text}"


class Verilog:
    """The text of a file, for the names of points."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self._values: dict[tuple[int, str], str] = {}  # (module's first line, $1) -> its expression
        self._targets: dict[tuple[int, str], str] = {}  # (module's first line, $1) -> the register it is for
        self._module_at: list[int] = []
        self._driven_at: list[str] = []  # what each line's statement drives
        self._uses: dict[tuple[int, str], set[str]] = {}  # (module's first line, $1) -> what it goes into
        module, block = 0, ""
        for number, line in enumerate(self.lines):
            if line.startswith("module "):
                module = number
            self._module_at.append(module)
            driven = block
            if assigned := re.match(r"\s*assign (\S+)\s*(?:\[[\d:]+\])? = (.*?)\s*;", line):
                driven = assigned[1]
                self._values[module, driven.lstrip("\\")] = assigned[2]
            elif latched := re.match(r"\s*(\S+)\s*<= \\(\$\d+)\s*;", line):
                driven = latched[1]
                self._targets[module, latched[2]] = plain(driven)
            elif re.match(r"\s*always @\*", line):
                block = driven = self._driven_by(number)
            elif line == "  end":
                block = ""
            self._driven_at.append(driven)
            for used in _INTERMEDIATE.findall(line):
                self._uses.setdefault((module, used), set()).add(driven)

    def _driven_by(self, number: int) -> str:
        """What the ``always`` block at a line drives."""
        for text in self.lines[number:]:
            if found := re.match(r"\s*(\S+)\s*(?:\[[\d:]+\])?\s*<?= ", text):
                return found[1]
        return ""

    def is_bin(self, line: int) -> bool:
        """A line's statement serves functional coverage alone: it is no RTL."""
        return self._serves_bins(self._module_at[line - 1], self._driven_at[line - 1], set())

    def _serves_bins(self, module: int, driven: str, seen: set[str]) -> bool:
        if driven.startswith((BIN, "bins_")):
            return True
        users = self._uses.get((module, driven.lstrip("\\")), set()) - {driven, ""}
        if not driven.startswith("\\$") or not users or driven in seen:
            return False
        return all(self._serves_bins(module, user, seen | {driven}) for user in users)

    def expand(self, expression: str, line: int, depth: int = 8) -> str:
        """An expression in terms of signals with names, without widths and positions of bits."""
        module = self._module_at[line - 1]

        def value(found: re.Match[str]) -> str:
            name = found[1]
            if depth and (inner := self._values.get((module, name))) is not None:
                text = self.expand(inner, line, depth - 1)
                return text if re.fullmatch(r"~?\w+", text) else f"({text})"
            return f"next {self._targets[module, name]}" if (module, name) in self._targets else "_"

        text = _INTERMEDIATE.sub(value, expression)
        text = _CONSTANT.sub(lambda found: constant(*found.groups()), text)
        text = re.sub(r"([<>]=?) \d+\b", r"\1 #", text)  # bounds are parameters too
        text = re.sub(r" ?\[\d+(:\d+)?\]", "[]", text)
        return re.sub(r"\s+", " ", re.sub(r"\\?(\w+)\$\d+", r"\1", text)).strip()

    def branch(self, line: int, arm: str) -> str:
        """The conditions under which a line or an arm of a conditional is reached, outermost first."""
        here = self.lines[line - 1]
        if choice := re.match(r"\s*assign \\?(\S+)\s+= (.*?) \? ", here):
            target = "" if "$" in choice[1] else f"{plain(choice[1])}: "
            return f"{target}{self.expand(choice[2], line)} ? {arm.removeprefix('cond_')}"
        conditions, target, indent = [], "", _indent(here) + 1
        for number in range(line, 0, -1):
            text = self.lines[number - 1]
            if text.startswith("module "):
                break
            if not text.strip() or _indent(text) >= indent:
                continue
            indent = _indent(text)
            if re.match(r"\s*(always|initial)\b", text):
                target = self._target(number)
                break
            conditions.append(self._condition(number))
        if arm == "else":
            conditions.insert(0, "else")
        return f"{target}: {' > '.join(part for part in reversed(conditions) if part) or 'always'}"

    def _condition(self, number: int) -> str:
        text = self.lines[number - 1].strip()
        if found := re.match(r"(?:end )?(else )?(?:if|casez?) \((.*)\)", text):
            return f"{found[1] or ''}{self.expand(found[2], number)}"
        if found := re.match(r"([\w'?, ]+|default):", text):
            return _CONSTANT.sub(lambda part: constant(*part.groups(), short=False), found[1])
        return "else" if re.match(r"(end )?else\b", text) else ""

    def _target(self, number: int) -> str:
        """The name of what the ``always`` block at a line, counted from 1, drives."""
        name = self._driven_by(number - 1)
        if name.startswith("\\$"):
            return self._targets.get((self._module_at[number - 1], name[1:]), "_")
        return plain(name) or "_"


def constant(width: str, base: str, digits: str, *, short: bool = True) -> str:
    """A constant without its width; ``#`` for a long one, which depends on the chip's parameters."""
    if short and int(width) > 3:
        return "#"
    return str(int(digits, 16 if base == "h" else 2 if base == "b" else 10)) if digits.isalnum() else digits


def plain(name: str) -> str:
    """A signal's name without the number that sets it apart from others of that name."""
    return re.sub(r"\$\d+$", "", name.lstrip("\\"))


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def read(
    path: Path,
    blocks: dict[str, str],
    sources: Callable[[str], Verilog],
    names: dict[str, str] | None = None,
) -> dict[Point, bool]:
    """Which points a ``coverage.dat`` has reached. Points of one name are reached when all of them are.

    Parameters
    ----------
    blocks
        Top modules that are measured, and what they are called; of all others nothing is.
    names
        Blocks below them that are called otherwise than their instances.
    sources
        Gives the Verilog of a file's name.

    Raises
    ------
    CoverageError
        If the file is not there, or not what Verilator writes.
    """
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as error:
        raise CoverageError(f"coverage file {path} cannot be read: {error.strerror}") from None
    if not lines or not lines[0].startswith("# SystemC::Coverage"):
        raise CoverageError(f"{path} is no coverage file of Verilator")
    reached: dict[Point, bool] = {}
    for number, line in enumerate(lines[1:], 2):
        counted = _COUNT.fullmatch(line)
        if counted is None:
            raise CoverageError(f"{path}, line {number} is no coverage point: {line[:60]!r}")
        fields = dict(part.split("\x02", 1) for part in counted[1].split("\x01") if "\x02" in part)
        try:
            kind, _, module = fields["page"].partition("/")
            point = _point(
                kind,
                _decode(module),
                _decode(fields["o"]),
                int(fields["l"]),
                fields["f"],
                blocks,
                sources,
                names or {},
            )
        except (KeyError, ValueError, IndexError) as error:
            raise CoverageError(f"{path}, line {number}: {error!r}") from None
        if point is not None:
            reached[point] = reached.get(point, True) and int(counted[2]) > 0
    return reached


def _point(
    kind: str,
    module: str,
    what: str,
    line: int,
    file: str,
    blocks: dict[str, str],
    sources: Callable[[str], Verilog],
    names: dict[str, str],
) -> Point | None:
    top, _, below = module.partition(".")
    if top not in blocks:
        return None
    # Lanes are alike, and so are the banks of a memory: reached in one is reached.
    parts = [re.sub(r"(?<=[a-z])\d+$", "", plain(part)) for part in below.split(".") if part]
    block = ".".join([blocks[top], *(names.get(part, part) for part in parts)])
    if kind == "v_toggle":
        signal, _, edge = what.rpartition(":")
        if signal.startswith(BIN):
            return Point("bin", block, signal.removeprefix(BIN).replace("_", " ")) if edge == "0->1" else None
        return None if "$" in signal else Point("toggle", block, signal)
    source = sources(file)
    if source.is_bin(line):
        return None
    if kind == "v_expr":
        terms = re.sub(r"(?<!\w)\$\d+", lambda found: source.expand(f"\\{found[0]} ", line), what)
        return Point("expr", block, re.sub(r"(\w)\$\d+|\[[\d:]+\]", r"\1", terms))
    return Point("line", block, source.branch(line, what))


def _decode(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def merge(runs: Iterable[dict[Point, bool]]) -> dict[Point, bool]:
    """Points of several runs: reached in one is reached."""
    merged: dict[Point, bool] = {}
    for run in runs:
        for point, hit in run.items():
            merged[point] = merged.get(point, False) or hit
    return merged
