"""Memories on an ASIC: what a macro costs, which are chosen, and that what is made of them works."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib.memory import Memory
from amaranth.sim import Simulator
from support.mini_liberty import CELLS, MACRO
from yoso_hw.sram import SinglePortSRAM
from yoso_synth import liberty, macros
from yoso_synth.macro_sram import MacroPlatform, MacroSRAM, black_boxes
from yoso_synth.macros import Demand, FlopFigures, Macro, Tiling
from yoso_synth.pdk import PROCESSES, MacroPins, MissingPdk, find
from yoso_synth.tools import REPOSITORY, SynthError

PINS = MacroPins(
    clock="CLK",
    address="ADDR",
    data_in="DIN",
    data_out="DOUT",
    enable=("EN", 1),
    write=("WE", 1),
    read=("RE", 1),
    mask=("MASK", 1),
    granule=1,
    tied={},
)

SMALL = Macro("small", 64, 64, 50.0, 40.0, 60.0, 3.0, 1e-9)
LARGE = Macro("large", 1024, 64, 250.0, 90.0, 110.0, 4.0, 2e-9)


@pytest.fixture
def cell(tmp_path: Path) -> liberty.Cell:
    path = tmp_path / "ram.lib"
    path.write_text(MACRO)
    return liberty.read(path).cells["RAM16x8"]


def test_an_access_costs_the_clock_under_its_pins_and_half_of_its_data_and_address_changing(
    cell: liberty.Cell,
) -> None:
    one = macros.macro(cell, PINS)
    assert one.read_pj == 20 + 4 / 2 * 0.5
    assert one.write_pj == 30 + 4 / 2 * 0.5 + 8 / 2 * 0.5
    assert (one.access_ns, one.area, one.words, one.bits) == (3.5, 1000, 16, 8)


def test_tiles_cover_width_and_depth_and_a_row_holds_several_narrow_words() -> None:
    found = {(t.macro.name, t.pack): (t.across, t.deep) for t in macros.tilings(32, 4096, [SMALL, LARGE])}
    assert found == {("small", 1): (1, 64), ("small", 2): (1, 32), ("large", 1): (1, 4), ("large", 2): (1, 2)}
    assert [(t.across, t.deep) for t in macros.tilings(84, 32, [SMALL])] == [(2, 1)]
    # A byte mask cannot write 12 bits alone.
    assert {t.pack for t in macros.tilings(12, 256, [SMALL], granule=8)} == {1}


def test_words_of_one_row_are_read_at_once() -> None:
    # 5 words in rows of two, from an even word: rows 0, 0, 1, 1, 2; from an odd one: 0, 1, 1, 2, 2.
    assert Tiling(LARGE, 32, 4096, 1, 2, 2).reads(5) == 3
    assert Tiling(LARGE, 32, 4096, 1, 2, 1).reads(5) == 5


def test_the_choice_has_the_least_area_times_energy_of_all_memories_together() -> None:
    busy = Demand("busy", 64, 64, 1, reads=1000, writes=0, run=1)
    idle = Demand("idle", 64, 64, 1, reads=1, writes=0, run=1)
    flops = FlopFigures(1.0, 0.0, 0.0, 0.0, 0.0, 0.01, 0.0)
    # A bit of flip-flop: 1 um2, so 4096 um2 against 50, and 64 * 8 * 0.01 = 5.12 pJ a read against 40.
    chosen = macros.choose([busy, idle], [SMALL], flops)
    assert [str(chosen[name]) for name in ("busy", "idle")] == ["1 x 64x64", "1 x 64x64"]
    cheap = FlopFigures(0.1, 0.0, 0.0, 0.0, 0.0, 0.01, 0.0)
    # 410 um2: all macros, 100 x 40040 = 4.0e6; busy in flip-flops, 460 x 5160 = 2.4e6; both, 819 x 5125.
    chosen = macros.choose([busy, idle], [SMALL], cheap)
    assert [str(chosen[name]) for name in ("busy", "idle")] == ["4096 flip-flops", "1 x 64x64"]


def test_two_ports_in_one_cycle_take_flip_flops() -> None:
    both = Demand("both", 64, 64, 1, reads=1, writes=1, run=1, needs_flops=True)
    flops = FlopFigures(100.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0)
    assert str(macros.choose([both], [SMALL], flops)["both"]) == "4096 flip-flops"


def test_a_memory_that_nothing_can_be_is_one_clear_error() -> None:
    wide = Demand("potential", 184, 64, 1, reads=1, writes=1, run=1, needs_flops=True)
    flops = FlopFigures(100.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0)
    with pytest.raises(SynthError, match=r"the potential memory of a PE, 64 words of 184 bits.*banked=true"):
        macros.choose([wide], [SMALL], flops)


@pytest.mark.parametrize(
    ("width", "depth", "across", "deep", "pack"),
    [
        (8, 16, 1, 1, 1),
        (8, 40, 1, 3, 1),
        (13, 10, 2, 1, 1),
        (4, 32, 1, 1, 2),
        (2, 70, 1, 2, 4),
        (3, 9, 1, 1, 2),
    ],
)
def test_a_tiled_memory_is_the_memory_that_it_stands_for(
    cell: liberty.Cell, width: int, depth: int, across: int, deep: int, pack: int
) -> None:
    tiling = Tiling(macros.macro(cell, PINS), width, depth, across, deep, pack)
    accesses: list[int] = []

    class Modelled(MacroSRAM):
        """Macros as behavioural models, which count how often they are read."""

        def _instance(self, enable, row, data, mask, out):  # type: ignore[no-untyped-def]
            m = Module()
            m.submodules.memory = memory = Memory(shape=8, depth=16, init=[])
            write, read = memory.write_port(granularity=1), memory.read_port()
            count = Signal(16)
            m.d.comb += [
                read.addr.eq(row),
                read.en.eq(enable & ~self.write),
                write.addr.eq(row),
                write.data.eq(data),
                write.en.eq((enable & self.write).replicate(8) & mask),
                out.eq(read.data),
            ]
            m.d.sync += count.eq(count + read.en)
            counts.append(count)
            return m

    counts: list[Signal] = []
    m = Module()
    m.submodules.plain = plain = SinglePortSRAM(width, depth)
    m.submodules.tiled = tiled = Modelled(tiling, PINS, cell)
    generator = random.Random(f"{width} {depth}")
    requests = [(1, 1, a, generator.getrandbits(width)) for a in range(depth)]
    requests += [(1, 0, a, 0) for a in range(depth)]
    requests += [
        (
            generator.random() < 0.8,
            generator.random() < 0.3,
            generator.randrange(depth),
            generator.getrandbits(width),
        )
        for _ in range(400)
    ]

    async def bench(ctx):  # type: ignore[no-untyped-def]
        for index, request in enumerate(requests):
            for memory in (plain, tiled):
                for name, value in zip(("en", "write", "addr", "wdata"), request, strict=True):
                    ctx.set(getattr(memory, name), int(value))
            await ctx.tick()
            if index >= depth:
                assert ctx.get(tiled.rdata) == ctx.get(plain.rdata), request
            if index in (depth, 2 * depth):
                accesses.append(sum(ctx.get(count) for count in counts))

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert accesses[1] - accesses[0] <= across * -(-depth // pack)


def test_the_platform_puts_macros_where_the_plan_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (("mini_ram_typ.lib", MACRO), ("mini.lib", CELLS)):
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    process = PROCESSES["sg13g2"].__class__(
        **{**vars(PROCESSES["sg13g2"]), "macros": "mini_ram_*.lib", "pins": PINS}
    )
    one = macros.macros(process)[0]
    platform = MacroPlatform({(8, 16): Tiling(one, 8, 16, 1, 1, 1)}, process)
    assert isinstance(platform.sram(8, 16), MacroSRAM)
    assert platform.sram(8, 17) is None
    assert "module RAM16x8(" in black_boxes(process)


def test_a_missing_pdk_is_one_message_that_names_the_variable_and_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    monkeypatch.setattr("yoso_synth.pdk.folders", lambda: [tmp_path])
    with pytest.raises(MissingPdk, match=r"sg13g2_stdcell_typ.*Set PDK_ROOT"):
        find(PROCESSES["sg13g2"], PROCESSES["sg13g2"].corners["typ"])


def test_the_command_says_so_too_without_a_traceback(tmp_path: Path) -> None:
    here = "pdk.folders = lambda: [pdk.Path(sys.argv[1])]"
    script = (
        "import sys; from yoso_synth import pdk; from yoso_sim.commands.synth import main; "
        f"{here}; main(['--target', 'sg13g2'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "PDK_ROOT" in result.stderr and "Traceback" not in result.stderr
