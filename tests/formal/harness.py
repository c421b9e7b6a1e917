"""What a proof is made of: a harness of free inputs and properties around an unmodified block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume, ClockDomain, Cover, Module, Mux, Signal, Value
from yoso_hw.params import ChipParams


@dataclass(frozen=True)
class Proof:
    """One proof: a claim about a block, and the planted bugs that it must refute.

    Parameters
    ----------
    name
        As in ``make formal PROOF=name``.
    claim
        What holds in every cycle of every run.
    parameters
        For which blocks it is shown.
    assumptions
        What the block's surroundings owe it; each is discharged in docs/formal.md.
    cases
        By name, what writes the properties into a harness. Together the cases make the claim.
    bugs
        Planted bugs, by their names in tests/mutants.toml or tests/formal/bugs.toml.
    engine
        As sby takes it.
    depth
        For induction by an SMT solver: most steps, and cycles from reset in which failures are looked for.
    cover_depth
        Cycles within which every cover statement is reached, which shows that the assumptions allow it.
    """

    name: str
    claim: str
    parameters: str
    cases: dict[str, Callable[[Harness], None]]
    bugs: tuple[str, ...]
    assumptions: tuple[str, ...] = ()
    engine: str = "abc pdr"
    depth: int = 1
    cover_depth: int = 20


class Harness:
    """A top module under construction.

    Registers start at their reset values, and there is no reset: that is the state in which a chip begins.
    Memories start at 0 as well, which no proof here relies on.

    Members
    -------
    m
        Module that holds the block and everything said about it.
    """

    def __init__(self) -> None:
        self.m = Module()
        self.m.domains.sync = clock = ClockDomain(reset_less=True)
        self.inputs: list[Value] = [clock.clk]
        self.later = Signal()
        self.m.d.sync += self.later.eq(1)

    def free(self, name: str, shape: Any = 1) -> Any:
        """An input: any value in any cycle."""
        signal = Signal(shape, name=name)
        self.inputs.append(Value.cast(signal))
        return signal

    def fixed(self, name: str, shape: Any = 1) -> Any:
        """A symbolic constant: any value, the same in all cycles."""
        now = self.free(name, shape)
        kept, value = Signal.like(now, name=f"{name}_kept"), Signal.like(now, name=f"{name}_value")
        self.m.d.comb += value.eq(Mux(self.first(), now, kept))
        self.m.d.sync += kept.eq(value)
        return value

    def first(self) -> Value:
        """The first cycle."""
        return ~self.later

    def past(self, value: Value) -> Signal:
        """The value of the cycle before; 0 in the first."""
        signal = Signal(Value.cast(value).shape(), name="past")
        self.m.d.sync += signal.eq(value)
        return signal

    def assume(self, condition: Any) -> None:
        self.m.d.comb += Assume(condition, src_loc_at=1)

    def check(self, condition: Any, message: str) -> None:
        """`condition` holds in every cycle; `message` says so."""
        self.m.d.comb += Assert(condition, message, src_loc_at=1)

    def cover(self, condition: Any) -> None:
        """Some run has a cycle with `condition`."""
        self.m.d.comb += Cover(condition, src_loc_at=1)

    def drive(self, target: Any, name: str) -> Any:
        """Let `target`, an input of the block, be free."""
        value = Value.cast(target)
        signal = self.free(name, value.shape())
        self.m.d.comb += value.eq(signal)
        return target

    def rtlil(self) -> str:
        return rtlil.convert(self.m, name="top", ports=self.inputs, emit_src=True)


def implies(condition: Any, conclusion: Any) -> Value:
    """Whether `conclusion` holds where `condition` does."""
    return ~Value.cast(condition).bool() | Value.cast(conclusion).bool()


def small_chip(**changes: Any) -> ChipParams:
    """A chip of one PE with one lane, and of the least there can be of all else; but for `changes`."""
    mesh = {"cols": 1, "rows": 1, "layers": 2, "classes": 2, "steps": 2}
    core = {"lanes": 1, "weight_bits": 2, "acc_bits": 2, "pot_bits": 2}
    return ChipParams(**{**mesh, **core, **changes})
