"""cocotb bench of a whole chip under wrong traffic: it is dropped and reported; the next image is right."""

from __future__ import annotations

import random

import cocotb
from support import chip_cases
from support.attack import PACKETS, PARAMS, Attack, pack
from support.chip_cases import start_flit
from support.wrong_packets import EVERYWHERE, cases, read, seek, spike, write
from yoso_hw.packet import Kind, is_host_bound, kind_of
from yoso_hw.registers import Counter, Memory, PeError, chunks, memories, memory_shape
from yoso_sw.compile.flits import rectangle_fields

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
        image = [start_flit(PACKETS, steps), *[pack("STEP")] * steps, *past, pack("END")]
        await attack.host.link.exchange(image, answers=2)
        await attack.throw([])
        assert await attack.host.errors(clear=True) == ["WRONG_PHASE"]
        await attack.classify(0)
    # Closing the last step by STEP, or all by END, is no error.
    for image in ([pack("STEP")] * steps + [pack("END")], [pack("END")]):
        await attack.host.link.exchange([start_flit(PACKETS, steps), *image], answers=2)
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
            flit ^ parity if kind_of(flit) == Kind.SPIKE and attack.rng.random() < 0.5 else flit
            for flit in flits
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
        memory = rng.choice([*memories(PARAMS), Memory.REGISTER, Memory.REGISTER, 6])
        depth = memory_shape(PARAMS, Memory(memory))[0] if memory in memories(PARAMS) else 4
        count = rng.randrange(8)
        packets = [write(rng.choice([0, 0xFFFF, rng.getrandbits(16)]), to) for _ in range(count)]
        if rng.random() < 0.3:
            packets = [read(to)] * rng.randrange(4)
        return [seek(memory, rng.randrange(depth), to), *packets]
    if rng.random() < 0.2:
        return [rng.getrandbits(PACKETS.flit_bits)]
    if rng.random() < 0.03:
        return [start_flit(PACKETS, 0)]
    format = rng.choice(list(PACKETS.formats.values()))
    flit = rng.getrandbits(PACKETS.flit_bits)
    right = dict(format.header)
    if not is_host_bound(format.kind):
        right |= any_rectangle(rng)
    for name, value in right.items():
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
            flits = [start_flit(PACKETS, rng.randint(1, PARAMS.steps), rng.getrandbits(1)), *flits]
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
