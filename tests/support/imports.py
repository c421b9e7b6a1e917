"""Who imports whom, read from sources without importing any; and what is wrong with it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path


@dataclass(frozen=True)
class Import:
    """One imported name.

    Attributes
    ----------
    module, line
        Where it is imported, at the top or within a function.
    target
        The module that is imported, or that has the name which is.
    typing
        For the type checker only: never imported by a run.
    """

    module: str
    line: int
    target: str
    typing: bool

    def __str__(self) -> str:
        return f"{self.module}, line {self.line}, imports {self.target}"


def sources(*folders: Path) -> dict[str, str]:
    """The text of every module of the packages in folders that are on Python's path, by name."""
    found = {}
    for folder in folders:
        for path in sorted(folder.glob("*/**/*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text()
    return found


def imports(modules: Mapping[str, str]) -> list[Import]:
    """All imports in `modules`, texts by name; of `from package import module` the module is the target."""
    found = []
    for name, text in modules.items():
        for line, targets, typing in _statements(text):
            for package, inner in targets:
                target = f"{package}.{inner}" if f"{package}.{inner}" in modules else package
                found.append(Import(name, line, target, typing))
    return list(dict.fromkeys(found))


@cache
def _statements(text: str) -> list[tuple[int, list[tuple[str, str]], bool]]:
    """Line, (module, name in it or "") and whether for types only, of each import in a module's text."""
    found = []
    for node, typing in _walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            targets = [(alias.name, "") for alias in node.names]
        else:
            assert node.module and not node.level, f"line {node.lineno}: imports here are absolute"
            targets = [(node.module, alias.name) for alias in node.names]
        found.append((node.lineno, targets, typing))
    return found


def _walk(node: ast.AST, typing: bool = False) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node, typing
    if isinstance(node, ast.expr):
        return
    guarded = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, typing or (guarded and child in getattr(node, "body", ())))


def below(module: str, package: str) -> bool:
    """A module is a package or lies in it."""
    return module == package or module.startswith(f"{package}.")


def place(module: str, order: Sequence[Sequence[str]]) -> tuple[int, str] | None:
    """The row of `order` that names the module's package, and that package."""
    rows = ((row, package) for row, packages in enumerate(order) for package in packages)
    return next(((row, package) for row, package in rows if below(module, package)), None)


def upward(modules: Mapping[str, str], order: Sequence[Sequence[str]]) -> list[str]:
    """Imports from a later row of `order`, or from another package of the same one."""
    wrong = []
    for one in imports(modules):
        if one.target not in modules:
            continue
        own, other = place(one.module, order), place(one.target, order)
        if own is None or other is None:
            wrong.append(f"{one}: one of them has no place in the order")
        elif other[0] > own[0] or (other[0] == own[0] and other[1] != own[1]):
            wrong.append(f"{one}, which is not below it")
    return wrong


def strangers(
    modules: Mapping[str, str], inside: str, known: Sequence[str], never: Sequence[str]
) -> list[str]:
    """Imports by what lies in package `inside` from the packages `never`, but for the modules `known`."""
    return [
        str(one)
        for one in imports(modules)
        if below(one.module, inside) and one.target not in known and any(below(one.target, p) for p in never)
    ]


def cycle(modules: Mapping[str, str]) -> list[str]:
    """Modules that import each other in a circle, first one last again; empty if none do."""
    graph: dict[str, set[str]] = {name: set() for name in modules}
    for one in imports(modules):
        if one.target in modules and not one.typing:
            graph[one.module].add(one.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []
