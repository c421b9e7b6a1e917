"""cocotb benches of a whole chip that is reset in mid-course, and of a host that sleeps."""

from __future__ import annotations

import os
import random
from typing import Any

import cocotb
import numpy as np
from support import chip_cases
from support.reference import random_events
from yoso_hw.registers import Counter, Memory, chunks
from yoso_sim.compare import compare, compare_counters
from yoso_sw.compile.flits import read_flits
from yoso_sw.host.protocol import IMAGE_ANSWERS
from yoso_sw.network import golden

from cosim.bench_chip import PARAMS, begin, check_neurons

#: Every this many-th cycle of a course is one in which the chip is reset.
STRIDE = int(os.environ.get("YOSO_RESET_STRIDE", "1"))


class Case:
    """A network, two of its images, and what the golden model says of them."""

    def __init__(self, rng: random.Random) -> None:
        while True:
            self.inputs: Any
            if PARAMS.neuron == "all":
                numbers = np.random.default_rng(rng.getrandbits(32))
                self.network, self.image = chip_cases.family_network(numbers, PARAMS)
                self.inputs = random_events(numbers, 2, self.network)
            else:
                self.network, self.image = chip_cases.random_network(rng, PARAMS)
                self.inputs = chip_cases.random_inputs(rng, self.network, 2)
            self.reference = golden.run(self.network, self.inputs, params=PARAMS)
            if all(spikes.counts.any(axis=1).all() for spikes in self.reference.spikes):
                return  # neurons of every layer fire in both images

    async def check(self, host, where: str) -> None:
        """The chip, in whatever state, loads the network and classifies both images right."""
        batch = await host.link.exchange(self.image.load_flits())
        assert not len(batch.answers) and not host.link.dut.stray.value, f"{where}: an answer to nothing"
        await host.clear_counters()
        for i, one in enumerate(self.inputs):
            notes = compare(self.image, await host.classify(self.image, one), self.reference, i).notes
            assert not notes, (where, i, notes)
        notes = compare_counters(self.image, self.reference, await host.counters())
        assert not notes, (where, notes)
        assert await host.errors() == [], where
        await check_neurons(host, self.network, self.image, self.reference, 1)


@cocotb.test()
async def a_reset_in_any_cycle_of_load_image_and_read_back_is_recovered_from(dut):
    """The whole course is one batch; what it leaves behind is another network's."""
    host, rng = await begin(dut), random.Random(7)
    before, after = Case(rng), Case(rng)
    course = [before.image.load_flits(), before.image.image_flits(before.inputs[0])]
    for x, y in host.protocol.nodes:
        course.append(read_flits(host.protocol.packets, x, y, Memory.POTENTIAL, 0, 2))
        course.append(read_flits(host.protocol.packets, x, y, Memory.COUNTER, 0, len(Counter)))
    each = 2 * chunks(PARAMS, Memory.POTENTIAL) + len(Counter) * chunks(PARAMS, Memory.COUNTER)
    flits, answers = np.concatenate(course), IMAGE_ANSWERS + PARAMS.nodes * each
    began = int(dut.cycle.value)
    whole = await host.link.exchange(flits, answers)
    cycles = int(dut.cycle.value) - began
    assert len(whole.answers) == answers
    resets = 0
    for cycle in range(1 + rng.randrange(STRIDE), cycles, STRIDE):
        cut = await host.link.exchange(flits, answers, reset_at=cycle)
        resets += len(cut.answers) < answers
        await after.check(host, f"reset in cycle {cycle} of {cycles}")
    cocotb.log.info("recovered from %d resets in a course of %d cycles", resets, cycles)
    assert resets > cycles // STRIDE - 10


@cocotb.test()
async def a_host_that_sleeps_for_tens_of_thousands_of_cycles_loses_nothing(dut):
    """It sleeps in the middle of load, image and read-back, with flits on their way to it."""
    host, rng = await begin(dut), random.Random(8)
    dut.patience.value = 200_000
    for awake, asleep in ((29, 30_000), (11, 20_000), (3, 1_000)):
        host.link.sleep(awake, asleep)
        case = Case(rng)
        slept = [int(dut.cycle.value)]
        await host.load(case.image)
        slept.append(int(dut.cycle.value))
        await host.classify(case.image, case.inputs[0])
        slept.append(int(dut.cycle.value))
        await host.counters()
        slept.append(int(dut.cycle.value))
        assert np.diff(slept).min() > asleep, "the host has not slept in load, image and read-back"
        await case.check(host, f"awake {awake}, asleep {asleep}")
