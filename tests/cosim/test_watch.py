"""Where each PE's cycles go: the watch beside the chip, against the chip's counters and a second observer."""

import os

import numpy as np
import pytest
from support import chip_cases
from yoso_hw.emit import texts
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter
from yoso_sim.build import RTL, build, build_key
from yoso_sim.simulate import simulate
from yoso_sim.watch import WATCHED, Flits, Part, Steps, Watch, WatchError, check_ports, uneven

#: A chip of each kind of load, router and memories; the first is looked at by Python, too.
CHIPS = ["2 x 1, banked", "3 x 2, unicast, bus", "2 x 2, convolution"]


@pytest.mark.parametrize("chip", CHIPS)
def test_every_cycle_counts_once_and_words_and_spikes_are_the_chips_own_counts(chip, tmp_path, monkeypatch):
    params = chip_cases.CHIPS[chip]
    looks = chip == CHIPS[0]
    monkeypatch.setenv("YOSO_CHIP", params.to_json())
    from cosim.bench_watch import reach

    made = build(params, form=WATCHED, reach=reach() if looks else ())
    environment = {"YOSO_CHIP": params.to_json(), "YOSO_LOOKS": str(int(looks))}
    simulate(made, "cosim.bench_watch", tmp_path, environment)
    assert (tmp_path / "watch.txt").is_file()
