"""Executed notebooks as Markdown, for the site (hooks.py): their cells, and what was printed and drawn.

A notebook is JSON (nbformat 4). GitHub shows it as it is; the site searches, and
checks links, in Markdown only.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Page:
    """A notebook's Markdown, and its pictures by the names that it calls them by."""

    text: str = ""
    pictures: dict[str, bytes] = field(default_factory=dict)


def joined(text: str | list[str]) -> str:
    """Text that nbformat may keep as its lines."""
    return text if isinstance(text, str) else "".join(text)


def fenced(text: str, language: str = "text") -> str:
    """A block of code, in more backticks than `text` has in a row."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def shown(output: dict[str, Any], name: str, pictures: dict[str, bytes]) -> str:
    """One output: a picture, called `name`; else HTML; else text.

    Raises
    ------
    ValueError
        If the output is an error: such a notebook is not for a site.
    """
    kind = output["output_type"]
    if kind == "error":
        raise ValueError(f"{name} is an error, {output['ename']}: {output['evalue']}; run the notebook again")
    if kind == "stream":
        return fenced(joined(output["text"]))
    data = output["data"]
    if "image/png" in data:
        pictures[f"{name}.png"] = base64.b64decode(joined(data["image/png"]))
        return f"![{joined(data.get('text/plain', 'a picture'))}]({name}.png)"
    if "text/html" in data:
        return joined(data["text/html"])
    return fenced(joined(data["text/plain"]))


def convert(path: Path) -> Page:
    """The page of the notebook at `path`."""
    page, parts = Page(), []
    for number, cell in enumerate(json.loads(path.read_text())["cells"]):
        source = joined(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
        elif cell["cell_type"] == "code":
            parts.append(fenced(source, "python"))
            for place, output in enumerate(cell["outputs"]):
                parts.append(shown(output, f"{path.stem}-{number}-{place}", page.pictures))
    page.text = "\n\n".join(parts) + "\n"
    return page
