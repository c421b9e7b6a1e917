"""cocotb benches of a whole chip; every one leaves it loaded and idle, as it found it."""

from __future__ import annotations

import os
import random
from typing import Any

import cocotb
import numpy as np
from support import chip_cases
from support.reference import random_events
from support.words import rectangle_word, register_masks
from yoso_hw.packet import KIND_BITS, ChipError, Kind, Op
from yoso_hw.params import ChipParams
from yoso_hw.registers import Memory, PeError, Register, chunks, memories, memory_shape
from yoso_sim.compare import compare, compare_counters
from yoso_sim.host import Host
from yoso_sim.link import Link
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.flits import rectangle_fields
from yoso_sw.network import golden
from yoso_sw.network.network import NEVER
from yoso_sw.network.neuron import Reset

PARAMS = ChipParams.from_json(os.environ["YOSO_CHIP"])

#: Coordinates of a spike, on chips where it has some.
ORIGIN = {"r": 0, "q": 0} if PARAMS.side else {}

#: Chances in 256 that the host holds a flit back, and that it does not take an answer.
STALLS = ((0, 0), (200, 0), (0, 250), (128, 128), (250, 250))


async def begin(dut) -> Host:
    link = Link(dut, patience=20_000)
    await link.reset()
    return Host(link, PARAMS)


def random_destination(rng: random.Random) -> int:
    """A rectangle of the mesh as `Register.DESTINATION` holds it."""
    x0, x1 = sorted(rng.randrange(PARAMS.cols) for _ in range(2))
    y0, y1 = sorted(rng.randrange(PARAMS.rows) for _ in range(2))
    return rectangle_word(PARAMS, (x0, x1, y0, y1))


async def check_neurons(host, network, image, reference, index):
    """V, fired and A of every neuron, read back through the network, are the golden model's."""
    for layer, own in enumerate(network.layers):
        potentials, fired, accumulated = await host.neurons(image, layer)
        where = f"image {index}, layer {layer}"
        assert potentials.tolist() == reference.potentials[layer][index].tolist(), f"V, {where}"
        assert accumulated.tolist() == reference.accumulated[layer][index].tolist(), f"A, {where}"
        marked = (reference.spikes[layer][index].counts[0] > 0) & (own.neuron.reset == Reset.ONCE)
        assert fired.tolist() == marked.tolist(), f"fired, {where}"


@cocotb.test()
async def frozen_vectors_come_out_of_the_chip(dut):
    host = await begin(dut)
    for vector in chip_cases.vectors(PARAMS):
        image = compile_network(vector.network, PARAMS)
        await host.load(image)
        for index, case in enumerate(vector.cases):
            outcome = await host.classify(image, case.inputs, case.early_exit)
            reference = golden.run(vector.network, case.inputs, params=PARAMS, early_exit=case.early_exit)
            where = f"{vector.name}, image {index}"
            assert not (notes := compare(image, outcome, reference, 0).notes), (where, notes)
            decided = (outcome.decision, outcome.step, outcome.spiked)
            assert decided == (case.decision, case.decision_step, case.spiked), where
            for layer in range(len(image.layers)):
                potentials, _, accumulated = await host.neurons(image, layer)
                assert potentials.tolist() == case.potentials[layer].tolist(), where
                assert accumulated.tolist() == case.accumulated[layer].tolist(), where


@cocotb.test()
async def random_networks_agree_in_spikes_potentials_and_counters(dut):
    """One network after another on the same chip, without a reset between."""
    host, rng = await begin(dut), random.Random(1)
    for number in range(12):
        network, image = chip_cases.random_network(rng, PARAMS)
        inputs, early_exit = chip_cases.random_inputs(rng, network, 6), rng.random() < 0.5
        reference = golden.run(network, inputs, params=PARAMS, early_exit=early_exit)
        await host.load(image)
        await host.clear_counters()
        for i, one in enumerate(inputs):
            notes = compare(image, await host.classify(image, one, early_exit), reference, i).notes
            assert not notes, (number, i, notes)
        notes = compare_counters(image, reference, await host.counters())
        assert not notes, (number, notes)
        # Reading A and V is counted as reads, so it comes after the counters.
        for i in (0, len(inputs) - 1):
            await host.classify(image, inputs[i], early_exit)
            await check_neurons(host, network, image, reference, i)
        assert await host.errors() == [], number


@cocotb.test(skip=PARAMS.neuron != "all")
async def random_networks_of_the_family_agree_in_spikes_states_counters_and_counts(dut):
    """Every third network is of the paper's neuron alone, as an old image is."""
    host, rng, old = await begin(dut), np.random.default_rng(10), random.Random(10)
    for number in range(45):
        if number % 3 == 2:
            network, image = chip_cases.random_network(old, PARAMS)
            inputs: Any = chip_cases.random_inputs(old, network, 4)
        else:
            network, image = chip_cases.family_network(rng, PARAMS)
            inputs = random_events(rng, 4, network, density=float(rng.choice([0.05, 0.4, 0.4])))
        early_exit = bool(rng.integers(2))
        reference = golden.run(network, inputs, params=PARAMS, early_exit=early_exit)
        await host.load(image)
        await host.clear_counters()
        for i in range(4):
            notes = compare(image, await host.classify(image, inputs[i], early_exit), reference, i).notes
            assert not notes, (number, i, notes)
        notes = compare_counters(image, reference, await host.counters())
        assert not notes, (number, notes)
        # One image right behind another: the host sends the next START before it has an answer.
        behind = [3, 1, 0, 2]
        outcomes = await host.ask(host.protocol.classify(image, [inputs[i] for i in behind], early_exit))
        for i, outcome in zip(behind, outcomes, strict=True):
            wanted = (reference.decisions[i], reference.decision_steps[i], reference.spiked[i])
            assert (outcome.decision, outcome.step, outcome.spiked) == wanted, (number, i)
        assert (await host.counts(image)).tolist() == reference.spikes[-1][2].counts[0].tolist(), number
        await check_neurons(host, network, image, reference, 2)
        assert await host.errors() == [], number


@cocotb.test(skip=PARAMS.neuron != "all")
async def a_count_of_a_running_image_is_refused_and_the_image_goes_on(dut):
    host, rng = await begin(dut), np.random.default_rng(11)
    network, image = chip_cases.family_network(rng, PARAMS)
    await host.load(image)
    inputs = random_events(rng, 1, network)
    reference = golden.run(network, inputs, params=PARAMS, early_exit=False)
    flits = image.image_flits(inputs[0], early_exit=False)
    asked = host.protocol.packets.pack("COUNT", index=0, spikes=0)
    batch = await host.link.exchange([flits[0], asked, *flits[1:]], 2)
    assert host.protocol.packets.unpack(int(batch.answers[0]))["index"] == reference.decisions[0]
    assert await host.errors(clear=True) == ["WRONG_PHASE"]
    assert (await host.counts(image)).tolist() == reference.spikes[-1][0].counts[0].tolist()


@cocotb.test()
async def a_stalling_host_changes_nothing_but_the_cycles(dut):
    host, rng = await begin(dut), random.Random(2)
    for number, (stall_in, stall_out) in enumerate(STALLS * 2):
        host.link.stall(stall_in, stall_out, seed=number + 1)
        network, image = chip_cases.random_network(rng, PARAMS)
        inputs = chip_cases.random_inputs(rng, network, 3)
        reference = golden.run(network, inputs, params=PARAMS)
        await host.load(image)
        await host.clear_counters()
        for i, one in enumerate(inputs):
            notes = compare(image, await host.classify(image, one), reference, i).notes
            assert not notes, (number, i, notes)
        notes = compare_counters(image, reference, await host.counters())
        assert not notes, (number, notes)
        await check_neurons(host, network, image, reference, len(inputs) - 1)


@cocotb.test()
async def every_word_of_an_image_reads_back_as_it_was_sent(dut):
    host, rng = await begin(dut), random.Random(3)
    _, image = chip_cases.random_network(rng, PARAMS)
    await host.load(image)
    assert await host.mismatched_words(image) == 0
    # One changed word is seen, so the check above means something.
    run = image.runs[-1]
    (word,) = await host.read(run.x, run.y, run.memory, run.address, 1)
    await host.write(run.x, run.y, run.memory, run.address, [word ^ 1])
    assert await host.mismatched_words(image) == 1


@cocotb.test()
async def every_memory_of_every_node_holds_random_words_and_their_complements(dut):
    host, rng = await begin(dut), random.Random(4)
    masks = register_masks(PARAMS)
    for memory in memories(PARAMS):
        if memory == Memory.COUNTER:
            continue
        words, width = memory_shape(PARAMS, memory)
        keeps = [
            masks.get(Register(i), 0) if memory == Memory.REGISTER else (1 << width) - 1 for i in range(words)
        ]
        sent = {node: [rng.getrandbits(width) & keep for keep in keeps] for node in host.protocol.nodes}
        for _ in range(2):
            for (x, y), values in sent.items():
                if memory == Memory.REGISTER:
                    values[Register.DESTINATION] = random_destination(rng)
                await host.link.exchange(chip_cases.write_words(host.protocol.packets, x, y, memory, values))
            assert await host.read_many(host.protocol.nodes, memory, 0, words) == sent, memory.name
            sent = {node: [v ^ keep for v, keep in zip(sent[node], keeps, strict=True)] for node in sent}
    for x, y in host.protocol.nodes:
        await host.write(x, y, Memory.REGISTER, Register.ERRORS, [0])
        assert await host.read(x, y, Memory.REGISTER, Register.ERRORS, 1) == [0]
    await host.errors(clear=True)
    assert await host.errors() == []


@cocotb.test()
async def wrong_packets_are_named_dropped_and_forgotten_on_request(dut):
    host, rng = await begin(dut), random.Random(5)
    network, image = chip_cases.random_network(rng, PARAMS)
    await host.load(image)
    pack = host.protocol.packets.pack
    everywhere, empty = rectangle_fields((0, 0, 0, 0)), rectangle_fields((1, 0, 0, 0))
    for flit, name in (
        (pack("STEP"), "WRONG_PHASE"),
        (pack("END"), "WRONG_PHASE"),
        (pack("SPIKE", **everywhere, tag=1, parity=0, row=0, **ORIGIN), "WRONG_PHASE"),
        (pack("READ", **empty), "BAD_DESTINATION"),
        (chip_cases.start_flit(host.protocol.packets, 0), "BAD_STEPS"),
        (pack("REPLY", x=0, y=0, data=0), "BAD_PACKET"),
        (pack("RESULT", index=0, potential=0), "BAD_PACKET"),
        (pack("DECISION", index=0, step=0, spiked=0), "BAD_PACKET"),
        (pack("CYCLES", cycles=0), "BAD_PACKET"),
        (max(Kind) + 1, "BAD_PACKET"),
        # A chip without the family knows every operation but this one; one with it knows all.
        *([] if PARAMS.neuron == "all" else [(Kind.CONTROL | Op.COUNT << KIND_BITS, "BAD_PACKET")]),
    ):
        await host.link.exchange([flit])
        assert await host.errors(clear=True) == [name]
        assert await host.errors() == []
    inputs = chip_cases.random_inputs(rng, network, 1)
    reference = golden.run(network, inputs, params=PARAMS)
    assert not compare(image, await host.classify(image, inputs[0]), reference, 0).notes


@cocotb.test()
async def load_packets_while_an_image_runs_are_named_and_dropped(dut):
    host, rng = await begin(dut), random.Random(7)
    network, image = chip_cases.random_network(rng, PARAMS)
    await host.load(image)
    pack = host.protocol.packets.pack
    everywhere, empty = rectangle_fields((0, 0, 0, 0)), rectangle_fields((1, 0, 0, 0))
    wrong = {
        pack("SEEK", **everywhere, memory=Memory.WEIGHT, address=0): "WRONG_PHASE",
        pack("WRITE", **everywhere, data=0x5555): "WRONG_PHASE",
        pack("READ", **everywhere): "WRONG_PHASE",
        chip_cases.start_flit(host.protocol.packets, 1): "WRONG_PHASE",
        pack("SPIKE", **empty, tag=1, parity=0, row=0, **ORIGIN): "BAD_DESTINATION",
    }
    flits = [chip_cases.start_flit(host.protocol.packets, network.steps)]
    for flit in wrong:
        flits += [flit, pack("STATUS", errors=0), pack("CLEAR")]
    first = image.image_flits(np.full(network.inputs, NEVER, np.int16))
    batch = await host.link.exchange([*flits, *first[1:]], len(wrong) + 2)
    answers = [host.protocol.packets.unpack(int(flit)) for flit in batch.answers]
    assert [answer["errors"] for answer in answers[:-2]] == [1 << ChipError[name] for name in wrong.values()]
    assert [answer["name"] for answer in answers[-2:]] == ["DECISION", "CYCLES"]
    silent = golden.run(network, np.full((1, network.inputs), NEVER, np.int16), params=PARAMS)
    assert (answers[-2]["index"], answers[-2]["spiked"]) == (silent.decisions[0], silent.spiked[0])
    assert await host.mismatched_words(image) == 0
    inputs = chip_cases.random_inputs(rng, network, 1)
    reference = golden.run(network, inputs, params=PARAMS)
    assert not compare(image, await host.classify(image, inputs[0]), reference, 0).notes


@cocotb.test()
async def an_error_of_an_element_shows_at_the_host_until_both_are_cleared(dut):
    host = await begin(dut)
    for x, y in host.protocol.nodes:
        to = rectangle_fields((x, x, y, y))
        # A chip that convolves has as many memories as SEEK can name.
        nowhere = (Memory.SPIKE, PARAMS.neurons) if PARAMS.side else (len(memories(PARAMS)), 0)
        memory, address = nowhere
        seek = host.protocol.packets.pack("SEEK", **to, memory=memory, address=address)
        read = host.protocol.packets.pack("READ", **to)
        write = host.protocol.packets.pack("WRITE", **to, data=1)
        word = chunks(PARAMS, Memory.SPIKE) if PARAMS.side else 1
        for wrong in ([read], [write] * word):
            await host.link.exchange([seek, *wrong])
            assert await host.read(x, y, Memory.REGISTER, Register.ERRORS, 1) == [1 << PeError.BAD_ADDRESS]
            assert await host.errors(clear=True) == await host.errors() == ["PE_ERROR"]
            await host.write(x, y, Memory.REGISTER, Register.ERRORS, [0])
            assert await host.read(x, y, Memory.REGISTER, Register.ERRORS, 1) == [0]
            await host.errors(clear=True)
            assert await host.errors() == []


@cocotb.test()
async def answers_wait_for_a_host_that_does_not_take_them(dut):
    """STATUS asked again and again while an image runs: its answers stand in the way of the decision."""
    host, rng = await begin(dut), random.Random(8)
    network, image = chip_cases.random_network(rng, PARAMS)
    await host.load(image)
    inputs = chip_cases.random_inputs(rng, network, 1)
    reference = golden.run(network, inputs, params=PARAMS)
    decided = (int(reference.decisions[0]), int(reference.decision_steps[0]), bool(reference.spiked[0]))
    asked = 6
    for seed in range(1, 9):
        host.link.stall(0, 252, seed)
        flits = image.image_flits(inputs[0])
        status = [host.protocol.packets.pack("STATUS", errors=0)] * asked
        batch = await host.link.exchange([*flits[:-1], *status, flits[-1]], asked + 2)
        answers = [host.protocol.packets.unpack(int(flit)) for flit in batch.answers]
        names = [str(answer["name"]) for answer in answers]
        assert sorted(names) == sorted(["STATUS"] * asked + ["DECISION", "CYCLES"])
        decision = answers[names.index("DECISION")]
        assert (decision["index"], decision["step"], bool(decision["spiked"])) == decided, seed


@cocotb.test()
async def images_have_from_one_step_to_all_that_the_chip_counts(dut):
    host, rng = await begin(dut), random.Random(9)
    network, image = chip_cases.long_network(rng, PARAMS)
    await host.load(image)
    inputs = chip_cases.random_inputs(rng, network, 3)
    inputs[0] = network.steps - 1
    for early_exit in (True, False):
        reference = golden.run(network, inputs, params=PARAMS, early_exit=early_exit)
        for i, one in enumerate(inputs):
            notes = compare(image, await host.classify(image, one, early_exit), reference, i).notes
            assert not notes, (early_exit, i, notes)
        await check_neurons(host, network, image, reference, len(inputs) - 1)
    # One step is one sweep of V = 0: no class is better than the first.
    for early_exit in (0, 1):
        start = chip_cases.start_flit(host.protocol.packets, 1, early_exit)
        batch = await host.link.exchange([start, host.protocol.packets.pack("END")], 2)
        decision = host.protocol.packets.unpack(int(batch.answers[0]))
        assert (decision["index"], decision["step"], decision["spiked"]) == (0, 0, 0)


@cocotb.test()
async def an_image_takes_the_same_cycles_every_time(dut):
    """Banked memories serve even words in even cycles, so there it may take one cycle more a step."""
    host, rng = await begin(dut), random.Random(6)
    network, image = chip_cases.random_network(rng, PARAMS)
    await host.load(image)
    for one in chip_cases.random_inputs(rng, network, 4):
        first = await host.classify(image, one)
        again = await host.classify(image, one)
        assert abs(first.cycles - again.cycles) <= (network.steps if PARAMS.banked else 0)
        assert np.array_equal(first.batch.steps, again.batch.steps)
        # The parity of step 0 goes on from the image before, so a flit may differ in that bit.
        parity = np.uint64(1 << host.protocol.packets.formats["SPIKE"].field("parity").offset)
        for batch in (first.batch, again.batch):
            batch.flits[batch.flits & np.uint64(7) == Kind.SPIKE] |= parity
        assert sorted(first.batch.flits) == sorted(again.batch.flits)
