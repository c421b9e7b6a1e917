"""Memory interface: SEEK, WRITE and READ reach every word of every memory, and nothing else."""

import random

import pytest
from support.bench import Bench, held
from support.extremes import LARGEST
from yoso_hw.memory_interface import MemoryInterface
from yoso_hw.packet import Packets, address_bits
from yoso_hw.params import ChipParams
from yoso_hw.registers import CHUNK_BITS, Counter, Memory, chunks, memories, memory_shape

#: The others are registers and counters, which the bench keeps.
SRAMS = [memory for memory in Memory if memory not in (Memory.REGISTER, Memory.COUNTER)]
CHIPS = {
    "small": ChipParams(cols=2, rows=2, lanes=4, neurons=20, weights=28 * 4),
    "banked": ChipParams(cols=2, rows=2, lanes=2, neurons=14, weights=32, banked=True),
    "one neuron": ChipParams(cols=1, rows=1, lanes=1, neurons=1, weights=1),
    "bus": ChipParams(cols=2, rows=1, lanes=1, neurons=5, weights=12, router="bus"),
    "eight lanes": ChipParams(cols=2, rows=1, lanes=8, neurons=24, weights=256, pot_bits=32),
    "family": ChipParams(cols=2, rows=1, lanes=2, neurons=6, weights=16, neuron="all"),
    "convolution": ChipParams(cols=2, rows=2, lanes=4, neurons=24, weights=80, side=5),
}
by_chip = pytest.mark.parametrize("params", CHIPS.values(), ids=CHIPS)
every_memory = pytest.mark.parametrize(
    ("params", "memory"),
    [
        pytest.param(params, memory, id=f"{name}-{memory.name}")
        for name, params in CHIPS.items()
        for memory in memories(params)
    ],
)
NODE = {"x0": 0, "x1": 0, "y0": 0, "y1": 0}


class Interface(Bench):
    """A memory interface, with registers and counters that the bench keeps."""

    def __init__(self, params, stall=0.0):
        super().__init__(MemoryInterface(params), seed=1)
        self.params, self.packets = params, Packets(params)
        self.source = self.source(self.dut.packet, stall=stall, pace=params.link_cycles)
        self.replies = self.sink(self.dut.reply, stall=stall)
        self.register_writes, self.counter_writes, self.errors, self.cut_words = [], [], 0, 0
        self.each_cycle(self._watch)

    def _watch(self):
        for access, base, writes in (
            (self.dut.registers, 0xA000_0000, self.register_writes),
            (self.dut.counters, 0xC000_0000, self.counter_writes),
        ):
            self.set(access.rdata, base + self.get(access.address))
            if self.get(access.write):
                writes.append((self.get(access.address), self.get(access.wdata)))
        self.errors += self.get(self.dut.bad_address)
        self.cut_words += self.get(self.dut.cut_word)

    def seek(self, memory, address):
        self.source.put(self.packets.pack("SEEK", **NODE, memory=memory, address=address))

    def write(self, memory, *values):
        for value in values:
            for chunk in range(chunks(self.params, memory)):
                data = value >> CHUNK_BITS * chunk & 0xFFFF
                self.source.put(self.packets.pack("WRITE", **NODE, data=data))

    def read(self, memory, count):
        """Put `count` READs and return the words that come back."""
        each = chunks(self.params, memory)
        before = len(self.replies.taken)
        self.source.put(*[self.packets.pack("READ", **NODE)] * count)
        self.run(lambda: len(self.replies.taken) >= before + count * each)
        self.finish()
        got = self.replies.taken[before:]
        assert len(got) == count * each
        return [
            sum(chunk << CHUNK_BITS * i for i, chunk in enumerate(got[k : k + each]))
            for k in range(0, len(got), each)
        ]

    def finish(self):
        self.run(lambda: not self.source.queue)
        self.step(4)
        assert self.get(self.dut.idle)


def srams(params):
    return [memory for memory in memories(params) if memory in SRAMS]


def words(params, memory, seed=0):
    depth, width = memory_shape(params, memory)
    rng = random.Random(seed)
    return [rng.getrandbits(width) for _ in range(depth)]


@by_chip
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_every_word_of_every_memory_reads_back(params, stall):
    interface = Interface(params, stall)
    for memory in srams(params):
        interface.seek(memory, 0)
        interface.write(memory, *words(params, memory, memory))
    for memory in srams(params):
        interface.seek(memory, 0)
        assert interface.read(memory, memory_shape(params, memory)[0]) == words(params, memory, memory)
    assert interface.errors == 0


@pytest.mark.parametrize(
    "params", [ChipParams(), LARGEST, ChipParams(side=35)], ids=["default", "largest", "convolution"]
)
def test_the_first_and_the_last_words_of_large_memories_are_apart(params):
    interface = Interface(params)
    ends = {memory: (0, memory_shape(params, memory)[0] - 2) for memory in srams(params)}
    for memory, starts in ends.items():
        for at in starts:
            interface.seek(memory, at)
            interface.write(memory, *words(params, memory, at)[:2])
    for memory, starts in ends.items():
        for at in starts:
            interface.seek(memory, at)
            assert interface.read(memory, 2) == words(params, memory, at)[:2]
    assert interface.errors == 0


@every_memory
def test_each_chunk_of_an_answer_stays_as_it_is_until_it_is_taken(params, memory):
    """Though more packets stand at the door, which wait."""
    interface, each = Interface(params), chunks(params, memory)
    kept = words(params, memory)[0]
    interface.seek(memory, 0)
    if memory in SRAMS:
        interface.write(memory, kept)
        interface.seek(memory, 0)
    interface.source.put(interface.packets.pack("READ", **NODE))
    interface.seek(memory, 0)
    interface.write(memory, 0)
    interface.run(lambda: interface.get(interface.dut.reply.valid))
    waiting = len(interface.source.queue)
    got = sum(held(interface.replies) << CHUNK_BITS * i for i in range(each))
    expected = {Memory.REGISTER: 0xA000_0000, Memory.COUNTER: 0xC000_0000}.get(memory, kept)
    assert got == expected and waiting == 1 + each
    interface.finish()
    assert len(interface.replies.taken) == each


def test_words_are_reached_one_by_one_in_any_order():
    params = CHIPS["small"]
    interface, rng = Interface(params), random.Random(5)
    held = {(memory, a): 0 for memory in srams(params) for a in range(memory_shape(params, memory)[0])}
    for _ in range(40):
        memory, address = rng.choice(list(held))
        held[memory, address] = rng.getrandbits(memory_shape(params, memory)[1])
        interface.seek(memory, address)
        interface.write(memory, held[memory, address])
    for (memory, address), value in held.items():
        interface.seek(memory, address)
        assert interface.read(memory, 1) == [value]


def test_a_seek_forgets_the_chunks_of_a_word_that_was_not_finished():
    params = CHIPS["small"]
    interface = Interface(params)
    interface.seek(Memory.POTENTIAL, 2)
    interface.source.put(interface.packets.pack("WRITE", **NODE, data=0xDEAD))
    interface.seek(Memory.POTENTIAL, 2)
    interface.write(Memory.POTENTIAL, 0x1234_5678_9ABC)
    interface.seek(Memory.POTENTIAL, 2)
    assert interface.read(Memory.POTENTIAL, 1) == [0x1234_5678_9ABC]


@pytest.mark.parametrize("packet", ["SEEK", "READ"])
@pytest.mark.parametrize("memory", [*SRAMS[:4], Memory.REGISTER])
def test_a_word_that_is_cut_is_dropped_and_reported_by_the_next_seek_or_read(memory, packet):
    """After any number of its chunks but all."""
    params = ChipParams(cols=1, rows=1, lanes=8, neurons=32, weights=64)
    each = chunks(params, memory)
    interface = Interface(params)
    for sent in range(2 * each + 1):
        if memory in SRAMS:
            interface.seek(memory, 0)
            interface.write(memory, 0, 0, 0)
        before = interface.finish() or interface.cut_words
        written = len(interface.register_writes)
        interface.seek(memory, 0)
        interface.source.put(*[interface.packets.pack("WRITE", **NODE, data=0xFFFF)] * sent)
        if packet == "SEEK":
            interface.seek(memory, 0)
            interface.finish()
        else:
            interface.read(memory, 1)
        assert interface.cut_words - before == (sent % each != 0), sent
        if memory in SRAMS:
            interface.seek(memory, 0)
            held = interface.read(memory, 3)
            assert [word != 0 for word in held] == [k < sent // each for k in range(3)], sent
        else:
            assert len(interface.register_writes) - written == sent // each


def test_registers_and_counters_are_written_and_read_whole():
    interface = Interface(CHIPS["small"])
    interface.seek(Memory.REGISTER, 3)
    interface.write(Memory.REGISTER, 0xDEAD_BEEF, 0x0123_4567)
    interface.seek(Memory.COUNTER, 1)
    interface.write(Memory.COUNTER, 0x8000_0001)
    interface.finish()
    assert interface.register_writes == [(3, 0xDEAD_BEEF), (4, 0x0123_4567)]
    assert interface.counter_writes == [(1, 0x8000_0001)]
    interface.seek(Memory.REGISTER, 9)
    assert interface.read(Memory.REGISTER, 2) == [0xA000_0009, 0xA000_000A]
    interface.seek(Memory.COUNTER, 0)
    assert interface.read(Memory.COUNTER, len(Counter)) == [0xC000_0000 + i for i in Counter]


@every_memory
def test_words_past_the_end_are_dropped_with_an_error_each(params, memory):
    """Also where the end is the end of the pointer's range: it must not come round to word 0."""
    depth, width = memory_shape(params, memory)
    interface = Interface(params)
    if memory in SRAMS:
        interface.seek(memory, 0)
        interface.write(memory, *words(params, memory))
    last = words(params, memory)[-1] ^ 1
    interface.seek(memory, depth - 1)
    interface.write(memory, last, *[(1 << width) - 1] * 3)
    interface.finish()
    assert interface.errors == 3
    interface.source.put(interface.packets.pack("READ", **NODE))
    interface.finish()
    assert interface.errors == 4 and interface.replies.taken == []
    if memory in SRAMS:
        interface.seek(memory, 0)
        assert interface.read(memory, depth) == [*words(params, memory)[:-1], last]


@pytest.mark.parametrize("memory", [6, 7])
def test_an_unknown_memory_is_dropped_with_an_error(memory):
    interface = Interface(CHIPS["small"])
    interface.seek(memory, 0)
    interface.source.put(interface.packets.pack("WRITE", **NODE, data=1))
    interface.source.put(interface.packets.pack("READ", **NODE))
    interface.finish()
    assert interface.errors == 2 and interface.replies.taken == []


def test_load_takes_a_flit_a_cycle():
    params = CHIPS["small"]
    interface = Interface(params)
    for memory in memories(params):
        interface.seek(memory, 0)
        interface.write(memory, 1, 2, 3)
    count = len(interface.source.queue)
    interface.finish()
    waits = 6  # a SEEK right after a word waits until the word is written
    assert interface.source.sent[-1] < count + waits


@pytest.mark.parametrize("memory", memories(CHIPS["convolution"]))
def test_a_read_takes_four_cycles_and_one_a_chunk(memory):
    params = CHIPS["convolution"]
    interface = Interface(params)
    interface.seek(memory, 0)
    interface.read(memory, 5)
    reads = interface.source.sent[2:]  # the first one waits in the register
    assert [b - a for a, b in zip(reads, reads[1:], strict=False)] == [4 + chunks(params, memory)] * 3


def test_accesses_are_reported_to_the_counter_of_their_memory():
    params = CHIPS["small"]
    interface = Interface(params)
    events = interface.record(interface.dut.events)
    for memory in srams(params):
        interface.seek(memory, 0)
        interface.write(memory, *[0] * (1 + memory))
        interface.seek(memory, 0)
        interface.read(memory, 2 + memory)
    for memory, name in zip(SRAMS[:4], ("weight", "acc", "pot", "spike"), strict=True):
        assert sum(each[f"{name}_reads"] for each in events) == 2 + memory
        assert sum(each[f"{name}_writes"] for each in events) == 1 + memory


@pytest.mark.parametrize("banked", [False, True])
def test_the_core_sees_what_the_network_wrote_and_the_network_what_the_core_wrote(banked):
    params = ChipParams(cols=1, rows=1, lanes=2, neurons=8, weights=16, banked=banked)
    interface = Interface(params)
    for memory in srams(params):
        interface.seek(memory, 0)
        interface.write(memory, *words(params, memory, memory))
    interface.finish()
    a, p = words(params, Memory.ACCUMULATED, 1), words(params, Memory.POTENTIAL, 2)
    w, s = words(params, Memory.WEIGHT, 0), words(params, Memory.SPIKE, 3)
    for word in range(4):
        core = interface.dut.core
        interface.pulse(core, a_read=1, v_read=1, read_word=word, w_read=1, row=word + 3)
        interface.pulse(core, spike_read=1, spike_neuron=word + 2)
        got = [interface.get(value.as_value()) for value in (core.a, core.p, core.w)] + [
            interface.get(core.spike_row)
        ]
        assert got == [a[word], p[word], w[word + 3], s[word + 2]]
        interface.drive(core, a_write=1, write_word=word, a_out=a[word] ^ 0xFFFF)
        interface.step()
        interface.drive(core, a_write=0, v_write=1, p_out=p[word] ^ 0xFFFF)
        interface.step()
        interface.drive(core, v_write=0)
    for memory, old in ((Memory.ACCUMULATED, a), (Memory.POTENTIAL, p)):
        interface.seek(memory, 0)
        assert interface.read(memory, 4) == [value ^ 0xFFFF for value in old]


def test_the_core_reads_both_tables_at_once_uncounted_and_each_at_its_own_coordinate():
    params = CHIPS["convolution"]
    interface = Interface(params)
    tables = {memory: words(params, memory, memory) for memory in (Memory.ROWS, Memory.COLUMNS)}
    for memory, values in tables.items():
        interface.seek(memory, 0)
        interface.write(memory, *values)
    interface.finish()
    core, events = interface.dut.core, interface.record(interface.dut.events)
    for r, q in ((0, 4), (4, 0), (2, 3)):
        interface.pulse(core, table_read=1, r=r, q=q)
        interface.drive(core, r=q, q=r)
        for _ in range(3):  # they stay until the next request
            got = [interface.get(word.as_value()) for word in (core.rows, core.columns)]
            assert got == [tables[Memory.ROWS][r], tables[Memory.COLUMNS][q]]
            interface.step()
    assert not any(any(each.values()) for each in events)


def test_an_address_reaches_the_deepest_memory():
    for params in CHIPS.values():
        assert 1 << address_bits(params) >= max(
            memory_shape(params, memory)[0] for memory in memories(params)
        )
