"""The base of every block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amaranth.lib import wiring


class Component(wiring.Component):
    """A `wiring.Component` whose members a type checker lets pass.

    A block's members follow from the chip's parameters when it is made, so they are known to Amaranth, which
    refuses a wrong one at elaboration, and not to a type checker. What is done with them is checked.
    """

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
