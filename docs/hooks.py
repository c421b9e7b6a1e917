"""What the site has besides the pages of docs/: run by mkdocs (mkdocs.yml).

- API pages, one a folder of Python modules, from the docstrings.
- Pages that lie elsewhere in the repository, `PAGES`.
- Files of the repository that pages link to. A link is one on GitHub and on the site alike, and a link to
  nothing fails the build.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]

#: Where a package lies.
PACKAGES = {"yoso_hw": "hw", "yoso_synth": "hw", "yoso_sw": "sw", "yoso_sim": "sim", "yoso": "sim"}

#: Pages outside docs/ -> their place on the site.
PAGES = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "README.md": "index.md",
    "hw/README.md": "hardware.md",
    "sw/README.md": "software.md",
}

LINK = re.compile(r"(?<=\]\()(?!\w+:|#|/)([^)#\s]+)")


def api_pages() -> dict[str, str]:
    """Place on the site -> text: one page for each folder of modules."""
    pages = {}
    for package, folder in PACKAGES.items():
        top = ROOT / folder
        if not (top / package).is_dir():
            continue
        for each in sorted({path.parent for path in (top / package).rglob("*.py")}):
            name = ".".join(each.relative_to(top).parts)
            modules = [f"{name}.{path.stem}" for path in sorted(each.glob("*.py")) if path.stem[0] != "_"]
            if modules:
                pages[f"api/{name}.md"] = "\n\n".join([f"# {name}", *(f"::: {module}" for module in modules)])
    return pages


def on_config(config: Any) -> Any:
    """The API's pages in the navigation."""
    own = [{page.removeprefix("api/").removesuffix(".md"): page} for page in api_pages()]
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
    return path.removeprefix("docs/") if path.startswith("docs/") else f"files/{path}"


def moved(text: str, source: str) -> str:
    """The text of the file `source` with its links as the site has them; those to nothing as they are."""
    start = os.path.dirname(place(source))

    def link(match: re.Match[str]) -> str:
        path = target(match[1], source)
        return match[1] if path is None else os.path.relpath(place(path), start or ".")

    return LINK.sub(link, text)


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
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links of the pages of docs/ to what lies elsewhere."""
    source = f"docs/{page.file.src_uri}"
    return moved(markdown, source) if (ROOT / source).is_file() else markdown
