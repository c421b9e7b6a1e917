"""The published ASIC figures are what `sim/yoso_sim/energy/publish.py` writes from the published numbers."""

import json

from yoso_sim.energy.publish import COSTS, PAGE, into, page

NUMBERS = json.loads((PAGE / "numbers.json").read_text())


def test_the_committed_page_is_what_the_program_writes() -> None:
    assert (PAGE / "README.md").read_text() == page(NUMBERS)


def test_the_table_of_costs_is_what_the_program_writes() -> None:
    text = COSTS.read_text()
    assert "<!-- asic: written by sim/yoso_sim/energy/publish.py -->" in text
    assert into(text, NUMBERS) == text
