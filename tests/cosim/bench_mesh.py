"""cocotb bench of the mesh: host and barrier are the bench's, every node has a model."""

from __future__ import annotations

import cocotb
from support.blocks import bench_params
from support.pe_model import PeModel, PeSetup
from support.streams import StreamBench
from support.words import (
    Rectangle,
    accumulated,
    one_node,
    potentials,
    random_words,
    read_packets,
    replied,
    to_rectangle,
    write_packets,
)
from yoso_hw.packet import Packets
from yoso_hw.registers import Counter, Memory

Node = tuple[int, int]

#: Bits of a node's ticks and of its leaf.
TICK, FIRST, REPORT = 1, 2, 4
LEAF_BITS = 3


class Mesh(StreamBench):
    """A mesh with a model for each node; what the nodes send to each other is passed between the models."""

    def __init__(self, dut, seed: int = 1) -> None:
        super().__init__(dut, ["inject"], ["exit"], seed)
        self.params = bench_params()
        self.packets = Packets(self.params)
        self.nodes = [(x, y) for y in range(self.params.rows) for x in range(self.params.cols)]
        self.everywhere: Rectangle = (0, self.params.cols - 1, 0, self.params.rows - 1)
        self.models: dict[Node, PeModel] = {}
        self.expected: list[int] = []
        self.parity = 0

    @property
    def exit(self):
        return self.sinks["exit"]

    async def start(self) -> None:
        self.dut.ticks.value = 0
        self.parity = 0
        self.expected.clear()
        await self.reset()

    # ---- barrier -------------------------------------------------------------------------------------

    def leaves(self, bit: int) -> list[bool]:
        """Bit `bit` of every node's leaf."""
        word = self.dut.leaves.value.to_unsigned()
        return [bool(word >> (LEAF_BITS * i + bit) & 1) for i in range(len(self.nodes))]

    async def idle(self, limit: int = 5000) -> None:
        """Go on until every node is idle in the running step and, with the host's flits taken, stays so."""
        await self.until(lambda: self.offered, "every flit is taken", limit)
        await self.cycles(2)  # the last flit, then the leaf's register
        await self.until(lambda: all(self.leaves(self.parity)), "every node is idle", limit)
        assert not any(self.leaves(1 - self.parity)), "a node is idle in the step before, too"

    async def tick(self, bits: int, skew: int = 0) -> None:
        """Tick every node, each up to `skew` cycles late: a spike may then meet a PE before its tick."""
        self.parity ^= 1
        late = [self.rng.randint(0, skew) for _ in self.nodes]
        for delay in range(skew + 1):
            self.dut.ticks.value = sum(bits << (3 * i) for i, own in enumerate(late) if own == delay)
            await self.cycle()
        self.dut.ticks.value = 0

    # ---- host ----------------------------------------------------------------------------------------

    def give(self, flits: list[int]) -> None:
        self.sources["inject"].queue.extend(flits)

    async def read_all(self, memory: Memory, address: int, count: int) -> dict[Node, list[int]]:
        """`count` words of every node, asked of all at once: the answers mix on their way."""
        self.exit.taken.clear()
        self.give(read_packets(self.packets, self.everywhere, memory, address, count))
        await self.idle(20_000)
        answers = replied(self.packets, memory, self.exit.flits)
        self.exit.taken.clear()
        assert set(answers) == set(self.nodes)
        assert all(len(words) == count for words in answers.values()), "answers are missing or too many"
        return answers

    async def load(self, setups: dict[Node, PeSetup]) -> None:
        """Load a layer into every node and clear all counters."""
        for node, setup in setups.items():
            for memory, words in (
                (Memory.REGISTER, setup.registers()),
                (Memory.WEIGHT, setup.weight_memory()),
                (Memory.SPIKE, setup.spike_memory()),
            ):
                self.give(write_packets(self.packets, one_node(node), memory, 0, words))
        self.give(write_packets(self.packets, self.everywhere, Memory.COUNTER, 0, [0] * len(Counter)))
        await self.idle(50_000)
        self.models = {node: PeModel(setup, parity=self.parity) for node, setup in setups.items()}

    # ---- network -------------------------------------------------------------------------------------

    def deliver(self, rectangle: Rectangle, tag: int, row: int) -> None:
        """A spike reaches the PEs of layer `tag` in the rectangle."""
        x0, x1, y0, y1 = rectangle
        for (x, y), model in self.models.items():
            if x0 <= x <= x1 and y0 <= y <= y1 and model.setup.tag == tag:
                model.spike(row)

    def sweep(self, first: bool) -> int:
        """All models begin a step and hear of each other's spikes; returns how many neurons fired."""
        firing = {node: model.sweep(first) for node, model in self.models.items()}
        for node, neurons in firing.items():
            setup = self.models[node].setup
            if setup.output:
                self.expected += self.models[node].flits(self.packets, neurons)
            else:
                for neuron in neurons:
                    self.deliver(setup.destination, setup.destination_tag, setup.addresses[neuron]["row"])
        return sum(map(len, firing.values()))

    def host_spikes(self, count: int, tag: int) -> None:
        """The host sends `count` spikes of the running step to random rectangles."""
        for _ in range(count):
            rectangle = random_rectangle(self)
            row = self.rng.randrange(self.params.weight_words - self.params.neuron_words + 1)
            fields = {**to_rectangle(rectangle), "tag": tag, "parity": self.parity, "row": row}
            self.give([self.packets.pack("SPIKE", **fields)])
            self.deliver(rectangle, tag, row)

    async def check(self) -> None:
        """The host got every RESULT once; A, V and counters of every node are the models'."""
        assert sorted(self.exit.flits) == sorted(self.expected), "RESULTs are missing, wrong or too many"
        self.expected.clear()
        counters = await self.read_all(Memory.COUNTER, 0, len(Counter))
        a = await self.read_all(Memory.ACCUMULATED, 0, self.params.neuron_words)
        v = await self.read_all(Memory.POTENTIAL, 0, self.params.neuron_words)
        for node, model in self.models.items():
            for counter in set(Counter) - {Counter.STALLS}:
                got, want = counters[node][counter], model.counts[counter]
                assert got == want, f"node {node}: {counter.name} is {got} and must be {want}"
            words = range(model.setup.words)
            got_a = [lane for word in words for lane in accumulated(self.params, a[node][word])]
            assert got_a == model.acc, f"node {node}: A is {got_a} and must be {model.acc}"
            got_v = [lane for word in words for lane in potentials(self.params, v[node][word])]
            want_v = list(zip(model.pot, model.fired, strict=True))
            assert got_v == want_v, f"node {node}: V is {got_v} and must be {want_v}"


def random_rectangle(mesh: Mesh) -> Rectangle:
    xs = sorted(mesh.rng.randrange(mesh.params.cols) for _ in range(2))
    ys = sorted(mesh.rng.randrange(mesh.params.rows) for _ in range(2))
    return (xs[0], xs[1], ys[0], ys[1])


def small_weights(mesh: Mesh) -> list[list[int]]:
    """Weights so small that A cannot saturate: then no result depends on the order of arrival."""
    lanes = range(mesh.params.lanes)
    return [[mesh.rng.randint(-3, 3) for _ in lanes] for _ in range(mesh.params.weight_words)]


@cocotb.test()
async def every_memory_of_every_node_is_written_and_read_back_through_the_mesh(dut):
    mesh = Mesh(dut)
    await mesh.start()
    mesh.stall(0.1, 0.3)
    contents = {}
    for memory in (Memory.WEIGHT, Memory.ACCUMULATED, Memory.POTENTIAL, Memory.SPIKE, Memory.COUNTER):
        for node in mesh.nodes:
            contents[node, memory] = random_words(mesh.rng, mesh.params, memory)
            mesh.give(write_packets(mesh.packets, one_node(node), memory, 0, contents[node, memory]))
    # A rectangle is written at once; the nodes around it keep what they have.
    for _ in range(4):
        rectangle = random_rectangle(mesh)
        words = random_words(mesh.rng, mesh.params, Memory.WEIGHT)
        mesh.give(write_packets(mesh.packets, rectangle, Memory.WEIGHT, 0, words))
        x0, x1, y0, y1 = rectangle
        for x, y in mesh.nodes:
            if x0 <= x <= x1 and y0 <= y <= y1:
                contents[(x, y), Memory.WEIGHT] = words
    await mesh.idle(50_000)
    mesh.give(write_packets(mesh.packets, mesh.everywhere, Memory.COUNTER, 0, [7] * len(Counter)))
    await mesh.idle()
    for memory in (Memory.COUNTER, Memory.WEIGHT, Memory.ACCUMULATED, Memory.POTENTIAL, Memory.SPIKE):
        words = len(contents[mesh.nodes[0], memory])
        for node, got in (await mesh.read_all(memory, 0, words)).items():
            want = [7] * words if memory == Memory.COUNTER else contents[node, memory]
            assert got == want, f"node {node}, {memory.name}"


@cocotb.test()
async def only_the_node_with_an_error_reports_it(dut):
    mesh = Mesh(dut)
    for node in mesh.nodes:
        await mesh.start()
        mesh.give(write_packets(mesh.packets, one_node(node), Memory.COUNTER, len(Counter), [1]))
        await mesh.idle()
        assert mesh.leaves(2) == [other == node for other in mesh.nodes]


async def run_steps(mesh: Mesh, steps: int, skew: int) -> int:
    """Run an image with random spikes of the host; returns how many neurons fired."""
    fired = 0
    for step in range(steps):
        await mesh.tick(FIRST | TICK if step == 0 else TICK, skew)
        fired += mesh.sweep(step == 0)
        mesh.host_spikes(mesh.rng.choice([0, 2, 8]), mesh.rng.randrange(1, 3))
        await mesh.idle()
        for _ in range(mesh.rng.choice([0, 10])):
            await mesh.cycle()
            assert all(mesh.leaves(mesh.parity)), "idle ended without a tick"
    return fired


@cocotb.test()
async def random_networks_on_all_nodes_match_the_models_whatever_stalls(dut):
    """Every node sends to a random rectangle and layer, its own included; ticks come askew."""
    mesh = Mesh(dut)
    fired = 0
    for case in range(8):
        await mesh.start()
        setups = {
            node: PeSetup.random(
                mesh.params,
                mesh.rng,
                tag=mesh.rng.randrange(1, 3),
                destination=random_rectangle(mesh),
                destination_tag=mesh.rng.randrange(1, 3),
                weights=small_weights(mesh),
                threshold=mesh.rng.randint(1, 20),
            )
            for node in mesh.nodes
        }
        await mesh.load(setups)
        mesh.stall(*((0, 0), (0.5, 0.5), (0, 0.9), (0.9, 0))[case % 4])
        fired += await run_steps(mesh, 6, skew=case % 3)
        await mesh.check()
    assert fired > 2 * len(mesh.nodes), "hardly a neuron fired: the test says little"


@cocotb.test()
async def all_nodes_multicast_to_all_at_once_while_the_host_stalls_long(dut):
    """Every neuron fires in step 0; some nodes send to the host, which takes nothing for a long time."""
    mesh = Mesh(dut)
    for outputs in (0, 1, len(mesh.nodes) // 2):
        await mesh.start()
        to_host = mesh.rng.sample(mesh.nodes, outputs)
        setups = {
            node: PeSetup.random(
                mesh.params,
                mesh.rng,
                words=mesh.params.neuron_words,
                mask=(1 << mesh.params.lanes) - 1,
                tag=1,
                slope=1,
                threshold=1,
                start=0,
                end=2,
                output=node in to_host,
                base=0,
                destination=mesh.everywhere,
                destination_tag=1,
                weights=small_weights(mesh),
            )
            for node in mesh.nodes
        }
        await mesh.load(setups)
        mesh.exit.stall = 1
        await mesh.tick(FIRST | TICK)
        fired = mesh.sweep(True)
        assert fired == len(mesh.nodes) * mesh.params.neurons
        mesh.host_spikes(10, tag=1)
        await mesh.cycles(800)
        assert not mesh.exit.taken
        # Without RESULTs the host is in nobody's way.
        assert all(mesh.leaves(mesh.parity)) == (outputs == 0)
        mesh.exit.stall = 0.5
        await mesh.idle()
        await mesh.tick(TICK)
        mesh.sweep(False)
        await mesh.idle()
        await mesh.check()


@cocotb.test()
async def every_node_answers_a_host_that_stalls_long(dut):
    mesh = Mesh(dut)
    await mesh.start()
    words = {node: [mesh.rng.getrandbits(16) for _ in range(4)] for node in mesh.nodes}
    for node in mesh.nodes:
        mesh.give(write_packets(mesh.packets, one_node(node), Memory.COUNTER, 0, words[node]))
    await mesh.idle()
    mesh.exit.stall = 1
    for node in mesh.nodes:
        mesh.give(read_packets(mesh.packets, one_node(node), Memory.COUNTER, 0, 4))
    await mesh.cycles(500)
    assert not mesh.exit.taken and not all(mesh.leaves(mesh.parity))
    mesh.exit.stall = 0.7
    await mesh.idle()
    assert replied(mesh.packets, Memory.COUNTER, mesh.exit.flits) == words


@cocotb.test()
async def a_report_brings_the_potential_of_every_output_neuron_to_the_host(dut):
    mesh = Mesh(dut)
    await mesh.start()
    per_node = mesh.params.neurons
    setups = {
        node: PeSetup.random(
            mesh.params,
            mesh.rng,
            tag=1,
            weights=small_weights(mesh),
            start=0,
            end=0,
            output=True,
            base=i * per_node % (mesh.params.classes - per_node + 1),
        )
        for i, node in enumerate(mesh.nodes)
    }
    await mesh.load(setups)
    assert setups[mesh.nodes[0]].output
    mesh.stall(0, 0.5)
    assert await run_steps(mesh, 4, skew=0) == 0
    await mesh.tick(REPORT | TICK)
    for model in mesh.models.values():
        mesh.expected += model.flits(mesh.packets, model.report())
    await mesh.idle()
    await mesh.check()
