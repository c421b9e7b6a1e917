"""Chip and golden model do, to the cycle and the bit, what the frozen record says they did.

`frozen_record` tells what it holds and how it is written anew on purpose.
"""

import copy
import json

import numpy as np
import pytest

from cosim import frozen_record
from cosim.frozen_record import (
    CHIPS,
    GOLDEN,
    IMAGES,
    MOST_IMAGES,
    NETWORKS,
    differences,
    events_digest,
    int_bytes,
)

RECORD = frozen_record.read()

ADVICE = "If this is meant, write the record anew: see tests/cosim/frozen_record.py."


def quantities(record, path=()):
    """The path to every quantity: keys down to a list or a value."""
    if not isinstance(record, dict):
        return [path]
    return [found for key, value in record.items() for found in quantities(value, (*path, key))]


def holder(record, path):
    """What holds the quantity at `path`."""
    for key in path[:-1]:
        record = record[key]
    return record


def other(value):
    """A value of the same type that is not `value`."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else f"{'1' if value[0] == '0' else '0'}{value[1:]}"


def fail(lines):
    return "\n".join(["", *lines, ADVICE])


# ---- now and then ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("chip", CHIPS)
def test_the_chip_does_what_the_record_says(chip, tmp_path):
    lines = differences(RECORD[chip], frozen_record.chip_record(chip, tmp_path), chip)
    assert not lines, fail(lines)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_golden_model_does_what_the_record_says(network):
    now = frozen_record.golden_record(network)
    lines = differences(RECORD[GOLDEN][network], now, f"{GOLDEN}, {network}")
    assert not lines, fail(lines)


# ---- the record ------------------------------------------------------------------------------------------


def test_the_record_holds_every_chip_network_and_image():
    assert set(RECORD) == {GOLDEN, *CHIPS}
    for part in RECORD.values():
        assert set(part) == set(NETWORKS)
    for path in quantities(RECORD):
        value = holder(RECORD, path)[path[-1]]
        assert len(value) == IMAGES if isinstance(value, list) else path[2].split()[0] in ("weight", "load")


def test_the_chips_of_the_record_decide_as_its_golden_model_does():
    for chip in CHIPS:
        for network in NETWORKS:
            for quantity in ("decision", "step", "spiked"):
                assert RECORD[chip][network][quantity] == RECORD[GOLDEN][network][quantity], (chip, network)


def test_the_file_is_small_and_as_the_program_writes_it():
    text = frozen_record.FILE.read_text()
    assert text == frozen_record.text_of(RECORD) and len(text) < 50_000


# ---- the comparison --------------------------------------------------------------------------------------


def test_a_record_does_not_differ_from_itself():
    assert differences(RECORD, copy.deepcopy(RECORD)) == []


def test_one_altered_value_of_any_kind_is_one_line_that_names_it():
    now = copy.deepcopy(RECORD)
    for path in quantities(RECORD):
        where, own, key = ", ".join(path), holder(now, path), path[-1]
        if isinstance(own[key], list):
            own, key, where = own[key], 13, f"{where}, image 13"
        old = own[key]
        own[key] = other(old)
        wanted = f"{where}: {json.dumps(old)} in the record, {json.dumps(own[key])} now"
        assert differences(RECORD, now) == [wanted]
        own[key] = old


def test_many_images_that_differ_are_counted_after_the_first_ones():
    now = copy.deepcopy(RECORD)
    own = now["default"][NETWORKS[0]]
    own["cycles"] = [cycles + 1 for cycles in own["cycles"]]
    *named, last = differences(RECORD, now)
    assert len(named) == MOST_IMAGES and "image 0: " in named[0] and "image 2: " in named[2]
    assert last == f"default, {NETWORKS[0]}, cycles: {IMAGES - MOST_IMAGES} more images differ"


def test_what_is_missing_or_new_is_a_difference():
    now = copy.deepcopy(RECORD)
    own = now["default"][NETWORKS[0]]
    del own["counters"]["SWEEPS"]
    own["heat"] = [0] * IMAGES
    own["spikes"].pop()
    assert sorted(differences(RECORD, now)) == [
        f"default, {NETWORKS[0]}, counters, SWEEPS: only in the record",
        f"default, {NETWORKS[0]}, heat: not in the record",
        f"default, {NETWORKS[0]}, spikes: {IMAGES} images in the record, {IMAGES - 1} now",
    ]


def test_a_truth_is_not_the_number_one():
    assert differences({"spiked": [True]}, {"spiked": [1]}) == [
        "spiked, image 0: true in the record, 1 now",
    ]


# ---- the digests -----------------------------------------------------------------------------------------

#: node, step, cycle and flit of three spikes; the last two in one cycle.
SPIKES = ([4, 2, 3], [5, 5, 6], [100, 103, 103], [0x10, 0x20, 0xFFFF_FFFF_FFFF_FFFF])


@pytest.mark.parametrize("column", range(4))
@pytest.mark.parametrize("spike", range(3))
def test_a_spike_of_another_node_step_cycle_or_flit_is_another_digest(column, spike):
    changed = copy.deepcopy(SPIKES)
    changed[column][spike] ^= 1
    assert events_digest(*changed, 100) != events_digest(*SPIKES, 100)


def test_an_image_that_begins_later_or_whose_spikes_are_listed_otherwise_has_the_same_digest():
    expected = events_digest(*SPIKES, 100)
    nodes, steps, cycles, flits = SPIKES
    assert events_digest(nodes, steps, [cycle + 77 for cycle in cycles], flits, 177) == expected
    swapped = [[column[i] for i in (0, 2, 1)] for column in SPIKES]
    assert events_digest(*swapped, 100) == expected
    narrow = [np.array(nodes, np.uint8), np.array(steps, np.int16), np.array(cycles, np.int32)]
    assert events_digest(*narrow, np.array(flits, ">u8"), 100) == expected


def test_integers_are_digested_in_one_byte_order_and_never_cut():
    assert int_bytes(np.array([1, -2], ">i4"), "<i2") == b"\x01\x00\xfe\xff"
    with pytest.raises(ValueError, match="does not fit <i2"):
        int_bytes([40_000], "<i2")
