"""The chip's SRAMs made of macros, as `macros` tiles them: the wiring around the macros."""

from __future__ import annotations

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out
from yoso_hw.component import Component
from yoso_hw.params import bits_for

from yoso_synth import liberty
from yoso_synth.macros import Plan, Tiling, macro_cells
from yoso_synth.pdk import MacroPins, Process


class MacroSRAM(Component):
    """`yoso_hw.sram.SinglePortSRAM` made of macros; the same members and the same latency."""

    def __init__(self, tiling: Tiling, pins: MacroPins, cell: liberty.Cell) -> None:
        self.tiling, self.pins, self.cell = tiling, pins, cell
        super().__init__(
            {
                "en": In(1),
                "write": In(1),
                "addr": In(bits_for(tiling.depth)),
                "wdata": In(tiling.width),
                "rdata": Out(tiling.width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        tiling = self.tiling
        column_bits = (tiling.pack - 1).bit_length()
        row_bits = bits_for(tiling.macro.words)
        column = self.addr[:column_bits]
        above = self.addr[column_bits:]
        row, block = Signal(row_bits), Signal(bits_for(tiling.deep))
        m.d.comb += [row.eq(above), block.eq(above[row_bits:] if len(above) > row_bits else 0)]

        # What stands at the macros' outputs.
        held_column = Signal(max(1, column_bits))
        held_block = Signal.like(block)
        held_row, holds = Signal(row_bits), Signal()
        hit = Signal()
        reading = self.en & ~self.write
        if tiling.pack > 1:
            same = (held_row == row) & (held_block == block)
            m.d.comb += hit.eq(holds & same)
            with m.If(self.en & self.write & same):
                m.d.sync += holds.eq(0)
            with m.Elif(reading):
                m.d.sync += [holds.eq(1), held_row.eq(row)]
        with m.If(reading):
            m.d.sync += [held_column.eq(column), held_block.eq(block)]

        words = []
        for b in range(tiling.deep):
            enable = self.en & (block == b) & ~(hit & ~self.write)
            parts = []
            for a in range(tiling.across):
                part = Signal(tiling.macro.bits, name=f"out_{b}_{a}")
                parts.append(part)
                data = self.wdata[a * tiling.macro.bits : (a + 1) * tiling.macro.bits]
                mask: Value = Const(-1, tiling.macro.bits)
                if tiling.pack > 1:
                    data = self.wdata.replicate(tiling.pack)
                    mask = Cat(Mux(column == i, Const(-1, tiling.width), 0) for i in range(tiling.pack))
                m.submodules[f"macro_{b}_{a}"] = self._instance(enable, row, data, mask, part)
            words.append(Cat(*parts))
        out: Value = words[0]
        for b in range(1, tiling.deep):
            out = Mux(held_block == b, words[b], out)
        picked: Value = out[: tiling.width]
        for i in range(1, tiling.pack):
            picked = Mux(held_column == i, out[i * tiling.width : (i + 1) * tiling.width], picked)
        m.d.comb += self.rdata.eq(picked)
        return m

    def _instance(self, enable: Value, row: Value, data: Value, mask: Value, out: Signal) -> Instance:
        """One macro; its inputs padded to its pins."""
        pins, cell = self.pins, self.cell

        def driven(pin: tuple[str, int], value: Value) -> None:
            connections[f"i_{pin[0]}"] = value if pin[1] else ~value

        def padded(value: Value, width: int) -> Value:
            return Cat(value, Const(0, width - len(value))) if len(value) < width else value

        bits = cell.pins[pins.data_in].width
        connections: dict[str, Value] = {
            f"i_{pins.clock}": ClockSignal(),
            f"i_{pins.address}": padded(row, cell.pins[pins.address].width),
            f"i_{pins.data_in}": padded(data, bits),
            f"o_{pins.data_out}": out,
        }
        driven(pins.enable, enable)
        driven(pins.write, self.write)
        if pins.read:
            driven(pins.read, ~self.write)
        if pins.mask[0] in cell.pins:
            driven(pins.mask, Cat(*padded(mask, bits)[:: pins.granule]))
        for name, value in pins.tied.items():
            if name in cell.pins:
                connections[f"i_{name}"] = Const(-value, cell.pins[name].width)
        return Instance(cell.name, **connections)


class MacroPlatform:
    """Amaranth platform that puts macros in place of the chip's SRAMs, by their shape.

    Parameters
    ----------
    plans
        By (width, depth) of a single-port memory; a shape that is not named, or is of flip-flops, stays a
        memory for synthesis to build.
    """

    def __init__(self, plans: dict[tuple[int, int], Plan], process: Process) -> None:
        self.plans, self.process = plans, process

    def sram(self, width: int, depth: int) -> MacroSRAM | None:
        """The macros of a single-port memory, or None for flip-flops."""
        plan = self.plans.get((width, depth))
        if not isinstance(plan, Tiling):
            return None
        cell = next(cell for cell in macro_cells(self.process) if cell.name == plan.macro.name)
        return MacroSRAM(plan, self.process.pins, cell)


def black_boxes(process: Process) -> str:
    """Verilog modules without contents, one for each macro of the process."""
    text = []
    for cell in macro_cells(process):
        ports = ", ".join(
            f"{pin.direction} [{pin.width - 1}:0] {name}"
            for name, pin in cell.pins.items()
            if pin.direction in ("input", "output")
        )
        text.append(f"(* blackbox *) module {cell.name}({ports}); endmodule")
    return "\n".join(text) + "\n"
