"""cocotb bench of one processing element that holds a tile of a convolution; `bench_pe` has it dense."""

from __future__ import annotations

import cocotb
from support.blocks import bench_params
from support.paths import Paths, square
from support.pe_driver import PeDriver
from support.pe_model import PeModel, PeSetup
from support.tiles import Tile, random_tile, tile
from yoso_hw.registers import Counter, Memory, PeError, Register, pack
from yoso_sw.compile.layout import Slice
from yoso_sw.network.layer import Window

from cosim.bench_pe import STALLS

Spike = tuple[int, int, int]


def setup_of(pe: PeDriver, paths: Paths, live: int, **fixed) -> PeSetup:
    return PeSetup.random(pe.params, pe.rng, words=paths.words, paths=paths, mask=(1 << live) - 1, **fixed)


def random_spike(pe: PeDriver, of: Tile) -> Spike:
    """Row of a channel's weights, and a place of the map."""
    channel = pe.rng.randrange(of.window.channels) * of.channel
    return channel, pe.rng.randrange(of.window.rows), pe.rng.randrange(of.window.cols)


def give(pe: PeDriver, model: PeModel, spikes: list[Spike]) -> None:
    pe.give([pe.spike_flit(model, *spike) for spike in spikes])
    for spike in spikes:
        model.spike(*spike)


async def random_image(pe: PeDriver, of: Tile, steps: int, **fixed) -> None:
    """An image of random spikes, some ahead of their tick, checked at every barrier and at its end."""
    model = await pe.load(setup_of(pe, of.paths, of.live, output=False, **fixed))
    most = of.paths.words * (1 + pe.params.banked)  # cycles of a spike
    ahead: list[Spike] = []
    for step in range(steps):
        await pe.tick(model, first=step == 0)
        for spike in ahead:
            model.spike(*spike)
        give(pe, model, [of.bias] * (step == 0))
        give(pe, model, [random_spike(pe, of) for _ in range(pe.rng.choice([0, 1, 4, 12]))])
        if pe.rng.random() < 0.5:
            await pe.idle()
            pe.check_flits()
            ahead = [random_spike(pe, of) for _ in range(pe.rng.choice([0, 1, 9]))]
            pe.give([pe.spike_flit(model, *spike, ahead=1) for spike in ahead])
            await pe.cycles(pe.rng.choice([0, 1, 20]) if ahead else 0)
        else:
            # These come while others of the step that they overtake are still walked.
            ahead = [random_spike(pe, of) for _ in range(pe.rng.choice([0, 1, 2]))]
            pe.give([pe.spike_flit(model, *spike, ahead=1) for spike in ahead])
            await pe.until(lambda: pe.offered, "every spike is taken")
            await pe.until(lambda: len(pe.out.taken) == len(pe.expected), "every flit is out")
            await pe.cycles(most * (pe.params.spike_fifo + 4))
            pe.check_flits()
    await pe.tick(model)
    for spike in ahead:
        model.spike(*spike)
    await pe.idle()
    pe.check_flits()
    await pe.check_state(model)


@cocotb.test()
async def tiles_of_random_convolutions_match_the_model_in_every_bit_whatever_stalls(dut):
    """Every third PE holds a dense layer instead, which comes after a convolution and before another."""
    pe = PeDriver(dut)
    await pe.start()
    for case in range(60):
        pe.stall(*STALLS[case % len(STALLS)])
        if case % 3 < 2:
            of = random_tile(pe.params, pe.rng, pool=case % 3 == 1)
            await random_image(pe, of, pe.rng.randint(2, 8))
        else:
            model = await pe.load(PeSetup.random(pe.params, pe.rng))
            for step in range(3):
                await pe.tick(model, first=step == 0)
                give(pe, model, [(pe.random_row(model), 0, 0) for _ in range(5)])
                await pe.idle()
                pe.check_flits()
            await pe.check_state(model)


@cocotb.test()
async def kernels_are_cut_at_every_border_and_corner(dut):
    """Tiles that are a whole map, of several strides and paddings, whose inputs spike one by one."""
    pe = PeDriver(dut)
    await pe.start()
    for window, filters in (
        (Window(5, 5, 1, 3), 1),
        (Window(5, 5, 1, 3), 3),
        (Window(4, 4, 1, 3, 1, 1), 1),
        (Window(3, 3, 1, 3, 1, 1), 3),
        (Window(7, 5, 1, 3, 2), 1),
        (Window(5, 7, 1, 3, 2, 1), 3),
        (Window(8, 8, 1, 4, 3, 1), 1),
    ):
        part = Slice(2, 1, 0, filters, 0, window.out_rows, 0, window.out_cols)
        of = tile(pe.params, window, part)
        model = await pe.load(setup_of(pe, of.paths, of.live, slope=0, start=0, end=0))
        await pe.tick(model, first=True)
        middle = (window.kernel - 1 - window.padding,) * 2  # a place that the whole kernel has seen
        places = [(r, q) for r in range(window.rows) for q in range(window.cols)]
        give(pe, model, [(0, *place) for place in (middle, *places)])
        give(pe, model, [of.bias])
        await pe.idle()
        await pe.tick(model)
        await pe.idle()
        await pe.check_state(model)


@cocotb.test()
async def of_a_group_the_first_member_is_heard_and_only_that_once(dut):
    """Every set of members in one step, then the others, for one lane at a time and for all."""
    pe = PeDriver(dut)
    await pe.start()
    lanes, words = pe.params.lanes, 2
    paths = square(pe.params, 2, 2, words, kernel=1, blocks=1)
    weights = [[int(case in (lane, lanes)) for lane in range(lanes)] for case in range(lanes + 1)]
    memory = [weights[row // words % (lanes + 1)] for row in range(pe.params.weight_words)]
    told = {"weights": memory, "threshold": 1, "slope": 0, "start": 0, "end": 9, "output": False}
    members = [(0, 0), (0, 1), (1, 0), (1, 1)]
    for chosen in range(1, 16):
        first = [place for i, place in enumerate(members) if chosen >> i & 1]
        others = [place for place in members if place not in first]
        for case in range(lanes + 1):
            model = await pe.load(setup_of(pe, paths, lanes, **told))
            heard = []
            for step, spikes in enumerate((first, others, [], [])):
                heard.append(len(await pe.tick(model, first=step == 0)))
                give(pe, model, [(case * words, *place) for place in spikes])
                await pe.idle()
                pe.check_flits()
            assert heard == [0, words * (lanes if case == lanes else 1), 0, 0]
            await pe.check_state(model)
    # A lane passes while the other one's member comes too late.
    model = await pe.load(setup_of(pe, paths, lanes, **told))
    for step, spikes in enumerate([[(0, 0, 0)], [(words, 0, 1), (0, 1, 1)], [(words, 0, 0)], []]):
        await pe.tick(model, first=step == 0)
        give(pe, model, spikes)
        await pe.idle()
        pe.check_flits()
    await pe.check_state(model)


@cocotb.test()
async def padding_lanes_of_every_position_are_silent_though_a_slope_lifts_them(dut):
    pe = PeDriver(dut)
    await pe.start()
    for pool in (False, True):
        paths = square(pe.params, 2, 4, 2, blocks=2 * pool)
        setup = setup_of(pe, paths, 1, slope=5, threshold=3, start=0, end=9, output=False)
        model = await pe.load(setup)
        sent = await pe.tick(model, first=True)
        assert len(sent) == (2 if pool else 8) * (pe.params.lanes + 1)
        await pe.idle()
        pe.check_flits()
        await pe.check_state(model)


@cocotb.test()
async def spikes_follow_each_other_without_an_empty_cycle(dut):
    """Of two words or more whatever their lines, of one word where the network brings one a cycle."""
    pe = PeDriver(dut)
    await pe.start()
    banked = pe.params.banked
    for kernel, filters in ((1, 1), (1, 2), (2, 1), (3, 1), (3, 2)):
        rows, cols = 3, 4
        paths = square(pe.params, rows, cols, filters, kernel=kernel)
        model = await pe.load(setup_of(pe, paths, pe.params.lanes, slope=0, start=0, end=0))
        await pe.tick(model, first=True)
        await pe.idle()
        began, count, cycles = pe.now, 60, 0
        spikes = [(0, pe.rng.randrange(rows), pe.rng.randrange(cols)) for _ in range(count)]
        # Some in between reach nothing.
        spikes[2::9] = [(0, rows, cols)] * len(spikes[2::9])
        spikes[5::9] = [(0, rows + 1, 0)] * len(spikes[5::9])
        spikes[7::9] = [(0, 0, cols + 1)] * len(spikes[7::9])
        for r, q in (spike[1:] for spike in spikes):
            lines, run = paths.rows[r]["lines"], paths.columns[q]["run"]
            walked = lines * (run + banked) if run else 0
            # One that is dropped costs its cycle where the one before it has a single word.
            cycles += max(filters == 1, walked)
        give(pe, model, spikes)
        await pe.idle()
        assert pe.now - began <= cycles + 12, f"a kernel of {kernel}, {filters} filters"
        await pe.check_state(model)


@cocotb.test()
async def spikes_ahead_of_their_tick_wait_in_prefetch_and_the_pe_is_not_idle(dut):
    pe = PeDriver(dut)
    await pe.start()
    paths = square(pe.params, 3, 4)
    model = await pe.load(setup_of(pe, paths, pe.params.lanes, slope=0, end=0, output=False))
    await pe.tick(model, first=True)
    await pe.idle()
    for count in (1, 2, 3):
        spikes = [(0, 1, 1), (0, 5, 5), (0, 0, 2)][:count]
        pe.give([pe.spike_flit(model, *spike, ahead=1) for spike in spikes])
        await pe.until(lambda: pe.offered, "every spike is taken", 100)
        for _ in range(20):
            await pe.cycle()
            assert not dut.idle.value
        await pe.tick(model)
        for spike in spikes:
            model.spike(*spike)
        await pe.idle()
    await pe.check_state(model)


@cocotb.test()
async def a_path_that_leaves_a_memory_and_a_place_beyond_the_tables_are_reported_and_the_pe_goes_on(dut):
    pe = PeDriver(dut)
    await pe.start()
    words, rows, side = pe.params.neuron_words, pe.params.weight_words, pe.params.side
    wrong: dict[str, tuple[dict, dict, Spike]] = {
        "its first word": ({"lines": 1, "neuron_offset": 12}, {"run": 1}, (0, 2, 2)),
        "the sum of two words": ({"lines": 1, "neuron_offset": 9}, {"run": 1, "neuron_offset": 9}, (0, 2, 2)),
        "a word of its line": ({"lines": 1, "neuron_offset": 8}, {"run": words + 1}, (0, 2, 2)),
        "a line of it": ({"lines": 7}, {"run": 2}, (0, 2, 2)),
        "its first weight": ({"lines": 1, "weight_offset": 60}, {"run": 1}, (rows - 3, 2, 2)),
        "the sum of three weights": (
            {"lines": 1, "weight_offset": rows - 1},
            {"run": 1, "weight_offset": rows - 1},
            (rows - 1, 2, 2),
        ),
        "a weight of its line": ({"lines": 1}, {"run": 9}, (rows - 3, 2, 2)),
        "a weight of another line": ({"lines": 3}, {"run": 2}, (rows - 4, 2, 2)),
    }
    bad = [(0, side, 0), (0, 0, side), (0, side, side)]
    for case, (row, column, spike) in wrong.items():
        paths = square(pe.params, 3, 4)
        assert paths.words < words and set(paths.rows[2]) >= {"lines"}
        paths.rows[2], paths.columns[2] = row, column
        model = await pe.load(setup_of(pe, paths, pe.params.lanes, slope=0, start=0, end=0))
        await pe.tick(model, first=True)
        assert paths.spike(dict(zip(("row", "r", "q"), spike, strict=True)))[1], case
        give(pe, model, [(0, 0, 0), spike, (0, 1, 1)])
        await pe.idle()
        assert dut.error.value, case
        assert await pe.read(Memory.REGISTER, Register.ERRORS, 1) == [1 << PeError.BAD_ROW]
        await pe.write(Memory.REGISTER, Register.ERRORS, [0])
        give(pe, model, [(0, 0, 1), *bad, (0, 1, 0)])
        await pe.idle()
        assert await pe.read(Memory.REGISTER, Register.ERRORS, 1) == [1 << PeError.BAD_ROW]
        await pe.write(Memory.REGISTER, Register.ERRORS, [0])
        await pe.check_state(model)


@cocotb.test(skip=bench_params().neuron != "all")
async def a_bias_row_that_leaves_the_weights_is_reported_and_the_pe_goes_on(dut):
    """Outside the window nothing of the row is added, but it is read."""
    pe = PeDriver(dut)
    await pe.start()
    last = pe.params.weight_words - 1
    for blocks in (0, 2):
        paths = square(pe.params, 2, 4, 2, blocks=blocks)
        model = await pe.load(setup_of(pe, paths, pe.params.lanes, slope=0, start=0, end=0))
        await pe.write(
            Memory.REGISTER, Register.BIAS_ROW, [pack(pe.params, Register.BIAS_ROW, bias=1, bias_row=last)]
        )
        for step in range(2):
            await pe.tick(model, first=step == 0)
            model.counts[Counter.WEIGHT_READS] += paths.words // 2
            give(pe, model, [(0, 0, 0), (0, 1, 1)])
            await pe.idle()
            assert dut.error.value
            assert await pe.read(Memory.REGISTER, Register.ERRORS, 1) == [1 << PeError.BAD_ROW]
            await pe.write(Memory.REGISTER, Register.ERRORS, [0])
        await pe.check_state(model)


@cocotb.test()
async def a_blocked_network_stops_neither_a_pooled_sweep_nor_its_spikes(dut):
    pe = PeDriver(dut)
    await pe.start()
    paths = square(pe.params, 8, 8, blocks=4)
    assert paths.words == pe.params.neuron_words
    setup = setup_of(pe, paths, pe.params.lanes, slope=5, threshold=3, start=0, end=9, output=False)
    model = await pe.load(setup)
    pe.out.stall = 1
    assert len(await pe.tick(model, first=True)) == paths.words * pe.params.lanes // 4
    give(pe, model, [(0, pe.rng.randrange(8), pe.rng.randrange(8)) for _ in range(10 * pe.params.spike_fifo)])
    await pe.until(lambda: pe.offered, "every spike is taken", 2000)
    await pe.cycles(100)
    assert not pe.out.taken and not dut.idle.value
    pe.out.stall = 0.3
    await pe.idle()
    pe.check_flits()
    pe.stall(0, 0)
    await pe.check_state(model)
