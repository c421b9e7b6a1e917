"""Docstrings as Markdown for the site's API pages (mkdocs.yml); a griffe extension.

The sources keep to reStructuredText where Markdown has none: ``Members`` of hardware blocks, literal blocks
behind two colons, and simple tables.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

MEMBERS = re.compile(r"^Members\n-------$", re.M)
TABLE = re.compile(r"^=+(?: +=+)+\n(?:.*\n)*?=+(?: +=+)+\n(?:.*\n)*?=+(?: +=+)+$", re.M)


def markdown(text: str) -> str:
    """A docstring with what Markdown does not know replaced."""
    text = MEMBERS.sub("Attributes\n----------", text)
    text = re.sub(r"(^| +)::$", "", text, flags=re.M)
    text = re.sub(r"::$", ":", text, flags=re.M)
    return TABLE.sub(lambda match: "\n" + re.sub(r"^", "    ", match[0], flags=re.M) + "\n", text)


class Docstrings(Extension):
    """Rewrites every docstring once it is read."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = markdown(obj.docstring.value)
