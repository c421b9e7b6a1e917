"""Where each PE's cycles go: the watch beside the chip, against the chip's counters and a second observer."""

import numpy as np
import pytest
from support import chip_cases
from yoso_hw.emit import texts
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter
from yoso_sim.build import RTL, Form, build, emit_sources
from yoso_sim.simulate import SimulationError, simulate
from yoso_sim.watch import WATCHED, Flits, Part, Steps, Watch, WatchError, check_ports, uneven

#: A chip of each kind of load, router and memories; the first is looked at by Python, too.
CHIPS = ["2 x 1, banked", "3 x 2, unicast, bus", "2 x 2, convolution"]


@pytest.mark.parametrize("chip", CHIPS)
def test_every_cycle_of_every_pe_counts_once_as_the_chip_and_a_second_observer_count_it(
    chip, tmp_path, monkeypatch
):
    params = chip_cases.CHIPS[chip]
    looks = chip == CHIPS[0]
    environment = {"YOSO_CHIP": params.to_json(), "YOSO_LOOKS": str(int(looks))}
    monkeypatch.setenv("YOSO_CHIP", params.to_json())
    from cosim.bench_watch import reach

    made = build(params, form=WATCHED, reach=reach() if looks else ())
    simulate(made, "cosim.bench_watch", tmp_path, environment)


def test_a_planted_bug_of_the_watch_is_noticed_in_the_run(tmp_path):
    params = chip_cases.CHIPS["2 x 1, banked"]

    def change(files):
        *found, path = WATCHED.change(files)
        text = path.read_text()
        assert text.count("pending = pending + 1;") == 1
        path.write_text(text.replace("pending = pending + 1;", "pending = pending + 2;"))
        return [*found, path]

    made = build(params, form=Form("watched, with a bug", change))
    environment = {"YOSO_CHIP": params.to_json(), "YOSO_LOOKS": "0"}
    with pytest.raises(SimulationError, match=r"the parts make \d+ cycles of"):
        simulate(made, "cosim.bench_watch", tmp_path, environment)


def test_the_chip_beside_the_watch_is_the_chip(tmp_path):
    params = chip_cases.CHIPS[CHIPS[0]]
    watched = emit_sources(params, tmp_path / "watched", WATCHED)
    plain = emit_sources(params, tmp_path / "plain", RTL)
    extra = {path.name for path in watched} - {path.name for path in plain}
    assert extra == {"yoso_watch.sv"}
    for path in plain:
        (same,) = [own for own in watched if own.name == path.name]
        assert same.read_text() == path.read_text(), path.name


@pytest.mark.parametrize(
    "settings", [{}, {"side": 8, "neuron": "all"}, {"router": "bus", "multicast": False, "banked": True}]
)
def test_the_emitted_chip_has_the_ports_that_the_watch_reads(settings):
    text = "\n".join(texts(ChipParams(cols=1, rows=2, **settings)).values())
    check_ports(text)
    with pytest.raises(
        WatchError, match=r"module yoso_node\.router has no port empty, which the watch reads"
    ):
        check_ports(text.replace("empty", "void"))


# ---- the record ------------------------------------------------------------------------------------------

#: Two steps and a report of 2 x 1 nodes.
LINES = """\
1 0 1 2 0 0 0 7 0 0 0 0 3 3 0 0
-1 0 10
0 0 3 4 0 1 1 1 5 0 0 0 2 2 1 6
-1 1 4
0 0 1 0 0 0 0 3 0 0 0 0 0 0 0 0
1 0 1 0 1 0 0 2 0 0 0 0 0 0 0 0
0 0 0 0 0 0 0 6 0 0 0 0 0 0 0 0
1 0 0 0 0 2 0 4 0 1 0 0 0 0 0 0
-1 1 6
"""


@pytest.fixture
def record(tmp_path):
    path = tmp_path / "watch.txt"
    path.write_text(LINES)
    return path


def test_the_record_is_read_in_whatever_order_its_lines_of_a_step_come(record):
    steps = Steps.read(record, 2, 1)
    assert steps.step.tolist() == [0, 1, -1] and steps.cycles.tolist() == [10, 4, 6]
    assert steps.parts[0, 0, 0].tolist() == [3, 4, 0, 1, 1, 1] and steps.parts[0, 0, 1, Part.BARRIER] == 7
    assert steps.flits[0, 0, 0, Flits.HOST] == 6 and steps.flits[2, 0, 1, Flits.WEST] == 1
    assert uneven(steps, 20) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1 0 1 0 1 0 0 2 0 0 0 0 0 0 0 0\n", "", "5 lines of nodes in 3 steps of 2 x 1"),
        ("-1 0 10\n", "", "6 lines of nodes in 2 steps"),
        ("0 0 0 0 0 0 0 6 0", "1 0 0 0 0 0 0 6 0", "a node is missing in a step"),
        ("2 2 1 6", "2 2 1", "lines of nodes"),
        (LINES, "", "0 lines of nodes in 0 steps"),
    ],
)
def test_a_record_that_is_not_whole_is_refused(record, old, new, said):
    record.write_text(LINES.replace(old, new))
    with pytest.raises(WatchError, match=said):
        Steps.read(record, 2, 1)


def test_a_cycle_lost_or_counted_twice_is_told_by_node_and_step(record):
    assert uneven(Steps.read(record, 2, 1), 21) == ["the chip counted 21 cycles, the watch 20"]
    record.write_text(LINES.replace("0 0 3 4 0 1 1 1", "0 0 3 4 0 1 1 2"))
    assert uneven(Steps.read(record, 2, 1), 20) == ["node (0, 0), step 0: the parts make 11 cycles of 10"]


@pytest.mark.parametrize(
    ("counter", "part"),
    [("POT_WRITES", "SWEEP"), ("UPDATES", "SPIKES"), ("SPIKES_IN", "TAKEN"), ("SPIKES_OUT", "SENT")],
)
def test_a_word_or_spike_that_watch_and_counter_see_differently_is_told(record, counter, part):
    watch = Watch(ChipParams(cols=2, rows=1), path=record)
    watch.look(20)
    counters = np.zeros((1, 2, len(Counter)), np.int64)
    counters[0, :, Counter.POT_WRITES] = 4, 2
    counters[0, :, Counter.UPDATES] = 4, 2
    counters[0, :, Counter.SPIKES_IN] = 2, 3
    counters[0, :, Counter.SPIKES_OUT] = 1, 0
    assert watch.differences(counters) == []
    counters[0, 1, Counter[counter]] += 1
    (note,) = watch.differences(counters)
    assert note.startswith(f"node (1, 0): {counter} is ") and note.endswith(f" of {part}")
