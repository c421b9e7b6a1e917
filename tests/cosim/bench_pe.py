"""cocotb bench of one processing element: router, barrier and host are the bench's."""

from __future__ import annotations

import cocotb
from support.pe_driver import PLACE, PeDriver
from support.pe_model import PeSetup
from support.words import (
    one_node,
    random_words,
    read_packets,
    rectangle_word,
    register_masks,
    replied,
    write_packets,
)
from yoso_hw.registers import Counter, Memory, PeError, Register, memories, memory_shape

#: (chance that the router holds back, chance that it takes no flit)
STALLS = ((0.0, 0.0), (0.5, 0.5), (0.0, 0.9), (0.9, 0.0))


@cocotb.test()
async def every_word_of_every_memory_is_written_and_read_back_through_packets(dut):
    pe = PeDriver(dut)
    await pe.start()
    contents = {memory: random_words(pe.rng, pe.params, memory) for memory in memories(pe.params)}
    masks = register_masks(pe.params)
    for stalls in STALLS:
        # Every bit in turn: what the last round held, turned over.
        for memory in contents:
            every_bit = (1 << memory_shape(pe.params, memory)[1]) - 1
            contents[memory] = [word ^ every_bit for word in contents[memory]]
        contents[Memory.REGISTER] = [
            word & masks.get(register, 0) for register, word in enumerate(contents[Memory.REGISTER])
        ]
        inside = PeSetup.random(pe.params, pe.rng).destination
        contents[Memory.REGISTER][Register.DESTINATION] = rectangle_word(pe.params, inside)
        pe.stall(*stalls)
        for memory, words in contents.items():
            await pe.write(memory, 0, words)
        assert dut.error.value == (contents[Memory.REGISTER][Register.ERRORS] != 0)
        # Counters last were written last; reading memories counts in them.
        for memory in reversed(contents):
            words = contents[memory]
            assert await pe.read(memory, 0, len(words)) == words, f"{memory.name}, stalls {stalls}"
        for _ in range(20):  # a few words anywhere, rewritten
            memory = pe.rng.choice([Memory.WEIGHT, Memory.ACCUMULATED, Memory.POTENTIAL, Memory.SPIKE])
            depth, width = memory_shape(pe.params, memory)
            address = pe.rng.randrange(depth)
            count = min(depth - address, pe.rng.randint(1, 3))
            words = [pe.rng.getrandbits(width) for _ in range(count)]
            contents[memory][address : address + count] = words
            await pe.write(memory, address, words)
            start = max(0, address - 2)
            span = contents[memory][start : address + count + 2]
            assert await pe.read(memory, start, len(span)) == span


@cocotb.test()
async def registers_keep_just_the_bits_that_they_have(dut):
    pe = PeDriver(dut)
    await pe.start()
    masks, (depth, _) = register_masks(pe.params), memory_shape(pe.params, Memory.REGISTER)
    await pe.write(Memory.REGISTER, 0, [0xFFFF_FFFF] * depth)
    due = [masks.get(register, 0) for register in range(depth)]
    if (pe.params.cols, pe.params.rows) != (1 << pe.params.x_bits, 1 << pe.params.y_bits):
        # All ones name a node outside the mesh.
        due[Register.DESTINATION] = 0
    assert await pe.read(Memory.REGISTER, 0, depth) == due


@cocotb.test()
async def a_packet_past_the_end_of_a_memory_is_dropped_and_reported(dut):
    pe = PeDriver(dut)
    for memory in memories(pe.params):
        await pe.start()
        depth, width = memory_shape(pe.params, memory)
        before = random_words(pe.rng, pe.params, memory)
        if memory == Memory.REGISTER:
            before = [0] * depth
        await pe.write(memory, 0, before)
        assert not dut.error.value
        await pe.write(memory, depth, [(1 << width) - 1])
        assert dut.error.value, f"a word was written past the end of {memory.name}"
        if memory == Memory.REGISTER:
            before[Register.ERRORS] = 1 << PeError.BAD_ADDRESS
        assert await pe.read(memory, 0, depth) == before
        errors = await pe.read(Memory.REGISTER, Register.ERRORS, 1)
        assert errors == [1 << PeError.BAD_ADDRESS]
        await pe.write(Memory.REGISTER, Register.ERRORS, [0])
        assert not dut.error.value
        pe.give(read_packets(pe.packets, one_node(PLACE), memory, depth, 1))
        await pe.idle()
        assert dut.error.value and not pe.out.taken, f"a word was read past the end of {memory.name}"


@cocotb.test()
async def a_cut_word_and_a_destination_outside_the_mesh_are_reported(dut):
    pe = PeDriver(dut)
    await pe.start()
    cut = write_packets(pe.packets, one_node(PLACE), Memory.REGISTER, Register.TAG, [1])[:-1]
    seek = cut[:1]
    outside = rectangle_word(pe.params, (0, 0, 0, pe.params.rows))
    wrong = write_packets(pe.packets, one_node(PLACE), Memory.REGISTER, Register.DESTINATION, [outside])
    for flits, error in ((cut + seek, PeError.CUT_WORD), (wrong, PeError.BAD_DESTINATION)):
        pe.give(flits)
        await pe.idle()
        assert dut.error.value
        assert await pe.read(Memory.REGISTER, Register.ERRORS, 1) == [1 << error]
        await pe.write(Memory.REGISTER, Register.ERRORS, [0])
        assert not dut.error.value
    assert await pe.read(Memory.REGISTER, Register.DESTINATION, 1) == [0]


async def random_image(pe: PeDriver, setup: PeSetup) -> None:
    """One image with random spikes, checked at every barrier and at its end."""
    model = await pe.load(setup)
    ahead: list[int] = []
    for step in range(pe.rng.randint(1, 10)):
        # Spikes that overtook the tick are first in line.
        await pe.tick(model, first=step == 0)
        for row in ahead:
            model.spike(row)
        rows = [pe.random_row(model) for _ in range(pe.rng.choice([0, 1, 2, 8]))]
        for row in rows:
            if pe.rng.random() < 0.3:
                other = pe.rng.choice([tag for tag in range(pe.params.layers) if tag != setup.tag])
                pe.give([pe.spike_flit(model, pe.random_row(model), tag=other)])
            pe.give([pe.spike_flit(model, row)])
            model.spike(row)
        await pe.idle()
        pe.check_flits()
        for _ in range(pe.rng.choice([0, 0, 5])):
            await pe.cycle()
            assert pe.dut.idle.value, "idle ended without a tick"
        ahead = [pe.random_row(model) for _ in range(pe.rng.choice([0, 0, 1, 6]))]
        pe.give([pe.spike_flit(model, row, ahead=1) for row in ahead])
        await pe.cycles(pe.rng.choice([0, 1, 20]) if ahead else 0)
    # What is still ahead belongs to a step that must come.
    await pe.tick(model)
    for row in ahead:
        model.spike(row)
    await pe.idle()
    pe.check_flits()
    if pe.rng.random() < 0.5:
        await pe.tick(model, report=True)
        await pe.idle()
        pe.check_flits()
    await pe.check_state(model)


@cocotb.test()
async def random_layers_match_the_model_in_every_bit_whatever_stalls(dut):
    pe = PeDriver(dut)
    await pe.start()
    for case in range(60):
        pe.stall(*STALLS[case % len(STALLS)])
        words = case % pe.params.neuron_words + 1
        await random_image(pe, PeSetup.random(pe.params, pe.rng, words=words))


@cocotb.test()
async def spikes_in_a_row_find_the_sums_that_are_on_their_way_to_the_sram(dut):
    """With few words a spike reads A of a word whose last sum is not written back: the hazard of the core."""
    pe = PeDriver(dut, seed=2)
    await pe.start()
    for words in (1, 2, 3, 4, 1, 2, 3, 4):
        model = await pe.load(PeSetup.random(pe.params, pe.rng, words=words, slope=0, start=0, end=0))
        await pe.tick(model, first=True)
        for _ in range(40):
            row = pe.random_row(model)
            model.spike(row)
            pe.give([pe.spike_flit(model, row)])
        await pe.idle()
        await pe.tick(model)
        await pe.idle()
        await pe.check_state(model)


@cocotb.test()
async def accumulated_weight_and_potential_stop_at_both_ends(dut):
    pe = PeDriver(dut)
    await pe.start()
    params = pe.params
    for weight, a, v in (
        (params.weight_max, params.acc_max, params.pot_max),
        (params.weight_min, params.acc_min, params.pot_min),
    ):
        weights = [[weight] * params.lanes for _ in range(params.weight_words)]
        setup = PeSetup.random(params, pe.rng, weights=weights, slope=0, start=0, end=0)
        model = await pe.load(setup)
        await pe.tick(model, first=True)
        for _ in range(abs(a // weight) + 3):
            model.spike(0)
            pe.give([pe.spike_flit(model, 0)])
        for _ in range(abs(v // a) + 3):
            await pe.idle()
            await pe.tick(model)
        await pe.idle()
        assert set(model.acc) == {a} and set(model.pot) == {v}
        await pe.check_state(model)
    # From one end to the other: what was cut off is gone.
    weights = [[params.weight_max] * params.lanes, [params.weight_min] * params.lanes] * params.weight_words
    setup = PeSetup.random(params, pe.rng, weights=weights[: params.weight_words], words=1, end=0)
    model = await pe.load(setup)
    await pe.tick(model, first=True)
    for row in [0] * (params.acc_max // params.weight_max + 3) + [1] * 2:
        model.spike(row)
        pe.give([pe.spike_flit(model, row)])
    await pe.idle()
    assert set(model.acc) == {params.acc_max + 2 * params.weight_min}
    await pe.check_state(model)


@cocotb.test()
async def a_pe_without_a_layer_takes_part_in_nothing(dut):
    pe = PeDriver(dut)
    await pe.start()
    model = await pe.load(PeSetup.random(pe.params, pe.rng, words=0, output=True, base=0))
    await pe.tick(model, first=True)
    pe.give([pe.spike_flit(model, 0) for _ in range(10)])
    await pe.idle()
    await pe.tick(model)
    await pe.idle()
    await pe.tick(model, report=True)
    await pe.idle()
    pe.check_flits()
    assert await pe.counters() == [0] * len(Counter)


@cocotb.test()
async def a_blocked_network_stops_neither_sweep_nor_integration(dut):
    """All neurons fire into a closed router; many more spikes than the FIFO holds are still taken."""
    pe = PeDriver(dut)
    await pe.start()
    for output in (False, True):
        pe.stall(0, 0)
        setup = PeSetup.random(
            pe.params,
            pe.rng,
            words=pe.params.neuron_words,
            slope=5,
            threshold=3,
            start=0,
            end=9,
            output=output,
            mask=(1 << pe.params.lanes) - 1,
        )
        model = await pe.load(setup)
        pe.out.stall = 1
        fired = await pe.tick(model, first=True)
        assert len(fired) == pe.params.neurons
        for _ in range(10 * pe.params.spike_fifo):
            row = pe.random_row(model)
            model.spike(row)
            pe.give([pe.spike_flit(model, row)])
        await pe.until(
            lambda: pe.offered, "every spike is taken", 10 * pe.params.spike_fifo * setup.words + 100
        )
        await pe.cycles(100)
        assert not pe.out.taken and not dut.idle.value
        pe.out.stall = 0.3
        await pe.idle()
        pe.check_flits()
        pe.stall(0, 0)
        await pe.tick(model, report=True)  # of every word, if it is an output layer's
        await pe.idle()
        pe.check_flits()
        await pe.check_state(model)


@cocotb.test()
async def spikes_that_come_before_their_tick_wait_for_it(dut):
    pe = PeDriver(dut)
    await pe.start()
    # A register before the FIFO holds one, and two of a chip that convolves are behind it.
    held = pe.params.spike_fifo + 1 + 2 * bool(pe.params.side)
    for early in (1, pe.params.spike_fifo, 3 * pe.params.spike_fifo):
        model = await pe.load(PeSetup.random(pe.params, pe.rng, slope=0, output=False))
        await pe.tick(model, first=True)
        for _ in range(3):
            await pe.idle()
            rows = [pe.random_row(model) for _ in range(early)]
            pe.give([pe.spike_flit(model, row, ahead=1) for row in rows])
            await pe.cycles(40)
            assert len(pe.sources["from_router"].queue) == max(0, early - held)
            assert not dut.idle.value
            await pe.tick(model)
            for row in rows:
                model.spike(row)
        await pe.idle()
        pe.check_flits()
        await pe.check_state(model)


@cocotb.test()
async def a_word_of_updates_a_cycle_is_sustained(dut):
    pe = PeDriver(dut)
    await pe.start()
    for words in range(1, pe.params.neuron_words + 1):
        model = await pe.load(PeSetup.random(pe.params, pe.rng, words=words, end=0))
        await pe.tick(model, first=True)
        await pe.idle()
        began, count = pe.now, 50
        for _ in range(count):
            row = pe.random_row(model)
            model.spike(row)
            pe.give([pe.spike_flit(model, row)])
        await pe.idle()
        # A banked PE needs an even number of cycles a spike.
        each = max(pe.params.link_cycles, words + (words & 1 if pe.params.banked else 0))
        assert pe.now - began <= count * each + 10, f"{words} words"
        began = pe.now
        await pe.tick(model)
        await pe.idle()
        assert pe.now - began <= words + 8, f"a sweep of {words} words takes {pe.now - began} cycles"
        await pe.check_state(model)


@cocotb.test()
async def a_spike_whose_row_leaves_the_weight_memory_is_dropped_and_reported(dut):
    pe = PeDriver(dut)
    await pe.start()
    for words in range(2, pe.params.neuron_words + 1):
        model = await pe.load(PeSetup.random(pe.params, pe.rng, words=words, end=0))
        await pe.tick(model, first=True)
        last = pe.params.weight_words - words
        for row in (last, last + 1, 0, pe.params.weight_words - 1, last):
            pe.give([pe.spike_flit(model, row)])
            model.spike(row)
        await pe.idle()
        assert dut.error.value
        assert await pe.read(Memory.REGISTER, Register.ERRORS, 1) == [1 << PeError.BAD_ROW]
        await pe.write(Memory.REGISTER, Register.ERRORS, [0])
        await pe.check_state(model)


@cocotb.test()
async def a_register_that_says_more_words_than_there_are_means_all_of_them(dut):
    pe = PeDriver(dut)
    await pe.start()
    model = await pe.load(PeSetup.random(pe.params, pe.rng, words=pe.params.neuron_words, output=False))
    await pe.write(Memory.REGISTER, Register.WORDS, [pe.params.neuron_words + 1])
    for step in range(4):
        await pe.tick(model, first=step == 0)
        await pe.idle()
        pe.check_flits()
    await pe.check_state(model)


@cocotb.test()
async def answers_carry_the_coordinates_of_the_node(dut):
    pe = PeDriver(dut)
    await pe.start()
    for x in range(pe.params.cols):
        for y in range(pe.params.rows):
            dut.x.value, dut.y.value = x, y
            pe.out.taken.clear()
            rectangle = one_node((x, y))
            pe.give(write_packets(pe.packets, rectangle, Memory.REGISTER, Register.TAG, [1]))
            pe.give(read_packets(pe.packets, rectangle, Memory.REGISTER, Register.TAG, 1))
            await pe.idle()
            assert replied(pe.packets, Memory.REGISTER, pe.out.flits) == {(x, y): [1]}
