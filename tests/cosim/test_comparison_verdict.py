"""Which way the comparison came out: sentences follow from the numbers, figures of others beside ours."""

import pytest
from yoso_sim.comparison import page, tables, verdict

NUMBERS = page.load()


def row(network, rule, accuracy, hidden, updates, cycles, nj):
    return {
        "network": network,
        "rule": rule,
        "accuracy": accuracy,
        "hidden_spikes": hidden,
        "updates": updates,
        "cycles": cycles,
        "energy_nj": nj,
    }


def numbers(literal_nj=600.0, relu=None):
    """Three networks of a shape: literal STDBP, spike count and the ReLU network."""
    assumed = relu or {"memory_and_arithmetic": 300.0, "like_ours": 800.0}
    rows = [
        row("first", "stdbp", 98.5, 20.0, 1000, 400.0, literal_nj),
        row("often", "count", 98.0, 70.0, 1500, 420.0, 900.0),
        row("ann-9-8-2", "ann", 98.2, None, 1200, None, assumed["memory_and_arithmetic"]),
    ]
    spiking = {"shape": "9-8-2", "counts": {"neuron_sweeps": 1000.0}}
    details = {"first": spiking, "often": spiking, "ann-9-8-2": {"shape": "9-8-2", "energy": assumed}}
    return {"rows": rows, "details": details, "no_energy": ""}


def told(found):
    return "\n".join(verdict.verdict(found))


def test_no_row_below_the_relu_network_is_said_and_by_how_much():
    text = told(numbers())
    assert "right on 98.20 %, 1 of 2 spiking networks more often, first (98.50 %) most often" in text
    assert "the cheapest, first, takes 600 nJ" in text
    assert "alone take 300 nJ: none of them is below, and the cheapest takes 2.00 times as much" in text
    assert "updates take 800 nJ: 1 of them is below, and the cheapest takes 0.75 times as much" in text


def test_a_row_below_the_relu_network_is_said_too():
    text = told(numbers(literal_nj=150.0))
    assert "alone take 300 nJ: 1 of them is below, and the cheapest takes 0.50 times as much" in text


def test_first_spikes_are_set_against_each_rate_code():
    text = told(numbers())
    assert (
        "literal STDBP has 3.5 times fewer hidden spikes, 1.5 times fewer updates, about as many cycles, "
        "1.5 times fewer nJ than spike count (+0.50 points)" in text
    )
    assert "1.50 to 1.50 times fewer updates, +0.50 points" in text
    assert "98.00 % (spike count) against 98.50 %, 7.0 and 2.0 spikes a hundred neurons swept" in text


def test_networks_that_differ_in_the_t_they_were_trained_for_are_told_apart():
    found = numbers()
    found["rows"].insert(2, row("often-t2", "count", 99.0, 25.0, 1100, 380.0, 700.0))
    spiking = found["details"]["often"]
    found["details"] |= {"often": {**spiking, "T": 10}, "often-t2": {**spiking, "T": 2}}
    text = told(found)
    assert "than spike count at T = 10 (+0.50 points)" in text
    assert "than spike count at T = 2 (-0.50 points)" in text
    assert "99.00 % (spike count at T = 2) against 98.50 %" in text
    few = "\n".join(tables.anew(found))
    assert few.index("| 2 | often-t2 | 99.00 | 25 |") < few.index("| 10 | often | 98.00 | 70 |")
    assert tables.anew(numbers()) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [(100, 350, "3.5 times fewer"), (350, 100, "3.5 times more"), (100, 102, "about as many")],
)
def test_a_ratio_is_said_the_way_it_came_out(ours, theirs, words):
    assert verdict.fewer(ours, theirs, "spikes") == f"{words} spikes"


def test_only_rate_codes_are_counted_against_the_relu_network_as_davidson_and_furber_did():
    assert verdict.undercut(numbers(literal_nj=1.0), "memory_and_arithmetic") == (0, 1)
    assert verdict.undercut(numbers(), "like_ours") == (0, 1)
    assert verdict.undercut(numbers(relu={"memory_and_arithmetic": 1e3, "like_ours": 1e3}), "like_ours") == (
        1,
        1,
    )


def test_without_energies_nothing_is_said_of_them():
    found = numbers()
    found["rows"] = [{**one, "energy_nj": None} for one in found["rows"]]
    text = told(found)
    assert "cheapest" not in text and "nJ" not in text.split("###")[0] and "0 of 0" not in text


def test_the_published_figures_are_on_the_page_as_printed_beside_ours():
    text = page.page(NUMBERS)
    for whose, figure in verdict.PRINTED.values():
        assert f"| {whose} | {figure} |" in text
    (line,) = (line for line in text.splitlines() if line.startswith("| Rueckauer"))
    assert "784-800-10: " in line
