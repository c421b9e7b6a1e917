"""A table as a notebook shows it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any


def html_table(rows: Mapping[str, Any]) -> str:
    """Names and values, a row each."""
    cells = [(str(name), f"{own:,}" if isinstance(own, int) else str(own)) for name, own in rows.items()]
    left = 'style="text-align:left"'
    lines = [f"<tr><th {left}>{escape(name)}</th><td {left}>{escape(own)}</td></tr>" for name, own in cells]
    return "\n".join(["<table>", *lines, "</table>"])
