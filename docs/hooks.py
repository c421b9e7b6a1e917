"""What the site has besides the pages of docs/: run by mkdocs (mkdocs.yml).

- API pages, one a folder of Python modules, from the docstrings, and one that lists them.
- Tutorials: `notebooks.py` makes Markdown of what was executed, and the notebook can be downloaded.
- Pages that lie elsewhere in the repository, `PAGES`.
- Files of the repository that pages link to. A link is one on GitHub and on the site alike, and a link to
  nothing fails the build.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]

sys.path.insert(0, str(ROOT / "docs"))
import notebooks  # noqa: E402

#: Where a package lies, in the order of the site.
PACKAGES = {"yoso": "sim", "yoso_hw": "hw", "yoso_synth": "hw", "yoso_sw": "sw", "yoso_sim": "sim"}

#: Pages outside docs/ -> their place on the site.
PAGES = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "README.md": "index.md",
    "hw/README.md": "hardware.md",
    "sw/README.md": "software.md",
    "sim/README.md": "simulation.md",
}

LINK = re.compile(r"(?<=\]\()(?!\w+:|#|/)([^)#\s]+)")


def says(path: Path) -> str:
    """The first sentence of a module's docstring, on one line; "" without one."""
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    return " ".join(text.split("\n\n")[0].split())


def folders(package: str) -> list[Path]:
    """The folders of a package that have modules, its own first."""
    top = ROOT / PACKAGES[package] / package
    return sorted({path.parent for path in top.rglob("*.py")})


def api_page(folder: Path, top: Path) -> str:
    """The modules of one folder: a table of them, then each."""
    name = ".".join(folder.relative_to(top).parts)
    paths = [path for path in sorted(folder.glob("*.py")) if path.stem[0] != "_"]
    lines = [f"# {name}", "", says(folder / "__init__.py"), ""]
    if paths:
        lines += ["| module | what |", "|---|---|"]
        lines += [f"| [`{path.stem}`][{name}.{path.stem}] | {escaped(says(path))} |" for path in paths]
    return "\n".join([*lines, *(f"\n::: {name}.{path.stem}" for path in paths), ""])


def escaped(text: str) -> str:
    """For a cell of a table."""
    return text.replace("|", "\\|")


def api_place(folder: Path, top: Path) -> str:
    """Where a folder's page is: its package's is the index of that package's section."""
    package, *rest = folder.relative_to(top).parts
    return f"api/{package}/{'.'.join(rest) or 'index'}.md"


def api_pages() -> dict[str, str]:
    """Place on the site -> text: one page for each folder of modules, and one that lists the packages."""
    pages, listed = {}, ["# API", "", "| package | what |", "|---|---|"]
    for package, folder in PACKAGES.items():
        for each in folders(package):
            place, what = api_place(each, ROOT / folder), escaped(says(each / "__init__.py"))
            listed.append(f"| [`{'.'.join(each.relative_to(ROOT / folder).parts)}`]({place[4:]}) | {what} |")
            pages[place] = api_page(each, ROOT / folder)
    return {"api/index.md": "\n".join([*listed, ""]), **pages}


def on_config(config: Any) -> Any:
    """The API's pages in the navigation: a section a package."""
    own: list[Any] = ["api/index.md"]
    for package in PACKAGES:
        inside = [page for page in api_pages() if page.startswith(f"api/{package}/")]
        if inside:
            own.append(
                {package: [{Path(page).stem: page} if "index" not in page else page for page in inside]}
            )
    for entry in config.nav:
        if "API" in entry:
            entry["API"] = own
    return config


def target(link: str, source: str) -> str | None:
    """What a link of the file `source` means, by its path from the root; None: of nothing there."""
    path = os.path.normpath(os.path.join(os.path.dirname(source), link))
    if path.startswith("..") or not (ROOT / path).exists():
        return None
    return path + "/README.md" if (ROOT / path / "README.md").is_file() else path


def place(path: str) -> str:
    """Where a file of the repository is on the site."""
    if path in PAGES:
        return PAGES[path]
    if path.startswith("docs/") and path.endswith(".ipynb"):  # its page; the page leads to the notebook
        return path.removeprefix("docs/").removesuffix("ipynb") + "md"
    return path.removeprefix("docs/") if path.startswith("docs/") else f"files/{path}"


def moved(text: str, source: str) -> str:
    """The text of the file `source` with its links as the site has them; those to nothing as they are."""
    start = os.path.dirname(place(source))

    def link(match: re.Match[str]) -> str:
        path = target(match[1], source)
        return match[1] if path is None else os.path.relpath(place(path), start or ".")

    return LINK.sub(link, text)


def titled(text: str, notebook: str) -> str:
    """The page of a notebook with the way to that under its title."""
    title, _, rest = text.partition("\n")
    return f"{title}\n\nThis page is a notebook: [{notebook}]({notebook}).\n{rest}"


def on_files(files: Files, config: Any) -> Files:
    """Add API pages, pages from elsewhere, and what these and those of docs/ link to."""
    sources = [*(f"docs/{file.src_uri}" for file in files.documentation_pages()), *PAGES]
    wanted = set()
    for source in sources:
        if not (ROOT / source).is_file():
            continue
        text = (ROOT / source).read_text()
        wanted |= {path for link in LINK.findall(text) if (path := target(link, source))}
        if source in PAGES:
            files.append(File.generated(config, PAGES[source], content=moved(text, source)))
    for path in sorted(wanted):
        if place(path).startswith("files/") and (ROOT / path).is_file():
            files.append(File.generated(config, place(path), abs_src_path=str(ROOT / path)))
    for page, text in api_pages().items():
        files.append(File.generated(config, page, content=text))
    for path in sorted((ROOT / "docs" / "tutorials").glob("*.ipynb")):
        page = notebooks.convert(path)
        text = moved(page.text, f"docs/tutorials/{path.name}")
        files.append(File.generated(config, f"tutorials/{path.stem}.md", content=titled(text, path.name)))
        for name, data in page.pictures.items():
            files.append(File.generated(config, f"tutorials/{name}", content=data))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links of the pages of docs/ to what lies elsewhere."""
    source = f"docs/{page.file.src_uri}"
    return moved(markdown, source) if (ROOT / source).is_file() else markdown
