"""Packets that a host must not send, each by its name, and what the chip must report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from yoso_hw import registers
from yoso_hw.packet import KIND_BITS, Kind, Op
from yoso_hw.registers import Memory, PeError, Register, chunks, memories, memory_shape
from yoso_sw.compile.flits import rectangle_fields

from support import chip_cases
from support.attack import PACKETS, PARAMS, Attack, pack

EVERYWHERE = rectangle_fields((0, PARAMS.cols - 1, 0, PARAMS.rows - 1))
HERE = rectangle_fields((0, 0, 0, 0))


def control(op: int) -> int:
    return Kind.CONTROL | op << KIND_BITS


def spike(**changes: int) -> int:
    return pack("SPIKE", **{**HERE, "tag": 1, "parity": 0, "row": 0, **changes})


def seek(memory: int, address: int, to: dict[str, int] = HERE) -> int:
    return pack("SEEK", **to, memory=memory, address=address)


def write(data: int = 0xFFFF, to: dict[str, int] = HERE) -> int:
    return pack("WRITE", **to, data=data)


def read(to: dict[str, int] = HERE) -> int:
    return pack("READ", **to)


@dataclass(frozen=True)
class Case:
    """Wrong flits, in the load phase or within an image, and what must be reported."""

    flits: Callable[[Attack], list[int]]
    errors: set[str]
    in_image: bool = False
    pe_errors: set[PeError] = field(default_factory=set)


def wrong_rectangles() -> Iterator[tuple[str, dict[str, int]]]:
    """Those that the fields can say: past the mesh and empty."""
    if PARAMS.cols < 1 << PARAMS.x_bits:
        yield "a column past the mesh", {**HERE, "x1": PARAMS.cols}
    if PARAMS.rows < 1 << PARAMS.y_bits:
        yield "a row past the mesh", {**HERE, "y1": PARAMS.rows}
    yield "no column", {**HERE, "x0": 1}
    yield "no row", {**HERE, "y0": 1}


def cases() -> dict[str, Case]:
    found: dict[str, Case] = {}
    from_the_chip = {
        "kind 7": 7,
        "REPLY": pack("REPLY", x=0, y=0, data=1),
        "RESULT": pack("RESULT", index=0, potential=PARAMS.pot_max),
        "DECISION": control(Op.DECISION),
        "CYCLES": control(Op.CYCLES),
    }
    if PARAMS.neuron == "all":
        found["COUNT in an image"] = Case(lambda _: [control(Op.COUNT)] * 3, {"WRONG_PHASE"}, in_image=True)
    else:
        from_the_chip["COUNT of a chip that does not count"] = control(Op.COUNT)
    for name, flit in from_the_chip.items():
        for in_image in (False, True):
            where = "in an image" if in_image else "before one"
            found[f"{name} {where}"] = Case(lambda _, f=flit: [f], {"BAD_PACKET"}, in_image)
    for name, to in wrong_rectangles():
        memory = [seek(Memory.WEIGHT, 0, to), write(to=to), read(to)]
        found[f"memory packets to {name}"] = Case(lambda _, f=memory: f, {"BAD_DESTINATION"})
        found[f"a spike to {name}"] = Case(lambda _, t=to: [spike(**t)], {"BAD_DESTINATION"}, in_image=True)
        word = registers.pack(PARAMS, Register.DESTINATION, **to)
        found[f"a DESTINATION of {name}"] = Case(
            lambda _, w=word: chip_cases.write_everywhere(
                PACKETS, Memory.REGISTER, Register.DESTINATION, [w]
            ),
            {"PE_ERROR"},
            pe_errors={PeError.BAD_DESTINATION},
        )
    for memory in memories(PARAMS):
        each = chunks(PARAMS, memory)
        past = [seek(memory, memory_shape(PARAMS, memory)[0] - 1), read(), *[write()] * each, read()]
        bad = {PeError.BAD_ADDRESS}
        found[f"an address past {memory.name}"] = Case(lambda _, f=past: f, {"PE_ERROR"}, pe_errors=bad)
        if each > 1:
            cut = [seek(memory, 0), write(), seek(memory, 0)]
            found[f"a word of {memory.name} that is cut by a SEEK"] = Case(
                lambda _, f=cut: f, {"PE_ERROR"}, pe_errors={PeError.CUT_WORD}
            )
            found[f"a word of {memory.name} that is cut by a READ"] = Case(
                lambda _, f=cut: [*f[:2], read()], {"PE_ERROR"}, pe_errors={PeError.CUT_WORD}
            )
    for memory in (6, 7):
        unknown = [seek(memory, 0), write(), read()]
        found[f"memory {memory}"] = Case(
            lambda _, f=unknown: f, {"PE_ERROR"}, pe_errors={PeError.BAD_ADDRESS}
        )
    wrong = {"WRONG_PHASE"}
    found["a spike in the load phase"] = Case(lambda _: [spike(**EVERYWHERE)] * 20, wrong)
    found["STEP in the load phase"] = Case(lambda _: [pack("STEP")], wrong)
    found["END in the load phase"] = Case(lambda _: [pack("END")], wrong)
    load = [seek(Memory.WEIGHT, 0, EVERYWHERE), write(to=EVERYWHERE), read(EVERYWHERE)]
    found["a load in the run phase"] = Case(lambda _: load, wrong, in_image=True)
    start = chip_cases.start_flit(PACKETS, 2)
    found["START in an image"] = Case(lambda _: [start], wrong, in_image=True)
    for steps in (0, PARAMS.steps + 1):
        found[f"START with {steps} steps"] = Case(
            lambda _, s=steps: [chip_cases.start_flit(PACKETS, s)], {"BAD_STEPS"}
        )
    return found
