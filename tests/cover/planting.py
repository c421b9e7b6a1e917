"""Plants bins in blocks: a register each, in a coverage build and in no other (`bins` says which)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from amaranth.hdl import Module, ResetSignal, Signal, Value

#: How a bin's register is called.
PREFIX = "bin_"

Bins = Iterator[tuple[str, Any]]
BINS: dict[type, Callable[[Module, Any], Bins]] = {}


def bins_of(block: type) -> Callable[[Callable[[Module, Any], Bins]], Callable[[Module, Any], Bins]]:
    """Register the bins of a block: a function of the block's module and the block."""

    def register(function: Callable[[Module, Any], Bins]) -> Callable[[Module, Any], Bins]:
        BINS[block] = function
        return function

    return register


@contextmanager
def planted() -> Iterator[dict[type, dict[str, Signal]]]:
    """Elaborate every block with its bins.

    Gives the registers, by name, of the block of each kind that was elaborated last.
    """
    plain = {block: block.elaborate for block in BINS}
    registers: dict[type, dict[str, Signal]] = {}

    def with_bins(block: type) -> Callable[[Any, object], Module]:
        def elaborate(self: Any, platform: object) -> Module:
            m = plain[block](self, platform)
            registers[block] = {}
            for name, condition in BINS[block](m, self):
                register = registers[block][name] = Signal(name=PREFIX + name.replace(" ", "_"))
                m.d.sync += register.eq(Value.cast(condition).any() & ~ResetSignal())
            return m

        return elaborate

    for block in BINS:
        block.elaborate = with_bins(block)  # type: ignore[attr-defined]
    try:
        yield registers
    finally:
        for block, elaborate in plain.items():
            block.elaborate = elaborate  # type: ignore[attr-defined]
