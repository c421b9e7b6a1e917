"""cocotb bench of a whole chip under wrong traffic: it is dropped and reported; the next image is right."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import chip_cases
import cocotb
from yoso_hw.packet import Kind, Op, Packets
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter, Memory, PeError, Register, chunks, memory_shape
from yoso_sim.compare import compare, compare_counters
from yoso_sim.host import Host
from yoso_sim.link import Link, LinkError
from yoso_sw import golden
from yoso_sw.flits import rectangle_fields
from yoso_sw.image import WeightImage
from yoso_sw.network import NEVER

PARAMS = ChipParams.from_json(os.environ["YOSO_CHIP"])
PACKETS = Packets(PARAMS)
EVERYWHERE = rectangle_fields((0, PARAMS.cols - 1, 0, PARAMS.rows - 1))
HERE = rectangle_fields((0, 0, 0, 0))

#: Cycles without a flit after which the chip has nothing left to say; the longest image takes fewer.
QUIET = 4000

pack = PACKETS.pack


class Attack:
    """A chip with a random network loaded, and a host that may send anything."""

    def __init__(self, dut, seed: int) -> None:
        self.dut, self.rng = dut, random.Random(seed)
        self.host = Host(Link(dut, patience=QUIET), PARAMS)

    async def start(self, fits: Callable[[WeightImage], bool] | None = None) -> None:
        await self.host.link.reset()
        self.network, self.image = chip_cases.random_network(self.rng, PARAMS)
        while fits is not None and not fits(self.image):
            self.network, self.image = chip_cases.random_network(self.rng, PARAMS)
        self.inputs = chip_cases.random_inputs(self.rng, self.network, 4)
        self.reference = golden.run(self.network, self.inputs, params=PARAMS, early_exit=False)
        await self.host.load(self.image)

    async def throw(self, flits: list[int]) -> None:
        """Send flits and take whatever comes back, until all is quiet; the chip must have taken every one."""
        try:
            await self.host.link.exchange(flits, answers=1 << 30)
        except LinkError:
            taken = int(self.dut.sent.value)
            assert taken == len(flits), f"the chip hangs: it took {taken} of {len(flits)} flits"

    async def pe_errors(self) -> set[PeError]:
        """Error bits of all PEs together."""
        words = await self.host.read_many(self.host.nodes(), Memory.REGISTER, Register.ERRORS, 1)
        return {error for (word,) in words.values() for error in PeError if word >> error & 1}

    async def clear(self) -> None:
        """What a host does after any trouble; from any state it must lead to a clean load phase."""
        await self.throw([pack("END")])
        zero = chip_cases.write_everywhere(PACKETS, Memory.REGISTER, Register.ERRORS, [0])
        await self.throw(zero)
        await self.throw([pack("CLEAR")])
        assert await self.host.errors() == [] and await self.pe_errors() == set()

    def flits(self, index: int) -> list[int]:
        return [int(flit) for flit in self.image.image_flits(self.inputs[index], early_exit=False)]

    async def classify(self, index: int) -> None:
        outcome = await self.host.classify(self.image, self.inputs[index], early_exit=False)
        notes = compare(self.image, outcome, self.reference, index).notes
        assert not notes, notes

    async def check_all(self) -> None:
        """Load again; spikes, counters, V and A of some images are right, and every word reads back."""
        await self.host.load(self.image)
        await self.host.clear_counters()
        for index in range(len(self.inputs)):
            await self.classify(index)
        notes = compare_counters(self.image, self.reference, await self.host.counters())
        assert not notes, notes
        for layer in range(len(self.image.layers)):
            potentials, fired, accumulated = await self.host.neurons(self.image, layer)
            assert potentials.tolist() == self.reference.potentials[layer][-1].tolist()
            assert accumulated.tolist() == self.reference.accumulated[layer][-1].tolist()
            assert fired.tolist() == (self.reference.steps[layer][-1] != NEVER).tolist()
        assert await self.host.mismatched_words(self.image) == 0
        assert await self.host.errors() == []


# ---- named cases -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """Wrong flits, in the load phase or within an image, and what must be reported."""

    flits: Callable[[Attack], list[int]]
    errors: set[str]
    in_image: bool = False
    pe_errors: set[PeError] = field(default_factory=set)


def control(op: int) -> int:
    return Kind.CONTROL | op << 3


def spike(**changes: int) -> int:
    return pack("SPIKE", **{**HERE, "tag": 1, "parity": 0, "row": 0, **changes})


def seek(memory: int, address: int, to: dict[str, int] = HERE) -> int:
    return pack("SEEK", **to, memory=memory, address=address)


def write(data: int = 0xFFFF, to: dict[str, int] = HERE) -> int:
    return pack("WRITE", **to, data=data)


def read(to: dict[str, int] = HERE) -> int:
    return pack("READ", **to)


def wrong_rectangles() -> Iterator[tuple[str, dict[str, int]]]:
    """Those that the fields can say: past the mesh and empty."""
    if PARAMS.cols < 1 << PARAMS.x_bits:
        yield "a column past the mesh", {**HERE, "x1": PARAMS.cols}
    if PARAMS.rows < 1 << PARAMS.y_bits:
        yield "a row past the mesh", {**HERE, "y1": PARAMS.rows}
    yield "no column", {**HERE, "x0": 1}
    yield "no row", {**HERE, "y0": 1}


def rectangle_word(to: dict[str, int]) -> int:
    word, offset = 0, 0
    for name, width in (
        ("x0", PARAMS.x_bits),
        ("x1", PARAMS.x_bits),
        ("y0", PARAMS.y_bits),
        ("y1", PARAMS.y_bits),
    ):
        word |= to[name] << offset
        offset += width
    return word


def cases() -> dict[str, Case]:
    found: dict[str, Case] = {}
    from_the_chip = {
        "kind 7": 7,
        "operation 7": control(7),
        "REPLY": pack("REPLY", x=0, y=0, data=1),
        "RESULT": pack("RESULT", index=0, potential=PARAMS.pot_max),
        "DECISION": control(Op.DECISION),
        "CYCLES": control(Op.CYCLES),
    }
    for name, flit in from_the_chip.items():
        for in_image in (False, True):
            where = "in an image" if in_image else "before one"
            found[f"{name} {where}"] = Case(lambda _, f=flit: [f], {"BAD_PACKET"}, in_image)
    for name, to in wrong_rectangles():
        memory = [seek(Memory.WEIGHT, 0, to), write(to=to), read(to)]
        found[f"memory packets to {name}"] = Case(lambda _, f=memory: f, {"BAD_DESTINATION"})
        found[f"a spike to {name}"] = Case(lambda _, t=to: [spike(**t)], {"BAD_DESTINATION"}, in_image=True)
        word = rectangle_word(to)
        found[f"a DESTINATION of {name}"] = Case(
            lambda _, w=word: chip_cases.write_everywhere(
                PACKETS, Memory.REGISTER, Register.DESTINATION, [w]
            ),
            {"PE_ERROR"},
            pe_errors={PeError.BAD_DESTINATION},
        )
    for memory in Memory:
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
    start = pack("START", steps=2, early=0)
    found["START in an image"] = Case(lambda _: [start], wrong, in_image=True)
    for steps in (0, PARAMS.steps + 1):
        found[f"START with {steps} steps"] = Case(
            lambda _, s=steps: [pack("START", steps=s, early=0)], {"BAD_STEPS"}
        )
    return found


CASES = cases()


@cocotb.test()
@cocotb.parametrize(case=list(CASES))
async def wrong_packets_are_dropped_and_named(dut, case):
    """The image that they come before, or in, is right without another load, and so is all after that."""
    wrong, attack = CASES[case], Attack(dut, seed=len(case))
    await attack.start()
    flits = wrong.flits(attack)
    if wrong.in_image:
        image = attack.flits(0)
        image[1:1] = flits
        batch = await attack.host.link.exchange(image, answers=2)
        decision = PACKETS.unpack(int(batch.answers[0]))
        due = attack.reference.decisions[0], attack.reference.decision_steps[0]
        assert (decision["index"], decision["step"]) == due
    else:
        await attack.throw(flits)
        await attack.classify(0)
    assert set(await attack.host.errors()) == wrong.errors
    assert await attack.pe_errors() == wrong.pe_errors
    await attack.clear()
    await attack.classify(1)
    await attack.check_all()


# ---- bursts and images that are cut ----------------------------------------------------------------------


@cocotb.test()
async def a_load_that_stops_within_a_word_is_reported_by_the_next_memory_packet(dut):
    attack = Attack(dut, seed=1)
    await attack.start()
    load = [int(flit) for flit in attack.image.load_flits()]
    last = attack.image.runs[-1]
    assert chunks(PARAMS, last.memory) == 1 or len(load) > 2
    cut = chip_cases.write_everywhere(PACKETS, Memory.POTENTIAL, 0, [0])[:-1]
    await attack.throw(load + cut)
    assert await attack.host.errors() == []  # a word may always go on
    await attack.classify(0)
    assert await attack.pe_errors() == {PeError.CUT_WORD}
    assert await attack.host.errors() == ["PE_ERROR"]
    await attack.clear()
    await attack.check_all()


@cocotb.test()
async def words_that_never_came_are_missing_in_the_counters(dut):
    """A load that ends between two words breaks no rule; the count of words written tells the host."""
    attack = Attack(dut, seed=2)
    await attack.start()
    await attack.host.clear_counters()
    width = chunks(PARAMS, Memory.WEIGHT)
    await attack.throw([seek(Memory.WEIGHT, 0), *[write()] * 3 * width])
    counters = await attack.host.counters()
    assert counters[0, 0, Counter.WEIGHT_WRITES] == 3
    await attack.check_all()


@cocotb.test()
async def a_burst_of_reads_that_an_image_cuts_short_is_answered_before_the_image(dut):
    attack = Attack(dut, seed=3)
    await attack.start()
    for stall_out in (0, 250):
        attack.host.link.stall(0, stall_out)
        flits = [seek(Memory.SPIKE, 0), *[read()] * 3, *attack.flits(0)]
        batch = await attack.host.link.exchange(flits, answers=5)
        names = [PACKETS.unpack(int(flit))["name"] for flit in batch.answers]
        assert names == ["REPLY"] * 3 + ["DECISION", "CYCLES"]
        assert await attack.host.errors() == []
    await attack.check_all()


@cocotb.test()
async def an_image_that_is_never_ended_waits_answers_status_and_is_over_with_an_end(dut):
    attack = Attack(dut, seed=4)
    await attack.start()
    flits = attack.flits(0)
    for sent in (1, 2, len(flits) // 2, len(flits) - 1):
        await attack.throw(flits[:sent])
        load = [seek(Memory.WEIGHT, 0, EVERYWHERE), write(to=EVERYWHERE), read(EVERYWHERE)]
        await attack.throw(load)  # a host that has lost its place
        assert await attack.host.errors(clear=True) == ["WRONG_PHASE"]
        batch = await attack.host.link.exchange([pack("END")], answers=2)
        assert PACKETS.unpack(int(batch.answers[0]))["name"] == "DECISION"
        await attack.classify(1)
        assert await attack.host.errors() == []
    await attack.check_all()


@cocotb.test()
async def what_comes_past_the_last_step_is_dropped_and_reported(dut):
    attack = Attack(dut, seed=5)
    await attack.start()
    steps = attack.network.steps
    for past in ([spike(**EVERYWHERE)], [pack("STEP")]):
        image = [pack("START", steps=steps, early=0), *[pack("STEP")] * steps, *past, pack("END")]
        await attack.host.link.exchange(image, answers=2)
        await attack.throw([])
        assert await attack.host.errors(clear=True) == ["WRONG_PHASE"]
        await attack.classify(0)
    # Closing the last step by STEP, or all by END, is no error.
    for image in ([pack("STEP")] * steps + [pack("END")], [pack("END")]):
        await attack.host.link.exchange([pack("START", steps=steps, early=0), *image], answers=2)
        await attack.throw([])
        assert await attack.host.errors() == []
    await attack.check_all()


@cocotb.test()
async def a_spike_of_a_step_gone_by_counts_in_the_running_step(dut):
    """The host port stamps the parity: whatever a host writes there, the image is the same."""
    attack = Attack(dut, seed=6)
    await attack.start()
    parity = 1 << PACKETS.formats["SPIKE"].field("parity").offset
    for index in range(len(attack.inputs)):
        flits = attack.flits(index)
        flits = [
            flit ^ parity if flit & 7 == Kind.SPIKE and attack.rng.random() < 0.5 else flit for flit in flits
        ]
        batch = await attack.host.link.exchange(flits, answers=2)
        decision = PACKETS.unpack(int(batch.answers[0]))
        assert decision["index"] == attack.reference.decisions[index]
    assert await attack.host.errors() == []
    await attack.check_all()


@cocotb.test()
async def bits_above_a_packet_change_nothing(dut):
    attack = Attack(dut, seed=7)
    await attack.start()
    flits = []
    for flit in attack.flits(0):
        used = PACKETS.formats[str(PACKETS.unpack(flit)["name"])].bits
        flits.append(flit | attack.rng.getrandbits(PACKETS.flit_bits) >> used << used)
    batch = await attack.host.link.exchange(flits, answers=2)
    assert PACKETS.unpack(int(batch.answers[0]))["index"] == attack.reference.decisions[0]
    assert await attack.host.errors() == []
    await attack.check_all()


@cocotb.test()
async def a_spike_whose_row_leaves_the_memory_is_dropped_and_reported(dut):
    attack = Attack(dut, seed=8)
    wide = lambda image: min(part.words(PARAMS.lanes) for part in image.layers[0].slices) > 1  # noqa: E731
    await attack.start(wide)
    flits = attack.flits(0)
    flits[1:1] = [spike(**EVERYWHERE, row=PARAMS.weight_words - 1)] * 5
    batch = await attack.host.link.exchange(flits, answers=2)
    assert PACKETS.unpack(int(batch.answers[0]))["index"] == attack.reference.decisions[0]
    assert await attack.host.errors() == ["PE_ERROR"] and await attack.pe_errors() == {PeError.BAD_ROW}
    await attack.clear()
    await attack.classify(1)
    await attack.check_all()


# ---- storms ----------------------------------------------------------------------------------------------


def any_rectangle(rng: random.Random) -> dict[str, int]:
    """Mostly one inside the mesh."""
    if rng.random() < 0.2:
        x0, x1 = (rng.getrandbits(PARAMS.x_bits) for _ in range(2))
        y0, y1 = (rng.getrandbits(PARAMS.y_bits) for _ in range(2))
    else:
        x0, x1 = sorted(rng.randrange(PARAMS.cols) for _ in range(2))
        y0, y1 = sorted(rng.randrange(PARAMS.rows) for _ in range(2))
    return rectangle_fields((x0, x1, y0, y1))


def any_packet(rng: random.Random) -> list[int]:
    """A packet of any kind with random fields, or a burst of memory packets that may reach registers."""
    if rng.random() < 0.3:
        to = any_rectangle(rng)
        memory = rng.choice([*Memory, Memory.REGISTER, Memory.REGISTER, 6])
        depth = memory_shape(PARAMS, Memory(memory))[0] if memory < 6 else 4
        count = rng.randrange(8)
        packets = [write(rng.choice([0, 0xFFFF, rng.getrandbits(16)]), to) for _ in range(count)]
        if rng.random() < 0.3:
            packets = [read(to)] * rng.randrange(4)
        return [seek(memory, rng.randrange(depth), to), *packets]
    if rng.random() < 0.2:
        return [rng.getrandbits(PACKETS.flit_bits)]
    format = rng.choice(list(PACKETS.formats.values()))
    flit = rng.getrandbits(PACKETS.flit_bits) >> 3 << 3 | format.kind
    if format.op is not None:
        flit = flit & ~0x38 | format.op << 3
    elif format.kind < 4:
        for name, value in any_rectangle(rng).items():
            own = format.field(name)
            flit = flit & ~(((1 << own.width) - 1) << own.offset) | value << own.offset
    return [flit]


@cocotb.test()
@cocotb.parametrize(seed=list(range(4)))
async def a_storm_of_random_packets_leaves_a_chip_that_loads_and_is_right(dut, seed):
    """In the load phase, behind a START, and within images; the host stalls now and then."""
    attack = Attack(dut, seed=100 + seed)
    await attack.start()
    rng, reported = attack.rng, set()
    for round_ in range(5):
        attack.host.link.stall(*rng.choice([(0, 0), (128, 200)]), seed=round_ + 1)
        packets = [any_packet(rng) for _ in range(80)]
        flits = [flit for burst in packets for flit in burst]
        if round_ % 2:
            flits = [pack("START", steps=rng.randint(1, PARAMS.steps), early=rng.getrandbits(1)), *flits]
        if round_ > 2:
            image = attack.flits(0)
            places = sorted(rng.randrange(len(image)) for _ in flits)
            for place, flit in zip(reversed(places), flits, strict=True):
                image.insert(place, flit)
            flits = image
        await attack.throw(flits)
        await attack.throw([pack("END")])
        reported |= set(await attack.host.errors())
        await attack.clear()
        await attack.check_all()
    assert reported == {"BAD_PACKET", "BAD_DESTINATION", "WRONG_PHASE", "PE_ERROR", "BAD_STEPS"}
