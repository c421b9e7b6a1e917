"""The page of the committed networks on the RTL is what the program writes of measured runs."""

import json

from yoso_sim import on_chip
from yoso_sw.compile.choose import choose
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate, names

ROWS = on_chip.load()


def test_the_committed_page_is_what_the_program_writes():
    assert (on_chip.PAGE / "README.md").read_text() == on_chip.page(ROWS)
    assert json.loads(on_chip.NUMBERS.read_text()) == ROWS


def test_committed_networks_ran_and_nothing_differed_and_the_others_are_named():
    left = {*names(".npz")} - {*ROWS}
    assert {*ROWS} <= {*names(".npz")} and len(left) <= 3
    assert all(name in on_chip.page(ROWS).splitlines()[-1] for name in left)
    assert all(own["images"] >= 10 and own["spikes_compared"] > 0 for own in ROWS.values())
    assert not any(map(on_chip.differences, ROWS.values()))


def test_the_rows_are_of_the_networks_that_are_committed_now():
    for name, own in ROWS.items():
        network = Network.load(locate(name, ".npz"))
        assert (own["shape"], own["steps"]) == (network.shape, network.steps), name
        assert own["weights"] == sum(layer.weights.size for layer in network.layers), name


def test_a_difference_of_any_kind_is_counted():
    (own, *_) = ROWS.values()
    for change in (
        {"spike_mismatches": 2},
        {"class_mismatches": 2},
        {"counter_mismatches": 2},
        {"errors": ["BAD_STEPS", "PE_ERROR"]},
    ):
        assert on_chip.differences({**own, **change}) == 2


def test_a_named_chip_holds_a_convolutional_network_whose_row_names_it():
    assert choose(Network.load(locate("mnist-csnn", ".npz"))).chip == ROWS["mnist-csnn"]["chip"] == "csnn"
