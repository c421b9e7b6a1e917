"""The published ASIC figures are what `sim/yoso_sim/energy/publish.py` writes from the published numbers."""

import json

from yoso_sim.energy.publish import COSTS, PAGE, into, page, with_beside

NUMBERS = json.loads((PAGE / "numbers.json").read_text())


def test_the_committed_page_is_what_the_program_writes() -> None:
    assert (PAGE / "README.md").read_text() == page(NUMBERS)


def test_the_table_of_costs_is_what_the_program_writes() -> None:
    text = COSTS.read_text()
    assert "<!-- asic: written by sim/yoso_sim/energy/publish.py -->" in text
    assert into(text, NUMBERS) == text


def test_another_network_s_report_takes_the_place_of_its_older_one_beside_the_first() -> None:
    dense = NUMBERS["energy"]
    layer = {**dense["check"], "difference_percent": -1.25}
    report = {**dense, "name": "other", "case": {**dense["case"], "network": "other"}}
    report = {**report, "check": {**dense["check"], "layers": [layer, layer]}, "not_published": 1}
    alone = {key: value for key, value in NUMBERS.items() if key != "beside"}
    assert "## Other networks" not in page(alone)
    once = with_beside(alone, {**report, "images": 1})
    twice = with_beside(once, {**report, "images": 7})
    assert [one["images"] for one in twice["beside"]] == [7] and "not_published" not in twice["beside"][0]
    lines = page(twice).splitlines()
    assert "|  | mnist-784-800-10 | other |" in lines and "| images on the RTL | 20 | 7 |" in lines
    assert any("other: -1.2, -1.2 %" in line for line in lines)
    assert [one["name"] for one in with_beside(twice, {**report, "name": "third"})["beside"]] == [
        "other",
        "third",
    ]


def test_the_published_energies_are_by_a_model_that_comes_to_what_the_netlist_took() -> None:
    """Within 0.6 % over the images that it was checked with, and of each layer within 2 %."""
    for one in (NUMBERS["energy"], *NUMBERS["beside"]):
        check = one["check"]
        assert abs(check["difference_percent"]) <= 0.6
        for layer in check.get("layers", []):
            assert abs(layer["difference_percent"]) <= 2
            assert abs(check["busy_difference_percent"]) <= 0.6
        assert all(value > 0 for kind in ("gated", "ungated") for value in one[kind]["parts_nj"].values())
