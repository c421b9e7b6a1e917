"""cocotb benches of a whole chip; every one leaves it loaded and idle, as it found it."""

from __future__ import annotations

import os
import random

import chip_cases
import cocotb
import numpy as np
from yoso_hw.packet import Kind
from yoso_hw.params import ChipParams
from yoso_hw.registers import Memory
from yoso_sim.compare import compare, compare_counters
from yoso_sim.host import Host
from yoso_sim.link import Link
from yoso_sw import golden
from yoso_sw.compiler import compile_network
from yoso_sw.network import NEVER

PARAMS = ChipParams.from_json(os.environ["YOSO_CHIP"])

#: Chances in 256 that the host holds a flit back, and that it does not take an answer.
STALLS = ((0, 0), (200, 0), (0, 250), (128, 128), (250, 250))


async def begin(dut) -> Host:
    link = Link(dut, patience=20_000)
    await link.reset()
    return Host(link, PARAMS)


async def check_neurons(host, image, reference, index):
    """V, fired and A of every neuron, read back through the network, are the golden model's."""
    for layer in range(len(image.layers)):
        potentials, fired, accumulated = await host.neurons(image, layer)
        where = f"image {index}, layer {layer}"
        assert potentials.tolist() == reference.potentials[layer][index].tolist(), f"V, {where}"
        assert accumulated.tolist() == reference.accumulated[layer][index].tolist(), f"A, {where}"
        assert fired.tolist() == (reference.steps[layer][index] != NEVER).tolist(), f"fired, {where}"


@cocotb.test()
async def frozen_vectors_come_out_of_the_chip(dut):
    host = await begin(dut)
    for vector in chip_cases.vectors(PARAMS):
        image = compile_network(vector.network, PARAMS)
        await host.load(image)
        for index, case in enumerate(vector.cases):
            outcome = await host.classify(image, case.inputs, case.early_exit)
            reference = golden.run(
                vector.network, case.inputs[None], params=PARAMS, early_exit=case.early_exit
            )
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
            await check_neurons(host, image, reference, i)
        assert await host.errors() == [], number


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
        await check_neurons(host, image, reference, len(inputs) - 1)


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
async def every_memory_of_every_node_holds_random_words(dut):
    host, rng = await begin(dut), random.Random(4)
    depth = {Memory.WEIGHT: PARAMS.weight_words, Memory.SPIKE: PARAMS.neurons}
    depth |= {Memory.ACCUMULATED: PARAMS.neuron_words, Memory.POTENTIAL: PARAMS.neuron_words}
    width = {Memory.WEIGHT: PARAMS.lanes * PARAMS.weight_bits, Memory.SPIKE: PARAMS.row_bits}
    width |= {Memory.ACCUMULATED: PARAMS.lanes * PARAMS.acc_bits}
    width |= {Memory.POTENTIAL: PARAMS.lanes * (PARAMS.pot_bits + 1)}
    for memory, words in depth.items():
        sent = {node: [rng.getrandbits(width[memory]) for _ in range(words)] for node in host.nodes()}
        for (x, y), values in sent.items():
            await host.link.exchange(chip_cases.write_words(host.packets, x, y, memory, values))
        assert await host.read_many(host.nodes(), memory, 0, words) == sent, memory.name
    assert await host.errors() == []


@cocotb.test()
async def wrong_packets_are_named_dropped_and_forgotten_on_request(dut):
    host, rng = await begin(dut), random.Random(5)
    network, image = chip_cases.random_network(rng, PARAMS)
    await host.load(image)
    pack = host.packets.pack
    everywhere = {"x0": 0, "x1": 0, "y0": 0, "y1": 0}
    for flit, name in (
        (pack("STEP"), "WRONG_PHASE"),
        (pack("SPIKE", **everywhere, tag=1, parity=0, row=0), "WRONG_PHASE"),
        (pack("START", steps=0, early=0), "BAD_STEPS"),
        (pack("DECISION", index=0, step=0, spiked=0), "BAD_PACKET"),
    ):
        await host.link.exchange([flit])
        assert await host.errors(clear=True) == [name]
        assert await host.errors() == []
    inputs = chip_cases.random_inputs(rng, network, 1)
    reference = golden.run(network, inputs, params=PARAMS)
    assert not compare(image, await host.classify(image, inputs[0]), reference, 0).notes


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
        parity = np.uint64(1 << host.packets.formats["SPIKE"].field("parity").offset)
        for batch in (first.batch, again.batch):
            batch.flits[batch.flits & np.uint64(7) == Kind.SPIKE] |= parity
        assert sorted(first.batch.flits) == sorted(again.batch.flits)
