"""cocotb benches of the chip behind AXI4-Stream, with the source and sink of cocotbext-axi as its host."""

from __future__ import annotations

import itertools
import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge, with_timeout
from cocotbext.axi import AxiStreamBus, AxiStreamSink, AxiStreamSource
from support import chip_cases
from support.blocks import bench_params
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_sw.host.protocol import Protocol
from yoso_sw.network import golden

PARAMS: ChipParams = bench_params()
FLIT_BITS = Packets(PARAMS).flit_bits

#: Nanoseconds of a cycle, and of the longest exchange.
CYCLE, PATIENCE = 2, 400_000


def pauses(rng: random.Random, chance: float):
    """Whether a stream pauses, cycle by cycle."""
    return (rng.random() < chance for _ in itertools.count())


class Host:
    """Sends flits as beats whose spare bits are rubbish, and takes answers."""

    def __init__(self, dut) -> None:
        self.dut, self.rng = dut, random.Random(1)
        cocotb.start_soon(Clock(dut.aclk, CYCLE, "ns").start())
        dut.aresetn.value = 0
        common = (dut.aclk, dut.aresetn)
        self.source = AxiStreamSource(
            AxiStreamBus.from_prefix(dut, "s_axis"), *common, reset_active_level=False
        )
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), *common, reset_active_level=False)
        self.protocol = Protocol(PARAMS)
        self.bytes = self.source.byte_lanes

    async def reset(self, cycles: int) -> None:
        await FallingEdge(self.dut.aclk)
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, cycles)
        await FallingEdge(self.dut.aclk)
        self.dut.aresetn.value = 1

    def stall(self, into: float, out: float) -> None:
        self.source.set_pause_generator(pauses(self.rng, into))
        self.sink.set_pause_generator(pauses(self.rng, out))

    async def ask(self, exchange):
        """Carry out one of the protocol's exchanges."""
        for flit in exchange.flits:
            spare = self.rng.getrandbits(8 * self.bytes) >> FLIT_BITS << FLIT_BITS
            await self.source.send((int(flit) | spare).to_bytes(self.bytes, "little"))
        await with_timeout(self.source.wait(), PATIENCE, "ns")
        answers = []
        while len(answers) < exchange.answers:
            frame = await with_timeout(self.sink.recv(), PATIENCE, "ns")
            assert len(frame.tdata) == self.bytes, "a beat is a packet of its own"
            answers.append(int.from_bytes(frame.tdata, "little"))
        return exchange.parse(answers)


async def begin(dut) -> Host:
    host = Host(dut)
    await host.reset(4)
    cocotb.start_soon(watch(dut))
    return host


async def watch(dut) -> None:
    """What AXI4-Stream asks of a master, and the reset of both: an offer stays until it is taken."""
    held = None
    resets = 0
    while True:
        await RisingEdge(dut.aclk)
        offered = int(dut.m_axis_tdata.value) if int(dut.m_axis_tvalid.value) else None
        resets = 0 if int(dut.aresetn.value) else resets + 1
        if resets > 1:  # the first edge in reset is the one that samples it
            assert offered is None and not int(dut.s_axis_tready.value), "a stream moves in reset"
        elif held is not None and not resets:
            assert offered == held, f"an offer of {held:#x} became {offered}"
        if offered is not None:
            assert offered >> FLIT_BITS == 0, f"{offered:#x}: spare bits are not 0"
        held = None if int(dut.m_axis_tready.value) or resets else offered


async def compare(host: Host, network, image, count: int = 6) -> None:
    """Load a network, run images, and compare what comes back with the golden model."""
    inputs = chip_cases.random_inputs(host.rng, network, count)
    reference = golden.run(network, inputs, params=PARAMS)
    await host.ask(host.protocol.load(image))
    assert await host.ask(host.protocol.mismatched_words(image)) == 0
    outcomes = await host.ask(host.protocol.classify(image, inputs))
    mine = [(one.decision, one.step, one.spiked) for one in outcomes]
    theirs = zip(reference.decisions, reference.decision_steps, reference.spiked, strict=True)
    assert mine == [(int(a), int(b), bool(c)) for a, b, c in theirs]
    potentials = await host.ask(host.protocol.potentials(image))
    assert potentials.tolist() == np.asarray(reference.potentials[-1][-1]).tolist()
    assert await host.ask(host.protocol.errors()) == []


@cocotb.test()
async def random_networks_decide_as_the_golden_model_does(dut):
    host, rng = await begin(dut), random.Random(1)
    for into, out in ((0, 0), (0.6, 0), (0, 0.8), (0.5, 0.5)):
        host.stall(into, out)
        await compare(host, *chip_cases.random_network(rng, PARAMS))


@cocotb.test()
async def a_reset_of_a_cycle_ends_an_image_and_forgets_what_was_offered(dut):
    host, rng = await begin(dut), random.Random(2)
    network, image = chip_cases.random_network(rng, PARAMS)
    await host.ask(host.protocol.load(image))
    for cycles in (1, 5):
        # An image without its END, and a STATUS whose answer nobody takes.
        host.sink.pause = True
        started = host.protocol.classify(image, chip_cases.random_inputs(rng, network, 1)).flits[:-1]
        for flit in (*started, *host.protocol.errors().flits):
            await host.source.send(int(flit).to_bytes(host.bytes, "little"))
        await ClockCycles(dut.aclk, 100)
        assert int(dut.m_axis_tvalid.value)
        await host.reset(cycles)
        await ClockCycles(dut.aclk, 20)
        assert not int(dut.m_axis_tvalid.value), "an answer from before the reset"
        host.sink.clear_pause_generator()
        host.sink.pause = False
        await compare(host, network, image)
