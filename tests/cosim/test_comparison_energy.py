"""Energies of the comparison: by the RTL's counters or golden counts, and those the ReLU network is given."""

from dataclasses import asdict

import pytest
from click.testing import CliRunner
from support.compared import COUNT, IMAGES, chunks, loaded
from yoso_sim.cli import main
from yoso_sim.comparison import page, priced, rows
from yoso_sim.energy.model import PARTS, Costs
from yoso_synth import pdk

NUMBERS = page.load()


def test_without_the_process_files_there_is_a_reason_and_no_energy(tmp_path, monkeypatch):
    monkeypatch.setattr(pdk, "folders", lambda: [tmp_path])
    assert "Set PDK_ROOT" in priced.missing()
    network, samples, result, image = loaded(COUNT)
    assert priced.costs({}, image, result, chunks(image, result)) == {}
    found = rows.row(
        network, "count", rows.counts(network, result, samples.labels), chunks(image, result), None
    )
    assert found["energy_nj"] is None and found["cycles"] == 700


def netlists(layers=2):
    """Made up costs of a chip with A in 16 bits; nothing but its clock depends on cycles."""
    each = {part: 1.0 + number for number, part in enumerate(PARTS)}
    costs = Costs(
        cycle=each,
        flit=each,
        energy=[{"words": each, "updates": each}] * layers,
        busy=[{"words": 1.0, "updates": 1.0, "sweeps": 4.0}] * layers,
    )
    macros = {"weight memory": {"read_pj": 48.0, "pack": 2}}
    figures = {"rest_pj_per_cycle": 0.0, "leakage_mw": 0.0, "chip_mm2": 1.0, "fmax_mhz": 150.0}
    return {16: {"costs": asdict(costs), "macros": macros, **figures}}


def test_a_network_that_has_not_run_on_the_rtl_is_priced_as_one_that_has():
    _, _, result, image = loaded(COUNT)
    ran = priced.costs(netlists(), image, result, chunks(image, result))["16"]
    counted = priced.costs(netlists(), image, result, [], 700.0)["16"]
    assert counted == ran and ran["energy_nj"] > 0
    counted = priced.costs(netlists(), image, result, [])["16"]
    assert counted["energy_nj"] == ran["energy_nj"]
    assert counted["energy_nj_ungated"] == pytest.approx(ran["energy_nj_ungated"], rel=0.1)  # of 700 cycles


def test_published_rows_are_priced_and_stay_otherwise_as_they_were(tmp_path, monkeypatch):
    published = []
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path))
    monkeypatch.setattr(page, "publish", published.append)
    monkeypatch.setattr(priced, "missing", lambda: "")
    monkeypatch.setattr(priced, "netlists", lambda *given, **more: netlists())
    monkeypatch.setattr(priced, "COUNTED", IMAGES)
    done = CliRunner().invoke(main, ["compare", COUNT, "--price", "--pictures", "svg"])
    assert (tmp_path / "reports" / "compare.svg").read_text().startswith("<?xml")
    assert "(compare.svg)" in (tmp_path / "reports" / "compare.md").read_text()
    assert done.exit_code == 0, done.output
    for name, numbers in zip((COUNT, "ann-784-100-10"), published, strict=True):
        before, after = ({row["network"]: dict(row) for row in own["rows"]} for own in (page.load(), numbers))
        assert after[name]["energy_nj"] > 0
        before[name]["energy_nj"] = after[name]["energy_nj"]
        assert after == before and [*after] == [*before]
    assert published[0]["details"][COUNT]["energy_from"] == rows.GOLDEN
    monkeypatch.setattr(priced, "missing", lambda: "no files")
    refused = CliRunner().invoke(main, ["compare", COUNT, "--price"])
    assert refused.exit_code == 1 and "nothing can be priced: no files" in refused.output


def test_a_page_tells_which_energies_are_by_golden_counts():
    name = NUMBERS["rows"][0]["network"]
    details = {**NUMBERS["details"], name: {**NUMBERS["details"][name], "energy_from": rows.GOLDEN}}
    text = page.page({**NUMBERS, "details": details})
    (line,) = (line for line in text.splitlines() if line.startswith("The energies of"))
    assert name in line and "golden counts" in line


def test_a_product_of_the_relu_network_costs_its_read_and_its_arithmetic():
    netlist = {
        "macros": {"weight memory": {"read_pj": 48.0, "pack": 2}},
        "costs": {
            "cycle": {"a": 2.0},
            "flit": {"a": 1.0},
            "energy": [
                {"updates": {"a": 30.0}, "words": {"a": 10.0}},
                {"updates": {"a": 50.0}, "words": {"a": 18.0}},
            ],
            "busy": [{"updates": 1.0, "words": 1.0}, {"updates": 1.5, "words": 1.0}],
        },
    }
    work = {"macs": 1000.0, "macs_by_layer": [800.0, 200.0]}
    found = priced.of_ann(work, [100, 10], netlist, lanes=4)
    assert found["memory_and_arithmetic"] == pytest.approx(6.0 + 0.3 * priced.SCALE, abs=0.1)
    # Updates of the layers: (30 + 2) / 4 and (50 + 3) / 4 pJ; sweeps (10 + 2) / 4 and (18 + 2) / 4.
    each = 0.8 * 8 + 0.2 * 13.25 + 0.2 * priced.SCALE
    assert found["like_ours"] == pytest.approx(each + 0.3 + 0.05, abs=0.1)
