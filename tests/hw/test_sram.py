"""SRAMs: single-port and read-write, plain and banked, against a list."""

import random

import pytest
from support.bench import Bench
from yoso_hw import sram
from yoso_hw.sram import ReadWriteSRAM, SinglePortSRAM

#: One word, an odd depth, depths that are and are not powers of two, one bit.
SHAPES = [(8, 1), (8, 2), (1, 3), (16, 4), (33, 5), (8, 12)]

by_shape = pytest.mark.parametrize(("width", "depth"), SHAPES)
plain_and_banked = pytest.mark.parametrize("banked", [False, True], ids=["plain", "banked"])


def words(width, depth, seed=0):
    rng = random.Random(seed)
    return [rng.getrandbits(width) for _ in range(depth)]


class Single(Bench):
    def __init__(self, width, depth):
        super().__init__(SinglePortSRAM(width, depth))

    def write(self, address, value):
        self.pulse(en=1, write=1, addr=address, wdata=value)

    def read(self, address):
        self.pulse(en=1, addr=address)
        return self.get(self.dut.rdata)


class Double(Bench):
    def __init__(self, width, depth, banked):
        super().__init__(ReadWriteSRAM(width, depth, banked=banked))

    def write(self, address, value):
        self.pulse(write_en=1, write_addr=address, write_data=value)

    def read(self, address):
        self.pulse(read_en=1, read_addr=address)
        return self.get(self.dut.read_data)


@by_shape
def test_a_single_port_gives_back_every_word_written(width, depth):
    memory, contents = Single(width, depth), words(width, depth)
    for address, value in enumerate(contents):
        memory.write(address, value)
    assert [memory.read(address) for address in range(depth)] == contents


@by_shape
@plain_and_banked
def test_a_read_write_memory_gives_back_every_word_written(width, depth, banked):
    memory, contents = Double(width, depth, banked), words(width, depth)
    for address, value in enumerate(contents):
        memory.write(address, value)
    assert [memory.read(address) for address in range(depth)] == contents


def test_a_single_port_holds_the_word_read_through_idle_cycles_and_writes():
    memory = Single(8, 4)
    memory.write(1, 11)
    memory.write(2, 22)
    assert memory.read(1) == 11
    memory.step(3)
    memory.write(1, 99)
    memory.write(3, 33)
    assert memory.get(memory.dut.rdata) == 11
    assert memory.read(1) == 99


@plain_and_banked
def test_a_read_write_memory_holds_the_word_read_through_idle_cycles_and_writes(banked):
    memory = Double(8, 5, banked)
    for address in range(5):
        memory.write(address, 10 + address)
    for address in range(5):
        assert memory.read(address) == 10 + address
        memory.step(2)
        memory.write((address + 1) % 4, 10 + (address + 1) % 4)
        assert memory.get(memory.dut.read_data) == 10 + address


def test_without_enable_nothing_is_written_and_nothing_read():
    memory = Single(8, 4)
    memory.write(0, 5)
    memory.write(1, 6)
    assert memory.read(0) == 5
    memory.pulse(write=1, addr=0, wdata=77)
    memory.pulse(addr=1)
    assert memory.get(memory.dut.rdata) == 5 and memory.read(0) == 5


def test_an_access_enables_the_bank_of_its_word_alone(monkeypatch):
    """A macro that is enabled takes a read's energy."""
    banks = []

    class Bank(SinglePortSRAM):
        def __init__(self, *shape):
            super().__init__(*shape)
            banks.append(self)

    monkeypatch.setattr(sram, "SinglePortSRAM", Bank)
    memory = Double(8, 6, banked=True)
    for address in range(6):
        for access in ({"read_en": 1, "read_addr": address}, {"write_en": 1, "write_addr": address}):
            memory.drive(read_en=0, write_en=0)
            memory.drive(**access)
            assert [memory.get(bank.en) for bank in banks] == [address % 2 == 0, address % 2 == 1]
            memory.step()


@plain_and_banked
@pytest.mark.parametrize("depth", [2, 3, 8, 13])
def test_it_reads_and_writes_in_every_cycle(depth, banked):
    """A read and a write a cycle, of different banks where banked and of different words where not."""
    rng = random.Random(depth)
    memory, model = Double(16, depth, banked), words(16, depth)
    for address, value in enumerate(model):
        memory.write(address, value)
    due, got = [], []
    for _ in range(150):
        read = rng.randrange(depth)
        write = rng.choice([a for a in range(depth) if (a % 2 != read % 2 if banked else a != read)])
        value = rng.getrandbits(16)
        memory.drive(read_en=1, read_addr=read, write_en=1, write_addr=write, write_data=value)
        due.append(model[read])
        model[write] = value
        memory.step()
        got.append(memory.get(memory.dut.read_data))
    assert got == due
