"""Serial ports with a board of Python behind them: it answers as told, or has a chip made of flits."""

from __future__ import annotations

from collections.abc import Callable

from yoso_hw.board.framing import BUFFER, CREDIT, Notice, frame_bytes, identity
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter, Memory, chunks

from support.flit_machine import FlitMachine, Pe


class FakeBoard:
    """A port with a board behind it: takes a flit at once, answers with `answer`.

    Parameters
    ----------
    params
        The chip that it says it has.
    answer
        A flit of the chip for each flit that it takes, or None.
    frozen
        The chip takes nothing until the host waits for it.
    """

    def __init__(
        self,
        params: ChipParams,
        answer: Callable[[int], int | None] = lambda flit: None,
        frozen: bool = False,
    ) -> None:
        self.answer, self.frozen = answer, frozen
        self.packets, self.identity = Packets(params), identity(params)
        self.out = bytearray()
        self.taken: list[int] = []
        self.waiting: list[int] = []
        self.silent = False
        self._frame: list[int] = []
        self._uncredited = 0

    def say(self, flit: int) -> None:
        """Send a flit to the host."""
        for i in range(frame_bytes(self.packets.flit_bits)):
            self.out.append((flit >> 7 * i & 127) | (128 if i == 0 else 0))

    def notice(self, code: int, data: int = 0) -> None:
        self.say(7 + 8 * code + 128 * data)

    def write(self, data: bytes) -> int:
        for byte in data:
            if byte >= 128:
                assert not self._frame, "the host began a frame inside another"
            self._frame.append(byte % 128)
            if len(self._frame) == frame_bytes(self.packets.flit_bits):
                flit = sum(part * 128**i for i, part in enumerate(self._frame))
                self._frame.clear()
                if flit == 7:
                    self.notice(Notice.READY, self.identity)
                else:
                    self.waiting.append(flit)
                    assert len(self.waiting) <= BUFFER - self._uncredited, "the host overran the bridge"
        if not self.frozen:
            self.work(len(self.waiting))
        return len(data)

    def work(self, count: int) -> None:
        """The chip takes some flits."""
        for flit in self.waiting[:count]:
            self.taken.append(flit)
            if (answer := self.answer(flit)) is not None:
                self.say(answer)
            self._uncredited += 1
            if self._uncredited == CREDIT:
                self.notice(Notice.CREDIT, self._uncredited)
                self._uncredited = 0
        del self.waiting[:count]

    @property
    def in_waiting(self) -> int:
        return 0 if self.silent else len(self.out)

    def read(self, size: int) -> bytes:
        if self.silent:
            return b""
        while self.frozen and self.waiting and not self.out:
            self.work(50)
        data = bytes(self.out[:size])
        del self.out[:size]
        return data


class MachineBoard(FakeBoard):
    """A board whose chip is `FlitMachine`: it computes what is loaded, and can be read.

    Reading A and V is counted as it is on a chip. A word of POTENTIAL has the fired bit above V.
    """

    def __init__(self, params: ChipParams) -> None:
        super().__init__(params)
        self.params, self.machine = params, FlitMachine(params)
        self.answer = self._answer
        self.image: list[int] = []

    def _answer(self, flit: int) -> int | None:
        fields = self.packets.unpack(flit)
        name = fields["name"]
        if self.image or name == "START":
            self.image.append(flit)
            if name == "END":
                self._classify()
        elif name in ("SEEK", "WRITE"):
            targets = self.machine.targets(fields)
            if name == "WRITE" and targets[0].pointer[0] == Memory.COUNTER:
                for pe in targets:
                    pe.count.clear()
            else:
                self.machine.load([flit])
        elif name == "READ":
            self._read(fields["x0"], fields["y0"])
        elif name == "STATUS":
            return flit
        elif name == "COUNT":
            return self.packets.pack(
                "COUNT", index=fields["index"], spikes=self.machine.counts[fields["index"]]
            )
        return None

    def _classify(self) -> None:
        (index, step, spiked), _ = self.machine.run(self.image)
        self.image = []
        self.say(self.packets.pack("DECISION", index=index, step=step, spiked=int(spiked)))
        self.say(self.packets.pack("CYCLES", cycles=100 + step))

    def _read(self, x: int, y: int) -> None:
        pe = self.machine.nodes[x, y]
        memory, address = pe.pointer
        word = self._word(pe, Memory(memory), address)
        pe.pointer = memory, address + 1
        for i in range(chunks(self.params, memory)):
            self.say(self.packets.pack("REPLY", x=x, y=y, data=word >> 16 * i & 0xFFFF))

    def _word(self, pe: Pe, memory: Memory, address: int) -> int:
        if memory == Memory.COUNTER:
            return pe.count[Counter(address)]
        lanes = range(address * self.params.lanes, (address + 1) * self.params.lanes)
        if memory == Memory.ACCUMULATED:
            pe.count[Counter.ACC_READS] += 1
            bits, values = self.params.acc_bits, [pe.a[j] for j in lanes]
        else:
            assert memory == Memory.POTENTIAL
            pe.count[Counter.POT_READS] += 1
            bits, most = self.params.pot_bits + 1, (1 << self.params.pot_bits) - 1
            values = [(pe.v[j] & most) | (j in pe.fired) << bits - 1 for j in lanes]
        return sum((value & (1 << bits) - 1) << bits * i for i, value in enumerate(values))
